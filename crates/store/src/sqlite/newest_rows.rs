//! Reads the newest rows of an item type. Two rows of one moment come in the order of their `rowid`.

use std::time::{Duration, Instant};

use dragline_core::ItemType;
use dragline_core::newest_rows::{FoundRow, MAX_VALUE_CHARS, RowsAsk, RowsFound};
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::gone::within;
use crate::identifier::{check_names, quoted};
use crate::newest_rows::{columns, found};

/// Reads rows, and counts them in what is left of the time.
pub(super) fn read(
    connection: &mut Connection,
    ask: &RowsAsk,
    item: &ItemType,
    limit: Duration,
) -> Result<RowsFound, Fault> {
    check_names(item)?;
    let until = Instant::now() + limit;
    if let Some(table) = item.table()
        && !connection.table_exists(None, table)?
    {
        return Ok(RowsFound { is_table_missing: true, ..RowsFound::default() });
    }
    let columns = columns(item);
    let from = Rows::of(item);
    // One character more than is shown tells that there are more.
    let values: String = columns
        .iter()
        .map(|column| {
            format!("substr(CAST({} AS TEXT), 1, {}), ", from.value(&column.name), MAX_VALUE_CHARS + 1)
        })
        .collect();
    let (matching, url) = (&from.matching, from.url);
    let select = format!(
        "SELECT {values}{url}, run_id, scraped_at, rowid FROM {} WHERE {matching}
         AND (?4 IS NULL OR (scraped_at, rowid) < (?4, ?5))
         ORDER BY scraped_at DESC, rowid DESC LIMIT ?6",
        from.table
    );
    let contains = ask.contains.as_deref().map(str::to_ascii_lowercase);
    let after = ask.after.as_ref();
    let place: Option<i64> = after.and_then(|after| after.place.parse().ok());
    let most = i64::try_from(ask.max).unwrap_or(i64::MAX).saturating_add(1);
    let rows = within(connection, limit, |connection| {
        let mut select = connection.prepare(&select)?;
        let moment = after.map(|after| after.scraped_at.as_str());
        let mut rows = select.query(params![ask.spider, item.name(), contains, moment, place, most])?;
        let mut read = Vec::new();
        while let Some(row) = rows.next()? {
            let at = columns.len();
            let values = (0..at).map(|at| row.get(at)).collect::<rusqlite::Result<_>>()?;
            let found = FoundRow {
                values,
                url: row.get::<_, Option<String>>(at)?.unwrap_or_default(),
                run_id: row.get(at + 1)?,
                scraped_at: row.get(at + 2)?,
            };
            read.push((found, row.get::<_, i64>(at + 3)?.to_string()));
        }
        Ok(read)
    })?;
    let left = until.saturating_duration_since(Instant::now());
    let count = format!("SELECT count(*) FROM {} WHERE {matching}", from.table);
    // Too slow a count is no reason to show nothing.
    let count = within(connection, left, |connection| {
        Ok(connection.query_row(&count, params![ask.spider, item.name(), contains], |row| row.get(0))?)
    });
    Ok(found(ask, &columns, rows, count.ok()))
}

/// Where the rows of a type are. In the condition, `?1` is the spider, `?2` the type, and `?3` the text to look for.
struct Rows {
    table: String,
    url: &'static str,
    matching: String,
    is_shared: bool,
}

impl Rows {
    fn of(item: &ItemType) -> Self {
        match item.table() {
            Some(table) => {
                let all: Vec<String> = item
                    .columns()
                    .iter()
                    .map(|column| format!("coalesce({}, '')", quoted(&column.name)))
                    .chain(["coalesce(source_url, '')".to_owned()])
                    .collect();
                Self {
                    table: quoted(table),
                    url: "source_url",
                    matching: format!(
                        "(?1 IS NOT NULL AND ?2 IS NOT NULL)
                         AND (?3 IS NULL OR instr(lower({}), ?3) > 0)",
                        all.join(" || ' ' || ")
                    ),
                    is_shared: false,
                }
            }
            None => Self {
                table: "crawl_items".to_owned(),
                url: "url",
                matching: "spider = ?1 AND item_type = ?2
                         AND (?3 IS NULL OR instr(lower(data || ' ' || url), ?3) > 0)"
                    .to_owned(),
                is_shared: true,
            },
        }
    }

    /// A value of a row.
    fn value(&self, column: &str) -> String {
        if self.is_shared {
            format!("(data ->> '$.\"{}\"')", column.replace('\'', "''"))
        } else {
            quoted(column)
        }
    }
}
