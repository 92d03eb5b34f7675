//! When starts of a run that bring it no further end it, by one rule for both stores.
//!
//! A run that no start moves would be resumed for ever, and the next night's rows would never come. But a
//! frontier is given up only for a start that had its chance: a process that was killed or stopped within its
//! first second says nothing about the run, however often that happens.

use std::time::Duration;

use dragline_core::store::PageCounts;

/// So many starts in a row that bring nothing end a run.
const MAX_FRUITLESS_STARTS: u32 = 3;
/// What a start must be known to have lived to count. The pipeline's first heartbeat comes after as long.
const CHANCE: Duration = Duration::from_secs(1);

/// The last start of an unfinished run, as its row tells it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastStart {
    /// Fruitless starts in a row before it.
    pub(crate) fruitless_before: u32,
    /// Requests that were not `queued` any more when it began.
    pub(crate) ended_before: u64,
    /// From its beginning to its last sign of life, by the store's clock.
    pub(crate) lived: Duration,
}

impl LastStart {
    /// Fruitless starts in a row, the last one included. Any request that left `queued` is fruit: none returns
    /// there but by a person's hand, which sets these counts to zero. A start without its chance changes nothing.
    pub(crate) fn fruitless(&self, pages: &PageCounts) -> u32 {
        if ended(pages) > self.ended_before {
            0
        } else if self.lived < CHANCE {
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

/// Whether a run is given up after so many fruitless starts; says so when it is.
pub(crate) fn gives_up(run: &str, fruitless: u32) -> bool {
    let gives_up = fruitless >= MAX_FRUITLESS_STARTS;
    if gives_up {
        tracing::warn!(
            run,
            starts = fruitless,
            "the last starts of this run brought it no further: it ends as failed, and a new one begins"
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
        LastStart { fruitless_before: 2, ended_before: 5, lived: Duration::from_millis(lived_ms) }
    }

    #[test]
    fn a_start_counts_when_it_lived_and_no_request_left_the_frontier() {
        let same = pages(&[(PageState::Done, 4), (PageState::Dead, 1)]);
        assert_eq!(last(1_000).fruitless(&same), 3);
        assert_eq!(last(999).fruitless(&same), 2, "it had no chance");
        for state in [PageState::Done, PageState::Failed, PageState::Skipped, PageState::Dead] {
            assert_eq!(last(1_000).fruitless(&pages(&[(state, 6)])), 0, "{state:?}");
        }
        assert!(gives_up("run", 3) && !gives_up("run", 2));
    }
}
