//! Lists runs, opens them again, and ends them. People do this between two crawls.

use std::path::Path;

use chrono::{DateTime, Utc};
use dragline_core::Reason;
use dragline_core::prune;
use dragline_core::run_verdict::{EndFigures, RunVerdict};
use dragline_core::runs::{Requeue, Requeued, RunAsk, RunRecord};
use dragline_core::store::{ProcessInfo, RunState};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params, params_from_iter};
use serde_json::Value as Json;

use super::fault::Fault;
use super::items::NOW;
use super::{cookies, hosts, run_lock, runs, suspects};
use crate::{is_pruned, no_such_run, not_the_newest};

/// Runs, the newest first. The database is at `path`.
pub(super) fn list(connection: &Connection, path: &Path, ask: &RunAsk) -> Result<Vec<RunRecord>, Fault> {
    let mut sql =
        "SELECT run_id, name, spider, kind, args, epoch, state, stop_reason, started_at, last_start_at,
             heartbeat_at, finished_at, pid, hostname, stats, figures, verdict, problems,
             (SELECT earlier.figures FROM crawl_runs earlier
              WHERE earlier.name = run.name AND earlier.run_id < run.run_id AND earlier.state = 'finished'
                  AND earlier.kind = 'crawl'
              ORDER BY earlier.run_id DESC LIMIT 1) AS before
         FROM crawl_runs run WHERE true"
            .to_owned();
    let mut values: Vec<Sql> = Vec::new();
    let state = ask.state.map(|state| state.as_str().to_owned());
    let asked = [
        ("run_id =", ask.run_id.map(Sql::from)),
        ("name =", ask.name.clone().map(Sql::from)),
        ("spider =", ask.spider.clone().map(Sql::from)),
        ("state =", state.map(Sql::from)),
        ("kind =", ask.kind.map(|kind| Sql::from(kind.as_str().to_owned()))),
        ("run_id <", ask.older_than.map(Sql::from)),
    ];
    for (condition, value) in asked {
        if let Some(value) = value {
            sql.extend([" AND ", condition, " ?"]);
            values.push(value);
        }
    }
    sql.push_str(" ORDER BY run_id DESC LIMIT ?");
    values.push(i64::try_from(ask.limit).unwrap_or(i64::MAX).into());
    let now = runs::now(connection)?;
    let mut select = connection.prepare(&sql)?;
    let mut rows = select.query(params_from_iter(values))?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        let mut record = record(row, now)?;
        record.is_held = !record.state.is_final() && run_lock::is_held(path, &record.name)?;
        records.push(record);
    }
    Ok(records)
}

/// Puts failed requests back; see the trait.
pub(super) fn requeue(connection: &mut Connection, ask: &Requeue) -> Result<Requeued, Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let run = "SELECT name, state, stop_reason, stats FROM crawl_runs WHERE run_id = ?1";
    let run = transaction.query_row(run, [ask.run_id], |row| {
        let (name, state): (String, String) = (row.get("name")?, row.get("state")?);
        Ok((name, state, row.get("stop_reason")?, row.get::<_, Json>("stats")?))
    });
    let Some((name, state, reason, stats)) = run.optional()? else {
        return Err(no_such_run(ask.run_id).into());
    };
    if prune::pruned_at(&stats).is_some() {
        return Err(is_pruned(ask.run_id).into());
    }
    let was = RunState::parse(&state)
        .ok_or_else(|| Fault::Other(format!("run {} has the unknown state {state:?}", ask.run_id).into()))?;
    if was.is_final() {
        let newer = "SELECT max(run_id) AS newer FROM crawl_runs WHERE name = ?1 AND run_id > ?2";
        let newer = transaction.query_row(newer, params![name, ask.run_id], |row| row.get("newer"))?;
        if let Some(newer) = newer {
            return Err(not_the_newest(ask.run_id, &name, newer).into());
        }
    }
    let others = "SELECT EXISTS (SELECT 1 FROM crawl_requests WHERE run_id = ?1 AND state = 'queued')
         AS is_any";
    let others_queued = transaction.query_row(others, [ask.run_id], |row| row.get("is_any"))?;
    let requests = transaction.execute(
        "UPDATE crawl_requests INDEXED BY crawl_requests_not_done
         SET state = 'queued', attempts = 0, status = NULL, reason = NULL, error = NULL, done_at = NULL
         WHERE run_id = ?1 AND state = 'failed'
         AND (?2 IS NULL OR EXISTS (
             SELECT 1 FROM json_each(?2) asked
             WHERE coalesce(status, 0) BETWEEN asked.value ->> 0 AND asked.value ->> 1
         ))
         AND (?3 IS NULL OR reason = ?3)
         AND (?5 IS NULL OR instr(lower(error), ?5) > 0)
         AND (?4 IS NULL OR host = ?4 OR substr(host, 1, length(?4) + 1) = ?4 || ':')",
        params![
            ask.run_id,
            // SQLite has no list parameters, but a JSON list is one parameter.
            (!ask.statuses.is_empty()).then(|| serde_json::json!(ask.statuses).to_string()),
            ask.reason.map(Reason::code),
            ask.host,
            ask.error.as_deref().map(str::to_ascii_lowercase),
        ],
    )?;
    let without_reason = "SELECT EXISTS (SELECT 1 FROM crawl_requests INDEXED BY crawl_requests_not_done
         WHERE run_id = ?1 AND state = 'failed' AND reason IS NULL) AS is_any";
    let is_reason_missing = requests == 0
        && ask.reason.is_some()
        && transaction.query_row(without_reason, [ask.run_id], |row| row.get("is_any"))?;
    let requeued = Requeued { requests: requests as u64, was, reason, others_queued, is_reason_missing };
    if requests > 0 {
        // Requests that left `queued` earlier no longer count as progress, so the next start must make its own.
        transaction.execute(
            "UPDATE crawl_runs
             SET epoch = epoch + 1, ended_at_start = 0, fruitless_starts = 0,
                 state = CASE WHEN finished_at IS NULL THEN state ELSE 'stopped' END,
                 stop_reason = coalesce(?2, stop_reason), finished_at = NULL, figures = NULL, verdict = NULL,
                 problems = '[]'
             WHERE run_id = ?1",
            params![ask.run_id, requeued.new_reason()],
        )?;
        // Requests are put back so that they are fetched, so hosts that were paused because they kept failing are asked
        // again.
        let paused = "DELETE FROM crawl_hosts WHERE run_id = ?1 AND paused_ms IS NOT NULL";
        transaction.execute(paused, [ask.run_id])?;
        suspects::forget(&transaction, ask.run_id)?;
        let kept = "DELETE FROM crawl_kept_pages WHERE run_id = ?1 AND fingerprint IN (
             SELECT fingerprint FROM crawl_requests WHERE run_id = ?1 AND state = 'queued')";
        transaction.execute(kept, [ask.run_id])?;
        transaction.commit()?;
    }
    Ok(requeued)
}

/// Ends an unfinished run. Returns whether it was unfinished.
pub(super) fn give_up(connection: &Connection, run_id: i64, reason: &str) -> Result<bool, Fault> {
    let transaction = connection.unchecked_transaction()?;
    cookies::forget(&transaction, run_id)?;
    hosts::forget(&transaction, run_id)?;
    suspects::forget(&transaction, run_id)?;
    let changed = transaction.execute(
        &format!(
            "UPDATE crawl_runs SET state = 'failed', stop_reason = ?2, epoch = epoch + 1, finished_at = {NOW}
             WHERE run_id = ?1 AND state IN ('running', 'stopped')"
        ),
        params![run_id, reason],
    )?;
    transaction.commit()?;
    Ok(changed > 0)
}

fn record(row: &Row<'_>, now: DateTime<Utc>) -> Result<RunRecord, Fault> {
    let run_id: i64 = row.get("run_id")?;
    let state = RunState::parse(&row.get::<_, String>("state")?);
    Ok(RunRecord {
        run_id,
        name: row.get("name")?,
        spider: row.get("spider")?,
        kind: runs::kind(row)?,
        args: row.get("args")?,
        epoch: row.get("epoch")?,
        state: state.ok_or_else(|| Fault::Other(format!("run {run_id} has an invalid state").into()))?,
        stop_reason: row.get("stop_reason")?,
        started_at: row.get("started_at")?,
        last_start_at: row.get("last_start_at")?,
        heartbeat_at: row.get("heartbeat_at")?,
        finished_at: row.get("finished_at")?,
        process: Some(ProcessInfo { pid: row.get("pid")?, hostname: row.get("hostname")? }),
        stats: row.get("stats")?,
        figures: figures(row, "figures")?,
        verdict: RunVerdict::parse(
            row.get::<_, Option<String>>("verdict")?.as_deref(),
            &row.get("problems")?,
        ),
        before: figures(row, "before")?,
        is_held: false,
        read_at: now,
    })
}

fn figures(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<EndFigures>> {
    Ok(row.get::<_, Option<Json>>(column)?.map(|json| EndFigures::from_json(&json)))
}
