//! Items: what a spider extracts.

use std::io;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json};

use crate::item_limits::json_bytes;
use crate::item_type::{ColumnType, ItemType};
use crate::natural_key;
use crate::value::Value;

/// The most bytes that the key of a row may have in a table of its own. A unique index of Postgres holds 2,704 with its own
/// overhead. Every URL that is followed fits. A type without a table may have keys of any length.
const MAX_KEY_BYTES: usize = 2_600;

/// An item is large from this size on. Below it, the difference does not matter, and nobody should count.
const LARGE_BYTES: usize = 1 << 20;

/// A record type. Derive it: `#[derive(Item)]`.
pub trait Item {
    /// The description of its table.
    fn item_type() -> ItemType;
    /// The record, with its values in the order of the type's columns.
    fn into_record(self) -> ItemRecord;
}

/// One item, on its way to the store.
///
/// A derived item becomes one by itself. For an item type that is made at run time, see [`ItemRecord::from_fields`].
#[derive(Clone, Debug, PartialEq)]
pub struct ItemRecord {
    /// Its type.
    pub item_type: ItemType,
    /// Its values, in the order of the type's columns.
    pub values: Vec<Value>,
}

/// Why values are not a record of an item type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The type does not have this column.
    #[error("the item type {item:?} has no column {column:?}; it has {columns}")]
    UnknownColumn {
        /// The type.
        item: String,
        /// The column.
        column: String,
        /// The columns that it has.
        columns: String,
    },
    /// A column that may not be null has no value.
    #[error("{item}.{column} has no value, and may not be null")]
    Missing {
        /// The type.
        item: String,
        /// The column.
        column: String,
    },
    /// A value is not of its column's type.
    #[error("{item}.{column} is {value}, which is not a {kind}")]
    WrongType {
        /// The type.
        item: String,
        /// The column.
        column: String,
        /// The column's type.
        kind: ColumnType,
        /// The value.
        value: String,
    },
    /// The field of the struct cannot hold a value of the record.
    #[error("{item}.{column} is {value}, which its field cannot hold")]
    Misfit {
        /// The type.
        item: String,
        /// The column.
        column: String,
        /// The value.
        value: String,
    },
    /// The id is not that of the other values.
    #[error("{item}.id is {value}, and the id of these values is {id}: leave it out, because it is computed")]
    WrongId {
        /// The type.
        item: String,
        /// The given id.
        value: String,
        /// The computed id.
        id: String,
    },
    /// The record is of another type.
    #[error("this is a record of the item type {item:?}, and {expected:?} was expected")]
    OtherType {
        /// The record's type.
        item: String,
        /// The expected type.
        expected: String,
    },
}

impl ItemRecord {
    /// A record of an item type, from its fields by name. A column without a field is null.
    ///
    /// ```
    /// use dragline_spider::{ColumnType, ItemRecord, ItemType};
    ///
    /// let word = ItemType::builder("word").with_column("word", ColumnType::Text).build()?;
    /// let record = ItemRecord::from_fields(&word, [("word", "spider")])?;
    /// assert_eq!(record.json_text(), r#"{"word":"spider"}"#);
    /// # Ok::<(), dragline_spider::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`RecordError`] for an unknown column, a value of another type, and a missing value that may not be null.
    pub fn from_fields<N: AsRef<str>, V: Into<Value>>(
        item_type: &ItemType,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, RecordError> {
        let item = || item_type.name().to_owned();
        let mut values = vec![Value::Null; item_type.columns().len()];
        for (name, value) in fields {
            let column = name.as_ref();
            let at = item_type.position(column).ok_or_else(|| RecordError::UnknownColumn {
                item: item(),
                column: column.to_owned(),
                columns: item_type
                    .columns()
                    .iter()
                    .map(|column| column.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            })?;
            values[at] = value.into();
        }
        let given = values.first().cloned().filter(|given| item_type.has_id() && *given != Value::Null);
        let mut record = Self { item_type: item_type.clone(), values };
        record.compute_id();
        for (column, value) in item_type.columns().iter().zip(&record.values) {
            let (kind, name) = (column.kind, || column.name.clone());
            if *value == Value::Null {
                if !column.nullable {
                    return Err(RecordError::Missing { item: item(), column: name() });
                }
            } else if !value.is_of(kind) {
                let value = value.shown();
                return Err(RecordError::WrongType { item: item(), column: name(), kind, value });
            }
        }
        if let (Some(given), Some(id)) = (given, record.values.first())
            && given != *id
        {
            return Err(RecordError::WrongId { item: item(), value: given.shown(), id: id.shown() });
        }
        Ok(record)
    }

    /// The record of a derived item with these values of its fields.
    #[doc(hidden)]
    pub fn derived<const N: usize>(item_type: ItemType, fields: [Value; N]) -> Self {
        let id = item_type.has_id().then_some(Value::Null);
        let mut record = Self { item_type, values: id.into_iter().chain(fields).collect() };
        record.compute_id();
        record
    }

    /// Computes the id from the values as they are now. Dragline calls it after the item pipelines, so a pipeline may change a part
    /// of the id. It does nothing for a type without an id.
    pub fn compute_id(&mut self) {
        if !self.item_type.has_id() {
            return;
        }
        let parts = self.item_type.id().iter();
        let parts = parts.filter_map(|part| Some((self.get(&part.column)?, part.spelling)));
        let id = natural_key::id(self.item_type.name(), parts);
        if let Some(value) = self.values.first_mut() {
            *value = Value::Uuid(id);
        }
    }

    /// The first part of the id that identifies nothing: it is null, or a text without a visible character.
    pub fn empty_id_part(&self) -> Option<&str> {
        let is_empty = |column: &&str| match self.get(column) {
            Some(Value::Text(text)) => text.trim().is_empty(),
            value => matches!(value, Some(Value::Null) | None),
        };
        self.item_type.id().iter().map(|part| part.column.as_str()).find(is_empty)
    }

    /// The value of a column.
    pub fn get(&self, column: &str) -> Option<&Value> {
        self.item_type.position(column).and_then(|at| self.values.get(at))
    }

    /// The value of a column, so that you can change it. It must keep the column's type.
    pub fn get_mut(&mut self, column: &str) -> Option<&mut Value> {
        self.item_type.position(column).and_then(|at| self.values.get_mut(at))
    }

    /// The key as one text, for `crawl_items` and for "the last row of a key wins". A single text or UUID is used as it is, and
    /// everything else is written as JSON. Keys that are equal for a database have the same text. `None` for a type without
    /// a key.
    pub fn key_text(&self) -> Option<String> {
        match self.item_type.key() {
            [] => None,
            [column] => Some(match self.get(column) {
                Some(Value::Text(text)) => text.clone(),
                Some(Value::Uuid(id)) => id.to_string(),
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
        let fields = self.item_type.columns().iter().zip(&self.values);
        fields.map(|(column, value)| (column.name.clone(), value.to_json())).collect()
    }

    /// [`ItemRecord::to_json`] as text, written straight from the values.
    pub fn json_text(&self) -> String {
        // JSON can express every value.
        serde_json::to_string(&Fields(self)).unwrap_or_else(|_| Json::Object(self.to_json()).to_string())
    }

    /// The length of [`ItemRecord::json_text`], which is not written for that.
    pub fn json_bytes(&self) -> usize {
        json_bytes(&Fields(self))
    }

    /// [`ItemRecord::json_text`], written to `out`.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_json(&self, out: impl io::Write) -> serde_json::Result<()> {
        serde_json::to_writer(out, &Fields(self))
    }

    /// [`ItemRecord::to_json`] without a copy.
    pub fn into_json(self) -> Map<String, Json> {
        let fields = self.item_type.columns().iter().zip(self.values);
        fields.map(|(column, value)| (column.name.clone(), value.into_json())).collect()
    }

    /// The column and the reason why the stores refuse this record, or `None` if they accept it.
    pub fn refusal(&self) -> Option<String> {
        let fields = self.item_type.columns().iter().zip(&self.values);
        let of_fields = fields.into_iter().find_map(|(column, value)| {
            let name = || format!("{}.{}", self.item_type.name(), column.name);
            if let Some(reason) = value.refusal() {
                return Some(format!("{} is {reason}", name()));
            }
            let fits = *value == Value::Null || value.is_of(column.kind);
            (!fits).then(|| {
                format!("{} is {}, which does not fit the column type {}", name(), value.shown(), column.kind)
            })
        });
        of_fields.or_else(|| self.id_refusal()).or_else(|| self.key_refusal())
    }

    fn id_refusal(&self) -> Option<String> {
        let column = self.empty_id_part()?;
        let name = self.item_type.name();
        Some(format!("{name}.{column} is empty, and it is a part of the id"))
    }

    fn key_refusal(&self) -> Option<String> {
        self.item_type.table()?;
        let key = self.item_type.key();
        let bytes: usize = key.iter().filter_map(|column| self.get(column)).map(Value::index_size).sum();
        (bytes > MAX_KEY_BYTES).then(|| {
            format!(
                "{}.{} is a key of {bytes} bytes, and a table's key may have {MAX_KEY_BYTES}",
                self.item_type.name(),
                key.join(", ")
            )
        })
    }

    /// About how much memory it holds. A large item becomes JSON before it is stored, and each control character takes six bytes
    /// there. So the longer of the two counts.
    pub fn size(&self) -> usize {
        let held = size_of::<Self>() + self.values.iter().map(Value::size).sum::<usize>();
        if held < LARGE_BYTES { held } else { held.max(self.json_bytes()) }
    }
}

/// The fields of a record, by name.
struct Fields<'a>(&'a ItemRecord);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ItemRecord { item_type, values } = self.0;
        let mut fields: Vec<_> =
            item_type.columns().iter().map(|column| column.name.as_str()).zip(values).collect();
        fields.sort_unstable_by_key(|(name, _)| *name);
        serializer.collect_map(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(key: &[&str]) -> ItemType {
        let offer = ItemType::builder("offer");
        let offer = offer.with_column("shop", ColumnType::Text).with_column("size", ColumnType::Numeric);
        offer.with_key(key.iter().copied()).build().unwrap()
    }

    fn record(key: &[&str], shop: &str, size: &str) -> ItemRecord {
        ItemRecord { item_type: offer(key), values: vec![shop.into(), Value::Decimal(size.parse().unwrap())] }
    }

    #[test]
    fn fields_that_do_not_fit_are_refused_by_name() {
        let made = |fields: Vec<(&str, Value)>| ItemRecord::from_fields(&offer(&[]), fields);
        let size = || Value::Decimal("1.5".parse().unwrap());
        assert!(made(vec![("size", size()), ("shop", "a".into())]).is_ok());
        for (fields, expected) in [
            (vec![("shop", "a".into())], "offer.size has no value"),
            (vec![("shop", Value::Int(1)), ("size", size())], "offer.shop is 1, which is not a text"),
            (vec![("shap", "a".into())], "no column \"shap\"; it has shop, size"),
        ] {
            let error = made(fields).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
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

    #[test]
    fn an_id_is_that_of_the_values_as_they_are() {
        let track = ItemType::builder("track").with_table("tracks").with_column("title", ColumnType::Text);
        let track = track.with_nullable_column("n", ColumnType::Integer).with_id(["title"]).build().unwrap();
        let made = |fields: Vec<(&str, Value)>| ItemRecord::from_fields(&track, fields);
        let mut record = made(vec![("title", " Oxygène".into())]).unwrap();
        let id = record.key_text().unwrap();
        let again = Value::Uuid(id.parse().unwrap());
        assert_eq!(made(vec![("title", "OXYGÈNE".into()), ("id", again.clone())]).unwrap().values[0], again);
        let error = made(vec![("title", "Équinoxe".into()), ("id", again)]).unwrap_err().to_string();
        assert!(
            error.contains(&format!("track.id is \"{id}\"")) && error.contains("leave it out"),
            "{error}"
        );

        record.values[1] = "Équinoxe".into();
        record.compute_id();
        assert_ne!(record.key_text().unwrap(), id);
        assert_eq!(record.refusal(), None);
        for empty in [" \u{a0}".into(), Value::Null] {
            record.values[1] = empty;
            assert_eq!(record.refusal().as_deref(), Some("track.title is empty, and it is a part of the id"));
        }
    }

    #[test]
    fn a_key_must_fit_into_an_index() {
        let offer = |is_in_table: bool, bytes: usize| {
            let offer = offer(&["shop", "size"]).to_builder();
            let item_type = if is_in_table { offer.with_table("offers") } else { offer }.build().unwrap();
            // The number counts too.
            let shop = "é".repeat(bytes / 2);
            ItemRecord { item_type, values: vec![shop.as_str().into(), Value::Decimal(1.into())] }.refusal()
        };
        assert_eq!(offer(true, MAX_KEY_BYTES - 24), None);
        let refused = offer(true, MAX_KEY_BYTES).unwrap();
        assert_eq!(refused, "offer.shop, size is a key of 2624 bytes, and a table's key may have 2600");
        assert_eq!(offer(false, 100_000), None);
    }

    #[test]
    fn a_number_that_does_not_fit_its_column_is_refused_and_never_wraps() {
        #[derive(crate::Item)]
        struct Video {
            views: u64,
            smallest: i8,
            pages: usize,
        }
        let refusal = |views| Video { views, smallest: i8::MIN, pages: 3 }.into_record().refusal();
        assert_eq!(refusal(9_223_372_036_854_775_807), None);
        assert_eq!(
            refusal(9_223_372_036_854_775_808).as_deref(),
            Some("video.views is 9223372036854775808, which does not fit the column type bigint")
        );
        let mut record = Video { views: 1, smallest: -1, pages: 1 }.into_record();
        assert_eq!(record.values, [Value::Int(1), Value::Int(-1), Value::Int(1)]);
        // An item pipeline may have changed it.
        record.values[1] = Value::Int(32_768);
        let expected = "video.smallest is 32768, which does not fit the column type smallint";
        assert_eq!(record.refusal().as_deref(), Some(expected));
    }
}
