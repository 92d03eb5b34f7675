//! `dragline list`.

use clap::Args;

pub(super) const EXAMPLES: &str = "\
Examples:
  dragline list          all spiders
  dragline list quotes   one spider: its arguments, items, columns and samples";

/// `dragline list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Show this spider in detail
    pub(crate) spider: Option<String>,
}
