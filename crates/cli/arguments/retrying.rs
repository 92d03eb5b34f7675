//! What is tried again.

use clap::Args;

/// Attempts beyond the first.
#[derive(Debug, Args)]
#[command(next_help_heading = "Retries")]
pub(crate) struct Retrying {
    /// Further attempts after a failed one
    #[arg(long, env = "DRAGLINE_RETRIES", value_name = "N", default_value = "3")]
    pub(crate) retries: u32,
}
