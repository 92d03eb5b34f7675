//! Which item rows a run has seen.
//!
//! A run writes its id into every row that it stores. An incremental run does not write a row that is as it was. Such a row
//! belongs to the run as well if one of its pages was visited by the run. The last run that saw a row counts.

use std::str::FromStr;

use dragline_core::{Column, ColumnType, ItemType};
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row};
use rust_decimal::Decimal;
use serde_json::Value as Json;

use super::fault::Fault;
use crate::identifier::quoted;
use crate::key_digest::{self, KeyDigest};

/// The SQL function that gives the digest of a row's key. Its first argument has a letter for the type of each column, and the
/// columns follow.
const ROW_DIGEST: &str = "dragline_row_digest";

/// The spider of run `?1`.
const SPIDER: &str = "(SELECT spider FROM crawl_runs WHERE run_id = ?1)";

/// The keys that were on the pages of run `?1`.
const KEYS: &str = "FROM crawl_page_visits visit JOIN crawl_page_items of_page USING (spider, fingerprint)
    WHERE visit.run_id = ?1 AND visit.spider = (SELECT spider FROM crawl_runs WHERE run_id = ?1)";

/// Finds the rows of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct SeenBy {
    is_incremental: bool,
}

impl SeenBy {
    /// Rows of this run.
    pub(super) fn run(connection: &Connection, run_id: i64) -> Result<Self, Fault> {
        let flag =
            connection.query_row("SELECT incremental FROM crawl_runs WHERE run_id = ?1", [run_id], |row| {
                row.get::<_, bool>(0)
            });
        Ok(Self { is_incremental: flag.optional()?.unwrap_or_default() })
    }

    /// The table and the condition for the rows of an item type that run `?1` has seen: `FROM …`. For a type without a table of its
    /// own, `?2` is its name.
    pub(super) fn rows(self, item: &ItemType) -> String {
        match item.table() {
            Some(table) => {
                let name = item.name().replace('\'', "''");
                let also = match digest_of_key(item) {
                    Some(digest) if self.is_incremental => format!(
                        " OR {digest} IN (SELECT of_page.key_digest {KEYS} AND of_page.item_type = '{name}')"
                    ),
                    _ => String::new(),
                };
                format!("FROM {} WHERE (run_id = ?1{also})", quoted(table))
            }
            None => {
                let also = if self.is_incremental {
                    format!(
                        " OR (spider = {SPIDER}
                             AND key_digest IN (SELECT of_page.key_digest {KEYS} AND of_page.item_type = ?2))"
                    )
                } else {
                    String::new()
                };
                format!("FROM crawl_items WHERE item_type = ?2 AND (run_id = ?1{also})")
            }
        }
    }

    /// Counts the rows in `crawl_items` that run `?1` has seen, by type.
    pub(super) fn shared_counts(self) -> String {
        let also = if self.is_incremental {
            format!(
                " OR (spider = {SPIDER}
                     AND (item_type, key_digest) IN (SELECT of_page.item_type, of_page.key_digest {KEYS}))"
            )
        } else {
            String::new()
        };
        format!(
            "SELECT item_type, count(*) AS rows FROM crawl_items WHERE run_id = ?1{also} GROUP BY item_type"
        )
    }
}

/// Makes the function known to a connection.
pub(super) fn register(connection: &Connection) -> Result<(), Fault> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection
        .create_scalar_function(ROW_DIGEST, -1, flags, |context| Ok(row_digest(context).map(Vec::from)))?;
    Ok(())
}

/// The call that gives the digest of a row's key, as [`key_digest::of_key`] computes it from the item. `None` for a type without a
/// key.
pub(super) fn digest_of_key(item: &ItemType) -> Option<String> {
    let columns: Vec<&Column> =
        item.key().iter().filter_map(|name| Some(&item.columns()[item.position(name)?])).collect();
    if columns.is_empty() {
        return None;
    }
    let letters: String = columns.iter().map(|column| letter(column.kind)).collect();
    let names: Vec<String> = columns.iter().map(|column| quoted(&column.name)).collect();
    Some(format!("{ROW_DIGEST}('{letters}', {})", names.join(", ")))
}

/// The letter for a column that holds text.
const TEXT: char = 't';
const BOOLEAN: char = 'b';
const NUMERIC: char = 'n';
/// Its key has the text or the number that the column holds.
const OTHER: char = 'o';

fn letter(kind: ColumnType) -> char {
    match kind {
        ColumnType::Text | ColumnType::Uuid => TEXT,
        ColumnType::Boolean => BOOLEAN,
        ColumnType::Numeric => NUMERIC,
        _ => OTHER,
    }
}

/// `None` for a row that holds something that no item has.
fn row_digest(context: &Context<'_>) -> Option<KeyDigest> {
    let letters = context.get_raw(0).as_str().ok()?;
    let values = letters.chars().enumerate().map(|(at, letter)| (letter, context.get_raw(at + 1)));
    key_text(values).map(|key| key_digest::of_key(&key))
}

/// The key of a row that has the item's columns, as the item has it. `None` for a row that holds something that no item has.
pub(super) fn row_key(item: &ItemType, row: &Row<'_>) -> Option<String> {
    let columns = item.key().iter().map(|name| item.position(name));
    let columns: Vec<usize> = columns.collect::<Option<_>>()?;
    let values = columns.iter().map(|at| Some((letter(item.columns()[*at].kind), row.get_ref(*at).ok()?)));
    key_text(values.collect::<Option<Vec<_>>>()?)
}

/// The key that these values make, each with the letter of its column.
fn key_text<'a>(values: impl IntoIterator<Item = (char, ValueRef<'a>)>) -> Option<String> {
    let mut is_text = false;
    let parts = values.into_iter().map(|(letter, value)| {
        is_text = letter == TEXT;
        key_part(letter, value)
    });
    let parts: Vec<Json> = parts.collect::<Option<_>>()?;
    Some(match parts.as_slice() {
        [Json::String(text)] if is_text => text.clone(),
        [part] => part.to_string(),
        _ => Json::Array(parts).to_string(),
    })
}

/// A column of a key as [`Value::to_key`](dragline_core::Value::to_key) writes it.
fn key_part(letter: char, value: ValueRef<'_>) -> Option<Json> {
    match (letter, value) {
        (BOOLEAN, ValueRef::Integer(truth)) => Some(Json::from(truth != 0)),
        (NUMERIC, value) => {
            let number = Decimal::from_str(value.as_str().ok()?).ok()?;
            Some(Json::from(number.normalize().to_string()))
        }
        (_, ValueRef::Integer(number)) => Some(Json::from(number)),
        (_, ValueRef::Text(_)) => Some(Json::from(value.as_str().ok()?)),
        _ => None,
    }
}
