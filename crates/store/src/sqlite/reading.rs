//! What a run holds: its figures and its items.

use std::io;

use dragline_core::store::{ItemRow, RunSummary};
use dragline_core::{Column, ColumnType, ItemType};
use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{Connection, Row, params};
use serde_json::{Map, Value as Json};

use super::fault::Fault;
use super::runs;
use crate::identifier::{check_names, quoted, quoted_list};

/// What a run holds. An item table that is not there holds nothing.
pub(super) fn summary(connection: &Connection, run_id: i64, items: &[ItemType]) -> Result<RunSummary, Fault> {
    let one = |sql: &str| connection.query_row(sql, [run_id], |row| row.get::<_, u64>("rows"));
    let mut counts = Vec::new();
    for item in items {
        check_names(item)?;
        let count = match item.table() {
            None => connection.query_row(
                "SELECT count(*) AS rows FROM crawl_items WHERE run_id = ?1 AND item_type = ?2",
                params![run_id, item.name()],
                |row| row.get("rows"),
            )?,
            Some(table) if connection.table_exists(None, table)? => {
                one(&format!("SELECT count(*) AS rows FROM {} WHERE run_id = ?1", quoted(table)))?
            }
            Some(_) => 0,
        };
        counts.push((item.name().to_owned(), count));
    }
    Ok(RunSummary {
        pages: runs::page_counts(connection, run_id)?,
        items: counts,
        dead_letters: one("SELECT count(*) AS rows FROM crawl_dead_letters WHERE run_id = ?1")?,
    })
}

/// Gives every item of a type that the run was the last to see to `each`: by key, or without one by page and
/// value. The order depends on the rows alone, so that two runs with the same rows give the same file.
pub(super) fn items(
    connection: &Connection,
    run_id: i64,
    spider: &str,
    item: &ItemType,
    each: &mut (dyn FnMut(ItemRow) -> io::Result<()> + Send),
) -> Result<(), Fault> {
    check_names(item)?;
    let Some(table) = item.table() else { return shared_items(connection, run_id, spider, item, each) };
    let order = if item.is_keyed() {
        quoted_list(item.key())
    } else {
        quoted_list(
            ["source_url"].into_iter().chain(item.columns().iter().map(|column| column.name.as_str())),
        )
    };
    let mut select = connection.prepare(&format!(
        "SELECT {}, source_url, scraped_at FROM {} WHERE run_id = ?1 ORDER BY {order}",
        quoted_list(item.columns().iter().map(|column| column.name.as_str())),
        quoted(table),
    ))?;
    let mut rows = select.query([run_id])?;
    while let Some(row) = rows.next()? {
        let mut fields = Map::new();
        // The item's own columns come first, and may have any name.
        for (at, column) in item.columns().iter().enumerate() {
            fields.insert(column.name.clone(), field(row, at, column)?);
        }
        let url = row.get(item.columns().len())?;
        each(ItemRow { fields, url, scraped_at: row.get(item.columns().len() + 1)? })?;
    }
    Ok(())
}

fn shared_items(
    connection: &Connection,
    run_id: i64,
    spider: &str,
    item: &ItemType,
    each: &mut (dyn FnMut(ItemRow) -> io::Result<()> + Send),
) -> Result<(), Fault> {
    let mut select = connection.prepare(
        "SELECT data, url, scraped_at FROM crawl_items
         WHERE run_id = ?1 AND spider = ?2 AND item_type = ?3 ORDER BY item_key, url, content_hash",
    )?;
    let mut rows = select.query(params![run_id, spider, item.name()])?;
    while let Some(row) = rows.next()? {
        let data: String = row.get("data")?;
        let fields = serde_json::from_str(&data).map_err(io::Error::from)?;
        each(ItemRow { fields, url: row.get("url")?, scraped_at: row.get("scraped_at")? })?;
    }
    Ok(())
}

/// A column as [`Value::to_json`](dragline_core::Value::to_json) would have written it.
fn field(row: &Row<'_>, at: usize, column: &Column) -> Result<Json, Fault> {
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
