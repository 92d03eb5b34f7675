//! What a flush needs to know about the tables of the database. Reading it costs more than a small flush, so it is kept until
//! the schema changes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use dragline_core::ItemType;
use rusqlite::Connection;

use super::fault::Fault;
use super::{foreign_keys, schema};
use crate::identifier::SOURCE_FINGERPRINT;
use crate::table_order::TableOrder;

/// The tables of a database, at one version of its schema.
#[derive(Debug)]
pub(super) struct TableFacts {
    /// In which order they are written.
    pub(super) order: TableOrder,
    /// Whether rows of items may refer to rows that come later in the transaction.
    pub(super) items_refer_to_rows: bool,
    /// Those with a column for the fingerprint of the page. Tables from before schema version 6 may lack it.
    with_fingerprint: BTreeSet<String>,
}

/// Remembers [`TableFacts`], the prepared tables of item types without a key, and the prepared types of children and of
/// sums.
#[derive(Debug, Default)]
pub(super) struct KnownTables {
    facts: Mutex<Option<(i64, Arc<TableFacts>)>>,
    without_key: Mutex<Arc<[String]>>,
    children: Mutex<Arc<[ItemType]>>,
    adding: Mutex<Arc<[ItemType]>>,
}

impl KnownTables {
    /// These item types were prepared. Others may have been prepared before.
    pub(super) fn prepared(&self, items: &[ItemType]) {
        let is_new = |table: Option<&str>| items.iter().any(|item| item.table() == table);
        let mut without_key = self.without_key.lock().unwrap_or_else(PoisonError::into_inner);
        let keyless = items.iter().filter(|item| !item.is_keyed()).filter_map(ItemType::table);
        let others = without_key.iter().filter(|table| !is_new(Some(table)));
        *without_key = others.cloned().chain(keyless.map(str::to_owned)).collect();
        for (known, is_one) in [
            (&self.children, (|item| item.children_of().is_some()) as fn(&ItemType) -> bool),
            (&self.adding, ItemType::adds_up),
        ] {
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            let new = items.iter().filter(|item| is_one(item));
            *known = known.iter().filter(|item| !is_new(item.table())).chain(new).cloned().collect();
        }
    }

    /// The prepared item types in which pages are added up.
    pub(super) fn adding(&self) -> Arc<[ItemType]> {
        Arc::clone(&self.adding.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The prepared item types whose items are children.
    pub(super) fn children(&self) -> Arc<[ItemType]> {
        Arc::clone(&self.children.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The prepared tables of item types without a key.
    pub(super) fn without_key(&self) -> Arc<[String]> {
        Arc::clone(&self.without_key.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The facts as they are now.
    pub(super) fn now(&self, connection: &Connection) -> Result<Arc<TableFacts>, Fault> {
        // SQLite raises this number with each change of the schema, whichever process makes it.
        let version: i64 =
            connection.prepare_cached("PRAGMA schema_version")?.query_row([], |row| row.get(0))?;
        let mut known = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, facts)) = &*known
            && *at == version
        {
            return Ok(Arc::clone(facts));
        }
        let facts = Arc::new(TableFacts::read(connection)?);
        *known = Some((version, Arc::clone(&facts)));
        Ok(facts)
    }
}

impl TableFacts {
    fn read(connection: &Connection) -> Result<Self, Fault> {
        let mut select = connection.prepare(
            "SELECT lower(own.name) FROM sqlite_schema own, pragma_table_info(own.name) col
             WHERE own.type = 'table' AND lower(col.name) = ?1",
        )?;
        let names = select.query_map([SOURCE_FINGERPRINT], |row| row.get(0))?;
        let with_fingerprint = names.collect::<rusqlite::Result<_>>()?;
        let keys = foreign_keys::read(connection)?;
        let items_refer_to_rows = keys.iter().any(|key| !schema::TABLES.contains(&key.child.as_str()));
        Ok(Self { order: TableOrder::of(&keys), items_refer_to_rows, with_fingerprint })
    }

    /// Whether a table has the column.
    pub(super) fn has_fingerprint(&self, table: &str) -> bool {
        self.with_fingerprint.contains(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_the_schema_is_noticed_also_one_of_another_connection() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Connection::open(folder.path().join("a.db")).unwrap();
        let (ours, theirs, known) = (open(), open(), KnownTables::default());
        ours.execute_batch("CREATE TABLE book (isbn TEXT)").unwrap();
        assert!(!known.now(&ours).unwrap().has_fingerprint("book"));
        assert!(Arc::ptr_eq(&known.now(&ours).unwrap(), &known.now(&ours).unwrap()));
        theirs.execute_batch("ALTER TABLE book ADD COLUMN source_fingerprint BLOB").unwrap();
        assert!(known.now(&ours).unwrap().has_fingerprint("book"));
        assert!(!known.now(&ours).unwrap().items_refer_to_rows);
        theirs.execute_batch("CREATE TABLE review (isbn TEXT REFERENCES book (isbn))").unwrap();
        assert!(known.now(&ours).unwrap().items_refer_to_rows);
    }
}
