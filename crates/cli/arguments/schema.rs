//! `dragline schema`.

use clap::Subcommand;

pub(super) const EXAMPLES: &str = "\
Examples:
  dragline schema print --store postgres://db/crawls | psql crawls
  dragline schema check --store postgres://db/crawls";

/// `dragline schema …`.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum SchemaAction {
    /// Print the statements that make all tables
    Print,
    /// Make or raise the tables
    Apply,
    /// Hold the tables against what the program needs; exit 1 on a difference
    Check,
}
