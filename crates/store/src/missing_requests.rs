//! Whether requests of an unfinished run are missing: one rule for both stores.
//!
//! A run's requests are only ever added while it is unfinished, and one that has ended stays so unless a person puts it back. So
//! its row says how many there are at least. If there are fewer, somebody deleted some of them, or restored only a part of a
//! backup. Without the rule, such a run would have nothing left to fetch, and would count as finished.

use dragline_core::run_verdict::EndFigures;
use dragline_core::store::{PageCounts, RUN_REQUESTS, RunSpec};
use dragline_core::{RunKind, StoreError};
use serde_json::Value as Json;

use crate::fruitless::ended;

/// What the row of an unfinished run says about its requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunRow<'a> {
    pub(crate) run_id: i64,
    pub(crate) kind: RunKind,
    /// Requests that were not `queued` any more when its last start began.
    pub(crate) ended_before: u64,
    /// The figures of its last heartbeat.
    pub(crate) stats: &'a Json,
    /// What it held when it stopped. Null if its last process was killed.
    pub(crate) figures: &'a Json,
}

impl RunRow<'_> {
    /// How many requests it has at least.
    fn least(&self) -> u64 {
        let recorded = self.stats[RUN_REQUESTS].as_u64().unwrap_or_default();
        let at_stop = all(&EndFigures::from_json(self.figures).pages);
        // A crawl begins with a start request. An import and a reparse may begin with none.
        let least = u64::from(matches!(self.kind, RunKind::Crawl | RunKind::Replay));
        least.max(recorded).max(at_stop).max(self.ended_before)
    }
}

/// Refuses to resume a run of which requests are missing. With `--force-run`, it goes on with what is left, and at its end it has
/// the problem that some were lost. Gives the number of requests that it had at least.
///
/// # Errors
/// [`StoreError::Setup`] with the numbers.
pub(crate) fn check(spec: &RunSpec, row: &RunRow<'_>, pages: &PageCounts) -> Result<u64, StoreError> {
    let (there, least, run_id) = (all(pages), row.least(), row.run_id);
    let problem = if there < least {
        format!("run {run_id} has {there} requests in the store, but it had at least {least}")
    } else if ended(pages) < row.ended_before {
        let (ended, before) = (ended(pages), row.ended_before);
        format!("{ended} requests of run {run_id} have ended, but {before} had when it was last started")
    } else {
        return Ok(there);
    };
    if spec.force && there > 0 {
        tracing::warn!(
            run = spec.name,
            run_id,
            "{problem}; it goes on with what is left, because of --force-run"
        );
        return Ok(least);
    }
    let go_on = if there > 0 { ". --force-run goes on with what is left" } else { "" };
    Err(StoreError::Setup {
        problem: format!(
            "{problem}: rows of crawl_requests were deleted, or are in another database or schema"
        ),
        hint: format!(
            "restore them from a backup, or end the run with --fresh, which starts a new one; stored items stay{go_on}"
        ),
    })
}

fn all(pages: &PageCounts) -> u64 {
    pages.queued + ended(pages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::PageState;
    use serde_json::json;

    #[test]
    fn the_row_says_how_many_there_are_at_least() {
        let none = json!({});
        let row =
            RunRow { run_id: 7, kind: RunKind::Crawl, ended_before: 0, stats: &none, figures: &Json::Null };
        assert_eq!(row.least(), 1, "its start request");
        assert_eq!(RunRow { kind: RunKind::Import, ..row }.least(), 0);
        assert_eq!(RunRow { kind: RunKind::Reparse, ..row }.least(), 0);
        assert_eq!(RunRow { ended_before: 5, ..row }.least(), 5);
        let stats = json!({ RUN_REQUESTS: 12 });
        assert_eq!(RunRow { stats: &stats, ended_before: 5, ..row }.least(), 12);
        let pages = PageCounts { queued: 20, ended: [(PageState::Done, 4)].into() };
        let figures = EndFigures { pages, ..EndFigures::default() }.to_json();
        assert_eq!(RunRow { stats: &stats, figures: &figures, ..row }.least(), 24);
    }
}
