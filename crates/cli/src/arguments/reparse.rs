//! `dragline reparse`.

use clap::{Args, ValueEnum};

use super::CrawlFlags;

pub(super) const EXAMPLES: &str = "\
Examples:
  dragline reparse 12                        the pages that run 12 has kept
  dragline reparse quotes                    those of the newest run of that name
  dragline reparse --spider quotes           those of all runs of the spider, each page once
  dragline reparse 12 --dry-run              show what would change, and store nothing
  dragline reparse 12 --follow               queue and fetch the new links as well

Stop it with Ctrl-C or SIGTERM. Run the same command again to continue where it stopped, or with --fresh to begin \
again, for example because you have changed the spider once more.";

pub(super) const SHORT: &str = "\
Example:
  dragline reparse quotes

--help shows all flags, with their environment variables and more details.";

/// `dragline reparse`.
#[derive(Debug, Args)]
pub(crate) struct Reparse {
    /// The run whose kept pages are parsed: its id, its name (the newest run of that name), or its spider's name
    #[arg(value_name = "RUN", required_unless_present = "of_spider", conflicts_with = "of_spider")]
    pub(crate) of_run: Option<String>,

    /// Parse the kept pages of all runs of this spider, each page once
    #[arg(id = "of_spider", long = "spider", value_name = "NAME")]
    pub(crate) of_spider: Option<String>,

    /// Queue and fetch the links that are new; without this flag, nothing is sent to anybody
    #[arg(long)]
    pub(crate) follow: bool,

    /// Store nothing, and show what a reparse would change, column by column
    #[arg(long, conflicts_with = "follow")]
    pub(crate) dry_run: bool,

    /// How to print what would change
    #[arg(long, value_enum, requires = "dry_run", default_value_t = DryRunFormat::Text)]
    pub(crate) format: DryRunFormat,

    #[command(flatten)]
    pub(crate) flags: CrawlFlags,
}

/// The format of a dry run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DryRunFormat {
    /// Counts, and the first few changes, for people
    Text,
    /// One JSON object for each change, and one with all counts at the end
    Jsonl,
}
