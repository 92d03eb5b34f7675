//! The figures of a run, for `runs show`.
//!
//! Each count reads an index and not the rows: the primary key for all requests, `crawl_requests_frontier` for queued ones,
//! and `crawl_requests_not_done` for the others that are not done. Only failed and skipped requests are read row by row.

use std::collections::BTreeMap;

use dragline_core::runs::{BadPage, GroupCount, LargestGroups, RunFigures};
use dragline_core::store::StoreResult;
use dragline_core::{ItemType, PageState};
use tokio_postgres::Row;

use super::connections::Connections;
use super::seen::SeenBy;
use super::session::Session;
use crate::figures;
use crate::identifier::{check_names, quoted_path};

const ALL: &str = "SELECT count(*) AS rows FROM crawl_requests WHERE run_id = $1";

const NOT_DONE: &str = "SELECT state, count(*) AS requests FROM crawl_requests
    WHERE run_id = $1 AND (state = 'failed' OR state = 'skipped' OR state = 'dead') GROUP BY state";

/// Reads the figures, all of them at one moment.
pub(super) async fn inspect(
    connections: &Connections,
    run_id: i64,
    declared: &[ItemType],
) -> StoreResult<RunFigures> {
    let session = connections.session("looking at the run").await?;
    session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let (queued, queued_by_host) = tallies(&session, run_id, "queued", "host", "NULL").await?;
    let all = count(&session, ALL, run_id).await?;
    let rows = session.rows(NOT_DONE, &[&run_id]).await?;
    let not_done: BTreeMap<PageState, u64> = rows
        .iter()
        .filter_map(|row| Some((PageState::parse(row.get("state"))?, number(row, "requests"))))
        .collect();
    let letters = "SELECT count(*) AS rows FROM crawl_dead_letters WHERE run_id = $1";
    let failed = async |key: &str| tallies(&session, run_id, "failed", key, EXAMPLE).await;
    // A request that ended before schema version 6 has only its error.
    let error = format!("left(error, {})", LargestGroups::KEY_CHARS);
    let reason = format!("coalesce(reason, {error})");
    // Without the target of "redirected to https://…", the redirects are one group.
    let kind = format!("coalesce(reason, split_part({error}, ' to ', 1))");
    let read = RunFigures {
        pages: figures::pages(all, queued, not_done),
        items: item_rows(&session, run_id, declared).await?,
        dead_letters: count(&session, letters, run_id).await?,
        failed_by_status: failed("status::text").await?.1,
        failed_by_reason: failed(&reason).await?.1,
        dead_by_reason: tallies(&session, run_id, "dead", &reason, EXAMPLE).await?.1,
        skipped_by_reason: tallies(&session, run_id, "skipped", &kind, EXAMPLE).await?.1,
        queued_by_host,
        ended_badly: ended_badly(&session, run_id).await?,
    };
    session.run("COMMIT").await?;
    session.release();
    Ok(read)
}

/// The first URL in byte order, so that the answer is always the same.
const EXAMPLE: &str = "min(url COLLATE \"C\")";

/// Requests in a state by `key`: how many in all, and the largest groups.
async fn tallies(
    session: &Session,
    run_id: i64,
    state: &str,
    key: &str,
    example: &str,
) -> StoreResult<(u64, LargestGroups)> {
    let sql = format!(
        "SELECT {key} AS key, count(*) AS requests, {example}::text AS example,
                (sum(count(*)) OVER ())::bigint AS in_all, count(*) OVER () AS kinds
         FROM crawl_requests WHERE run_id = $1 AND state = '{state}'
         GROUP BY {key} ORDER BY count(*) DESC, {key} LIMIT {}",
        LargestGroups::MAX
    );
    let rows = session.rows(&sql, &[&run_id]).await?;
    let (all, kinds) = rows.first().map_or((0, 0), |row| (number(row, "in_all"), number(row, "kinds")));
    let largest = rows.iter().map(|row| GroupCount {
        key: row.get("key"),
        count: number(row, "requests"),
        example: row.get("example"),
    });
    Ok((all, LargestGroups { largest: largest.collect(), kinds }))
}

/// The first failed and the first dead requests in the order of their fingerprints, which the index has.
async fn ended_badly(session: &Session, run_id: i64) -> StoreResult<Vec<BadPage>> {
    let (chars, most) = (LargestGroups::KEY_CHARS, RunFigures::MAX_SHOWN);
    let of_state = |state: &str| {
        format!(
            "(SELECT page.url, page.state, page.status, page.reason, left(page.error, {chars}) AS error,
                     coalesce(octet_length(kept.body), kept.body_bytes)::bigint AS kept_bytes
              FROM crawl_requests page LEFT JOIN crawl_kept_pages kept USING (run_id, fingerprint)
              WHERE run_id = $1 AND page.state = '{state}' ORDER BY page.fingerprint LIMIT {most})"
        )
    };
    let sql = format!("{} UNION ALL {}", of_state("failed"), of_state("dead"));
    let rows = session.rows(&sql, &[&run_id]).await?;
    let pages = rows.iter().filter_map(|row| {
        Some(BadPage {
            url: row.get("url"),
            state: PageState::parse(row.get("state"))?,
            status: row.get::<_, Option<i32>>("status").and_then(|status| u16::try_from(status).ok()),
            reason: row.get("reason"),
            error: row.get("error"),
            kept_bytes: row.get::<_, Option<i64>>("kept_bytes").map(i64::unsigned_abs),
        })
    });
    Ok(pages.collect())
}

async fn item_rows(
    session: &Session,
    run_id: i64,
    declared: &[ItemType],
) -> StoreResult<Vec<(String, Option<u64>)>> {
    let seen = SeenBy::run(session, run_id).await?;
    let mut in_tables = Vec::new();
    for item in declared {
        check_names(item)?;
        let Some(table) = item.table().map(quoted_path) else { continue };
        let there = session.row("SELECT to_regclass($1) IS NOT NULL AS is_there", &[&table]).await?;
        let rows = if there.is_some_and(|row| row.get("is_there")) {
            Some(count(session, &format!("SELECT count(*) AS rows {}", seen.rows(item)), run_id).await?)
        } else {
            None
        };
        in_tables.push((item.name().to_owned(), rows));
    }
    let shared = session.rows(&seen.shared_counts(), &[&run_id]).await?;
    let shared = shared.iter().map(|row| (row.get("item_type"), number(row, "rows"))).collect();
    Ok(figures::items(declared, in_tables, shared))
}

async fn count(session: &Session, sql: &str, run_id: i64) -> StoreResult<u64> {
    Ok(session.row(sql, &[&run_id]).await?.map_or(0, |row| number(&row, "rows")))
}

fn number(row: &Row, column: &str) -> u64 {
    row.get::<_, i64>(column).unsigned_abs()
}
