//! Which links are followed.

use clap::Args;

/// What a link must be to enter the frontier.
#[derive(Debug, Args)]
#[command(next_help_heading = "Links")]
pub(crate) struct Links {
    /// Follow links at most so far from a start URL; 0 = no limit
    #[arg(long, env = "DRAGLINE_MAX_DEPTH", value_name = "N", default_value = "0")]
    pub(crate) max_depth: u32,
}
