//! `dragline demo`.

use clap::Args;

pub(super) const EXAMPLES: &str = "\
Examples:
  dragline demo                                      crawl it into dragline.db
  dragline demo --store postgres://localhost/crawls  into Postgres
  dragline demo --serve                              a site to write a spider for";

/// `dragline demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Only serve the site, until Ctrl-C
    #[arg(long)]
    pub(crate) serve: bool,
}
