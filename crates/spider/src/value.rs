//! The values that an item's fields may have, and the column type for each Rust type.

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use serde_json::Value as Json;
use url::Url;
use uuid::Uuid;

use crate::item_type::ColumnType;
use crate::key::ParentKey;
use crate::pattern::shortened;

/// The years that dates and times may have. Postgres, `SQLite` and the texts of ISO 8601 agree on these.
const YEARS: std::ops::RangeInclusive<i32> = 1..=9999;
/// How deeply JSON may be nested. A reader of JSON usually gives up at 128, and a row adds levels of its own.
const MAX_JSON_DEPTH: usize = 120;

/// One field of one item.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// An absent `Option`.
    Null,
    /// Text.
    Text(String),
    /// Any integer.
    Int(i64),
    /// A float. The store refuses it unless it is finite.
    Float(f64),
    /// A boolean.
    Bool(bool),
    /// An exact decimal.
    Decimal(Decimal),
    /// A date.
    Date(NaiveDate),
    /// A time, in UTC.
    Timestamp(DateTime<Utc>),
    /// A list of texts.
    TextList(Vec<String>),
    /// A UUID.
    Uuid(Uuid),
    /// Anything else.
    Json(Json),
}

impl Value {
    /// A `#[item(json)]` field, as serde writes it.
    ///
    /// # Panics
    /// If serde cannot write it as JSON, for example a map whose keys are not strings. The panic fails the page: a mistake in the
    /// field's type must not silently leave incomplete rows.
    pub fn serialized(column: &str, value: &impl Serialize) -> Self {
        match serde_json::to_value(value) {
            Ok(json) => Self::Json(json),
            Err(error) => panic!("the field of the column {column:?} cannot be written as JSON: {error}"),
        }
    }

    /// The value as JSON, for `crawl_items`, dead letters and exports. Decimals, dates and timestamps become text, so that nothing
    /// is rounded. NaN and infinities become their names.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Text(text) => Json::from(text.as_str()),
            Self::Int(number) => Json::from(*number),
            Self::Float(number) if number.is_finite() => Json::from(unsigned_zero(*number)),
            Self::Float(number) => Json::from(number.to_string()),
            Self::Bool(truth) => Json::from(*truth),
            Self::Decimal(number) => Json::from(decimal_text(number)),
            Self::Date(date) => Json::from(date.to_string()),
            Self::Timestamp(moment) => Json::from(timestamp_text(moment)),
            Self::TextList(texts) => Json::from(texts.as_slice()),
            Self::Uuid(id) => Json::from(id.to_string()),
            Self::Json(json) => json.clone(),
        }
    }

    /// [`Value::to_json`] without a copy.
    pub fn into_json(self) -> Json {
        match self {
            Self::Text(text) => Json::String(text),
            Self::TextList(texts) => Json::from(texts),
            Self::Json(json) => json,
            other => other.to_json(),
        }
    }

    /// The value as an error shows it.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Decimal(number) => number.to_string(),
            other => shortened(&other.to_json().to_string()).into_owned(),
        }
    }

    /// Whether a column of this type can hold the value. For Null, this is always false.
    pub fn is_of(&self, kind: ColumnType) -> bool {
        match (self, kind) {
            (Self::Int(number), ColumnType::SmallInt) => i16::try_from(*number).is_ok(),
            (Self::Int(number), ColumnType::Integer) => i32::try_from(*number).is_ok(),
            (Self::Float(number), ColumnType::Real) => fits_real(*number),
            (Self::Text(_), ColumnType::Text)
            | (Self::Int(_), ColumnType::BigInt)
            | (Self::Float(_), ColumnType::Double)
            | (Self::Bool(_), ColumnType::Boolean)
            | (Self::Decimal(_), ColumnType::Numeric)
            | (Self::Date(_), ColumnType::Date)
            | (Self::Timestamp(_), ColumnType::Timestamp)
            | (Self::TextList(_), ColumnType::TextList)
            | (Self::Uuid(_), ColumnType::Uuid)
            | (Self::Json(_), ColumnType::Json) => true,
            _ => false,
        }
    }

    /// The value that [`Value::to_json`] wrote, if a column of this type can hold it. Null always gives `None`, because the column
    /// decides whether it may be null.
    pub fn from_json(kind: ColumnType, json: &Json) -> Option<Self> {
        let whole = |range: std::ops::RangeInclusive<i64>| {
            json.as_i64().filter(|number| range.contains(number)).map(Self::Int)
        };
        match kind {
            ColumnType::Text => json.as_str().map(Self::from),
            ColumnType::SmallInt => whole(i16::MIN.into()..=i16::MAX.into()),
            ColumnType::Integer => whole(i32::MIN.into()..=i32::MAX.into()),
            ColumnType::BigInt => whole(i64::MIN..=i64::MAX),
            ColumnType::Real | ColumnType::Double => json.as_f64().map(Self::Float),
            ColumnType::Boolean => json.as_bool().map(Self::Bool),
            ColumnType::Numeric => match json {
                Json::String(text) => Decimal::from_str_exact(text).ok().map(Self::Decimal),
                _ => json.as_i64().map(|number| Self::Decimal(number.into())),
            },
            ColumnType::Date => json.as_str()?.parse().ok().map(Self::Date),
            ColumnType::Timestamp => json.as_str()?.parse().ok().map(Self::Timestamp),
            ColumnType::TextList => {
                let texts = json.as_array()?.iter().map(|text| text.as_str().map(str::to_owned));
                texts.collect::<Option<_>>().map(Self::TextList)
            }
            ColumnType::Uuid => json.as_str()?.parse().ok().map(Self::Uuid),
            ColumnType::Json => Some(Self::Json(json.clone())),
        }
    }

    /// The value as a part of a key. Equal decimals (1.5 and 1.50) are written alike.
    pub fn to_key(&self) -> Json {
        match self {
            Self::Decimal(number) => Json::from(number.normalize().to_string()),
            other => other.to_json(),
        }
    }

    /// Why the stores refuse this value, or `None` if they accept it. Both stores refuse the same values.
    pub fn refusal(&self) -> Option<&'static str> {
        match self {
            Self::Float(number) if !number.is_finite() => Some("a float that is not finite"),
            Self::Text(text) if text.contains('\0') => Some("text with a NUL character"),
            Self::TextList(texts) if texts.iter().any(|text| text.contains('\0')) => {
                Some("text with a NUL character")
            }
            Self::Json(json) if is_deeper(json, MAX_JSON_DEPTH) => {
                Some("JSON that is nested more than 120 deep")
            }
            Self::Json(json) if json_has_nul(json) => Some("JSON with a NUL character"),
            Self::Date(date) if !YEARS.contains(&date.year()) => {
                Some("a date outside of the years 1 to 9999")
            }
            Self::Timestamp(moment) if !YEARS.contains(&without_leap(moment).year()) => {
                Some("a time outside of the years 1 to 9999")
            }
            _ => None,
        }
    }

    /// At most how many bytes it has in an index.
    pub(crate) fn index_size(&self) -> usize {
        /// The largest of the other types, a decimal with its overhead.
        const NUMBER: usize = 24;
        match self {
            Self::Text(text) => text.len(),
            Self::TextList(texts) => NUMBER + texts.iter().map(|text| text.len() + NUMBER).sum::<usize>(),
            Self::Json(json) => json_size(json),
            _ => NUMBER,
        }
    }

    /// About how much memory it holds.
    pub fn size(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Text(text) => text.len(),
                Self::TextList(texts) => texts.iter().map(|text| text.len() + size_of::<String>()).sum(),
                Self::Json(json) => json_size(json),
                _ => 0,
            }
    }
}

/// The same as [`Value::to_json`], without a copy.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::Float(number) if number.is_finite() => serializer.serialize_f64(unsigned_zero(*number)),
            Self::Float(number) => serializer.collect_str(number),
            Self::Bool(truth) => serializer.serialize_bool(*truth),
            Self::Decimal(number) => serializer.serialize_str(&decimal_text(number)),
            Self::Date(date) => serializer.collect_str(date),
            Self::Timestamp(moment) => serializer.serialize_str(&timestamp_text(moment)),
            Self::TextList(texts) => texts.serialize(serializer),
            Self::Uuid(id) => serializer.collect_str(id),
            Self::Json(json) => json.serialize(serializer),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A time as every store and export writes it: RFC 3339, UTC, microseconds. A leap second is the second after it, as for
/// Postgres.
pub fn timestamp_text(moment: &DateTime<Utc>) -> String {
    without_leap(moment).to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// A decimal as every store and export writes it. Postgres knows no negative zero.
pub fn decimal_text(number: &Decimal) -> String {
    if number.is_zero() { number.abs().to_string() } else { number.to_string() }
}

/// A float as every store writes it. `SQLite` and JSON in Postgres know no negative zero.
pub fn unsigned_zero(number: f64) -> f64 {
    number + 0.0
}

fn without_leap(moment: &DateTime<Utc>) -> DateTime<Utc> {
    let nanoseconds = moment.timestamp_subsec_nanos();
    match nanoseconds.checked_sub(1_000_000_000) {
        Some(rest) => DateTime::from_timestamp(moment.timestamp() + 1, rest).unwrap_or(*moment),
        None => *moment,
    }
}

/// Whether a `real` holds the number: it is neither too large, nor so small that it would become zero.
#[allow(clippy::cast_possible_truncation)] // this is the question
fn fits_real(number: f64) -> bool {
    let single = number as f32;
    !number.is_finite() || (single.is_finite() && (single != 0.0 || number == 0.0))
}

/// Whether JSON is nested more than `depth` deep. It looks no deeper than that.
fn is_deeper(json: &Json, depth: usize) -> bool {
    match json {
        Json::Array(_) | Json::Object(_) if depth == 0 => true,
        Json::Array(list) => list.iter().any(|it| is_deeper(it, depth - 1)),
        Json::Object(map) => map.values().any(|it| is_deeper(it, depth - 1)),
        _ => false,
    }
}

/// Whether a text anywhere in `json` holds a NUL character, which Postgres cannot store.
pub fn json_has_nul(json: &Json) -> bool {
    match json {
        Json::String(text) => text.contains('\0'),
        Json::Array(list) => list.iter().any(json_has_nul),
        Json::Object(map) => map.iter().any(|(name, value)| name.contains('\0') || json_has_nul(value)),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

/// About how much memory `json` holds.
pub fn json_size(json: &Json) -> usize {
    size_of::<Json>()
        + match json {
            Json::String(text) => text.len(),
            Json::Array(list) => list.iter().map(json_size).sum(),
            Json::Object(map) => map.iter().map(|(name, value)| name.len() + 32 + json_size(value)).sum(),
            Json::Null | Json::Bool(_) | Json::Number(_) => 0,
        }
}

/// A Rust type that can be an item's field.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of an item",
    note = "fields are String, Url, i8 to i64, u8 to u64, isize, usize, f32, f64, bool, Decimal, NaiveDate, DateTime<Utc>, Uuid, Vec<String>, Json, the Key of an item type with an id, or an Option of these; mark any other field that serde can serialize with #[item(json)]"
)]
pub trait Field {
    /// The column that it is stored in.
    const TYPE: ColumnType;
    /// Whether it may be absent.
    const NULLABLE: bool = false;
    /// The key that it refers to, for the key of another item.
    #[doc(hidden)]
    const PARENT: Option<ParentKey> = None;
    /// The value itself.
    fn into_value(self) -> Value;
}

impl<T: Field> Field for Option<T> {
    const TYPE: ColumnType = T::TYPE;
    const NULLABLE: bool = true;
    const PARENT: Option<ParentKey> = T::PARENT;
    fn into_value(self) -> Value {
        self.map_or(Value::Null, Field::into_value)
    }
}

macro_rules! field {
    ($($rust:ty, $column:ident, $self:ident => $value:expr;)+) => {$(
        impl Field for $rust {
            const TYPE: ColumnType = ColumnType::$column;
            fn into_value($self) -> Value {
                $value
            }
        }
    )+};
}

field! {
    String, Text, self => Value::Text(self);
    &str, Text, self => Value::Text(self.to_owned());
    Url, Text, self => Value::Text(self.into());
    i8, SmallInt, self => Value::Int(self.into());
    i16, SmallInt, self => Value::Int(self.into());
    u8, SmallInt, self => Value::Int(self.into());
    i32, Integer, self => Value::Int(self.into());
    u16, Integer, self => Value::Int(self.into());
    i64, BigInt, self => Value::Int(self);
    u32, BigInt, self => Value::Int(self.into());
    // A number that is too large for the column keeps its value, and the stores refuse it: see `ItemRecord::refusal`.
    u64, BigInt, self => i64::try_from(self).map_or_else(|_| Value::Decimal(self.into()), Value::Int);
    isize, BigInt, self => i64::try_from(self).map_or_else(|_| Value::Decimal(self.into()), Value::Int);
    usize, BigInt, self => i64::try_from(self).map_or_else(|_| Value::Decimal(self.into()), Value::Int);
    // The detour through the shortest text keeps 0.1 as 0.1 in JSON. Otherwise it would become 0.10000000149011612.
    f32, Real, self => Value::Float(self.to_string().parse().unwrap_or_else(|_| self.into()));
    f64, Double, self => Value::Float(self);
    bool, Boolean, self => Value::Bool(self);
    Decimal, Numeric, self => Value::Decimal(self);
    NaiveDate, Date, self => Value::Date(self);
    DateTime<Utc>, Timestamp, self => Value::Timestamp(self);
    Vec<String>, TextList, self => Value::TextList(self);
    Uuid, Uuid, self => Value::Uuid(self);
    Json, Json, self => Value::Json(self);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_store_takes_is_named() {
        assert!(Value::Float(f64::NAN).refusal().is_some());
        assert!(Value::Float(f64::NEG_INFINITY).refusal().is_some());
        assert!(Value::Text("a\0b".into()).refusal().is_some());
        assert!(Value::TextList(vec!["ok".into(), "\0".into()]).refusal().is_some());
        assert!(Value::Json(serde_json::json!({"a": ["\0"]})).refusal().is_some());
        assert!(Value::Float(1.5).refusal().is_none());
    }

    #[test]
    fn dates_have_years_that_every_store_knows() {
        let date = |text: &str| Value::Date(text.parse().unwrap()).refusal();
        let time = |text: &str| Value::Timestamp(text.parse().unwrap()).refusal();
        for text in ["0001-01-01", "2024-02-29", "9999-12-31"] {
            assert_eq!(date(text), None, "{text}");
            assert_eq!(time(&format!("{text}T23:59:59.999999999Z")), None, "{text}");
        }
        for text in ["0000-12-31", "-0044-03-15", "+10000-01-01", "+262000-01-01"] {
            assert_eq!(date(text), Some("a date outside of the years 1 to 9999"), "{text}");
            assert_eq!(
                time(&format!("{text}T00:00:00Z")),
                Some("a time outside of the years 1 to 9999"),
                "{text}"
            );
        }
        assert!(time("9999-12-31T23:59:60Z").is_some(), "a leap second counts as the second after it");
        assert!(time("0001-01-01T00:30:00+01:00").is_some(), "the year in UTC counts");
    }

    #[test]
    fn json_is_not_nested_without_end() {
        let nested = |depth| (0..depth).fold(Json::Null, |inner, _| Json::Array(vec![inner]));
        assert_eq!(Value::Json(nested(MAX_JSON_DEPTH)).refusal(), None);
        let refused = Value::Json(nested(MAX_JSON_DEPTH + 1)).refusal().unwrap();
        assert!(refused.contains(&MAX_JSON_DEPTH.to_string()), "{refused}");
    }

    #[test]
    fn values_that_databases_would_change_are_written_as_they_would_be_kept() {
        assert_eq!(timestamp_text(&"2024-02-29T23:59:60.5Z".parse().unwrap()), "2024-03-01T00:00:00.500000Z");
        assert_eq!(decimal_text(&-Decimal::new(0, 1)), "0.0");
        assert_eq!(decimal_text(&Decimal::new(-50, 2)), "-0.50");
        assert_eq!(Value::Float(-0.0).to_json().to_string(), "0.0");
        assert_eq!(serde_json::to_string(&Value::Float(-0.0)).unwrap(), "0.0");
    }

    #[test]
    fn a_real_holds_what_single_precision_holds() {
        for (number, fits) in
            [(0.0, true), (-1.5, true), (3.4e38, true), (1e39, false), (1e-45, true), (1e-46, false)]
        {
            assert_eq!(Value::Float(number).is_of(ColumnType::Real), fits, "{number}");
            assert!(Value::Float(number).is_of(ColumnType::Double), "{number}");
        }
    }

    #[test]
    fn json_rounds_nothing() {
        assert_eq!(Value::Decimal("51.770".parse().unwrap()).to_json(), "51.770");
        assert_eq!(Some(3_i32).into_value(), Value::Int(3));
        assert_eq!(None::<String>.into_value(), Value::Null);
        assert_eq!(Value::Float(f64::INFINITY).to_json(), "inf");
        assert_eq!(0.1_f32.into_value(), Value::Float(0.1));
        assert!(f32::NAN.into_value().refusal().is_some());
    }

    #[test]
    fn a_value_is_written_as_the_json_that_it_is() {
        let moment = "2026-01-02T03:04:05.6Z".parse().unwrap();
        for value in [
            Value::Null,
            Value::from("a \"b\"\n\u{1}é"),
            Value::Int(i64::MIN),
            Value::Float(0.1),
            Value::Float(1e300),
            Value::Float(f64::NAN),
            Value::Float(f64::NEG_INFINITY),
            Value::Bool(true),
            Value::Decimal("51.770".parse().unwrap()),
            Value::Date("2026-01-02".parse().unwrap()),
            Value::Timestamp(moment),
            Value::TextList(vec!["a".into(), String::new()]),
            Value::Uuid(Uuid::NAMESPACE_URL),
            Value::Json(serde_json::json!({"b": [1, null], "a": 2.5})),
        ] {
            assert_eq!(serde_json::to_string(&value).unwrap(), value.to_json().to_string());
        }
    }
}
