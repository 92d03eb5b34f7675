//! The messages about the end of a run.

use std::time::Duration;

use clap::{Args, ValueEnum};
use dragline_flags::{duration, text};
use dragline_runtime::notify::{NotifyFormat, NotifySettings};

use super::access::Hidden;

/// The messages about the end of a run. An address is a secret.
#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
#[allow(clippy::struct_field_names)] // a field is named like its flag
pub(crate) struct Notify {
    /// When the run ends, send one message to this URL, such as the webhook of a chat; repeatable
    ///
    /// The message is JSON, and is sent after everything is stored: also when the run is stopped, or fails. It says
    /// how the run ended, what is wrong and what is far below the last runs. If it can't be delivered, that is a
    /// warning, and the exit code stays. The URL is a secret: put it into the variable (one per line) or the file.
    #[arg(
        long = "notify",
        env = "DRAGLINE_NOTIFY",
        hide_env_values = true,
        value_name = "URL",
        value_delimiter = '\n',
        hide_short_help = true
    )]
    pub(crate) notify: Vec<Hidden>,

    /// The shape of these messages [default: by the host of the URL, and `plain` for an unknown one]
    #[arg(long, env = "DRAGLINE_NOTIFY_FORMAT", value_name = "FORMAT", hide_short_help = true)]
    pub(crate) notify_format: Option<MessageFormat>,

    /// The time for these messages, with all attempts
    ///
    /// After a stop, it is at most what is left of --shutdown-timeout.
    #[arg(long, env = "DRAGLINE_NOTIFY_TIMEOUT", value_name = "TIME", value_parser = duration, default_value = text::duration(NotifySettings::DEFAULT_TIMEOUT), hide_short_help = true)]
    pub(crate) notify_timeout: Duration,
}

/// The shape of a message.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum MessageFormat {
    /// For Slack and Mattermost
    Slack,
    /// For Discord
    Discord,
    /// The facts as JSON, for a program
    Plain,
}

impl From<MessageFormat> for NotifyFormat {
    fn from(format: MessageFormat) -> Self {
        match format {
            MessageFormat::Slack => Self::Slack,
            MessageFormat::Discord => Self::Discord,
            MessageFormat::Plain => Self::Plain,
        }
    }
}
