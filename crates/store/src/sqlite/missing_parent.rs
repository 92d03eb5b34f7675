//! Commits, and finds the missing parent if the database refuses.
//!
//! `SQLite` checks the foreign keys of items at the end of a transaction, and its error doesn't say which one is violated.

use dragline_core::{ItemRecord, Reference, StoreError, Value};
use rusqlite::{Connection, ErrorCode, Transaction};

use super::fault::Fault;
use super::items::to_sql;
use crate::identifier::quoted;

/// Commits a transaction that has written these items.
pub(super) fn commit<'a>(
    transaction: &Transaction<'_>,
    items: impl IntoIterator<Item = &'a ItemRecord>,
) -> Result<(), Fault> {
    // The transaction stays open if this fails, so that the reason can be found in it.
    let Err(error) = transaction.execute_batch("COMMIT") else { return Ok(()) };
    let is_refused = error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation);
    let code = error.sqlite_error().map(|failure| failure.extended_code.to_string());
    if is_refused {
        for record in items {
            for reference in record.item_type.references() {
                if let Some(value) = missing(transaction, record, reference)? {
                    return Err(refused(record, reference, value, &error, code).into());
                }
            }
        }
    }
    Err(error.into())
}

/// The value of a reference whose parent is not there.
fn missing<'a>(
    connection: &Connection,
    record: &'a ItemRecord,
    reference: &Reference,
) -> Result<Option<&'a Value>, Fault> {
    let Some(value) = record.get(&reference.column).filter(|value| **value != Value::Null) else {
        return Ok(None);
    };
    let sql = format!("SELECT 1 FROM {} WHERE {} = ?1", quoted(&reference.table), quoted(&reference.key));
    Ok((!connection.prepare_cached(&sql)?.exists([to_sql(value)])?).then_some(value))
}

fn refused(
    record: &ItemRecord,
    reference: &Reference,
    value: &Value,
    error: &rusqlite::Error,
    code: Option<String>,
) -> StoreError {
    let Reference { column, table, key, .. } = reference;
    let child = record.item_type.table().unwrap_or_default();
    let message = format!(
        "{error} (table {child}, column {column}): Key ({column})=({}) is not present in table \"{table}\" ({key}).",
        match value {
            Value::Text(text) => text.clone(),
            other => other.to_json().to_string().trim_matches('"').to_owned(),
        }
    );
    StoreError::Refused { message, sqlstate: code }
}
