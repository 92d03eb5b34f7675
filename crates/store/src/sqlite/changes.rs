//! The change feed: a transaction notes in `crawl_changes` what it changes in the rows of item types with `#[item(changes)]`. There is
//! one writer at a time, so positions are in the order of commits.

use std::time::Duration;

use dragline_core::value::timestamp_text;
use dragline_core::{ItemRecord, ItemType};
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use serde_json::{Map, Value as Json};

use super::fault::Fault;
use super::items::{Conflict, to_sql};
use super::reading::field;
use super::runs;
use super::seen::row_key;
use crate::columns::data_and_hash;
use crate::identifier::{quoted, quoted_list};

const INSERT: &str = "INSERT INTO crawl_changes
        (run_id, spider, item_type, table_name, item_key, kind, data, changed_columns)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

/// The list of changed columns when no column has changed.
const NOTHING: &str = "[]";

/// The statements for the rows of an item type.
#[derive(Debug)]
pub(super) struct ChangeStatements {
    name: String,
    table: String,
    look: String,
}

/// What a write does to a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    New,
    /// These columns get other values, as JSON.
    Changed(String),
}

impl ChangeStatements {
    /// Those of an item type. `None` if it has no change feed.
    pub(super) fn new(item: &ItemType) -> Option<Self> {
        let table = item.table().filter(|_| item.emits_changes())?;
        let columns: Vec<&str> = item.columns().iter().map(|column| column.name.as_str()).collect();
        let given = quoted_list(columns.iter().copied().chain(["#run"]));
        let holders: Vec<String> = (1..=columns.len() + 1).map(|number| format!("?{number}")).collect();
        let same_key: Vec<String> =
            item.key().iter().map(quoted).map(|name| format!("old.{name} = \"#new\".{name}")).collect();
        let each = columns.iter().filter(|name| !item.is_key_column(name)).map(|name| {
            let column = quoted(name);
            format!("iif(old.{column} IS NOT \"#new\".{column} COLLATE BINARY, ',\"{name}\"', '')")
        });
        let each: Vec<String> = each.chain(["''".to_owned()]).collect();
        let is_marked = if item.marks_gone() { "old.gone_at IS NOT NULL" } else { "false" };
        Some(Self {
            name: item.name().to_owned(),
            table: table.to_owned(),
            look: format!(
                "WITH \"#new\" ({given}) AS (VALUES ({}))
                 SELECT '[' || substr({}, 2) || ']' AS changed, {is_marked} AS is_marked,
                     coalesce(old.run_id, 0) > \"#new\".\"#run\" AS is_newer
                 FROM \"#new\" CROSS JOIN {} old ON {}",
                holders.join(", "),
                each.join(" || "),
                quoted(table),
                same_key.join(" AND "),
            ),
        })
    }

    /// What an item will change. `None` if nothing. Call it before the item is written.
    pub(super) fn look(
        &self,
        connection: &Connection,
        run_id: i64,
        record: &ItemRecord,
        conflict: Conflict,
    ) -> Result<Option<Change>, Fault> {
        let given = record.values.iter().map(to_sql).chain([ToSqlOutput::from(run_id)]);
        let mut look = connection.prepare_cached(&self.look)?;
        let found = look.query_row(params_from_iter(given), |row| {
            Ok((row.get::<_, String>("changed")?, row.get("is_marked")?, row.get("is_newer")?))
        });
        Ok(match found.optional()? {
            Some((_, _, true)) if conflict == Conflict::KeepNewer => None,
            // The feed has reported this row as gone, and now it is there again.
            None | Some((_, true, _)) => Some(Change::New),
            Some((changed, false, _)) if changed == NOTHING => None,
            Some((changed, false, _)) => Some(Change::Changed(changed)),
        })
    }

    /// Notes what an item has changed.
    pub(super) fn note(
        &self,
        connection: &Connection,
        (run_id, spider): (i64, &str),
        key: &str,
        record: &ItemRecord,
        change: &Change,
    ) -> Result<(), Fault> {
        let (kind, changed) = match change {
            Change::New => ("new", None),
            Change::Changed(columns) => ("changed", Some(columns)),
        };
        let (data, _) = data_and_hash(record);
        connection
            .prepare_cached(INSERT)?
            .execute(params![run_id, spider, self.name, self.table, key, kind, data, changed])?;
        Ok(())
    }
}

/// Notes that a row is gone. Call it before the row is removed or marked.
pub(super) fn note_gone(
    connection: &Connection,
    (run_id, spider): (i64, &str),
    item: &ItemType,
    rowid: i64,
) -> Result<(), Fault> {
    let Some(table) = item.table().filter(|_| item.emits_changes()) else { return Ok(()) };
    let columns = quoted_list(item.columns().iter().map(|column| column.name.as_str()));
    let mut select =
        connection.prepare_cached(&format!("SELECT {columns} FROM {} WHERE rowid = ?1", quoted(table)))?;
    let mut rows = select.query([rowid])?;
    let Some(row) = rows.next()? else { return Ok(()) };
    let mut data: Map<String, Json> = Map::new();
    for (at, column) in item.columns().iter().enumerate() {
        data.insert(column.name.clone(), field(row, at, column)?);
    }
    let Some(key) = row_key(item, row) else { return Ok(()) };
    connection.prepare_cached(INSERT)?.execute(params![
        run_id,
        spider,
        item.name(),
        table,
        key,
        "gone",
        Json::Object(data).to_string(),
        None::<String>
    ])?;
    Ok(())
}

/// The moment this long ago, as the store writes it.
fn ago(connection: &Connection, older_than: Duration) -> Result<String, Fault> {
    let now = runs::now(connection)?;
    let age = chrono::TimeDelta::from_std(older_than).unwrap_or(chrono::TimeDelta::MAX);
    Ok(timestamp_text(&now.checked_sub_signed(age).unwrap_or(chrono::DateTime::UNIX_EPOCH)))
}

/// Counts the changes that are older than this.
pub(super) fn count_old(connection: &Connection, older_than: Duration) -> Result<u64, Fault> {
    let sql = "SELECT count(*) AS rows FROM crawl_changes WHERE changed_at < ?1";
    Ok(connection.query_row(sql, [ago(connection, older_than)?], |row| row.get("rows"))?)
}

/// Removes the first changes that are older than this, except for the last one of them: a reader whose position is lower than the
/// lowest one has missed some.
pub(super) fn prune(connection: &Connection, older_than: Duration, max: u32) -> Result<u64, Fault> {
    let sql = "WITH head AS MATERIALIZED (
            SELECT position, changed_at FROM crawl_changes ORDER BY position LIMIT ?2
        )
        DELETE FROM crawl_changes WHERE position < (SELECT max(position) FROM head WHERE changed_at < ?1)";
    Ok(connection.execute(sql, params![ago(connection, older_than)?, max])? as u64)
}
