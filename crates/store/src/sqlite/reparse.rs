//! Opens a reparse.

use dragline_core::reparse::{Reparse, ReparseCounts, ReparseOf};
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::items::NOW;
use super::known_tables::KnownTables;
use crate::identifier::{SOURCE_FINGERPRINT, quoted};
use crate::reparse::{COUNTS, Dialect, SOURCES, counted, nothing_to_parse};

const DIALECT: Dialect = Dialect { now: NOW, has_shards: false, fence: "" };

/// Takes the requests of the runs whose pages the reparse `run_id` parses once more. The caller has opened a transaction.
pub(super) fn fill(
    connection: &Connection,
    run_id: i64,
    reparse: Reparse,
    spider: &str,
) -> Result<(), Fault> {
    match reparse.of {
        ReparseOf::Run(of) => {
            connection.execute(&of_sqlite(&DIALECT.fill_from_run()), params![run_id, of, spider])?;
        }
        ReparseOf::Spider => {
            let mut select = connection.prepare(&of_sqlite(SOURCES))?;
            let sources = select.query_map(params![run_id, spider], |row| row.get("run_id"))?;
            let sources: Vec<i64> = sources.collect::<Result<_, _>>()?;
            // The newest answer of a page comes first. What is kept of any run counts more than what is not kept of another.
            for statement in [DIALECT.fill_from_kept(), DIALECT.fill_from_others()] {
                let mut fill = connection.prepare(&of_sqlite(&statement))?;
                for source in &sources {
                    fill.execute(params![run_id, source, spider])?;
                }
            }
        }
    }
    let counts = counts(connection, run_id)?;
    if counts.pages == 0 {
        return Err(nothing_to_parse(reparse.of, spider, &counts).into());
    }
    Ok(())
}

/// Rows without a key are found by the run and the page that they come from. Without an index, each page would read the whole table.
pub(super) fn index_pages(connection: &Connection, known: &KnownTables) -> Result<(), Fault> {
    let facts = known.now(connection)?;
    for table in known.without_key().iter().filter(|table| facts.has_fingerprint(table)) {
        connection.execute_batch(&format!(
            "CREATE INDEX IF NOT EXISTS {} ON {} (run_id, {SOURCE_FINGERPRINT})",
            quoted(format!("{table}_by_page")),
            quoted(table)
        ))?;
    }
    Ok(())
}

/// The requests of a reparse, by what becomes of them.
pub(super) fn counts(connection: &Connection, run_id: i64) -> Result<ReparseCounts, Fault> {
    let mut select = connection.prepare_cached(&of_sqlite(COUNTS))?;
    let rows = select
        .query_map([run_id], |row| Ok((row.get::<_, Option<String>>("fate")?, row.get("requests")?)))?;
    let rows: Vec<(Option<String>, u64)> = rows.collect::<Result<_, _>>()?;
    Ok(counted(rows.iter().map(|(fate, requests)| (fate.as_deref(), *requests))))
}

/// The statement with its parameters as `SQLite` numbers them.
fn of_sqlite(statement: &str) -> String {
    statement.replace('$', "?")
}
