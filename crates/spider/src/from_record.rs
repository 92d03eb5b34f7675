//! The way back from a record to the struct that it was made from.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use url::Url;
use uuid::Uuid;

use crate::item::{Item, ItemRecord, RecordError};
use crate::value::Value;

/// An item type whose records can become structs again. `#[derive(Item)]` implements it.
///
/// Every field must own its value: a struct with a `&'static str` cannot be read back. A `json` field needs
/// `serde::Deserialize`, and a `skip` field needs `Default`.
pub trait FromRecord: Item + Sized {
    /// The struct with the values of `record`.
    ///
    /// # Errors
    /// [`RecordError`] if the record is of another type, or holds a value that its field cannot hold.
    fn from_record(record: &ItemRecord) -> Result<Self, RecordError>;
}

/// A type that a value of an item can become.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read back from an item's record",
    note = "fields that can be read back own their value: String instead of &str"
)]
pub trait FromValue: Sized {
    /// The value, if this type can hold it.
    fn from_value(value: &Value) -> Option<Self>;
}

/// A type that serde can read from a `json` field. It is implemented for every type that serde can read.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read back from JSON",
    note = "a field with #[item(json)] needs `#[derive(serde::Deserialize)]` to be read back from an item's record"
)]
pub trait FromJson: Sized {
    /// The value, if this type can hold it.
    fn from_json(value: &Value) -> Option<Self>;
}

impl<T: DeserializeOwned> FromJson for T {
    fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::Json(json) => T::deserialize(json).ok(),
            Value::Null => T::deserialize(&Json::Null).ok(),
            _ => None,
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

macro_rules! from_value {
    ($($rust:ty: $pattern:pat => $value:expr;)+) => {$(
        impl FromValue for $rust {
            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    $pattern => $value,
                    _ => None,
                }
            }
        }
    )+};
}

from_value! {
    String: Value::Text(text) => Some(text.clone());
    Url: Value::Text(text) => text.parse().ok();
    i8: Value::Int(number) => (*number).try_into().ok();
    i16: Value::Int(number) => (*number).try_into().ok();
    i32: Value::Int(number) => (*number).try_into().ok();
    i64: Value::Int(number) => Some(*number);
    u8: Value::Int(number) => (*number).try_into().ok();
    u16: Value::Int(number) => (*number).try_into().ok();
    u32: Value::Int(number) => (*number).try_into().ok();
    u64: Value::Int(number) => (*number).try_into().ok();
    usize: Value::Int(number) => (*number).try_into().ok();
    isize: Value::Int(number) => (*number).try_into().ok();
    // This goes through the shortest text, because the value was made from that text.
    f32: Value::Float(number) => number.to_string().parse().ok();
    f64: Value::Float(number) => Some(*number);
    bool: Value::Bool(truth) => Some(*truth);
    Decimal: Value::Decimal(number) => Some(*number);
    NaiveDate: Value::Date(date) => Some(*date);
    DateTime<Utc>: Value::Timestamp(moment) => Some(*moment);
    Vec<String>: Value::TextList(texts) => Some(texts.clone());
    Uuid: Value::Uuid(id) => Some(*id);
    Json: Value::Json(json) => Some(json.clone());
}

/// Reads the values of a record, field by field. The derive uses it.
#[doc(hidden)]
#[derive(Debug)]
pub struct RecordFields<'a> {
    record: &'a ItemRecord,
    next: usize,
}

impl<'a> RecordFields<'a> {
    /// The fields of a record of type `T`.
    ///
    /// # Errors
    /// [`RecordError::OtherType`] if the record has another type.
    pub fn of<T: Item>(record: &'a ItemRecord) -> Result<Self, RecordError> {
        let expected = T::item_type();
        if record.item_type == expected && record.values.len() == expected.columns().len() {
            // A struct has no field for the id.
            let next = usize::from(expected.has_id());
            return Ok(Self { record, next });
        }
        let (item, expected) = (record.item_type.name().to_owned(), expected.name().to_owned());
        Err(RecordError::OtherType { item, expected })
    }

    /// The next value.
    ///
    /// # Errors
    /// [`RecordError`] if the field cannot hold it.
    pub fn value<T: FromValue>(&mut self) -> Result<T, RecordError> {
        self.read(T::from_value)
    }

    /// The next value, of a field with `#[item(json)]`.
    ///
    /// # Errors
    /// [`RecordError`] if the field cannot hold it.
    pub fn json<T: FromJson>(&mut self) -> Result<T, RecordError> {
        self.read(T::from_json)
    }

    fn read<T>(&mut self, from: impl FnOnce(&Value) -> Option<T>) -> Result<T, RecordError> {
        let at = self.next;
        self.next += 1;
        // `of` has compared the number of values with that of the columns, and the derive asks for no more.
        let value = self.record.values.get(at).unwrap_or(&Value::Null);
        from(value).ok_or_else(|| misfit(self.record, at, value))
    }
}

fn misfit(record: &ItemRecord, at: usize, value: &Value) -> RecordError {
    let item = record.item_type.name().to_owned();
    let column = record.item_type.columns().get(at).map(|column| column.name.clone()).unwrap_or_default();
    match value {
        Value::Null => RecordError::Missing { item, column },
        value => RecordError::Misfit { item, column, value: value.to_json().to_string() },
    }
}

#[cfg(test)]
mod tests;
