//! `dragline schema`.

use clap::Subcommand;

pub(super) const EXAMPLES: &str = "\
Examples:
  dragline schema print --store postgres://db/crawls | psql crawls
  dragline schema check --store postgres://db/crawls";

/// `dragline schema …`.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum SchemaAction {
    /// Print the statements that create all tables
    #[command(after_help = "Example:\n  dragline schema print --store postgres://db/crawls | psql crawls")]
    Print,
    /// Create or upgrade the tables
    #[command(after_help = "Example:\n  dragline schema apply --store postgres://db/crawls")]
    Apply,
    /// Compare the tables with what the program needs; exit 1 if they differ
    #[command(after_help = "Example:\n  dragline schema check --store postgres://db/crawls")]
    Check,
}
