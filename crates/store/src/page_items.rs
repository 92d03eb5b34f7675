//! Which items with a key each page has.

use dragline_core::{Fingerprint, ItemRecord, PageOutcome};

use crate::key_digest::{self, KeyDigest};

/// An item with a key, and its page.
#[derive(Debug)]
pub(crate) struct PageItem<'a> {
    pub(crate) page: Fingerprint,
    pub(crate) item_type: &'a str,
    pub(crate) key: String,
    pub(crate) key_digest: KeyDigest,
    /// A digest of its values.
    pub(crate) item_hash: KeyDigest,
}

/// The type of an item and the digest of its key. `None` for an item without a key.
pub(crate) fn digest(record: &ItemRecord) -> Option<(String, KeyDigest)> {
    Some((record.item_type.name().to_owned(), key_digest::of_key(&record.key_text()?)))
}

/// The values that differ if two pages contradict each other. A column with a rule keeps what both pages say.
fn contradictory(record: &ItemRecord) -> String {
    if !record.item_type.has_merges() {
        return record.json_text();
    }
    let mut fields = record.to_json();
    fields.retain(|column, _| record.item_type.merge(column).is_none());
    serde_json::Value::Object(fields).to_string()
}

/// The items with a key of these pages, each once for each page.
pub(crate) fn page_items<'a>(pages: &[&'a PageOutcome]) -> Vec<PageItem<'a>> {
    let mut items: Vec<PageItem<'_>> = pages
        .iter()
        .flat_map(|page| page.items.iter().map(|record| (page.fingerprint, record)))
        .filter_map(|(page, record)| {
            let key = record.key_text()?;
            let key_digest = key_digest::of_key(&key);
            let item_hash = key_digest::of_key(&contradictory(record));
            Some(PageItem { page, item_type: record.item_type.name(), key, key_digest, item_hash })
        })
        .collect();
    let order = |item: &PageItem<'a>| (item.item_type, item.key_digest, item.page);
    // Of two items with one key, the last one is stored.
    items.reverse();
    items.sort_by_key(order);
    items.dedup_by_key(|item| order(item));
    items
}
