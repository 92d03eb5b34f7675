//! What a table looks like in the database: columns, and which of them are unique together.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension};

/// A table's columns and unique keys.
#[derive(Debug, Default)]
pub(super) struct Shape {
    pub(super) columns: Vec<ColumnShape>,
    /// Sets of columns that the table holds unique, the primary key included.
    pub(super) unique: Vec<BTreeSet<String>>,
}

/// A column as declared.
#[derive(Clone, Debug)]
pub(super) struct ColumnShape {
    pub(super) name: String,
    /// In upper case.
    pub(super) kind: String,
    pub(super) not_null: bool,
    /// Whether a row that leaves the column out gets a value.
    pub(super) fills_itself: bool,
}

impl Shape {
    /// The table's shape, if there is such a table.
    pub(super) fn read(connection: &Connection, table: &str) -> rusqlite::Result<Option<Self>> {
        let found = connection
            .query_row("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1", [table], |_| Ok(()))
            .optional()?;
        if found.is_none() {
            return Ok(None);
        }
        let mut shape = Self::default();
        let mut key = BTreeSet::new();
        let mut columns = connection
            .prepare("SELECT name, upper(type), \"notnull\", dflt_value IS NOT NULL OR hidden > 1, pk FROM pragma_table_xinfo(?1)")?;
        let mut rows = columns.query([table])?;
        while let Some(row) = rows.next()? {
            let name: String = row.get(0)?;
            if row.get::<_, i64>(4)? > 0 {
                key.insert(name.clone());
            }
            let (kind, not_null, fills_itself) = (row.get(1)?, row.get(2)?, row.get(3)?);
            shape.columns.push(ColumnShape { name, kind, not_null, fills_itself });
        }
        if !key.is_empty() {
            shape.unique.push(key);
        }
        // An index on an expression has columns without a name, so it cannot enforce a key.
        let mut indexes = connection.prepare(
            "SELECT list.name, info.name FROM pragma_index_list(?1) AS list, pragma_index_info(list.name) AS info
             WHERE list.\"unique\" AND NOT list.partial ORDER BY list.name",
        )?;
        let mut rows = indexes.query([table])?;
        let mut last = None;
        while let Some(row) = rows.next()? {
            let index: String = row.get(0)?;
            let column: Option<String> = row.get(1)?;
            if last.as_ref() != Some(&index) {
                shape.unique.push(BTreeSet::new());
                last = Some(index);
            }
            if let Some(columns) = shape.unique.last_mut() {
                columns.insert(column.unwrap_or_else(|| "(expression)".to_owned()));
            }
        }
        Ok(Some(shape))
    }

    pub(super) fn column(&self, name: &str) -> Option<&ColumnShape> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Whether exactly these columns are unique together.
    pub(super) fn is_unique(&self, key: &[String]) -> bool {
        self.unique.contains(&key.iter().cloned().collect::<BTreeSet<_>>())
    }
}
