//! Reads the foreign keys of the database. They give the order in which tables are written.

use rusqlite::Connection;

use super::fault::Fault;
use crate::table_order::{ForeignKey, TableOrder};

/// Reads the order of all tables. All foreign keys can wait for the end of a transaction, so none is in the way.
pub(super) fn order(connection: &Connection) -> Result<TableOrder, Fault> {
    let mut select = connection.prepare_cached(
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
    Ok(TableOrder::of(&keys.collect::<rusqlite::Result<Vec<_>>>()?))
}
