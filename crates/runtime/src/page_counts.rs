//! A run's pages by state, as far as they are durable: how it stood when it was opened, and what this process stored
//! since.

use dragline_core::store::{OpenedRun, PageCounts};
use dragline_pipelines::persistence::PersistenceStatus;

/// The pages of a run that was just opened with `start_requests`.
pub(crate) fn pages_before(run: &OpenedRun, start_requests: usize) -> PageCounts {
    match &run.resumed {
        Some(resumed) => resumed.pages.clone(),
        None => PageCounts { queued: start_requests as u64, ..PageCounts::default() },
    }
}

/// The pages now.
pub(crate) fn pages_now(before: &PageCounts, store: &PersistenceStatus) -> PageCounts {
    let mut pages = before.clone();
    let mut ended = 0;
    for (state, count) in &store.pages {
        *pages.ended.entry(*state).or_default() += count;
        ended += count;
    }
    pages.queued = (pages.queued + store.new_requests).saturating_sub(ended);
    pages
}
