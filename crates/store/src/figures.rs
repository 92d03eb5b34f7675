//! Builds the figures of a run from the counts that a store reads. Both stores use it.

use std::collections::BTreeMap;

use dragline_core::store::PageCounts;
use dragline_core::{ItemType, PageState};

/// Requests by state. The done ones are the total minus all others, so they need no index.
pub(crate) fn pages(all: u64, queued: u64, not_done: BTreeMap<PageState, u64>) -> PageCounts {
    let done = all.saturating_sub(queued).saturating_sub(not_done.values().sum());
    let mut ended = not_done;
    if done > 0 {
        ended.insert(PageState::Done, done);
    }
    PageCounts { queued, ended }
}

/// Items by type: those with tables, counted there, and those in `crawl_items`, found there or declared.
pub(crate) fn items(
    declared: &[ItemType],
    in_tables: Vec<(String, Option<u64>)>,
    mut shared: BTreeMap<String, u64>,
) -> Vec<(String, Option<u64>)> {
    let mut items = in_tables;
    for item in declared.iter().filter(|item| item.table().is_none()) {
        items.push((item.name().to_owned(), Some(shared.remove(item.name()).unwrap_or_default())));
    }
    items.extend(shared.into_iter().map(|(name, rows)| (name, Some(rows))));
    items
}
