//! The permission to do something on the page.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::access::Hidden;

/// The permission to do something on the page. Without it, nothing can be changed there.
#[derive(Debug, Args)]
#[command(next_help_heading = "Control")]
pub(crate) struct ControlFlags {
    /// Allow actions on the page: run a schedule now, pause it, cancel a run, retry failed pages, apply dead letters
    ///
    /// People and programs need a token for that. At a Unix socket, they need none, because only the user of this process can open it.
    #[arg(long, env = "DRAGLINE_ALLOW_CONTROL", value_parser = BoolishValueParser::new())]
    pub(crate) allow_control: bool,

    /// A token that allows actions, as `TOKEN` or `NAME:TOKEN`, with at least 16 characters; repeatable
    ///
    /// The name is in the log and on the page. Put tokens into the variable (one per line) or a file, so that
    /// other users of the machine can't see them.
    #[arg(
        long = "control-token",
        id = "control_token",
        env = "DRAGLINE_CONTROL_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        value_delimiter = '\n'
    )]
    pub(crate) control_tokens: Vec<Hidden>,

    /// A file with such tokens, one per line
    #[arg(long, env = "DRAGLINE_CONTROL_TOKEN_FILE", value_name = "FILE")]
    pub(crate) control_token_file: Option<PathBuf>,
}
