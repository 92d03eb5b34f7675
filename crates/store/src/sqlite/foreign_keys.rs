//! Reads the foreign keys of the database. They give the order in which tables are written.

use rusqlite::Connection;

use super::fault::Fault;
use crate::table_order::ForeignKey;

/// Reads all foreign keys. Each can wait for the end of a transaction, so none is in the way.
pub(super) fn read(connection: &Connection) -> Result<Vec<ForeignKey>, Fault> {
    let mut select = connection.prepare(
        "SELECT DISTINCT lower(child.name) AS child, lower(key.\"table\") AS parent
         FROM sqlite_schema child, pragma_foreign_key_list(child.name) key WHERE child.type = 'table'",
    )?;
    let keys = select.query_map([], |row| {
        Ok(ForeignKey {
            child: row.get("child")?,
            parent: row.get("parent")?,
            name: String::new(),
            is_deferrable: true,
        })
    })?;
    Ok(keys.collect::<rusqlite::Result<_>>()?)
}
