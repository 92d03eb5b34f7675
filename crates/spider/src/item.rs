//! Items: what a spider extracts, and the description of the table that each type is kept in.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json};

use crate::value::Value;

/// A record type. Derive it: `#[derive(Item)]`.
pub trait Item {
    /// The description of its table.
    fn item_type() -> ItemType;
    /// The record, its values in the order of the type's columns.
    fn into_record(self) -> ItemRecord;
}

/// An item type as the store sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemType {
    /// Its name in `crawl_items`, dead letters, exports and reports.
    pub name: &'static str,
    /// The table of its own, or `None` for `crawl_items`.
    pub table: Option<&'static str>,
    /// The columns of its key; empty for a type that is appended.
    pub key: &'static [&'static str],
    /// Its columns, in order. A table of its own has `run_id`, `source_url` and `scraped_at` beside them.
    pub columns: &'static [Column],
    /// Whether a missing table is created at start, or its DDL printed.
    pub auto_create: bool,
}

/// A column of an item type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, a plain SQL identifier.
    pub name: &'static str,
    /// Its type.
    pub kind: ColumnType,
    /// Whether it may be null.
    pub nullable: bool,
}

/// The column types, by their SQL names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// `text`
    Text,
    /// `smallint`
    SmallInt,
    /// `integer`
    Integer,
    /// `bigint`
    BigInt,
    /// `real`
    Real,
    /// `double precision`
    Double,
    /// `boolean`
    Boolean,
    /// `numeric`
    Numeric,
    /// `date`
    Date,
    /// `timestamptz`
    Timestamp,
    /// `text[]`
    TextList,
    /// `jsonb`
    Json,
}

impl ColumnType {
    /// Whether equal values of it have one spelling, as a key needs.
    pub const fn can_be_key(self) -> bool {
        !matches!(self, Self::Real | Self::Double | Self::TextList | Self::Json)
    }
}

/// One item, on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemRecord {
    /// Its type.
    pub item_type: ItemType,
    /// Its values, in the order of the type's columns.
    pub values: Vec<Value>,
}

impl ItemType {
    /// Whether items of this type are upserts by key; otherwise they are appended once per page.
    pub fn is_keyed(&self) -> bool {
        !self.key.is_empty()
    }

    /// Where a column stands in a record.
    pub fn position(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|candidate| candidate.name == column)
    }
}

impl ItemRecord {
    /// The value of a column.
    pub fn get(&self, column: &str) -> Option<&Value> {
        self.item_type.position(column).and_then(|at| self.values.get(at))
    }

    /// The value of a column, to be changed; it must stay of the column's type.
    pub fn get_mut(&mut self, column: &str) -> Option<&mut Value> {
        self.item_type.position(column).and_then(|at| self.values.get_mut(at))
    }

    /// The key as one text, for `crawl_items` and for "the last of a key wins": a single text stands for
    /// itself, anything else is written as JSON. Keys that a database takes for equal have one text.
    /// `None` for a type without a key.
    pub fn key_text(&self) -> Option<String> {
        match self.item_type.key {
            [] => None,
            [column] => Some(match self.get(column) {
                Some(Value::Text(text)) => text.clone(),
                other => other.map_or(Json::Null, Value::to_key).to_string(),
            }),
            columns => {
                let parts = columns.iter().map(|column| self.get(column).map_or(Json::Null, Value::to_key));
                Some(Json::Array(parts.collect()).to_string())
            }
        }
    }

    /// All fields as a JSON object.
    pub fn to_json(&self) -> Map<String, Json> {
        let fields = self.item_type.columns.iter().zip(&self.values);
        fields.map(|(column, value)| (column.name.to_owned(), value.to_json())).collect()
    }

    /// [`ItemRecord::to_json`] as text, written straight from the values.
    pub fn json_text(&self) -> String {
        // Values hold nothing that JSON has no words for.
        serde_json::to_string(&Fields(self)).unwrap_or_else(|_| Json::Object(self.to_json()).to_string())
    }

    /// Why no store may take this record, if so: column and reason.
    pub fn refusal(&self) -> Option<String> {
        let fields = self.item_type.columns.iter().zip(&self.values);
        fields.into_iter().find_map(|(column, value)| {
            let reason = value.refusal()?;
            Some(format!("{}.{} is {reason}", self.item_type.name, column.name))
        })
    }

    /// About how much memory it holds.
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.values.iter().map(Value::size).sum::<usize>()
    }
}

/// The fields of a record, by name.
struct Fields<'a>(&'a ItemRecord);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ItemRecord { item_type, values } = self.0;
        let mut fields: Vec<_> = item_type.columns.iter().map(|column| column.name).zip(values).collect();
        fields.sort_unstable_by_key(|(name, _)| *name);
        serializer.collect_map(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 2] = [
        Column { name: "shop", kind: ColumnType::Text, nullable: false },
        Column { name: "size", kind: ColumnType::Numeric, nullable: false },
    ];

    fn record(key: &'static [&'static str], shop: &str, size: &str) -> ItemRecord {
        let item_type = ItemType { name: "offer", table: None, key, columns: &COLUMNS, auto_create: true };
        ItemRecord { item_type, values: vec![shop.into(), Value::Decimal(size.parse().unwrap())] }
    }

    #[test]
    fn a_key_has_one_text() {
        assert_eq!(record(&[], "a", "1").key_text(), None);
        assert_eq!(record(&["shop"], "a \"b\"", "1").key_text().as_deref(), Some("a \"b\""));
        assert_eq!(record(&["size"], "a", "1.50").key_text().as_deref(), Some("\"1.5\""));
        assert_eq!(record(&["size"], "a", "-0.0").key_text().as_deref(), Some("\"0\""));
        assert_eq!(record(&["shop", "size"], "a", "10").key_text().as_deref(), Some("[\"a\",\"10\"]"));
        assert_ne!(
            record(&["shop", "size"], "a\",\"b", "1").key_text(),
            record(&["shop", "size"], "a", "1").key_text()
        );
    }

    #[test]
    fn a_record_is_an_object_and_knows_what_no_store_takes() {
        let mut offer = record(&["shop"], "corner", "1.50");
        assert_eq!(Json::Object(offer.to_json()), serde_json::json!({"shop": "corner", "size": "1.50"}));
        assert_eq!(offer.json_text(), r#"{"shop":"corner","size":"1.50"}"#);
        assert_eq!(offer.refusal(), None);
        offer.values[0] = "a\0b".into();
        assert_eq!(offer.refusal().as_deref(), Some("offer.shop is text with a NUL character"));
    }
}
