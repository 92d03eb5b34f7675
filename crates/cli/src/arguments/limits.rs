//! When a run ends before its frontier is empty.

use std::time::Duration;

use clap::Args;

use crate::parse::{duration, number, share};

/// The limits of a run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct Limits {
    /// Stop after exactly N pages are done; 0 = no limit [default: 0]
    ///
    /// If you resume a run, the pages that it has already done count too. At the limit, the run is `finished`,
    /// and the next start begins a new run.
    #[arg(long, env = "DRAGLINE_LIMIT", value_name = "N", value_parser = number::<u64>)]
    pub(crate) limit: Option<u64>,

    /// End the run after this process has stored N items; 0 = no limit
    ///
    /// Dragline then starts no new page and finishes the pages in hand. The run is `finished`, with exit 0.
    /// Requests that are still queued aren't fetched, and the next start begins a new run.
    #[arg(long, env = "DRAGLINE_MAX_ITEMS", value_name = "N", value_parser = number::<u64>, default_value = "0", hide_short_help = true)]
    pub(crate) max_items: u64,

    /// End the run after a time such as `45m` or `6h`; 0 = no limit
    ///
    /// The time counts from each start. Dragline then starts no new page and finishes the pages in hand. The
    /// run is `finished`, with exit 0. Requests that are still queued aren't fetched, and the next start begins
    /// a new run. If you want to continue later, stop the crawl with SIGTERM instead. For example, run `timeout
    /// --signal=TERM 2h dragline crawl …`. The crawl then exits with 75, and the same command resumes the run.
    #[arg(long, env = "DRAGLINE_MAX_DURATION", value_name = "TIME", value_parser = duration, default_value = "0")]
    pub(crate) max_duration: Duration,

    /// Stop with exit 1 if more than this share of the pages, such as 0.25, failed or died [default: off]
    ///
    /// The share is from 0 to 1, and skipped pages don't count. During the crawl, Dragline looks at the pages
    /// that ended in this process, once there are at least 20 of them. If it stops the crawl, the run is
    /// `stopped`, and you can resume it. At the end of the run, Dragline looks at all its pages, however few
    /// there are. The run is then `finished`.
    #[arg(long, env = "DRAGLINE_MAX_FAILED_SHARE", value_name = "SHARE", value_parser = share, allow_negative_numbers = true, hide_short_help = true)]
    pub(crate) max_failed_share: Option<f64>,
}
