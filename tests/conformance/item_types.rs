//! Four item types made by hand: with and without a table of their own, with and without a key.

use dragline_core::{Column, ColumnType, ItemRecord, ItemType, Value};

const TEXT: Column = Column { name: "text", kind: ColumnType::Text, nullable: false };
const AUTHOR: Column = Column { name: "author", kind: ColumnType::Text, nullable: true };
const LINE: Column = Column { name: "line", kind: ColumnType::BigInt, nullable: false };

/// A table of its own, with a key.
pub(super) const QUOTE: ItemType = ItemType {
    name: "quote",
    table: Some("quotes"),
    key: &["text"],
    columns: &[TEXT, AUTHOR],
    auto_create: true,
};

/// A table of its own, without a key.
pub(super) const VISIT: ItemType =
    ItemType { name: "visit", table: Some("visits"), key: &[], columns: &[LINE], auto_create: true };

/// In `crawl_items`, with a key.
pub(super) const NOTE: ItemType =
    ItemType { name: "note", table: None, key: &["text"], columns: &[TEXT, AUTHOR], auto_create: true };

/// In `crawl_items`, without a key.
pub(super) const REMARK: ItemType =
    ItemType { name: "remark", table: None, key: &[], columns: &[LINE], auto_create: true };

/// All four.
pub(super) const ALL: [ItemType; 4] = [QUOTE, VISIT, NOTE, REMARK];

pub(super) fn quote(text: &str, author: &str) -> ItemRecord {
    ItemRecord { item_type: QUOTE, values: vec![Value::Text(text.into()), Value::Text(author.into())] }
}

pub(super) fn note(text: &str, author: &str) -> ItemRecord {
    ItemRecord { item_type: NOTE, ..quote(text, author) }
}

pub(super) fn visit(line: i64) -> ItemRecord {
    ItemRecord { item_type: VISIT, values: vec![Value::Int(line)] }
}

pub(super) fn remark(line: i64) -> ItemRecord {
    ItemRecord { item_type: REMARK, ..visit(line) }
}

/// One of each, so that a page shows all ways into the store at once.
pub(super) fn one_of_each(name: &str) -> Vec<ItemRecord> {
    vec![quote(name, "a"), note(name, "b"), visit(1), remark(2)]
}
