//! Lists runs, opens them again, and ends them. People do this between two crawls.

use dragline_core::prune;
use dragline_core::run_verdict::{EndFigures, RunVerdict};
use dragline_core::runs::{Requeue, Requeued, RunAsk, RunRecord};
use dragline_core::store::{ProcessInfo, RunState, StoreResult};
use dragline_core::{Reason, RunKind};
use serde_json::Value as Json;
use tokio_postgres::Row;

use super::connections::Connections;
use super::run_lock::is_held;
use super::runs;
use super::session::{Params, Session};
use super::workers::ended_workers;
use crate::{is_pruned, no_such_run, not_the_newest};

/// The number of requests that one statement puts back. It keeps each statement far below its time limit.
const REQUEUED_AT_ONCE: i64 = 20_000;

const LOCK: &str = "SELECT name, state, stop_reason, stats FROM crawl_runs WHERE run_id = $1 FOR UPDATE";

const NEWER: &str =
    "SELECT run_id FROM crawl_runs WHERE name = $1 AND run_id > $2 ORDER BY run_id DESC LIMIT 1";

const OTHERS: &str = "SELECT 1 FROM crawl_requests WHERE run_id = $1 AND state = 'queued' LIMIT 1";

const WITHOUT_REASON: &str =
    "SELECT 1 FROM crawl_requests WHERE run_id = $1 AND state = 'failed' AND reason IS NULL LIMIT 1";

/// The next requests in the order of `crawl_requests_not_done`, so that a statement does not read again what the earlier ones
/// put back.
const REQUEUE: &str = "UPDATE crawl_requests
    SET state = 'queued', attempts = 0, status = NULL, reason = NULL, error = NULL, done_at = NULL
    WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM crawl_requests
        WHERE run_id = $1 AND state = 'failed' AND fingerprint > $2
        AND ($3::integer[] IS NULL OR EXISTS (
            SELECT FROM unnest($3::integer[], $4::integer[]) AS asked (low, high)
            WHERE coalesce(status, 0) BETWEEN low AND high
        ))
        AND ($5::text IS NULL OR reason = $5)
        AND ($8::text IS NULL OR strpos(lower(error COLLATE \"C\"), $8) > 0)
        AND ($6::text IS NULL OR host = $6 OR starts_with(host, $6 || ':'))
        ORDER BY fingerprint LIMIT $7
    ))
    RETURNING fingerprint";

/// Requests that left `queued` earlier no longer count as progress, so the next start must make its own. Hosts that were paused
/// because they kept failing are asked again, because the requests are put back to be fetched.
const REOPEN: &str = concat!(
    "WITH hosts AS (DELETE FROM crawl_hosts WHERE run_id = $1 AND paused_ms IS NOT NULL)
    , suspects AS (DELETE FROM crawl_suspects WHERE run_id = $1)
    , kept AS (
        DELETE FROM crawl_kept_pages kept USING crawl_requests page
        WHERE kept.run_id = $1 AND page.run_id = $1 AND page.fingerprint = kept.fingerprint
        AND page.state = 'queued'
    ), ",
    ended_workers!(),
    "UPDATE crawl_runs
    SET epoch = epoch + 1, ended_at_start = 0, fruitless_starts = 0,
        state = CASE WHEN finished_at IS NULL THEN state ELSE 'stopped' END,
        stop_reason = coalesce($2, stop_reason), finished_at = NULL, figures = NULL, verdict = NULL, problems = '[]'
    WHERE run_id = $1"
);

const GIVE_UP: &str = concat!(
    "WITH cookies AS (DELETE FROM crawl_cookies WHERE run_id = $1),
        hosts AS (DELETE FROM crawl_hosts WHERE run_id = $1),
        suspects AS (DELETE FROM crawl_suspects WHERE run_id = $1), ",
    ended_workers!(),
    "UPDATE crawl_runs SET state = 'failed', stop_reason = $2, finished_at = now(),
    epoch = epoch + 1 WHERE run_id = $1 AND state IN ('running', 'stopped')"
);

/// Runs, the newest first.
pub(super) async fn list(connections: &Connections, ask: &RunAsk) -> StoreResult<Vec<RunRecord>> {
    let sql = format!(
        "SELECT run_id, name, spider, kind, args, epoch, state, stop_reason, started_at, last_start_at, heartbeat_at,
                finished_at, pid, hostname, stats, figures, verdict, problems, clock_timestamp() AS read_at,
                (SELECT earlier.figures FROM crawl_runs earlier
                  WHERE earlier.name = run.name AND earlier.run_id < run.run_id AND earlier.state = 'finished'
                  AND earlier.kind = 'crawl'
                  ORDER BY earlier.run_id DESC LIMIT 1) AS before,
                state IN ('running', 'stopped') AND EXISTS (SELECT FROM pg_locks held WHERE {}) AS is_held
         FROM crawl_runs run
         WHERE ($1::bigint IS NULL OR run_id = $1) AND ($2::text IS NULL OR name = $2)
         AND ($3::text IS NULL OR spider = $3) AND ($4::text IS NULL OR state = $4)
         AND ($6::bigint IS NULL OR run_id < $6) AND ($7::text IS NULL OR kind = $7)
         ORDER BY run_id DESC LIMIT $5",
        is_held("run.name"),
    );
    let (state, limit) = (ask.state.map(RunState::as_str), i64::try_from(ask.limit).unwrap_or(i64::MAX));
    let kind = ask.kind.map(RunKind::as_str);
    let session = connections.session("reading the runs").await?;
    let asked: Params<'_> = &[&ask.run_id, &ask.name, &ask.spider, &state, &limit, &ask.older_than, &kind];
    let rows = session.rows(&sql, asked).await?;
    session.release();
    rows.iter()
        .map(record)
        .collect::<Result<_, _>>()
        .map_err(|problem| connections.target().broken("reading the runs", problem))
}

/// Puts failed requests back; see the trait.
pub(super) async fn requeue(connections: &Connections, ask: &Requeue) -> StoreResult<Requeued> {
    let session = connections.session("putting failed requests back").await?;
    session.run("BEGIN").await?;
    let run = session.row(LOCK, &[&ask.run_id]).await?.ok_or_else(|| no_such_run(ask.run_id))?;
    let name: String = run.get("name");
    let was = RunState::parse(run.get("state"))
        .ok_or_else(|| connections.target().broken("putting failed requests back", "its state is unknown"))?;
    if prune::pruned_at(&run.get("stats")).is_some() {
        return Err(is_pruned(ask.run_id));
    }
    if was.is_final()
        && let Some(newer) = session.row(NEWER, &[&name, &ask.run_id]).await?
    {
        return Err(not_the_newest(ask.run_id, &name, newer.get("run_id")));
    }
    let others_queued = session.row(OTHERS, &[&ask.run_id]).await?.is_some();
    let requests = requeue_all(&session, ask).await?;
    let is_reason_missing =
        requests == 0 && ask.reason.is_some() && session.row(WITHOUT_REASON, &[&ask.run_id]).await?.is_some();
    let reason = run.get("stop_reason");
    let requeued = Requeued { requests, was, reason, others_queued, is_reason_missing };
    if requests == 0 {
        session.run("ROLLBACK").await?;
    } else {
        session.change(REOPEN, &[&ask.run_id, &requeued.new_reason()]).await?;
        session.run("COMMIT").await?;
    }
    session.release();
    Ok(requeued)
}

async fn requeue_all(session: &Session, ask: &Requeue) -> StoreResult<u64> {
    let bounds = |bound: fn(&(u16, u16)) -> u16| {
        let bounds = ask.statuses.iter().map(|range| i32::from(bound(range))).collect::<Vec<_>>();
        (!bounds.is_empty()).then_some(bounds)
    };
    let (low, high) = (bounds(|range| range.0), bounds(|range| range.1));
    let (reason, error) = (ask.reason.map(Reason::code), ask.error.as_deref().map(str::to_ascii_lowercase));
    let (mut requests, mut after) = (0, Vec::new());
    loop {
        let rows = session
            .rows(REQUEUE, &[&ask.run_id, &after, &low, &high, &reason, &ask.host, &REQUEUED_AT_ONCE, &error])
            .await?;
        let Some(last) = rows.iter().map(|row| row.get::<_, &[u8]>("fingerprint")).max() else {
            return Ok(requests);
        };
        after = last.to_vec();
        requests += rows.len() as u64;
    }
}

/// Ends an unfinished run. Returns whether it was unfinished.
pub(super) async fn give_up(connections: &Connections, run_id: i64, reason: &str) -> StoreResult<bool> {
    let session = connections.session("giving the run up").await?;
    let changed = session.change(GIVE_UP, &[&run_id, &reason]).await?;
    session.release();
    Ok(changed > 0)
}

fn record(row: &Row) -> Result<RunRecord, String> {
    let run_id: i64 = row.get("run_id");
    let process = row.get::<_, Option<i32>>("pid").zip(row.get::<_, Option<String>>("hostname"));
    Ok(RunRecord {
        run_id,
        name: row.get("name"),
        spider: row.get("spider"),
        kind: runs::kind(row)?,
        args: row.get("args"),
        epoch: row.get("epoch"),
        state: RunState::parse(row.get("state"))
            .ok_or_else(|| format!("run {run_id} has an invalid state"))?,
        stop_reason: row.get("stop_reason"),
        started_at: row.get("started_at"),
        last_start_at: row.get("last_start_at"),
        heartbeat_at: row.get("heartbeat_at"),
        finished_at: row.get("finished_at"),
        process: process.map(|(pid, hostname)| ProcessInfo { pid: pid.unsigned_abs(), hostname }),
        stats: row.get("stats"),
        figures: figures(row, "figures"),
        verdict: RunVerdict::parse(row.get("verdict"), &row.get("problems")),
        before: figures(row, "before"),
        is_held: row.get("is_held"),
        read_at: row.get("read_at"),
    })
}

fn figures(row: &Row, column: &str) -> Option<EndFigures> {
    row.get::<_, Option<Json>>(column).map(|json| EndFigures::from_json(&json))
}
