//! `dragline check`.

use clap::Args;

pub(super) const EXAMPLES: &str = "\
Examples:
  dragline check                   check all spiders
  dragline check quotes            check one of them
  cargo run -- check quotes --accept && git diff
                                   accept the current results, then read what changed";

/// `dragline check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Only these spiders; `dragline list` shows all of them
    #[arg(value_name = "SPIDER")]
    pub(crate) spiders: Vec<String>,

    /// Write the current results into the source tree as the expected ones
    #[arg(long)]
    pub(crate) accept: bool,
}
