//! The table of an item type: how it is created, and how an existing table must look.

use dragline_core::item_extras::GONE_AT;
use dragline_core::probe::reach;
use dragline_core::store::StoreResult;
use dragline_core::{ColumnType, ItemType, Reference, StoreError, item_history};
use rusqlite::Connection;

use super::fault::Fault;
use super::shape::{ColumnShape, Shape};
use crate::identifier::{SOURCE_FINGERPRINT, check_all_names, check_names, quoted, quoted_list};
use crate::relations;

/// The columns that every item table has in addition to the item's own.
const ROW_COLUMNS: [Wanted<'static>; 4] = [
    Wanted { name: "run_id", kind: "INTEGER", not_null: true },
    Wanted { name: "source_url", kind: "TEXT", not_null: true },
    Wanted { name: SOURCE_FINGERPRINT, kind: "BLOB", not_null: false },
    Wanted { name: "scraped_at", kind: "TEXT", not_null: true },
];

/// The column for rows that are gone, of types that have one.
const GONE_COLUMN: Wanted<'static> = Wanted { name: GONE_AT, kind: "TEXT", not_null: false };

/// The columns that the table of an item type has in addition to the item's own.
fn row_columns(item: &ItemType) -> Vec<Wanted<'static>> {
    ROW_COLUMNS.into_iter().chain(item.marks_gone().then_some(GONE_COLUMN)).collect()
}

/// The differences between item types and their tables.
#[derive(Debug, Default)]
pub(super) struct Differences {
    problems: Vec<String>,
    remedies: Vec<String>,
}

#[derive(Clone, Copy)]
struct Wanted<'a> {
    name: &'a str,
    kind: &'static str,
    not_null: bool,
}

impl Wanted<'_> {
    /// The column in a CREATE TABLE.
    fn line(&self, kind: &str) -> String {
        format!("    {} {kind}{}", quoted(self.name), if self.not_null { " NOT NULL" } else { "" })
    }
}

/// The statements that create the table of an item type and its history. `None` for a type that is kept in `crawl_items`.
///
/// # Errors
/// [`StoreError::Setup`] for an invalid name.
pub(super) fn ddl(item: &ItemType) -> StoreResult<Option<String>> {
    check_names(item)?;
    let Some(table) = item.table() else { return Ok(None) };
    let mut sql = own_ddl(item, table);
    if let Some(history) = item.history() {
        sql.push('\n');
        sql.push_str(&history_ddl(&history, None));
    }
    Ok(Some(sql))
}

fn own_ddl(item: &ItemType, table: &str) -> String {
    let of_row = row_columns(item);
    let lines = wanted_of(item, &of_row).map(|column| column.line(column.kind)).collect();
    create(table, lines, item.key(), item.references()) + &index_ddl(item, table)
}

/// The indexes of the table, each with a line break before it.
fn index_ddl(item: &ItemType, table: &str) -> String {
    let index = |columns: &Vec<String>| {
        format!(
            "\nCREATE INDEX IF NOT EXISTS {} ON {} ({});",
            quoted(index_name(table, columns)),
            quoted(table),
            quoted_list(columns)
        )
    };
    relations::indexes(item).iter().map(index).collect()
}

fn index_name(table: &str, columns: &[String]) -> String {
    format!("{table}_by_{}", columns.join("_"))
}

/// The same for a table whose earlier rows are in a renamed one, which still has the indexes and their names.
fn moved_index_ddl(item: &ItemType, table: &str) -> String {
    let drop = |columns: &Vec<String>| drop_index(&index_name(table, columns));
    relations::indexes(item).iter().map(drop).collect::<String>() + &index_ddl(item, table)
}

fn drop_index(name: &str) -> String {
    format!("\nDROP INDEX IF EXISTS {};", quoted(name))
}

/// The statements that create a history. A version is copied from the row, so its columns have the types that those of the item's own
/// table have there.
fn history_ddl(history: &ItemType, beside: Option<&Shape>) -> String {
    let table = history.table().unwrap_or_default();
    let lines = wanted_of(history, &[]).map(|column| {
        let there = beside.filter(|_| !item_history::COLUMNS.contains(&column.name));
        let there = there.and_then(|shape| shape.column(column.name));
        column.line(there.map_or(column.kind, |there| strict_kind(&there.kind)))
    });
    let create = create(table, lines.collect(), history.key(), &[]);
    let index = quoted(history_index(table));
    format!("{create}\nCREATE INDEX {index} ON {} (replaced_by_run);", quoted(table))
}

fn history_index(table: &str) -> String {
    format!("{table}_by_run")
}

/// Creates the missing tables and returns their names. With `all`, this includes the tables of types with
/// `auto_create = false`.
pub(super) fn create_missing(
    connection: &Connection,
    items: &[ItemType],
    all: bool,
) -> Result<Vec<String>, Fault> {
    check_all_names(items)?;
    let mut made = Vec::new();
    for item in relations::parents_first(items).into_iter().filter(|item| all || item.auto_create()) {
        let Some(table) = item.table() else { continue };
        if Shape::read(connection, table)?.is_none() {
            connection.execute_batch(&own_ddl(item, table))?;
            reach("start: item table made");
            made.push(format!("created the table {table}"));
        }
        if let Some(history) = item.history()
            && let Some(versions) = history.table()
            && Shape::read(connection, versions)?.is_none()
        {
            connection.execute_batch(&history_ddl(&history, Shape::read(connection, table)?.as_ref()))?;
            made.push(format!("created the table {versions}"));
        }
    }
    Ok(made)
}

/// Adds the column for the fingerprint of the page to the tables that lack it, and returns their names.
pub(super) fn add_fingerprints(connection: &Connection, items: &[ItemType]) -> Result<Vec<String>, Fault> {
    let mut added = Vec::new();
    for table in items.iter().filter_map(|item| item.table()) {
        if lacks_fingerprint(connection, table)? {
            connection.execute_batch(&format!(
                "ALTER TABLE {} ADD COLUMN {SOURCE_FINGERPRINT} BLOB",
                quoted(table)
            ))?;
            added.push(format!("added the column {SOURCE_FINGERPRINT} to the table {table}"));
        }
    }
    Ok(added)
}

/// Logs the tables whose rows are stored without the fingerprint of their page.
pub(super) fn mention_missing_fingerprints(connection: &Connection, items: &[ItemType]) -> Result<(), Fault> {
    for table in items.iter().filter_map(|item| item.table()) {
        if lacks_fingerprint(connection, table)? {
            tracing::info!(
                "the rows of {table} will not name their page: `dragline schema apply` adds the column \
                 {SOURCE_FINGERPRINT}"
            );
        }
    }
    Ok(())
}

fn lacks_fingerprint(connection: &Connection, table: &str) -> Result<bool, Fault> {
    Ok(connection.table_exists(None, table)? && !connection.column_exists(None, table, SOURCE_FINGERPRINT)?)
}

/// Whether a table is missing that may be created.
pub(super) fn any_missing(connection: &Connection, items: &[ItemType]) -> Result<bool, Fault> {
    for item in items.iter().filter(|item| item.auto_create()) {
        let history = item.history();
        let tables = [item.table(), history.as_ref().and_then(ItemType::table)];
        for table in tables.into_iter().flatten() {
            if Shape::read(connection, table)?.is_none() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Compares item types with their tables.
pub(super) fn compare(connection: &Connection, items: &[ItemType]) -> Result<Differences, Fault> {
    check_all_names(items)?;
    let mut differences = Differences::default();
    for item in relations::parents_first(items) {
        let Some(table) = item.table() else { continue };
        let own = Shape::read(connection, table)?;
        match &own {
            Some(shape) => {
                let missing = missing_keys(connection, item, table)?;
                let is_parent = items
                    .iter()
                    .any(|other| other.references().iter().any(|reference| reference.table == table));
                differences.of_table(item, table, shape, &row_columns(item), &missing, is_parent);
            }
            None => differences.add(format!("table {table} is missing"), own_ddl(item, table)),
        }
        let Some(history) = item.history() else { continue };
        let versions = history.table().unwrap_or_default();
        match Shape::read(connection, versions)? {
            Some(shape) => differences.of_history(&history, versions, &shape, own.as_ref()),
            None => differences.add(
                format!("table {versions} is missing, which holds the history of {table}"),
                history_ddl(&history, own.as_ref()),
            ),
        }
    }
    Ok(differences)
}

impl Differences {
    pub(super) fn add(&mut self, problem: String, remedy: String) {
        self.problems.push(problem);
        self.remedies.push(remedy);
    }

    /// # Errors
    /// [`StoreError::Schema`] if there are any.
    pub(super) fn into_result(self) -> StoreResult<()> {
        if self.problems.is_empty() {
            return Ok(());
        }
        Err(StoreError::Schema { problem: self.problems.join("; "), remedy: self.remedies.join("\n") })
    }

    /// A version is copied from the row, so its columns must take what those of the row hold.
    fn of_history(&mut self, history: &ItemType, table: &str, shape: &Shape, beside: Option<&Shape>) {
        self.of_table(history, table, shape, &[], &[], false);
        let own = history.columns().iter().filter(|column| !item_history::COLUMNS.contains(&&*column.name));
        for column in own {
            let row = beside.and_then(|beside| beside.column(&column.name));
            let (Some(row), Some(version)) = (row, shape.column(&column.name)) else { continue };
            if !same_kind(&version.kind, strict_kind(&row.kind))
                && same_kind(&version.kind, kind(column.kind))
            {
                self.add(
                    format!(
                        "table {table}: column {} is {}, and the rows have {}",
                        column.name, version.kind, row.kind
                    ),
                    format!(
                        "ALTER TABLE {0} RENAME TO {1};{2}\n{3}\nINSERT INTO {0} SELECT * FROM {1};",
                        quoted(table),
                        quoted(format!("{table}_old")),
                        drop_index(&history_index(table)),
                        history_ddl(history, beside)
                    ),
                );
                return;
            }
        }
    }

    /// `missing` are references without a foreign key. Other tables refer to this one if it `is_parent`.
    fn of_table(
        &mut self,
        item: &ItemType,
        table: &str,
        shape: &Shape,
        of_row: &[Wanted<'static>],
        missing: &[&Reference],
        is_parent: bool,
    ) {
        let mut rebuild = !missing.is_empty();
        for Reference { column, table: parent, key, .. } in missing {
            self.problems
                .push(format!("table {table}: column {column} has no foreign key to {parent} ({key})"));
        }
        let mut additions = Vec::new();
        for column in wanted_of(item, of_row) {
            let name = column.name;
            match shape.column(name) {
                // Rows can be stored without it.
                None if name == SOURCE_FINGERPRINT && item.children_of().is_none() => {}
                None => {
                    self.problems.push(format!("table {table} has no column {name} ({})", column.kind));
                    // Without NOT NULL, because existing rows have no value for it.
                    additions.push(format!(
                        "ALTER TABLE {} ADD COLUMN {} {};",
                        quoted(table),
                        quoted(name),
                        column.kind
                    ));
                }
                Some(found) if !same_kind(&found.kind, column.kind) => {
                    self.problems
                        .push(format!("table {table}: column {name} is {}, not {}", found.kind, column.kind));
                    rebuild = true;
                }
                Some(found) if found.not_null && !column.not_null => {
                    self.problems
                        .push(format!("table {table}: column {name} is NOT NULL, but the item may lack it"));
                    rebuild = true;
                }
                Some(_) => {}
            }
        }
        for column in shape.columns.iter().filter(|column| column.not_null && !column.fills_itself) {
            if !wanted_of(item, of_row).any(|known| known.name == column.name) {
                self.problems.push(format!(
                    "table {table}: column {} is NOT NULL without a default, and the item has no such field",
                    column.name
                ));
                rebuild = true;
            }
        }
        if item.is_keyed() && !shape.is_unique(item.key()) {
            self.problems.push(format!("table {table} has no unique index on ({})", item.key().join(", ")));
            additions.push(format!(
                "CREATE UNIQUE INDEX {} ON {} ({});",
                quoted(format!("{table}_key")),
                quoted(table),
                quoted_list(item.key())
            ));
        }
        if rebuild {
            let rebuilt = rebuilt(item, table, shape, of_row) + &moved_index_ddl(item, table);
            self.remedies.push(if is_parent { beside_children(&rebuilt) } else { rebuilt });
        } else {
            self.remedies.append(&mut additions);
        }
    }
}

/// `SQLite` cannot change a column, so these statements create a new table and copy the rows. They keep the old table,
/// because only its owner knows whether every value fits.
fn rebuilt(item: &ItemType, table: &str, shape: &Shape, of_row: &[Wanted<'static>]) -> String {
    let old = format!("{table}_old");
    let mut columns: Vec<String> = wanted_of(item, of_row)
        .map(|column| {
            let not_null =
                if column.not_null && shape.column(column.name).is_some() { " NOT NULL" } else { "" };
            format!("    {} {}{not_null}", quoted(column.name), column.kind)
        })
        .collect();
    let is_extra = |column: &&ColumnShape| !wanted_of(item, of_row).any(|known| known.name == column.name);
    let extras = shape.columns.iter().filter(is_extra);
    columns
        .extend(extras.map(|column| format!("    {} {}", quoted(&column.name), strict_kind(&column.kind))));
    let copied = quoted_list(shape.columns.iter().map(|column| column.name.as_str()));
    let key = if shape.is_unique(item.key()) || item.is_keyed() { item.key() } else { &[] };
    format!(
        "ALTER TABLE {table} RENAME TO {old};\n{create}\nINSERT INTO {table} ({copied}) SELECT {copied} FROM {old};",
        create = create(table, columns, key, item.references()),
        table = quoted(table),
        old = quoted(&old),
    )
}

/// A rename makes other tables refer to the old table, unless these pragmas forbid it.
fn beside_children(rebuilt: &str) -> String {
    format!(
        "PRAGMA foreign_keys = OFF;\nPRAGMA legacy_alter_table = ON;\n{rebuilt}\nPRAGMA legacy_alter_table = OFF;\n\
         PRAGMA foreign_keys = ON;"
    )
}

/// The references of an item type that are not foreign keys of its table. `SQLite` checks each at the end of the transaction if it
/// has to, so it makes no difference whether they are deferrable.
fn missing_keys<'a>(
    connection: &Connection,
    item: &'a ItemType,
    table: &str,
) -> rusqlite::Result<Vec<&'a Reference>> {
    if item.references().is_empty() {
        return Ok(Vec::new());
    }
    // Without a column of the parent, it means the primary key.
    let mut select = connection.prepare(
        "SELECT lower(key.\"table\"), lower(key.\"from\"), lower(coalesce(key.\"to\", (
             SELECT name FROM pragma_table_info(key.\"table\") WHERE pk = 1
         ))) FROM pragma_foreign_key_list(?1) key GROUP BY key.id HAVING count(*) = 1",
    )?;
    let keys = select.query_map([table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let keys: Vec<(String, String, Option<String>)> = keys.collect::<rusqlite::Result<_>>()?;
    let is_missing = |reference: &&Reference| {
        let Reference { column, table: parent, key, .. } = reference;
        !keys.iter().any(|(to, from, of)| to == parent && from == column && of.as_ref() == Some(key))
    };
    Ok(item.references().iter().filter(is_missing).collect())
}

fn create(table: &str, mut lines: Vec<String>, key: &[String], references: &[Reference]) -> String {
    if !key.is_empty() {
        lines.push(format!("    UNIQUE ({})", quoted_list(key)));
    }
    lines.extend(references.iter().map(|Reference { column, table: parent, key, is_deferrable, .. }| {
        format!(
            "    CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}){}",
            quoted(relations::constraint_name(table, column)),
            quoted(column),
            quoted(parent),
            quoted(key),
            if *is_deferrable { " DEFERRABLE INITIALLY DEFERRED" } else { "" }
        )
    }));
    format!("CREATE TABLE {} (\n{}\n) STRICT;", quoted(table), lines.join(",\n"))
}

/// The columns of an item type, and these.
fn wanted_of<'a>(item: &'a ItemType, of_row: &'a [Wanted<'static>]) -> impl Iterator<Item = Wanted<'a>> {
    let own = item.columns().iter().map(|column| Wanted {
        name: &column.name,
        kind: kind(column.kind),
        not_null: !column.nullable,
    });
    own.chain(of_row.iter().copied())
}

/// The name of the type in a STRICT table. Decimals are text, so that nothing is rounded; dates and times sort as
/// text.
fn kind(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::SmallInt | ColumnType::Integer | ColumnType::BigInt | ColumnType::Boolean => "INTEGER",
        ColumnType::Real | ColumnType::Double => "REAL",
        ColumnType::Text
        | ColumnType::Numeric
        | ColumnType::Date
        | ColumnType::Timestamp
        | ColumnType::TextList
        | ColumnType::Uuid
        | ColumnType::Json => "TEXT",
    }
}

fn same_kind(found: &str, wanted: &str) -> bool {
    found == wanted || found == "ANY" || (found == "INT" && wanted == "INTEGER")
}

fn strict_kind(found: &str) -> &str {
    if ["INT", "INTEGER", "REAL", "TEXT", "BLOB"].contains(&found) { found } else { "ANY" }
}
