//! Reads rows of a `SQLite` file without the program under test.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

/// How long to wait for a writer.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// The rows of a query as text. Null is `NULL`, and bytes are in hex.
///
/// The files that a killed process left next to the database stay as they are, for the next process.
///
/// # Errors
/// If the file does not exist or the query is wrong.
pub fn rows(file: &Path, sql: &str) -> rusqlite::Result<Vec<Vec<String>>> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(BUSY_WAIT)?;
    // The last connection that closes a database cleans up these files, unless this flag is set.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let mut statement = connection.prepare(sql)?;
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        (0..columns).map(|at| Ok(text(row.get_ref(at)?))).collect::<rusqlite::Result<Vec<String>>>()
    })?;
    rows.collect()
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "NULL".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
