//! How the run goes over time, as this process sees it. It goes on where the earlier starts of the run ended.

use dragline_core::PageState;
use dragline_core::serde_json::Value as Json;
use dragline_core::timeline::{Timeline, TimelinePoint};

use super::report::PersistenceStatus;

/// The timeline of a run, and what earlier starts did.
#[derive(Debug, Default)]
pub(super) struct RunTimeline {
    timeline: Timeline,
    /// Pages that had ended, items and failed pages at the start of this process.
    before: (u64, u64, u64),
}

impl RunTimeline {
    /// The run is open. `before` counts the pages that have ended, the items and the failed pages so far.
    pub(super) fn open(&mut self, earlier: Timeline, before: (u64, u64, u64)) {
        (self.timeline, self.before) = (earlier, before);
        self.add(0, 0, 0);
    }

    /// Adds this moment.
    pub(super) fn note(&mut self, status: &PersistenceStatus) {
        let of = |state| status.pages.get(&state).copied().unwrap_or_default();
        let failed = of(PageState::Failed) + of(PageState::Dead);
        self.add(status.flushed_pages, status.items, failed);
    }

    /// The stored form.
    pub(super) fn to_json(&self) -> Json {
        self.timeline.to_json()
    }

    fn add(&mut self, pages: u64, items: u64, failed: u64) {
        let (pages_before, items_before, failed_before) = self.before;
        self.timeline.push(TimelinePoint {
            unix_ms: now_ms(),
            pages: pages_before + pages,
            items: items_before + items,
            failed: failed_before + failed,
        });
    }
}

fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
