//! The share of pages that may fail or die before the crawl stops. If a site has changed or blocks the crawl, page after page
//! fails, and nobody looks before the morning.
//!
//! During the crawl, only the pages that ended since this start count, so that a resume has a fair chance. At its end, the
//! whole run is judged, because a resume that finds nothing left to do does not make a bad run good.

use dragline_core::counted::counted;
use dragline_core::store::PageCounts;
use dragline_core::{PageState, Receipt};

use crate::failure_counts::{FailureCount, FailureCounts};

/// The share says nothing about the rest before this many pages have ended.
const MIN_ENDED: u64 = 20;

/// See the module.
#[derive(Debug)]
pub(super) struct FailedShare {
    max: Option<f64>,
    before: EndedPages,
    now: EndedPages,
    faults: FailureCounts,
}

/// Pages that have ended. Skipped pages (redirects, robots) do not count, because they say nothing about the site.
#[derive(Clone, Copy, Debug, Default)]
struct EndedPages {
    pages: u64,
    failed: u64,
}

impl FailedShare {
    /// For a run in which these pages ended before this start.
    pub(super) fn new(max: Option<f64>, before: Option<&PageCounts>) -> Self {
        let mut share = Self {
            max,
            before: EndedPages::default(),
            now: EndedPages::default(),
            faults: FailureCounts::default(),
        };
        for (state, count) in before.iter().flat_map(|before| &before.ended) {
            share.before.add(*state, *count);
        }
        share
    }

    /// A page has ended.
    pub(super) fn page(&mut self, state: PageState) {
        self.now.add(state, 1);
    }

    /// Why pages of a receipt failed or are dead.
    pub(super) fn faults(&mut self, receipt: &Receipt) {
        receipt.faults.iter().for_each(|fault| self.faults.add(fault));
    }

    /// Why the crawl must stop, if it must.
    pub(super) fn is_exceeded(&self) -> Option<String> {
        if self.now.pages >= MIN_ENDED { self.judged(self.now) } else { None }
    }

    /// The same for a run that has ended. Then a few pages are enough, because no others will come.
    pub(super) fn of_all(&self) -> Option<String> {
        let Self { before, now, .. } = self;
        self.judged(EndedPages { pages: before.pages + now.pages, failed: before.failed + now.failed })
    }

    #[allow(clippy::cast_precision_loss)] // a share of pages: their last digits do not matter
    fn judged(&self, EndedPages { pages, failed }: EndedPages) -> Option<String> {
        let max = self.max?;
        let share = failed as f64 / pages.max(1) as f64;
        (share > max).then(|| {
            let (share, max) = (share * 100.0, max * 100.0);
            let most = self.faults.most_frequent().map_or_else(
                String::new,
                |(kind, FailureCount { count, example })| {
                    format!(
                        "; the most frequent reason since this start: {kind}, {} (for example: {example})",
                        counted(*count, "time")
                    )
                },
            );
            format!(
                "{failed} of {} failed or died ({share:.1} %, at most {max:.1} % may){most}",
                counted(pages, "page")
            )
        })
    }
}

impl EndedPages {
    fn add(&mut self, state: PageState, count: u64) {
        self.pages += if state == PageState::Skipped { 0 } else { count };
        self.failed += if matches!(state, PageState::Failed | PageState::Dead) { count } else { 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::{PageFault, Reason};

    fn pages(share: &mut FailedShare, state: PageState, count: usize) {
        (0..count).for_each(|_| share.page(state));
    }

    #[test]
    fn a_share_is_judged_once_enough_pages_have_ended() {
        let mut share = FailedShare::new(Some(0.5), None);
        pages(&mut share, PageState::Failed, 10);
        pages(&mut share, PageState::Skipped, 100);
        assert!(share.is_exceeded().is_none() && share.of_all().is_some());
        pages(&mut share, PageState::Done, 10);
        assert!(share.is_exceeded().is_none(), "half is not more than half");
        pages(&mut share, PageState::Dead, 1);
        let fault = |number: u32| PageFault {
            reason: Reason::ParseError,
            status: Some(200),
            detail: format!("parse: no price on page {number}"),
        };
        share.faults(&Receipt { faults: vec![fault(1), fault(2)], ..Receipt::default() });
        assert_eq!(
            share.is_exceeded().unwrap(),
            "11 of 21 pages failed or died (52.4 %, at most 50.0 % may); the most frequent reason since this start: error in parse, 2 times (for example: parse: no price on page 1)"
        );
    }

    #[test]
    fn without_a_limit_all_may_fail() {
        let mut share = FailedShare::new(None, None);
        pages(&mut share, PageState::Failed, 1_000);
        assert_eq!(share.is_exceeded(), None);
        let mut none = FailedShare::new(Some(0.0), None);
        pages(&mut none, PageState::Done, 1_000);
        assert_eq!((none.is_exceeded(), none.of_all()), (None, None));
    }

    #[test]
    fn a_resume_has_a_chance_and_the_run_is_judged_as_a_whole() {
        let ended = [(PageState::Failed, 30), (PageState::Done, 10), (PageState::Skipped, 100)];
        let before = PageCounts { queued: 0, ended: ended.into() };
        let mut share = FailedShare::new(Some(0.25), Some(&before));
        assert!(share.is_exceeded().is_none());
        assert_eq!(share.of_all().unwrap(), "30 of 40 pages failed or died (75.0 %, at most 25.0 % may)");
        pages(&mut share, PageState::Done, 80);
        assert_eq!((share.is_exceeded(), share.of_all()), (None, None));
    }
}
