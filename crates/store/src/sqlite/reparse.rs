//! Opens a reparse, and finds out what one would do.

use std::io;

use dragline_core::reparse::{PlanAsk, PlanPart, Reparse, ReparseCounts, ReparseOf, StoredRow};
use dragline_core::{Fingerprint, ItemRecord, ItemType, PageState};
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use serde_json::Map;

use super::fault::Fault;
use super::frontier::request_of;
use super::items::{NOW, to_sql};
use super::known_tables::KnownTables;
use super::merge;
use super::reading::field;
use crate::identifier::{SOURCE_FINGERPRINT, check_names, quoted, quoted_list};
use crate::key_digest;
use crate::reparse::{COUNTS, Dialect, NO_RUN, SOURCES, SOURCES_NOW, begin, counted, nothing_to_parse, part};

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

/// The runs whose kept pages a reparse of this spider reads; see the trait.
pub(super) fn sources(connection: &Connection, spider: &str) -> Result<Vec<i64>, Fault> {
    let mut select = connection.prepare(&of_sqlite(SOURCES_NOW))?;
    let rows = select.query_map([spider], |row| row.get("run_id"))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Which pages a reparse would parse; see the trait.
pub(super) fn plan(connection: &Connection, ask: &PlanAsk) -> Result<PlanPart, Fault> {
    let statement = match ask.of {
        ReparseOf::Run(_) => DIALECT.read_from_run(),
        ReparseOf::Spider => DIALECT.read_from_kept(),
    };
    let (shard, fingerprint) = begin(ask.after);
    let mut select = connection.prepare_cached(&of_sqlite(&statement))?;
    let mut rows = select.query(params![NO_RUN, ask.run_id, ask.spider, shard, fingerprint, ask.limit])?;
    let mut read = Vec::new();
    while let Some(row) = rows.next()? {
        let state = PageState::parse(&row.get::<_, String>("state")?);
        read.push((request_of(row)?, row.get("shard")?, state, row.get("fate")?));
    }
    Ok(part(read, ask.limit))
}

/// The rows under the keys of items; see the trait.
pub(super) fn rows_of_items(
    connection: &Connection,
    spider: &str,
    item: &ItemType,
    items: &[(Fingerprint, ItemRecord)],
) -> Result<Vec<Option<StoredRow>>, Fault> {
    check_names(item)?;
    let Some(table) = item.table() else { return shared_rows(connection, spider, item, items) };
    let keys: Vec<usize> = item.key().iter().filter_map(|name| item.position(name)).collect();
    let same: Vec<String> = keys
        .iter()
        .enumerate()
        .map(|(number, at)| format!("{} = ?{}", quoted(&item.columns()[*at].name), number + 1))
        .collect();
    let columns = quoted_list(item.columns().iter().map(|column| column.name.as_str()));
    let mut select = connection.prepare_cached(&format!(
        "SELECT run_id, {columns} FROM {} WHERE {} LIMIT 1",
        quoted(table),
        same.join(" AND ")
    ))?;
    let mut found = Vec::with_capacity(items.len());
    for (page, record) in items {
        let mut rows = select.query(params_from_iter(keys.iter().map(|at| to_sql(&record.values[*at]))))?;
        found.push(match rows.next()? {
            None => None,
            Some(row) => {
                let mut fields = Map::new();
                for (at, column) in item.columns().iter().enumerate() {
                    fields.insert(column.name.clone(), field(row, at + 1, column)?);
                }
                let shares = merge::shares_of_page(connection, spider, page, record)?;
                Some(StoredRow { run_id: row.get::<_, Option<i64>>(0)?.unwrap_or_default(), fields, shares })
            }
        });
    }
    Ok(found)
}

fn shared_rows(
    connection: &Connection,
    spider: &str,
    item: &ItemType,
    items: &[(Fingerprint, ItemRecord)],
) -> Result<Vec<Option<StoredRow>>, Fault> {
    let mut select = connection.prepare_cached(
        "SELECT run_id, data FROM crawl_items WHERE spider = ?1 AND item_type = ?2 AND key_digest = ?3",
    )?;
    let mut found = Vec::with_capacity(items.len());
    for (_, record) in items {
        let digest = key_digest::of_key(&record.key_text().unwrap_or_default());
        let row = select.query_row(params![spider, item.name(), digest], |row| {
            Ok((row.get("run_id")?, row.get::<_, String>("data")?))
        });
        let row = row.optional()?.map(|(run_id, data)| {
            let fields = serde_json::from_str(&data).map_err(io::Error::from)?;
            Ok::<_, Fault>(StoredRow { run_id, fields, shares: None })
        });
        found.push(row.transpose()?);
    }
    Ok(found)
}
