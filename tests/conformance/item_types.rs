//! Four item types made by hand: with and without a table of their own, with and without a key.

use std::sync::LazyLock;

use dragline_core::{ColumnType, ItemRecord, ItemType, Value};

/// A table of its own, with a key.
pub(super) static QUOTE: LazyLock<ItemType> = LazyLock::new(|| {
    ItemType::builder("quote")
        .with_table("quotes")
        .with_key(["text"])
        .with_column("text", ColumnType::Text)
        .with_nullable_column("author", ColumnType::Text)
        .build()
        .unwrap()
});

/// A table of its own, without a key.
pub(super) static VISIT: LazyLock<ItemType> = LazyLock::new(|| {
    ItemType::builder("visit").with_table("visits").with_column("line", ColumnType::BigInt).build().unwrap()
});

/// In `crawl_items`, with a key.
pub(super) static NOTE: LazyLock<ItemType> = LazyLock::new(|| {
    ItemType::builder("note")
        .with_key(["text"])
        .with_column("text", ColumnType::Text)
        .with_nullable_column("author", ColumnType::Text)
        .build()
        .unwrap()
});

/// In `crawl_items`, without a key.
pub(super) static REMARK: LazyLock<ItemType> =
    LazyLock::new(|| ItemType::builder("remark").with_column("line", ColumnType::BigInt).build().unwrap());

/// All four.
pub(super) fn all_types() -> [ItemType; 4] {
    [&QUOTE, &VISIT, &NOTE, &REMARK].map(|item| ItemType::clone(item))
}

pub(super) fn quote(text: &str, author: &str) -> ItemRecord {
    ItemRecord {
        item_type: QUOTE.clone(),
        values: vec![Value::Text(text.into()), Value::Text(author.into())],
    }
}

pub(super) fn note(text: &str, author: &str) -> ItemRecord {
    ItemRecord { item_type: NOTE.clone(), ..quote(text, author) }
}

pub(super) fn visit(line: i64) -> ItemRecord {
    ItemRecord { item_type: VISIT.clone(), values: vec![Value::Int(line)] }
}

pub(super) fn remark(line: i64) -> ItemRecord {
    ItemRecord { item_type: REMARK.clone(), ..visit(line) }
}

/// One of each, so that a page shows all ways into the store at once.
pub(super) fn one_of_each(name: &str) -> Vec<ItemRecord> {
    vec![quote(name, "a"), note(name, "b"), visit(1), remark(2)]
}
