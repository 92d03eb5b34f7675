//! `dragline demo`.

use clap::Args;

pub(super) const EXAMPLES: &str = "\
Examples:
  dragline demo                                      crawl the site into dragline.db
  dragline demo --store postgres://localhost/crawls  crawl it into Postgres
  dragline demo --serve                              serve the site, to write a spider for it";

/// `dragline demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Only serve the site, until Ctrl-C
    #[arg(long)]
    pub(crate) serve: bool,
}
