//! Columns with a rule (`#[item(merge = "…")]`): the items of a batch become one item for each key, and what the pages add becomes shares.
//!
//! `keep`, `fill`, `max`, `min` and `union` only need the row and the new item, so it makes no difference how often a page is parsed.
//! `add` needs to know what each page has added before. So the table `crawl_item_shares` has the share of each page, and the row changes by
//! the difference between the new share and the old one. A page that is parsed and no longer gives an item takes its share back.
//!
//! Both stores do this in the same order:
//!
//! 1. Rows whose key is new are inserted with the values of the batch. Shares of an earlier row with this key, which somebody
//!    has deleted, go before that.
//! 2. All rows are locked, in the order of their keys. After that, nobody else changes them or their shares.
//! 3. The new values are computed from the rows and the items. From here on, they are ordinary rows: what has changed in them goes into the
//!    history and the change feed.
//! 4. The shares are written.
//!
//! A row that a page takes its share back from was not seen by the run. So it keeps its run, its page and its time. So does a row that a
//! later run has stored, when an older page is parsed once more: only its columns with a rule change.

use std::collections::BTreeMap;

use dragline_core::{
    ColumnType, Fingerprint, ItemRecord, ItemType, Merge, PageOutcome, PageState, RunKind, StoreError, Value,
};
use serde_json::{Map, Value as Json};

use crate::key_digest::{self, KeyDigest};

/// The items of a batch with one key, as one item.
#[derive(Debug)]
pub(crate) struct FoldedItem<'a> {
    /// The page that gave the last of them.
    pub(crate) page: &'a PageOutcome,
    pub(crate) record: ItemRecord,
}

/// What a page adds to a row.
#[derive(Debug)]
pub(crate) struct Share {
    pub(crate) page: Fingerprint,
    /// The key as [`exact_key`] writes it.
    pub(crate) key: String,
    pub(crate) key_digest: KeyDigest,
    /// The number for each column. A page that gives none has no share.
    pub(crate) shares: Map<String, Json>,
}

/// The items of a batch, of one type.
#[derive(Debug, Default)]
pub(crate) struct Folded<'a> {
    /// By key.
    pub(crate) items: BTreeMap<String, FoldedItem<'a>>,
    /// By key and page.
    pub(crate) shares: Vec<Share>,
}

impl<'a> Folded<'a> {
    /// Makes one item of all items with the same key. If a page gives several of them, it adds what the last one says.
    ///
    /// # Errors
    /// A refusal, if a sum is too large.
    pub(crate) fn of(
        items: impl IntoIterator<Item = (&'a PageOutcome, &'a ItemRecord)>,
    ) -> Result<Self, StoreError> {
        let mut folded = Self::default();
        let mut last_of_page: BTreeMap<(String, Fingerprint), &ItemRecord> = BTreeMap::new();
        for (page, record) in items {
            let Some(key) = record.key_text() else { continue };
            let known = folded.items.get(&key).map(|item| &item.record);
            let record_so_far = with_rules(known, record)?;
            folded.items.insert(key.clone(), FoldedItem { page, record: record_so_far });
            if record.item_type.adds_up() {
                last_of_page.insert((key, page.fingerprint), record);
            }
        }
        for item in folded.items.values_mut() {
            for (at, _) in adding(&item.record.item_type.clone()) {
                item.record.values[at] = Value::Null;
            }
        }
        for ((key, page), record) in last_of_page {
            let mut shares = Map::new();
            for (at, column) in adding(&record.item_type) {
                let share = &record.values[at];
                if *share != Value::Null {
                    shares.insert(column.to_owned(), share.to_json());
                }
                if let Some(item) = folded.items.get_mut(&key) {
                    item.record.values[at] = sum(&record.item_type, column, &item.record.values[at], share)?;
                }
            }
            let key_digest = key_digest::of_key(&key);
            folded.shares.push(Share { page, key: exact_key(record), key_digest, shares });
        }
        Ok(folded)
    }
}

/// The key of an item as [`ItemRecord::key_text`] writes it, but with the zeros at the end of a decimal: `SQLite` finds the row by them.
fn exact_key(record: &ItemRecord) -> String {
    let parts: Vec<Json> = record
        .item_type
        .key()
        .iter()
        .map(|name| record.get(name).map_or(Json::Null, Value::to_json))
        .collect();
    match (record.item_type.key(), parts.as_slice()) {
        ([name], [Json::String(text)]) if is_text(&record.item_type, name) => text.clone(),
        ([_], [part]) => part.to_string(),
        _ => Json::Array(parts).to_string(),
    }
}

fn is_text(item: &ItemType, column: &str) -> bool {
    matches!(item.kind_of(column), Some(ColumnType::Text | ColumnType::Uuid))
}

/// The columns that are sums, each with its place in a record.
pub(crate) fn adding(item: &ItemType) -> impl Iterator<Item = (usize, &str)> {
    item.merges()
        .filter(|(_, merge)| *merge == Merge::Add)
        .filter_map(|(column, _)| Some((item.position(column)?, column)))
}

/// An item that comes after another one with the same key, or after a row. Sums are left to the caller, because pages count once.
///
/// # Errors
/// A refusal, if a value is too large.
fn with_rules(before: Option<&ItemRecord>, record: &ItemRecord) -> Result<ItemRecord, StoreError> {
    let mut merged = record.clone();
    for (column, merge) in record.item_type.merges().filter(|(_, merge)| *merge != Merge::Add) {
        let Some(at) = record.item_type.position(column) else { continue };
        let before = before.map_or(&Value::Null, |before| &before.values[at]);
        let value = merge.apply(before, &record.values[at]);
        merged.values[at] = value.ok_or_else(|| too_large(&record.item_type, column))?;
    }
    Ok(merged)
}

/// A row with what an item says. A row that is kept only changes in columns with a rule. Sums are left to the caller.
///
/// # Errors
/// A refusal, if a value is too large.
pub(crate) fn onto_row(
    row: &ItemRecord,
    record: &ItemRecord,
    is_kept: bool,
) -> Result<ItemRecord, StoreError> {
    if !is_kept {
        return with_rules(Some(row), record);
    }
    let mut merged = row.clone();
    for (column, merge) in row.item_type.merges().filter(|(_, merge)| *merge != Merge::Add) {
        let Some(at) = row.item_type.position(column) else { continue };
        // The values of a row that a later run has stored are newer.
        let merge = if merge == Merge::Fill { Merge::Keep } else { merge };
        let value = merge.apply(&row.values[at], &record.values[at]);
        merged.values[at] = value.ok_or_else(|| too_large(&row.item_type, column))?;
    }
    Ok(merged)
}

/// The sum of a column after a page has another share in it.
///
/// # Errors
/// A refusal, if the sum is too large.
pub(crate) fn with_other_share(
    item: &ItemType,
    column: &str,
    sum_so_far: &Value,
    (before, now): (&Value, &Value),
) -> Result<Value, StoreError> {
    let taken_back = Merge::negative(before).ok_or_else(|| too_large(item, column))?;
    sum(item, column, &sum(item, column, sum_so_far, &taken_back)?, now)
}

/// Adds numbers of a column.
///
/// # Errors
/// A refusal, if the sum is too large.
fn sum(item: &ItemType, column: &str, before: &Value, share: &Value) -> Result<Value, StoreError> {
    Merge::Add.apply(before, share).ok_or_else(|| too_large(item, column))
}

fn too_large(item: &ItemType, column: &str) -> StoreError {
    let message = format!("the sum {}.{column} is larger than its column can hold", item.name());
    StoreError::Refused { message, sqlstate: None }
}

/// The pages of a flush that take back their shares of items that they no longer give: all that were parsed, and whose items are all
/// stored.
pub(crate) fn that_say_everything<'p, 'a>(
    kind: RunKind,
    pages: &'p [&'a PageOutcome],
) -> impl Iterator<Item = &'a PageOutcome> + use<'p, 'a> {
    // The pages of an import are only kept.
    pages.iter().copied().filter(move |page| {
        kind != RunKind::Import
            && page.state == PageState::Done
            && page.dead_letters.is_empty()
            && page.was_parsed()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::PageKey;

    fn artist() -> ItemType {
        let artist = ItemType::builder("artist").with_table("artists").with_key(["name"]);
        let artist = artist.with_column("name", ColumnType::Text).with_column("sets", ColumnType::SmallInt);
        let artist = artist.with_nullable_column("seen", ColumnType::Integer);
        let artist = artist.with_nullable_column("city", ColumnType::Text);
        artist.with_merge("sets", Merge::Add).with_merge("seen", Merge::Min).build().unwrap()
    }

    fn page(number: u8, items: &[(&str, i64, Option<i64>, &str)]) -> PageOutcome {
        let fingerprint = Fingerprint::from_bytes(&[number; 16]).unwrap();
        let record = |(name, sets, seen, city): &(&str, i64, Option<i64>, &str)| ItemRecord {
            item_type: artist(),
            values: vec![
                (*name).into(),
                Value::Int(*sets),
                seen.map_or(Value::Null, Value::Int),
                (*city).into(),
            ],
        };
        let items = items.iter().map(record).collect();
        PageOutcome { items, ..PageOutcome::done(PageKey { fingerprint, url: String::new() }) }
    }

    fn folded(pages: &[PageOutcome]) -> Folded<'_> {
        Folded::of(pages.iter().flat_map(|page| page.items.iter().map(move |record| (page, record)))).unwrap()
    }

    #[test]
    fn a_page_adds_once_and_the_other_rules_see_all_items() {
        let pages = [
            page(1, &[("a", 1, Some(5), "x"), ("a", 2, None, "y"), ("b", 7, None, "x")]),
            page(2, &[("a", 10, Some(9), "z")]),
        ];
        let folded = folded(&pages);
        let row = |key: &str| folded.items[key].record.values[1..].to_vec();
        assert_eq!(row("a"), [Value::Int(12), Value::Int(5), "z".into()]);
        assert_eq!(row("b"), [Value::Int(7), Value::Null, "x".into()]);
        assert_eq!(folded.items["a"].page.fingerprint, pages[1].fingerprint);
        let shares: Vec<String> = folded
            .shares
            .iter()
            .map(|it| format!("{} {} {}", it.key, it.page.as_bytes()[0], Json::Object(it.shares.clone())))
            .collect();
        assert_eq!(shares, [r#"a 1 {"sets":2}"#, r#"a 2 {"sets":10}"#, r#"b 1 {"sets":7}"#]);
    }

    #[test]
    fn only_a_page_whose_items_are_all_stored_says_everything() {
        let mut dead = page(2, &[]);
        dead.kill(dragline_core::Reason::ItemRefused, "", None);
        let failed = PageOutcome { state: PageState::Failed, ..page(3, &[]) };
        let pages = [page(1, &[]), dead, failed];
        let pages: Vec<&PageOutcome> = pages.iter().collect();
        let of =
            |kind| that_say_everything(kind, &pages).map(|page| page.fingerprint.as_bytes()[0]).collect();
        let (of_crawl, of_import): (Vec<u8>, Vec<u8>) = (of(RunKind::Crawl), of(RunKind::Import));
        assert_eq!((of_crawl, of_import), (vec![1], vec![]));
    }
}
