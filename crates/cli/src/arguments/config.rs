//! `dragline config`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::CrawlFlags;

pub(super) const EXAMPLES: &str = "\
Examples:
  dragline config show
  dragline config show --rate 0.5 --format json";

const SHOW_EXAMPLES: &str = "\
Examples:
  dragline config show
  dragline config show quotes --config nightly.toml --rate 0.5
  dragline config show --format json

It accepts the flags of crawl and shows the resulting settings. If a crawl would refuse one of them, \
you get the same error here. Passwords are hidden.";

/// `dragline config …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAction {
    /// Show each setting of a crawl, its value and where it comes from
    #[command(after_help = SHOW_EXAMPLES)]
    Show(Box<ShowConfig>),

    /// Write the tables of flags, variables and keys to a Markdown file, between its markers
    #[command(hide = true, after_help = "Example:\n  dragline config reference docs/settings.md")]
    Reference {
        /// The file, which contains lines such as `<!-- settings: crawl -->` and `<!-- end -->`
        file: PathBuf,
    },
}

/// `dragline config show`.
#[derive(Debug, Args)]
pub(crate) struct ShowConfig {
    /// With the settings that `dragline.toml` has for this spider
    #[arg(value_name = "SPIDER")]
    pub(crate) spider: Option<String>,

    /// Format of the output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: ConfigFormat,

    #[command(flatten)]
    pub(crate) flags: CrawlFlags,
}

/// The form of `config show`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ConfigFormat {
    /// A table for people
    Text,
    /// A list of objects
    Json,
}
