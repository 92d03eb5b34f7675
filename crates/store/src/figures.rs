//! Builds the figures of a run from the counts that a store reads. Both stores use it.

use std::collections::BTreeMap;

use dragline_core::run_verdict::TagPages;
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

/// Requests by state, and the failing tags, the worst first. A row without a tag counts all requests of its state.
pub(crate) fn by_state_and_tag<S: AsRef<str>>(
    rows: impl Iterator<Item = (Option<String>, S, u64)>,
) -> (PageCounts, Vec<TagPages>) {
    let mut pages = PageCounts::default();
    let mut tags: BTreeMap<String, TagPages> = BTreeMap::new();
    for (tag, state, requests) in rows {
        let state = PageState::parse(state.as_ref());
        match (tag, state) {
            (None, Some(state)) => drop(pages.ended.insert(state, requests)),
            (None, None) => pages.queued += requests,
            (Some(tag), state) => {
                let of_tag =
                    tags.entry(tag.clone()).or_insert_with(|| TagPages { tag, ..TagPages::default() });
                match state {
                    Some(PageState::Done) => of_tag.done += requests,
                    Some(PageState::Failed | PageState::Dead) => of_tag.failed += requests,
                    Some(PageState::Skipped) | None => {}
                }
            }
        }
    }
    let mut tags: Vec<TagPages> = tags.into_values().collect();
    tags.sort_by_key(|tag| std::cmp::Reverse(tag.failed));
    (pages, tags)
}
