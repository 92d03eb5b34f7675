//! The contents of a run: its figures and its items.

use std::io;

use dragline_core::lineage::TracedRequest;
use dragline_core::store::{ItemRow, RunSummary};
use dragline_core::{Column, ColumnType, ItemType};
use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{Connection, Row, params};
use serde_json::{Map, Value as Json};

use super::fault::Fault;
use super::run_verdict;
use super::seen::SeenBy;
use crate::identifier::{SOURCE_FINGERPRINT, check_names, quoted_list};

/// The figures of a run. An item table that does not exist counts as empty.
pub(super) fn summary(connection: &Connection, run_id: i64, items: &[ItemType]) -> Result<RunSummary, Fault> {
    let one = |sql: &str| connection.query_row(sql, [run_id], |row| row.get::<_, u64>("rows"));
    let seen = SeenBy::run(connection, run_id)?;
    let mut counts = Vec::new();
    for item in items {
        check_names(item)?;
        let sql = format!("SELECT count(*) AS rows {}", seen.rows(item));
        let count = match item.table() {
            None => connection.query_row(&sql, params![run_id, item.name()], |row| row.get("rows"))?,
            Some(table) if connection.table_exists(None, table)? => one(&sql)?,
            Some(_) => 0,
        };
        counts.push((item.name().to_owned(), count));
    }
    let (pages, failing_tags) = run_verdict::page_counts_and_tags(connection, run_id)?;
    Ok(RunSummary {
        pages,
        failing_tags,
        items: counts,
        dead_letters: one("SELECT count(*) AS rows FROM crawl_dead_letters WHERE run_id = ?1")?,
    })
}

/// Which rows to read: those of one item type that the run was the last to see.
pub(super) struct ItemsOf<'a> {
    pub(super) run_id: i64,
    pub(super) spider: &'a str,
    pub(super) item: &'a ItemType,
    /// Only those of this page.
    pub(super) page: Option<&'a TracedRequest>,
}

/// Gives every row to `each`: by key, or without one by page and value. The order depends only on the rows, so two runs
/// with the same rows give the same file.
pub(super) fn items(
    connection: &Connection,
    of: &ItemsOf<'_>,
    each: &mut (dyn FnMut(ItemRow) -> io::Result<()> + Send),
) -> Result<(), Fault> {
    check_names(of.item)?;
    match of.item.table() {
        Some(table) => items_of_table(connection, of, table, each),
        None => shared_items(connection, of, each),
    }
}

fn items_of_table(
    connection: &Connection,
    of: &ItemsOf<'_>,
    table: &str,
    each: &mut (dyn FnMut(ItemRow) -> io::Result<()> + Send),
) -> Result<(), Fault> {
    let item = of.item;
    let columns = || item.columns().iter().map(|column| column.name.as_str());
    let order = if item.is_keyed() {
        quoted_list(item.key())
    } else {
        quoted_list(["source_url"].into_iter().chain(columns()))
    };
    let has_fingerprint = connection.column_exists(None, table, SOURCE_FINGERPRINT)?;
    let fingerprint = if has_fingerprint { SOURCE_FINGERPRINT } else { "NULL" };
    let mut select = connection.prepare(&format!(
        "SELECT {}, source_url, scraped_at {}
         AND (?2 IS NULL OR coalesce({fingerprint} = ?2, source_url = ?3)) ORDER BY {order}",
        quoted_list(columns()),
        SeenBy::run(connection, of.run_id)?.rows(item),
    ))?;
    let (fingerprint, url) = page_of(of);
    let mut rows = select.query(params![of.run_id, fingerprint, url])?;
    while let Some(row) = rows.next()? {
        let mut fields = Map::new();
        // The item's own columns come first, and may have any name.
        for (at, column) in item.columns().iter().enumerate() {
            fields.insert(column.name.clone(), field(row, at, column)?);
        }
        let at = item.columns().len();
        each(ItemRow { fields, url: row.get(at)?, scraped_at: row.get(at + 1)? })?;
    }
    Ok(())
}

fn shared_items(
    connection: &Connection,
    of: &ItemsOf<'_>,
    each: &mut (dyn FnMut(ItemRow) -> io::Result<()> + Send),
) -> Result<(), Fault> {
    let mut select = connection.prepare(&format!(
        "SELECT data, url, scraped_at {}
         AND spider = ?5 AND (?3 IS NULL OR coalesce(fingerprint = ?3, url = ?4))
         ORDER BY item_key, url, content_hash",
        SeenBy::run(connection, of.run_id)?.rows(of.item)
    ))?;
    let (fingerprint, url) = page_of(of);
    let mut rows = select.query(params![of.run_id, of.item.name(), fingerprint, url, of.spider])?;
    while let Some(row) = rows.next()? {
        let data: String = row.get("data")?;
        let fields = serde_json::from_str(&data).map_err(io::Error::from)?;
        each(ItemRow { fields, url: row.get("url")?, scraped_at: row.get("scraped_at")? })?;
    }
    Ok(())
}

/// Fingerprint and URL of the page, if only its rows are wanted. Rows from before schema version 6 have only the URL.
fn page_of<'a>(of: &ItemsOf<'a>) -> (Option<&'a [u8]>, Option<&'a str>) {
    of.page.map(|page| (page.fingerprint.as_bytes().as_slice(), page.url.as_str())).unzip()
}

/// A column as [`Value::to_json`](dragline_core::Value::to_json) would have written it.
pub(super) fn field(row: &Row<'_>, at: usize, column: &Column) -> Result<Json, Fault> {
    if row.get_ref(at)? == ValueRef::Null {
        return Ok(Json::Null);
    }
    Ok(match column.kind {
        ColumnType::Boolean => Json::from(row.get::<_, bool>(at)?),
        ColumnType::TextList | ColumnType::Json => {
            serde_json::from_str(&row.get::<_, String>(at)?).map_err(io::Error::from)?
        }
        _ => match row.get(at)? {
            Sql::Null => Json::Null,
            Sql::Integer(number) => Json::from(number),
            Sql::Real(number) => Json::from(number),
            Sql::Text(text) => Json::from(text),
            Sql::Blob(_) => return Err(Fault::Other(format!("{} holds a blob", column.name).into())),
        },
    })
}
