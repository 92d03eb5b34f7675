//! Schedules, their ticks, and the servers that execute them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use dragline_core::StoreError;
use dragline_core::schedules::{
    MAX_OPEN_TICKS, NewServer, NewTicks, ScheduleNote, ScheduleRecord, ScheduleStore, ServerRecord, TickAsk,
    TickKind, TickRecord, TickState,
};
use dragline_core::store::{BoxFuture, StoreResult};
use tokio_postgres::Row;

use super::PostgresStore;
use super::connections::Connections;

/// Two ticks of a schedule would be running: `unique_violation`.
const ONE_RUNNING: &str = "23505";

const COLUMNS: &str = "schedule, due_at, kind, state, reason, server_id, attempts, failures, next_try_at, run_name, \
                       run_id, exit_code, pid, started_at, ended_at, log_dir, forced_kills, cancel, after_run, version";

impl ScheduleStore for PostgresStore {
    fn add_server<'a>(&'a self, server: &'a NewServer) -> BoxFuture<'a, StoreResult<i64>> {
        Box::pin(add_server(&self.connections, server))
    }

    fn beat_server(&self, server_id: i64) -> BoxFuture<'_, StoreResult<bool>> {
        Box::pin(beat_server(&self.connections, server_id))
    }

    fn end_server(&self, server_id: i64, silent_for: Duration) -> BoxFuture<'_, StoreResult<bool>> {
        Box::pin(end_server(&self.connections, server_id, silent_for))
    }

    fn list_servers(&self, limit: usize) -> BoxFuture<'_, StoreResult<Vec<ServerRecord>>> {
        Box::pin(list_servers(&self.connections, limit))
    }

    fn note_schedules<'a>(
        &'a self,
        schedules: &'a [ScheduleNote],
        now: DateTime<Utc>,
    ) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(note_schedules(&self.connections, schedules, now))
    }

    fn list_schedules(&self) -> BoxFuture<'_, StoreResult<Vec<ScheduleRecord>>> {
        Box::pin(list_schedules(&self.connections))
    }

    fn pause_schedule<'a>(&'a self, name: &'a str, by: Option<&'a str>) -> BoxFuture<'a, StoreResult<bool>> {
        Box::pin(pause_schedule(&self.connections, name, by))
    }

    fn add_ticks<'a>(&'a self, ticks: &'a NewTicks) -> BoxFuture<'a, StoreResult<u64>> {
        Box::pin(add_ticks(&self.connections, ticks))
    }

    fn open_ticks(&self) -> BoxFuture<'_, StoreResult<Vec<TickRecord>>> {
        Box::pin(open_ticks(&self.connections))
    }

    fn list_ticks<'a>(&'a self, ask: &'a TickAsk) -> BoxFuture<'a, StoreResult<Vec<TickRecord>>> {
        Box::pin(list_ticks(&self.connections, ask))
    }

    fn swap_tick<'a>(&'a self, new: &'a TickRecord) -> BoxFuture<'a, StoreResult<bool>> {
        Box::pin(swap_tick(&self.connections, new))
    }

    fn prune_ticks(&self, before: DateTime<Utc>, keep: usize) -> BoxFuture<'_, StoreResult<u64>> {
        Box::pin(prune_ticks(&self.connections, before, keep))
    }
}

async fn add_server(connections: &Connections, server: &NewServer) -> StoreResult<i64> {
    let what = "adding a server";
    let session = connections.session(what).await?;
    let row = session
        .row(
            "INSERT INTO crawl_servers (hostname, pid, place, version, listen) VALUES ($1, $2, $3, $4, $5)
             RETURNING server_id",
            &[&server.hostname, &whole(server.pid), &server.place, &server.version, &server.listen],
        )
        .await?;
    session.release();
    let row = row.ok_or_else(|| connections.target().broken(what, "the database returned no id"))?;
    Ok(row.get("server_id"))
}

async fn beat_server(connections: &Connections, server_id: i64) -> StoreResult<bool> {
    let session = connections.session("a heartbeat of the server").await?;
    let beat =
        "UPDATE crawl_servers SET heartbeat_at = clock_timestamp() WHERE server_id = $1 AND ended_at IS NULL";
    let changed = session.change(beat, &[&server_id]).await?;
    session.release();
    Ok(changed > 0)
}

async fn end_server(connections: &Connections, server_id: i64, silent_for: Duration) -> StoreResult<bool> {
    let session = connections.session("ending a server").await?;
    let end = "UPDATE crawl_servers SET ended_at = clock_timestamp()
        WHERE server_id = $1 AND ended_at IS NULL
        AND clock_timestamp() - heartbeat_at >= make_interval(secs => $2)";
    let changed = session.change(end, &[&server_id, &silent_for.as_secs_f64()]).await?;
    session.release();
    Ok(changed > 0)
}

async fn list_servers(connections: &Connections, limit: usize) -> StoreResult<Vec<ServerRecord>> {
    let session = connections.session("reading the servers").await?;
    let rows = session
        .rows(
            "SELECT server_id, hostname, pid, place, version, listen, started_at, heartbeat_at, ended_at,
                    clock_timestamp() AS read_at
             FROM crawl_servers ORDER BY ended_at IS NULL DESC, server_id DESC LIMIT $1",
            &[&rows_at_most(limit)],
        )
        .await?;
    session.release();
    Ok(rows
        .iter()
        .map(|row| ServerRecord {
            server_id: row.get("server_id"),
            server: NewServer {
                hostname: row.get("hostname"),
                pid: row.get::<_, i32>("pid").unsigned_abs(),
                place: row.get("place"),
                version: row.get("version"),
                listen: row.get("listen"),
            },
            started_at: row.get("started_at"),
            heartbeat_at: row.get("heartbeat_at"),
            ended_at: row.get("ended_at"),
            read_at: row.get("read_at"),
        })
        .collect())
}

async fn note_schedules(
    connections: &Connections,
    schedules: &[ScheduleNote],
    now: DateTime<Utc>,
) -> StoreResult<()> {
    let session = connections.session("noting the schedules").await?;
    for schedule in schedules {
        session
            .change(
                "INSERT INTO crawl_schedules (name, definition, first_seen_at, known_until) VALUES ($1, $2, $3, $3)
                 ON CONFLICT (name) DO UPDATE SET definition = excluded.definition
                 WHERE crawl_schedules.definition <> excluded.definition",
                &[&schedule.name, &schedule.definition, &now],
            )
            .await?;
    }
    session.release();
    Ok(())
}

async fn list_schedules(connections: &Connections) -> StoreResult<Vec<ScheduleRecord>> {
    let session = connections.session("reading the schedules").await?;
    let rows = session
        .rows(
            "SELECT name, definition, paused_at, paused_by, first_seen_at, known_until FROM crawl_schedules
             ORDER BY name",
            &[],
        )
        .await?;
    session.release();
    Ok(rows
        .iter()
        .map(|row| ScheduleRecord {
            name: row.get("name"),
            definition: row.get("definition"),
            paused_at: row.get("paused_at"),
            paused_by: row.get("paused_by"),
            first_seen_at: row.get("first_seen_at"),
            known_until: row.get("known_until"),
        })
        .collect())
}

async fn pause_schedule(connections: &Connections, name: &str, by: Option<&str>) -> StoreResult<bool> {
    let session = connections.session("pausing a schedule").await?;
    let pause = "UPDATE crawl_schedules
        SET paused_at = CASE WHEN $2::text IS NULL THEN NULL ELSE clock_timestamp() END, paused_by = $2
        WHERE name = $1 AND (paused_at IS NULL) = ($2::text IS NOT NULL)";
    let changed = session.change(pause, &[&name, &by]).await?;
    session.release();
    Ok(changed > 0)
}

async fn add_ticks(connections: &Connections, new: &NewTicks) -> StoreResult<u64> {
    let session = connections.session("adding ticks").await?;
    let insert = format!(
        "INSERT INTO crawl_ticks ({COLUMNS})
         VALUES ($1, $2, $3, $4, $5, NULL, 0, 0, $6, $7, NULL, NULL, NULL, NULL, $8, NULL, 0, NULL, NULL, 0)
         ON CONFLICT (schedule, due_at) DO NOTHING"
    );
    session.run("BEGIN").await?;
    let mut added = 0;
    for tick in &new.ticks {
        let (kind, state) = (tick.kind.as_str(), tick.state.as_str());
        let row: [&(dyn tokio_postgres::types::ToSql + Sync); 8] = [
            &new.schedule,
            &tick.due_at,
            &kind,
            &state,
            &tick.reason,
            &tick.next_try_at,
            &tick.run_name,
            &tick.ended_at,
        ];
        added += session.change(&insert, &row).await?;
    }
    if let Some(known_until) = new.known_until {
        let note = "UPDATE crawl_schedules SET known_until = greatest(known_until, $2) WHERE name = $1";
        session.change(note, &[&new.schedule, &known_until]).await?;
    }
    session.run("COMMIT").await?;
    session.release();
    Ok(added)
}

async fn open_ticks(connections: &Connections) -> StoreResult<Vec<TickRecord>> {
    let session = connections.session("reading the open ticks").await?;
    let sql = format!(
        "SELECT {COLUMNS} FROM crawl_ticks WHERE state IN ('waiting', 'running') ORDER BY due_at, schedule LIMIT $1"
    );
    let rows = session.rows(&sql, &[&rows_at_most(MAX_OPEN_TICKS)]).await?;
    session.release();
    records(connections, &rows)
}

async fn list_ticks(connections: &Connections, ask: &TickAsk) -> StoreResult<Vec<TickRecord>> {
    let session = connections.session("reading ticks").await?;
    let sql = format!(
        "SELECT {COLUMNS} FROM crawl_ticks
         WHERE ($1::text IS NULL OR schedule = $1) AND ($2::text IS NULL OR state = $2)
         AND ($3::bigint IS NULL OR run_id = $3) AND ($4::timestamptz IS NULL OR due_at < $4)
         ORDER BY due_at DESC, schedule LIMIT $5"
    );
    let state = ask.state.map(TickState::as_str);
    let asked: super::session::Params<'_> =
        &[&ask.schedule, &state, &ask.run_id, &ask.due_before, &rows_at_most(ask.limit)];
    let rows = session.rows(&sql, asked).await?;
    session.release();
    records(connections, &rows)
}

async fn swap_tick(connections: &Connections, new: &TickRecord) -> StoreResult<bool> {
    let session = connections.session("changing a tick").await?;
    let swap = "UPDATE crawl_ticks
        SET state = $4, reason = $5, server_id = $6, attempts = $7, failures = $8, next_try_at = $9, run_name = $10,
            run_id = $11, exit_code = $12, pid = $13, started_at = $14, ended_at = $15, log_dir = $16,
            forced_kills = $17, cancel = $18, after_run = $19, version = version + 1
        WHERE schedule = $1 AND due_at = $2 AND version = $3";
    let state = new.state.as_str();
    let row: super::session::Params<'_> = &[
        &new.schedule,
        &new.due_at,
        &new.version,
        &state,
        &new.reason,
        &new.server_id,
        &whole(new.attempts),
        &whole(new.failures),
        &new.next_try_at,
        &new.run_name,
        &new.run_id,
        &new.exit_code,
        &new.pid.map(whole),
        &new.started_at,
        &new.ended_at,
        &new.log_dir,
        &whole(new.forced_kills),
        &new.cancel,
        &new.after_run,
    ];
    match session.change(swap, row).await {
        Ok(changed) => {
            session.release();
            Ok(changed > 0)
        }
        Err(StoreError::Refused { sqlstate: Some(code), .. }) if code == ONE_RUNNING => {
            session.release();
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

async fn prune_ticks(connections: &Connections, before: DateTime<Utc>, keep: usize) -> StoreResult<u64> {
    let session = connections.session("pruning ticks").await?;
    let ticks = "DELETE FROM crawl_ticks tick USING (
            SELECT schedule, due_at, row_number() OVER (PARTITION BY schedule ORDER BY due_at DESC) AS place
            FROM crawl_ticks WHERE state IN ('done', 'failed', 'skipped')
        ) old
        WHERE tick.schedule = old.schedule AND tick.due_at = old.due_at AND old.place > $2 AND tick.due_at < $1
        AND tick.state IN ('done', 'failed', 'skipped')";
    let gone = session.change(ticks, &[&before, &rows_at_most(keep)]).await?;
    let servers = "DELETE FROM crawl_servers WHERE ended_at < $1
        AND NOT EXISTS (SELECT FROM crawl_ticks tick WHERE tick.server_id = crawl_servers.server_id)";
    session.change(servers, &[&before]).await?;
    session.release();
    Ok(gone)
}

fn records(connections: &Connections, rows: &[Row]) -> StoreResult<Vec<TickRecord>> {
    rows.iter()
        .map(record)
        .collect::<Result<_, _>>()
        .map_err(|problem| connections.target().broken("reading ticks", problem))
}

fn record(row: &Row) -> Result<TickRecord, String> {
    let (kind, state): (String, String) = (row.get("kind"), row.get("state"));
    let number = |column| row.get::<_, i32>(column).unsigned_abs();
    Ok(TickRecord {
        schedule: row.get("schedule"),
        due_at: row.get("due_at"),
        kind: TickKind::parse(&kind).ok_or_else(|| format!("a tick has the unknown kind {kind:?}"))?,
        state: TickState::parse(&state).ok_or_else(|| format!("a tick has the unknown state {state:?}"))?,
        reason: row.get("reason"),
        server_id: row.get("server_id"),
        attempts: number("attempts"),
        failures: number("failures"),
        next_try_at: row.get("next_try_at"),
        run_name: row.get("run_name"),
        run_id: row.get("run_id"),
        after_run: row.get("after_run"),
        exit_code: row.get("exit_code"),
        pid: row.get::<_, Option<i32>>("pid").map(i32::unsigned_abs),
        started_at: row.get("started_at"),
        ended_at: row.get("ended_at"),
        log_dir: row.get("log_dir"),
        forced_kills: number("forced_kills"),
        cancel: row.get("cancel"),
        version: row.get("version"),
    })
}

fn whole(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn rows_at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
