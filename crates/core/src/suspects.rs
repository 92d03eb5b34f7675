//! Pages that may end the process: which are in hand is written to the store before they are worked on, but only after a process
//! has ended without recording how.
//!
//! A page can end the whole process: by an overflow of the stack, an abort in a library, or so much memory that the system kills the
//! process. The request stays `queued`, so the next process would take it up and end as well, for ever. The process itself can't tell
//! this from a `kill -9`. So the next start is a careful one:
//!
//! ```text
//!  the process ends unclean ─► the next start marks each page before it takes it up
//!  it ends unclean again    ─► the marked pages are suspects; the next start takes them up one at a time, with nothing else in hand
//!  it ends with only one page marked ─► a death of that page; it is tried again when the process has outlived the last one
//!  the third death          ─► the page is given up
//! ```
//!
//! A page has a death only if it was the only one in hand. Nothing is written while no process has ended unclean.

use std::time::Duration;

use dragline_spider::fingerprint::Fingerprint;
use dragline_spider::queued_request::QueuedRequest;

/// A page is given up after this many deaths.
pub const MAX_DEATHS: u32 = 3;
/// The most suspects of one start, those with the most deaths first. A process has fewer pages in hand.
pub const MAX_SUSPECTS: u32 = 2_000;
/// The shortest time for which pages are marked after an unclean end.
const SHORTEST_WATCH: Duration = Duration::from_secs(600);
/// A page with a death is tried again when the process is older than the last one became, by this much. Heartbeats are that far
/// apart at most while pages are marked, so a process may have lived longer than its last heartbeat says.
const OUTLIVES_BY: Duration = Duration::from_secs(2);
/// But then it is tried at the latest.
const LONGEST_SETTLING: Duration = Duration::from_secs(60);
/// The other pages wait at least this long for a page that is tried.
const SHORTEST_PATIENCE: Duration = Duration::from_secs(5);
/// And at most this long. After that it is one page among many.
const LONGEST_PATIENCE: Duration = Duration::from_secs(60);

/// A start after a process that has ended unclean.
#[derive(Clone, Debug)]
pub struct CarefulStart {
    /// Whether it was the last process that ended unclean. If not, an earlier one has left suspects.
    pub was_killed: bool,
    /// From the last process's start to its last sign of life.
    pub lived: Duration,
    /// The pages that may have ended processes, those with the most deaths first.
    pub suspects: Vec<Suspect>,
}

/// A page that may have ended a process.
#[derive(Clone, Debug)]
pub struct Suspect {
    /// Its request.
    pub queued: QueuedRequest,
    /// How often a process ended while it had only this page in hand.
    pub deaths: u32,
}

/// Which pages the process takes up, and which it no longer has in hand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageMarks {
    /// Pages that it is about to take up.
    pub taken_up: Vec<MarkedPage>,
    /// Pages that it has put back or ended.
    pub put_down: Vec<Fingerprint>,
    /// Whether it marks no further pages, so that no mark is valid any more.
    pub is_last: bool,
}

/// A page that is about to be taken up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkedPage {
    /// Its request.
    pub fingerprint: Fingerprint,
    /// Where it is, for people.
    pub url: String,
    /// Its host and port.
    pub host: String,
}

impl CarefulStart {
    /// For how long pages are marked. A page that needs longer to end the process again is found after the next end.
    pub fn watches_for(&self) -> Duration {
        self.lived.saturating_mul(2).max(SHORTEST_WATCH)
    }

    /// How long a suspect without a death may take while nothing else is in hand. Many pages that are in hand are only slow. A page
    /// that needs longer to end the process is found when it is the last one, or after a process that lived for longer.
    pub fn patience(&self) -> Duration {
        self.lived.saturating_mul(2).clamp(SHORTEST_PATIENCE, LONGEST_PATIENCE)
    }

    /// When a page with deaths is tried again. If something else ends one process after the other at the same age, this one ends
    /// before the page is in hand, and so the page gets no blame.
    pub fn settles_after(&self) -> Duration {
        (self.lived + OUTLIVES_BY).min(LONGEST_SETTLING)
    }
}

impl Suspect {
    /// Whether it is not tried again.
    pub fn is_given_up(&self) -> bool {
        self.deaths >= MAX_DEATHS
    }
}

impl From<&QueuedRequest> for MarkedPage {
    fn from(queued: &QueuedRequest) -> Self {
        Self {
            fingerprint: queued.fingerprint,
            url: queued.request.url().as_str().to_owned(),
            host: queued.host.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(lived: u64) -> CarefulStart {
        CarefulStart { was_killed: true, lived: Duration::from_secs(lived), suspects: Vec::new() }
    }

    #[test]
    fn a_page_with_a_death_is_tried_when_the_process_has_outlived_the_last_one_but_not_hours_later() {
        for (lived, settled) in [(0, 2), (10, 12), (55, 57), (58, 60), (7_200, 60)] {
            assert_eq!(after(lived).settles_after().as_secs(), settled, "{lived}");
        }
    }

    #[test]
    fn a_process_that_lived_long_is_watched_long() {
        for (lived, watched) in [(0, 600), (300, 600), (301, 602), (86_400, 172_800)] {
            assert_eq!(after(lived).watches_for().as_secs(), watched, "{lived}");
        }
    }
}
