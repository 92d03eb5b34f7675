//! The store's own tables: created if there are none, upgraded on request, and compared with `schema.sql`.

use std::path::Path;

use dragline_core::StoreError;
use dragline_core::probe::reach;
use rusqlite::{Connection, TransactionBehavior};

use super::fault::Fault;
use super::item_table::Differences;
use super::migrations;
use super::shape::Shape;
use crate::identifier::quoted;

/// The statements that make the store's tables.
pub(super) const DDL: &str = include_str!("schema.sql");

/// The version that this program works with. It rises with each change that older programs or older tables cannot work
/// with; `migrations` then has a step for it.
pub(super) const VERSION: i64 = 16;

/// The store's tables.
pub(super) const TABLES: [&str; 19] = [
    "crawl_schema",
    "crawl_runs",
    "crawl_requests",
    "crawl_items",
    "crawl_dead_letters",
    "crawl_cookies",
    "crawl_hosts",
    "crawl_suspects",
    "crawl_bodies",
    "crawl_kept_pages",
    "crawl_pages",
    "crawl_page_visits",
    "crawl_page_items",
    "crawl_item_keys",
    "crawl_item_shares",
    "crawl_changes",
    "crawl_servers",
    "crawl_schedules",
    "crawl_ticks",
];

/// What makes or upgrades the tables.
fn apply_command() -> String {
    format!("{} schema apply", dragline_core::program::name())
}

/// Creates the tables in an empty database. Otherwise checks that they are those of this program.
pub(super) fn prepare(connection: &mut Connection, path: &Path) -> Result<(), Fault> {
    if version(connection)?.is_none() && !any_table(connection)? {
        apply(connection, path)?;
    }
    check(connection)
}

/// Creates what is missing, raises the version, and returns what was done. The database is at `path`.
pub(super) fn apply(connection: &mut Connection, path: &Path) -> Result<Vec<String>, Fault> {
    let measure = measure()?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been faster. The answer is certain only under the transaction's lock.
    let before = version(&transaction)?;
    refuse_newer(before)?;
    if let Some(before) = before.filter(|before| *before < VERSION) {
        migrations::raise(&transaction, path, before)?;
    }
    changed(&transaction, &measure)?.into_result()?;
    let missing = missing(&transaction, &measure)?;
    if before == Some(VERSION) && missing.is_empty() {
        return Ok(Vec::new());
    }
    transaction.execute_batch(DDL)?;
    transaction.execute("INSERT OR IGNORE INTO crawl_schema (version) VALUES (?1)", [VERSION])?;
    reach("start: own tables made");
    transaction.commit()?;
    Ok(match before {
        None => vec![format!("created Dragline's tables, version {VERSION}")],
        Some(VERSION) => missing.iter().map(|what| format!("created the {what}")).collect(),
        Some(before) => vec![format!("upgraded Dragline's tables from version {before} to {VERSION}")],
    })
}

/// Compares the tables with what this program needs.
pub(super) fn check(connection: &Connection) -> Result<(), Fault> {
    let found = version(connection)?;
    refuse_newer(found)?;
    if found != Some(VERSION) {
        return Err(StoreError::Schema {
            problem: match found {
                None => "the database has no tables of Dragline, or not all of them".to_owned(),
                Some(found) => format!("the tables have version {found}; this program needs {VERSION}"),
            },
            remedy: apply_command(),
        }
        .into());
    }
    let measure = measure()?;
    let mut differences = changed(connection, &measure)?;
    for what in missing(connection, &measure)? {
        differences.add(format!("the {what} is missing"), apply_command());
    }
    Ok(differences.into_result()?)
}

fn refuse_newer(found: Option<i64>) -> Result<(), StoreError> {
    match found {
        Some(found) if found > VERSION => Err(StoreError::Setup {
            problem: format!("the tables have version {found}; this program knows only {VERSION}"),
            hint: "use the newer dragline that made them".to_owned(),
        }),
        _ => Ok(()),
    }
}

fn version(connection: &Connection) -> Result<Option<i64>, Fault> {
    if Shape::read(connection, TABLES[0])?.is_none() {
        return Ok(None);
    }
    Ok(connection
        .query_row("SELECT max(version) AS version FROM crawl_schema", [], |row| row.get("version"))?)
}

fn any_table(connection: &Connection) -> Result<bool, Fault> {
    for table in TABLES {
        if Shape::read(connection, table)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// An empty database in memory, created by the script. The real one must have everything that this one has.
fn measure() -> Result<Connection, Fault> {
    let measure = Connection::open_in_memory()?;
    measure.execute_batch(DDL)?;
    Ok(measure)
}

/// The tables and indexes of the model that the real database lacks.
fn missing(connection: &Connection, measure: &Connection) -> Result<Vec<String>, Fault> {
    // An entry without a statement belongs to a table, such as the index of its primary key.
    let mut select =
        measure.prepare("SELECT type, name FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")?;
    let mut rows = select.query([])?;
    let mut missing = Vec::new();
    while let Some(row) = rows.next()? {
        let (kind, name): (String, String) = (row.get("type")?, row.get("name")?);
        let there = "SELECT count(*) AS objects FROM sqlite_schema WHERE type = ?1 AND name = ?2";
        if connection.query_row(there, [&kind, &name], |row| row.get::<_, i64>("objects"))? == 0 {
            missing.push(format!("{kind} {name}"));
        }
    }
    Ok(missing)
}

/// The changes that someone has made by hand in existing tables.
fn changed(connection: &Connection, measure: &Connection) -> Result<Differences, Fault> {
    let mut differences = Differences::default();
    for table in TABLES {
        let wanted = Shape::read(measure, table)?.unwrap_or_default();
        let Some(found) = Shape::read(connection, table)? else { continue };
        for column in &wanted.columns {
            let (name, kind) = (&column.name, &column.kind);
            match found.column(name) {
                Some(there) if there.kind == *kind => {}
                Some(there) => differences.add(
                    format!("table {table}: column {name} is {}, not {kind}", there.kind),
                    format!("-- {table} was changed by hand: restore it, or begin with a new file"),
                ),
                None => differences.add(
                    format!("table {table} has no column {name} ({kind})"),
                    format!("ALTER TABLE {} ADD COLUMN {} {kind};", quoted(table), quoted(name)),
                ),
            }
        }
    }
    Ok(differences)
}
