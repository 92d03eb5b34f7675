//! What a run holds, for a person who looks at it.
//!
//! Each count reads an index and not the rows: that of the primary key for all requests, `crawl_requests_frontier`
//! for those that are queued, `crawl_requests_not_done` for the rest. Rows are read of failed and skipped requests
//! alone.

use std::collections::BTreeMap;

use dragline_core::runs::{RunFigures, Tallies, Tally};
use dragline_core::{ItemType, PageState};
use rusqlite::Connection;

use super::fault::Fault;
use crate::figures;
use crate::identifier::{check_names, quoted};

const FRONTIER: &str = "crawl_requests_frontier";
const NOT_DONE: &str = "crawl_requests_not_done";

/// Reads it, all at one moment.
pub(super) fn inspect(
    connection: &mut Connection,
    run_id: i64,
    declared: &[ItemType],
) -> Result<RunFigures, Fault> {
    let transaction = connection.transaction()?;
    let tallies = |state: &str, key: &str| tallies(&transaction, run_id, state, key);
    let count =
        |sql: &str| -> Result<u64, Fault> { Ok(transaction.query_row(sql, [run_id], |row| row.get(0))?) };
    let reason = format!("substr(error, 1, {})", Tallies::KEY_CHARS);
    // "redirected to https://…" has as many ends as there are redirects.
    let kind = format!("substr({reason}, 1, instr({reason} || ' to ', ' to ') - 1)");
    let (queued, queued_by_host) = tallies("queued", "host")?;
    let (failed, failed_by_status) = tallies("failed", "CAST(status AS TEXT)")?;
    let (skipped, skipped_by_reason) = tallies("skipped", &kind)?;
    let dead = count(&format!(
        "SELECT count(*) FROM crawl_requests INDEXED BY {NOT_DONE} WHERE run_id = ?1 AND state = 'dead'"
    ))?;
    let not_done = [(PageState::Failed, failed), (PageState::Skipped, skipped), (PageState::Dead, dead)];
    let not_done = not_done.into_iter().filter(|(_, count)| *count > 0).collect();
    let all = count("SELECT count(*) FROM crawl_requests WHERE run_id = ?1")?;
    Ok(RunFigures {
        pages: figures::pages(all, queued, not_done),
        items: item_rows(&transaction, run_id, declared)?,
        dead_letters: count("SELECT count(*) FROM crawl_dead_letters WHERE run_id = ?1")?,
        failed_by_status,
        failed_by_reason: tallies("failed", &reason)?.1,
        skipped_by_reason,
        queued_by_host,
    })
}

/// Requests in a state by `key`: how many in all, and the largest groups.
fn tallies(connection: &Connection, run_id: i64, state: &str, key: &str) -> Result<(u64, Tallies), Fault> {
    // A URL is in the rows, and of those that are queued there may be millions.
    let (index, example) = if state == "queued" { (FRONTIER, "NULL") } else { (NOT_DONE, "min(url)") };
    let mut select = connection.prepare(&format!(
        "SELECT {key}, count(*), {example}, sum(count(*)) OVER (), count(*) OVER ()
         FROM crawl_requests INDEXED BY {index} WHERE run_id = ?1 AND state = '{state}'
         GROUP BY {key} ORDER BY count(*) DESC, {key} LIMIT {}",
        Tallies::MAX
    ))?;
    let mut rows = select.query([run_id])?;
    let (mut all, mut tallies) = (0, Tallies::default());
    while let Some(row) = rows.next()? {
        (all, tallies.kinds) = (row.get(3)?, row.get(4)?);
        tallies.largest.push(Tally { key: row.get(0)?, count: row.get(1)?, example: row.get(2)? });
    }
    Ok((all, tallies))
}

fn item_rows(
    connection: &Connection,
    run_id: i64,
    declared: &[ItemType],
) -> Result<Vec<(String, Option<u64>)>, Fault> {
    let mut in_tables = Vec::new();
    for item in declared {
        check_names(item)?;
        let Some(table) = item.table() else { continue };
        let rows = if connection.table_exists(None, table)? {
            let sql = format!("SELECT count(*) FROM {} WHERE run_id = ?1", quoted(table));
            Some(connection.query_row(&sql, [run_id], |row| row.get(0))?)
        } else {
            None
        };
        in_tables.push((item.name().to_owned(), rows));
    }
    let mut select = connection
        .prepare("SELECT item_type, count(*) FROM crawl_items WHERE run_id = ?1 GROUP BY item_type")?;
    let shared = select.query_map([run_id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(figures::items(declared, in_tables, shared.collect::<rusqlite::Result<BTreeMap<_, _>>>()?))
}
