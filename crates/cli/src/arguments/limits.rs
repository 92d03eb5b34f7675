//! Until when a run is crawled.

use std::time::Duration;

use clap::Args;

use crate::settings::parse::{duration, number, share};

/// The limits of a run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct Limits {
    /// Stop after exactly N pages are done, resumes included; 0 = no limit [default: 0]
    ///
    /// The run is `finished` then: the next start begins anew.
    #[arg(long, env = "DRAGLINE_LIMIT", value_name = "N", value_parser = number::<u64>)]
    pub(crate) limit: Option<u64>,

    /// End the run once this start has stored N items; 0 = no limit
    ///
    /// No new page is begun then, and pages in hand are finished. The run is `finished`, with exit 0: what is still
    /// queued is not fetched, and the next start begins anew.
    #[arg(long, env = "DRAGLINE_MAX_ITEMS", value_name = "N", value_parser = number::<u64>, default_value = "0")]
    pub(crate) max_items: u64,

    /// End the run after this time, such as `90s`, `45m` or `6h`, counted from each start; 0 = no limit
    ///
    /// No new page is begun then, and pages in hand are finished. The run is `finished`, with exit 0: what is still
    /// queued is not fetched, and the next start begins anew. To go on later, stop it with SIGTERM instead, such as
    /// `timeout --signal=TERM 2h dragline crawl …`: exit 75, and the same command resumes.
    #[arg(long, env = "DRAGLINE_MAX_DURATION", value_name = "TIME", value_parser = duration, default_value = "0")]
    pub(crate) max_duration: Duration,

    /// Stop with exit 1 once a larger share of the pages failed or died, such as 0.25 [default: off]
    ///
    /// From 0 to 1; skipped pages do not count. While it crawls, the pages count that ended since this start, once they are
    /// 20: the run is `stopped`, resumable. At its end the run is judged as a whole, however few its pages are: it is
    /// `finished` then.
    #[arg(long, env = "DRAGLINE_MAX_FAILED_SHARE", value_name = "SHARE", value_parser = share, allow_negative_numbers = true)]
    pub(crate) max_failed_share: Option<f64>,
}
