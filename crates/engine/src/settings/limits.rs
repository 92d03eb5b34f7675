//! When to end a run, and how much one page may add to it.

use std::time::Duration;

use clap::Args;
use dragline_flags::{Limit, duration, limit, number, share, text};

use crate::error::EngineError;
use crate::setting_check::require;

/// The limits of a run and of its pages; `None` means no limit.
#[derive(Args, Clone, Copy, Debug, PartialEq)]
#[command(next_help_heading = "Limits")]
pub struct LimitSettings {
    /// Stop after exactly N pages are done; 0 = no limit
    ///
    /// If you resume a run, the pages that it has already done count too. At the limit, the run is `finished`,
    /// and the next start begins a new run.
    #[arg(id = "limit", long = "limit", env = "DRAGLINE_LIMIT", value_name = "N", value_parser = limit(number::<u64>), default_value = text::limit(Self::default().pages, text::number))]
    pub pages: Limit<u64>,

    /// Stop after this process has done N pages, so that a new one goes on; 0 = no limit
    ///
    /// Dragline then starts no new page and finishes the pages in hand. The run is `stopped`, with exit 75, and the same command
    /// resumes it. This helps if a library that you use leaks memory. `dragline serve` does it with `max_pages` of a schedule.
    #[arg(id = "max_pages_per_process", long = "max-pages-per-process", env = "DRAGLINE_MAX_PAGES_PER_PROCESS", value_name = "N", value_parser = limit(number::<u64>), default_value = text::limit(Self::default().pages_of_process, text::number), hide_short_help = true)]
    pub pages_of_process: Limit<u64>,

    /// End the run after this process has stored N items; 0 = no limit
    ///
    /// Dragline then starts no new page and finishes the pages in hand. The run is `finished`, with exit 0.
    /// Requests that are still queued aren't fetched, and the next start begins a new run.
    #[arg(id = "max_items", long = "max-items", env = "DRAGLINE_MAX_ITEMS", value_name = "N", value_parser = limit(number::<u64>), default_value = text::limit(Self::default().items, text::number), hide_short_help = true)]
    pub items: Limit<u64>,

    /// End the run after a time such as `45m` or `6h`; 0 = no limit
    ///
    /// The time counts from each start. Dragline then starts no new page and finishes the pages in hand. The
    /// run is `finished`, with exit 0. Requests that are still queued aren't fetched, and the next start begins
    /// a new run. If you want to continue later, stop the crawl with SIGTERM instead. For example, run `timeout
    /// --signal=TERM 2h dragline crawl …`. The crawl then exits with 75, and the same command resumes the run.
    #[arg(id = "max_duration", long = "max-duration", env = "DRAGLINE_MAX_DURATION", value_name = "TIME", value_parser = limit(duration), default_value = text::limit(Self::default().duration, text::duration))]
    pub duration: Limit<Duration>,

    /// Stop with exit 1 if more than this share of the pages, such as 0.25, failed or died [default: off]
    ///
    /// The share is from 0 to 1, and skipped pages don't count. During the crawl, Dragline looks at the pages
    /// that ended in this process, once there are at least 20 of them. If it stops the crawl, the run is
    /// `stopped`, and you can resume it. At the end of the run, Dragline looks at all its pages, however few
    /// there are. The run is then `finished`.
    #[arg(id = "max_failed_share", long = "max-failed-share", env = "DRAGLINE_MAX_FAILED_SHARE", value_name = "SHARE", value_parser = share, allow_negative_numbers = true, hide_short_help = true)]
    pub failed_share: Option<f64>,

    /// Stop with exit 1 if more than this share of the items, such as 0.25, broke a rule [default: off]
    ///
    /// The share is from 0 to 1. Dragline compares the items that rules dropped or quarantined with all items that
    /// rules checked. During the crawl, it looks at the items of this process, once there are at least 100 of them.
    /// If it stops the crawl, the run is `stopped`, and you can resume it. At the end of the run, Dragline looks at
    /// all its items. The run is then `finished`, with problems.
    #[arg(id = "max_invalid_share", long = "max-invalid-share", env = "DRAGLINE_MAX_INVALID_SHARE", value_name = "SHARE", value_parser = share, allow_negative_numbers = true, hide_short_help = true)]
    pub invalid_share: Option<f64>,

    /// Fail a page that leads to more than N new requests; 0 = no limit
    ///
    /// Nothing of such a page is stored, and its reason is `too_many_links`. A page is stored in one transaction,
    /// and a huge one holds up all others.
    #[arg(id = "max_links_per_page", long = "max-links-per-page", env = "DRAGLINE_MAX_LINKS_PER_PAGE", value_name = "N", value_parser = limit(number::<usize>), default_value = text::limit(Self::default().links_per_page, text::number), hide_short_help = true)]
    pub links_per_page: Limit<usize>,

    /// Fail a page that has more than N items; 0 = no limit
    ///
    /// Nothing of such a page is stored, and its reason is `too_many_items`.
    #[arg(id = "max_items_per_page", long = "max-items-per-page", env = "DRAGLINE_MAX_ITEMS_PER_PAGE", value_name = "N", value_parser = limit(number::<usize>), default_value = text::limit(Self::default().items_per_page, text::number), hide_short_help = true)]
    pub items_per_page: Limit<usize>,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            pages: None,
            pages_of_process: None,
            items: None,
            duration: None,
            failed_share: None,
            invalid_share: None,
            // Twice what a sitemap may hold. The transaction of a larger page would hold up the store for long.
            links_per_page: Some(100_000),
            items_per_page: Some(100_000),
        }
    }
}

impl LimitSettings {
    pub(crate) fn validate(&self) -> Result<(), EngineError> {
        let shares = [("max_failed_share", self.failed_share), ("max_invalid_share", self.invalid_share)];
        let mut given = shares.into_iter().filter_map(|(name, share)| Some((name, share?)));
        given.try_for_each(|(name, share)| {
            let possible = (0.0..=1.0).contains(&share);
            require(possible, name, &share, "it must be a number from 0 to 1")
        })
    }
}
