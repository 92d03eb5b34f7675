//! When a run ends because its starts make no progress: one rule for both stores.
//!
//! Without the rule, a run that makes no progress would be resumed for ever, and the next night's rows would never come.
//! Only a start that lived long enough counts. A process that was killed or stopped within its first second says nothing
//! about the run, however often that happens. A process in which all that was left had to wait (`Retry-After`, a pause of a host,
//! the pace, an outage) only did what it should.

use std::time::Duration;

use dragline_core::store::PageCounts;

/// After this many starts in a row without progress, the run ends.
const MAX_FRUITLESS_STARTS: u32 = 3;
/// A start counts if it lived at least this long. The first heartbeat comes after the same time.
const CHANCE: Duration = Duration::from_secs(1);

/// The last process of an unfinished run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastProcess {
    /// Whether it ended without recording how.
    pub(crate) was_killed: bool,
    /// Its epoch.
    pub(crate) epoch: i64,
    /// From its beginning to its last sign of life, by the store's clock.
    pub(crate) lived: Duration,
}

/// The last start of an unfinished run, as stored in its row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastStart {
    /// Starts without progress in a row before it.
    pub(crate) fruitless_before: u32,
    /// Requests that were not `queued` any more when it began.
    pub(crate) ended_before: u64,
    /// From its beginning to its last sign of life, by the store's clock.
    pub(crate) lived: Duration,
    /// Whether all that was left to fetch had to wait at its last sign of life.
    pub(crate) waited: bool,
}

impl LastStart {
    /// Starts without progress in a row, including this one. Any request that left `queued` is progress. Only a person can
    /// put a request back, and that sets these counts to zero. A start that lived too short, had to wait, or ended with a death of a
    /// page changes nothing: after a few deaths, the page is given up.
    pub(crate) fn fruitless(&self, pages: &PageCounts, is_death: bool) -> u32 {
        if ended(pages) > self.ended_before {
            0
        } else if self.lived < CHANCE || self.waited || is_death {
            self.fruitless_before
        } else {
            self.fruitless_before.saturating_add(1)
        }
    }
}

/// Requests that are not `queued` any more.
pub(crate) fn ended(pages: &PageCounts) -> u64 {
    pages.ended.values().sum()
}

/// Whether a run ends after this number of starts without progress. Logs it if so.
pub(crate) fn gives_up(run: &str, fruitless: u32) -> bool {
    let gives_up = fruitless >= MAX_FRUITLESS_STARTS;
    if gives_up {
        tracing::warn!(
            run,
            starts = fruitless,
            "the last starts of this run made no progress, so it ends as failed and a new one begins"
        );
    }
    gives_up
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::PageState;

    fn pages(ended: &[(PageState, u64)]) -> PageCounts {
        PageCounts { queued: 3, ended: ended.iter().copied().collect() }
    }

    fn last(lived_ms: u64) -> LastStart {
        LastStart {
            fruitless_before: 2,
            ended_before: 5,
            lived: Duration::from_millis(lived_ms),
            waited: false,
        }
    }

    #[test]
    fn a_start_counts_when_it_lived_and_no_request_left_the_frontier() {
        let same = pages(&[(PageState::Done, 4), (PageState::Dead, 1)]);
        assert_eq!(last(1_000).fruitless(&same, false), 3);
        assert_eq!(last(999).fruitless(&same, false), 2, "it had no chance");
        assert_eq!(
            LastStart { waited: true, ..last(9_000) }.fruitless(&same, false),
            2,
            "it did what it should"
        );
        assert_eq!(last(1_000).fruitless(&same, true), 2, "it has found out something about a page");
        for state in [PageState::Done, PageState::Failed, PageState::Skipped, PageState::Dead] {
            assert_eq!(last(1_000).fruitless(&pages(&[(state, 6)]), false), 0, "{state:?}");
        }
        assert!(gives_up("run", 3) && !gives_up("run", 2));
    }
}
