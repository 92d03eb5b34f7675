//! Which items with a key each page has.

use dragline_core::{Fingerprint, PageOutcome};

use crate::key_digest::{self, KeyDigest};

/// An item with a key, and its page.
#[derive(Debug)]
pub(crate) struct PageItem<'a> {
    pub(crate) page: Fingerprint,
    pub(crate) item_type: &'a str,
    pub(crate) key: String,
    pub(crate) key_digest: KeyDigest,
}

/// The items with a key of these pages, each once for each page.
pub(crate) fn page_items<'a>(pages: &[&'a PageOutcome]) -> Vec<PageItem<'a>> {
    let mut items: Vec<PageItem<'_>> = pages
        .iter()
        .flat_map(|page| page.items.iter().map(|record| (page.fingerprint, record)))
        .filter_map(|(page, record)| {
            let key = record.key_text()?;
            let key_digest = key_digest::of_key(&key);
            Some(PageItem { page, item_type: record.item_type.name(), key, key_digest })
        })
        .collect();
    let order = |item: &PageItem<'a>| (item.item_type, item.key_digest, item.page);
    items.sort_by_key(order);
    items.dedup_by_key(|item| order(item));
    items
}
