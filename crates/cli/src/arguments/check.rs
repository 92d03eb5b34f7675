//! `dragline check`.

use clap::Args;

pub(super) const EXAMPLES: &str = "\
Examples:
  dragline check                   all spiders
  dragline check quotes            one of them
  cargo run -- check quotes --accept && git diff
                                   take what it makes now as expected, and read what changed";

/// `dragline check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Only these spiders; `dragline list` names them
    #[arg(value_name = "SPIDER")]
    pub(crate) spiders: Vec<String>,

    /// Write what the spiders make of their samples now as what is expected, into the source tree
    #[arg(long)]
    pub(crate) accept: bool,
}
