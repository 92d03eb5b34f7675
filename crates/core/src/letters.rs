//! Dead letters on their way back: they are read from the store, and applied after the cause of the refusal is fixed.
//!
//! The transaction that stores a letter's item also removes the letter. So a letter is applied once, no matter how often and by
//! whom it is retried.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value as Json;

use crate::outcome::DeadLetter;
use dragline_spider::fingerprint::Fingerprint;
use dragline_spider::item::ItemRecord;
use dragline_spider::item_type::ItemType;
use dragline_spider::relations::ID;
use dragline_spider::value::Value;

/// The error codes for a row whose parent is missing: Postgres' SQLSTATE, and the extended code of `SQLite`. This is the
/// only refusal that may resolve itself, because the parent may come later.
pub const MISSING_PARENT: [&str; 2] = ["23503", "787"];

/// Which letters to read, oldest first.
#[derive(Clone, Debug, Default)]
pub struct LetterAsk {
    /// Only letters of this run.
    pub run_id: Option<i64>,
    /// Only letters of this page. Pages of several runs may have the same fingerprint.
    pub fingerprint: Option<Fingerprint>,
    /// Only these letters.
    pub letter_ids: Option<Vec<i64>>,
    /// Only letters with one of these error codes.
    pub sqlstates: Option<Vec<String>>,
    /// Only letters after this one.
    pub after: i64,
    /// How many letters at most.
    pub limit: usize,
}

/// A letter as the store keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredLetter {
    /// Its number. Later letters have higher numbers.
    pub letter_id: i64,
    /// Its run.
    pub run_id: i64,
    /// The run's name. Empty if somebody deleted the run.
    pub run_name: String,
    /// The run's spider. Empty if somebody deleted the run.
    pub spider: String,
    /// Its page.
    pub fingerprint: Fingerprint,
    /// Where the page was.
    pub url: String,
    /// The page's tag. Empty if somebody deleted the page's request.
    pub tag: String,
    /// The page's depth. 0 if somebody deleted the page's request.
    pub depth: u32,
    /// The letter itself.
    pub letter: DeadLetter,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}

/// Letters of one page, as items again.
#[derive(Clone, Debug)]
pub struct LetterRetry {
    /// The run of the page.
    pub run_id: i64,
    /// The epoch to check, if the process that owns the run retries. A person's retry touches nothing that the run's
    /// process works on, so it needs no check.
    pub epoch: Option<i64>,
    /// The run's spider.
    pub spider: Arc<str>,
    /// The page.
    pub fingerprint: Fingerprint,
    /// Where it was.
    pub url: String,
    /// The items, each with the number of its letter.
    pub letters: Vec<(i64, ItemRecord)>,
}

/// The result of a [`LetterRetry`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetterReceipt {
    /// Letters that are items now. Somebody else has applied the others.
    pub applied: Vec<i64>,
    /// Whether the dead page is done now, because it has no letters left.
    pub page_done: bool,
}

/// Whether this code says that a parent is missing.
pub fn is_missing_parent(sqlstate: Option<&str>) -> bool {
    sqlstate.is_some_and(|code| MISSING_PARENT.contains(&code))
}

impl StoredLetter {
    /// The letter's item, with its type as it is now.
    ///
    /// # Errors
    /// The reason why the payload does not fit the type.
    pub fn record(&self, types: &[ItemType]) -> Result<ItemRecord, String> {
        if self.letter.is_shortened() {
            return Err("the letter holds only the beginning of the item, which was too large; \
                        crawl the page again with a larger limit (--max-item, --max-field)"
                .to_owned());
        }
        let name = &self.letter.item_type;
        let item = types.iter().find(|item| item.name() == *name);
        let item = item.ok_or_else(|| format!("the spider {} has no item type {name:?}", self.spider))?;
        record_of(item, &self.letter.payload)
    }

    /// Whether the payload has U+FFFD in place of a NUL character. It then differs from what the spider found, so a person
    /// must decide whether to apply it.
    pub fn has_lost_nul(&self) -> bool {
        self.letter.error.contains("with a NUL character")
            && self.letter.payload.to_string().contains('\u{fffd}')
    }
}

/// The record of a payload. Nothing is left out, and nothing is guessed.
pub(crate) fn record_of(item: &ItemType, payload: &Json) -> Result<ItemRecord, String> {
    let Json::Object(fields) = payload else { return Err("its payload is no object".to_owned()) };
    let mut fields: BTreeMap<&str, &Json> =
        fields.iter().map(|(name, value)| (name.as_str(), value)).collect();
    let mut values = Vec::with_capacity(item.columns().len());
    for column in item.columns() {
        let place = format!("{}.{}", item.name(), column.name);
        let found = fields.remove(column.name.as_str());
        let value = match found {
            // The id is computed. A letter does not have it if the type got its id later.
            None if item.has_id() && column.name == ID => Some(Value::Null),
            None | Some(Json::Null) if column.nullable => Some(Value::Null),
            None => return Err(format!("its payload has no {place}, which may not be null")),
            Some(json) => Value::from_json(column.kind, json),
        };
        values.push(value.ok_or_else(|| format!("its {place} is not a {}", column.kind))?);
    }
    match fields.into_iter().find(|(_, value)| !value.is_null()) {
        Some((name, _)) => Err(format!("the item type {} has no column {name:?} any more", item.name())),
        None => {
            let mut record = ItemRecord { item_type: item.clone(), values };
            record.compute_id();
            Ok(record)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_spider::item_type::ColumnType;
    use serde_json::json;

    fn offer() -> ItemType {
        ItemType::builder("offer")
            .with_table("offers")
            .with_column("shop", ColumnType::Text)
            .with_nullable_column("small", ColumnType::SmallInt)
            .with_nullable_column("whole", ColumnType::Integer)
            .with_nullable_column("big", ColumnType::BigInt)
            .with_nullable_column("single", ColumnType::Real)
            .with_nullable_column("double", ColumnType::Double)
            .with_nullable_column("truth", ColumnType::Boolean)
            .with_nullable_column("price", ColumnType::Numeric)
            .with_nullable_column("day", ColumnType::Date)
            .with_nullable_column("seen", ColumnType::Timestamp)
            .with_nullable_column("tags", ColumnType::TextList)
            .with_nullable_column("more", ColumnType::Json)
            .with_key(["shop"])
            .build()
            .unwrap()
    }

    fn of(payload: &Json) -> Result<ItemRecord, String> {
        record_of(&offer(), payload)
    }

    #[test]
    fn every_type_comes_back_exactly() {
        for values in [
            vec![
                Value::from("corner"),
                Value::Int(i16::MIN.into()),
                Value::Int(i32::MAX.into()),
                Value::Int(i64::MIN),
                Value::Float(0.1),
                Value::Float(f64::MAX),
                Value::Bool(true),
                Value::Decimal("-51.770".parse().unwrap()),
                Value::Date("1583-01-01".parse().unwrap()),
                Value::Timestamp("2026-03-29T01:30:00.123456Z".parse().unwrap()),
                Value::TextList(vec!["a".to_owned(), String::new()]),
                Value::Json(json!({"nested": [1, 2.5, null]})),
            ],
            std::iter::once(Value::from(""))
                .chain(std::iter::repeat_n(Value::Null, offer().columns().len() - 1))
                .collect(),
        ] {
            let record = ItemRecord { item_type: offer(), values };
            assert_eq!(of(&Json::Object(record.to_json())), Ok(record));
        }
    }

    #[test]
    fn what_does_not_fit_is_told() {
        for (payload, problem) in [
            (json!([]), "its payload is no object"),
            (json!({}), "its payload has no offer.shop, which may not be null"),
            (json!({"shop": null}), "its offer.shop is not a text"),
            (json!({"shop": 1}), "its offer.shop is not a text"),
            (json!({"shop": "a", "small": 32_768}), "its offer.small is not a smallint"),
            (json!({"shop": "a", "whole": 1.5}), "its offer.whole is not a integer"),
            (json!({"shop": "a", "double": "NaN"}), "its offer.double is not a double precision"),
            (json!({"shop": "a", "price": "cheap"}), "its offer.price is not a numeric"),
            (json!({"shop": "a", "day": "2026-02-30"}), "its offer.day is not a date"),
            (json!({"shop": "a", "tags": ["a", 1]}), "its offer.tags is not a text[]"),
            (json!({"shop": "a", "colour": "red"}), "the item type offer has no column \"colour\" any more"),
        ] {
            assert_eq!(of(&payload), Err(problem.to_owned()), "{payload}");
        }
        assert!(of(&json!({"shop": "a", "colour": null})).is_ok(), "nothing is lost with it");
    }
}
