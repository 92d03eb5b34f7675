//! The figures of a run, for `runs show`.
//!
//! Each count reads an index and not the rows: the primary key for all requests, `crawl_requests_frontier` for queued ones, and
//! `crawl_requests_not_done` for the others that are not done. Only failed and skipped requests are read row by row.

use std::collections::BTreeMap;

use dragline_core::runs::{BadPage, GroupCount, LargestGroups, RunFigures};
use dragline_core::{ItemType, PageState};
use rusqlite::Connection;

use super::fault::Fault;
use super::seen::SeenBy;
use crate::figures;
use crate::identifier::check_names;

const FRONTIER: &str = "crawl_requests_frontier";
const NOT_DONE: &str = "crawl_requests_not_done";

/// Reads the figures, all of them at one moment.
pub(super) fn inspect(
    connection: &mut Connection,
    run_id: i64,
    declared: &[ItemType],
) -> Result<RunFigures, Fault> {
    let transaction = connection.transaction()?;
    let tallies = |state: &str, key: &str| tallies(&transaction, run_id, state, key);
    let count = |sql: &str| -> Result<u64, Fault> {
        Ok(transaction.query_row(sql, [run_id], |row| row.get("rows"))?)
    };
    // A request that ended before schema version 6 has only its error.
    let error = format!("substr(error, 1, {})", LargestGroups::KEY_CHARS);
    let reason = format!("coalesce(reason, {error})");
    // Without the target of "redirected to https://…", the redirects are one group.
    let kind = format!("coalesce(reason, substr({error}, 1, instr({error} || ' to ', ' to ') - 1))");
    let (queued, queued_by_host) = tallies("queued", "host")?;
    let (failed, failed_by_status) = tallies("failed", "CAST(status AS TEXT)")?;
    let (skipped, skipped_by_reason) = tallies("skipped", &kind)?;
    let (dead, dead_by_reason) = tallies("dead", &reason)?;
    let not_done = [(PageState::Failed, failed), (PageState::Skipped, skipped), (PageState::Dead, dead)];
    let not_done = not_done.into_iter().filter(|(_, count)| *count > 0).collect();
    let all = count("SELECT count(*) AS rows FROM crawl_requests WHERE run_id = ?1")?;
    Ok(RunFigures {
        pages: figures::pages(all, queued, not_done),
        items: item_rows(&transaction, run_id, declared)?,
        dead_letters: count("SELECT count(*) AS rows FROM crawl_dead_letters WHERE run_id = ?1")?,
        failed_by_status,
        failed_by_reason: tallies("failed", &reason)?.1,
        dead_by_reason,
        skipped_by_reason,
        queued_by_host,
        ended_badly: ended_badly(&transaction, run_id)?,
    })
}

/// Requests in a state by `key`: how many in all, and the largest groups.
fn tallies(
    connection: &Connection,
    run_id: i64,
    state: &str,
    key: &str,
) -> Result<(u64, LargestGroups), Fault> {
    // Only the rows contain URLs, and there may be millions of queued ones.
    let (index, example) = if state == "queued" { (FRONTIER, "NULL") } else { (NOT_DONE, "min(url)") };
    let mut select = connection.prepare(&format!(
        "SELECT {key} AS key, count(*) AS requests, {example} AS example, sum(count(*)) OVER () AS in_all,
                count(*) OVER () AS kinds
         FROM crawl_requests INDEXED BY {index} WHERE run_id = ?1 AND state = '{state}'
         GROUP BY {key} ORDER BY count(*) DESC, {key} LIMIT {}",
        LargestGroups::MAX
    ))?;
    let mut rows = select.query([run_id])?;
    let (mut all, mut tallies) = (0, LargestGroups::default());
    while let Some(row) = rows.next()? {
        (all, tallies.kinds) = (row.get("in_all")?, row.get("kinds")?);
        tallies.largest.push(GroupCount {
            key: row.get("key")?,
            count: row.get("requests")?,
            example: row.get("example")?,
        });
    }
    Ok((all, tallies))
}

/// The first failed and the first dead requests in the order of their fingerprints, which the index has.
fn ended_badly(connection: &Connection, run_id: i64) -> Result<Vec<BadPage>, Fault> {
    let mut pages = Vec::new();
    for state in [PageState::Failed, PageState::Dead] {
        let mut select = connection.prepare(&format!(
            "SELECT page.url, page.status, page.reason, substr(page.error, 1, {}) AS error,
                    coalesce(length(kept.body), kept.body_bytes) AS kept_bytes
             FROM crawl_requests page INDEXED BY {NOT_DONE}
             LEFT JOIN crawl_kept_pages kept USING (run_id, fingerprint)
             WHERE page.run_id = ?1 AND page.state = '{state}' ORDER BY page.fingerprint LIMIT {}",
            LargestGroups::KEY_CHARS,
            RunFigures::MAX_SHOWN
        ))?;
        let rows = select.query_map([run_id], |row| {
            Ok(BadPage {
                url: row.get("url")?,
                state,
                status: row.get("status")?,
                reason: row.get("reason")?,
                error: row.get("error")?,
                kept_bytes: row.get("kept_bytes")?,
            })
        })?;
        for row in rows {
            pages.push(row?);
        }
    }
    Ok(pages)
}

fn item_rows(
    connection: &Connection,
    run_id: i64,
    declared: &[ItemType],
) -> Result<Vec<(String, Option<u64>)>, Fault> {
    let seen = SeenBy::run(connection, run_id)?;
    let mut in_tables = Vec::new();
    for item in declared {
        check_names(item)?;
        let Some(table) = item.table() else { continue };
        let rows = if connection.table_exists(None, table)? {
            let sql = format!("SELECT count(*) AS rows {}", seen.rows(item));
            Some(connection.query_row(&sql, [run_id], |row| row.get("rows"))?)
        } else {
            None
        };
        in_tables.push((item.name().to_owned(), rows));
    }
    let mut select = connection.prepare(&seen.shared_counts())?;
    let shared = select.query_map([run_id], |row| Ok((row.get("item_type")?, row.get("rows")?)))?;
    Ok(figures::items(declared, in_tables, shared.collect::<rusqlite::Result<BTreeMap<_, _>>>()?))
}
