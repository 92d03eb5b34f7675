//! Schedules, their ticks, and the servers that execute them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use dragline_core::schedules::{
    MAX_OPEN_TICKS, NewServer, NewTicks, ScheduleNote, ScheduleRecord, ScheduleStore, ServerRecord, TickAsk,
    TickKind, TickRecord, TickState,
};
use dragline_core::store::{BoxFuture, StoreResult};
use dragline_core::value::timestamp_text;
use rusqlite::{Connection, Row, Statement, TransactionBehavior, params};

use super::SqliteStore;
use super::fault::Fault;
use super::items::NOW;
use super::runs;

const COLUMNS: &str = "schedule, due_at, kind, state, reason, server_id, attempts, failures, next_try_at, run_name, \
                       run_id, exit_code, pid, started_at, ended_at, log_dir, forced_kills, cancel, after_run, version";

impl ScheduleStore for SqliteStore {
    fn add_server<'a>(&'a self, server: &'a NewServer) -> BoxFuture<'a, StoreResult<i64>> {
        let add = move |connection: &mut Connection| {
            connection.execute(
                "INSERT INTO crawl_servers (hostname, pid, place, version, listen) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![server.hostname, server.pid, server.place, server.version, server.listen],
            )?;
            Ok(connection.last_insert_rowid())
        };
        Box::pin(self.database.work("adding a server", add))
    }

    fn beat_server(&self, server_id: i64) -> BoxFuture<'_, StoreResult<bool>> {
        let beat = move |connection: &mut Connection| {
            let sql = format!(
                "UPDATE crawl_servers SET heartbeat_at = {NOW} WHERE server_id = ?1 AND ended_at IS NULL"
            );
            Ok(connection.execute(&sql, [server_id])? > 0)
        };
        Box::pin(self.database.work("a heartbeat of the server", beat))
    }

    fn end_server(&self, server_id: i64, silent_for: Duration) -> BoxFuture<'_, StoreResult<bool>> {
        let end = move |connection: &mut Connection| {
            let heard_before = runs::now(connection)? - silent_for;
            let sql = format!(
                "UPDATE crawl_servers SET ended_at = {NOW}
                 WHERE server_id = ?1 AND ended_at IS NULL AND heartbeat_at <= ?2"
            );
            Ok(connection.execute(&sql, params![server_id, timestamp_text(&heard_before)])? > 0)
        };
        Box::pin(self.database.work("ending a server", end))
    }

    fn list_servers(&self, limit: usize) -> BoxFuture<'_, StoreResult<Vec<ServerRecord>>> {
        Box::pin(self.database.work("reading the servers", move |connection| list_servers(connection, limit)))
    }

    fn note_schedules<'a>(
        &'a self,
        schedules: &'a [ScheduleNote],
        now: DateTime<Utc>,
    ) -> BoxFuture<'a, StoreResult<()>> {
        let note = move |connection: &mut Connection| {
            let now = timestamp_text(&now);
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for schedule in schedules {
                transaction.execute(
                    "INSERT INTO crawl_schedules (name, definition, first_seen_at, known_until)
                     VALUES (?1, ?2, ?3, ?3)
                     ON CONFLICT (name) DO UPDATE SET definition = excluded.definition",
                    params![schedule.name, schedule.definition.to_string(), now],
                )?;
            }
            Ok(transaction.commit()?)
        };
        Box::pin(self.database.work("noting the schedules", note))
    }

    fn list_schedules(&self) -> BoxFuture<'_, StoreResult<Vec<ScheduleRecord>>> {
        Box::pin(self.database.work("reading the schedules", |connection| list_schedules(connection)))
    }

    fn pause_schedule<'a>(&'a self, name: &'a str, by: Option<&'a str>) -> BoxFuture<'a, StoreResult<bool>> {
        let pause = move |connection: &mut Connection| {
            let sql = format!(
                "UPDATE crawl_schedules SET paused_at = CASE WHEN ?2 IS NULL THEN NULL ELSE {NOW} END, paused_by = ?2
                 WHERE name = ?1 AND (paused_at IS NULL) = (?2 IS NOT NULL)"
            );
            Ok(connection.execute(&sql, params![name, by])? > 0)
        };
        Box::pin(self.database.work("pausing a schedule", pause))
    }

    fn add_ticks<'a>(&'a self, ticks: &'a NewTicks) -> BoxFuture<'a, StoreResult<u64>> {
        Box::pin(self.database.work("adding ticks", move |connection| add_ticks(connection, ticks)))
    }

    fn open_ticks(&self) -> BoxFuture<'_, StoreResult<Vec<TickRecord>>> {
        let open = |connection: &mut Connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM crawl_ticks WHERE state IN ('waiting', 'running')
                 ORDER BY due_at, schedule LIMIT ?1"
            );
            let mut select = connection.prepare_cached(&sql)?;
            records(&mut select, params![rows_at_most(MAX_OPEN_TICKS)])
        };
        Box::pin(self.database.work("reading the open ticks", open))
    }

    fn list_ticks<'a>(&'a self, ask: &'a TickAsk) -> BoxFuture<'a, StoreResult<Vec<TickRecord>>> {
        let list = move |connection: &mut Connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM crawl_ticks
                 WHERE (?1 IS NULL OR schedule = ?1) AND (?2 IS NULL OR state = ?2)
                 AND (?3 IS NULL OR run_id = ?3) AND (?4 IS NULL OR due_at < ?4)
                 ORDER BY due_at DESC, schedule LIMIT ?5"
            );
            let mut select = connection.prepare_cached(&sql)?;
            records(
                &mut select,
                params![
                    ask.schedule,
                    ask.state.map(TickState::as_str),
                    ask.run_id,
                    moment(ask.due_before),
                    rows_at_most(ask.limit)
                ],
            )
        };
        Box::pin(self.database.work("reading ticks", list))
    }

    fn swap_tick<'a>(&'a self, new: &'a TickRecord) -> BoxFuture<'a, StoreResult<bool>> {
        Box::pin(self.database.work("changing a tick", move |connection| swap_tick(connection, new)))
    }

    fn prune_ticks(&self, before: DateTime<Utc>, keep: usize) -> BoxFuture<'_, StoreResult<u64>> {
        let prune = move |connection: &mut Connection| {
            let before = timestamp_text(&before);
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let gone = transaction.execute(
                "DELETE FROM crawl_ticks WHERE due_at < ?1 AND state IN ('done', 'failed', 'skipped')
                 AND (schedule, due_at) IN (
                     SELECT schedule, due_at FROM (
                         SELECT schedule, due_at, row_number() OVER (PARTITION BY schedule ORDER BY due_at DESC) AS place
                         FROM crawl_ticks WHERE state IN ('done', 'failed', 'skipped')
                     ) WHERE place > ?2
                 )",
                params![before, rows_at_most(keep)],
            )?;
            transaction.execute(
                "DELETE FROM crawl_servers WHERE ended_at < ?1
                 AND NOT EXISTS (SELECT 1 FROM crawl_ticks tick WHERE tick.server_id = crawl_servers.server_id)",
                [before],
            )?;
            transaction.commit()?;
            Ok(gone as u64)
        };
        Box::pin(self.database.work("pruning ticks", prune))
    }
}

fn list_servers(connection: &Connection, limit: usize) -> Result<Vec<ServerRecord>, Fault> {
    let read_at = runs::now(connection)?;
    let mut select = connection.prepare_cached(
        "SELECT server_id, hostname, pid, place, version, listen, started_at, heartbeat_at, ended_at
         FROM crawl_servers ORDER BY ended_at IS NULL DESC, server_id DESC LIMIT ?1",
    )?;
    let mut rows = select.query([rows_at_most(limit)])?;
    let mut servers = Vec::new();
    while let Some(row) = rows.next()? {
        servers.push(ServerRecord {
            server_id: row.get("server_id")?,
            server: NewServer {
                hostname: row.get("hostname")?,
                pid: row.get("pid")?,
                place: row.get("place")?,
                version: row.get("version")?,
                listen: row.get("listen")?,
            },
            started_at: row.get("started_at")?,
            heartbeat_at: row.get("heartbeat_at")?,
            ended_at: row.get("ended_at")?,
            read_at,
        });
    }
    Ok(servers)
}

fn list_schedules(connection: &Connection) -> Result<Vec<ScheduleRecord>, Fault> {
    let mut select = connection.prepare_cached(
        "SELECT name, definition, paused_at, paused_by, first_seen_at, known_until FROM crawl_schedules
         ORDER BY name",
    )?;
    let mut rows = select.query([])?;
    let mut schedules = Vec::new();
    while let Some(row) = rows.next()? {
        schedules.push(ScheduleRecord {
            name: row.get("name")?,
            definition: row.get("definition")?,
            paused_at: row.get("paused_at")?,
            paused_by: row.get("paused_by")?,
            first_seen_at: row.get("first_seen_at")?,
            known_until: row.get("known_until")?,
        });
    }
    Ok(schedules)
}

fn add_ticks(connection: &mut Connection, new: &NewTicks) -> Result<u64, Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut added = 0;
    for tick in &new.ticks {
        added += transaction
            .prepare_cached(
                "INSERT INTO crawl_ticks (schedule, due_at, kind, state, reason, next_try_at, run_name, ended_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (schedule, due_at) DO NOTHING",
            )?
            .execute(params![
                new.schedule,
                timestamp_text(&tick.due_at),
                tick.kind.as_str(),
                tick.state.as_str(),
                tick.reason,
                moment(tick.next_try_at),
                tick.run_name,
                moment(tick.ended_at),
            ])?;
    }
    if let Some(known_until) = new.known_until {
        transaction.execute(
            "UPDATE crawl_schedules SET known_until = max(known_until, ?2) WHERE name = ?1",
            params![new.schedule, timestamp_text(&known_until)],
        )?;
    }
    transaction.commit()?;
    Ok(added as u64)
}

/// IGNORE leaves the row as it is where two ticks of a schedule would be running.
fn swap_tick(connection: &Connection, new: &TickRecord) -> Result<bool, Fault> {
    let changed = connection
        .prepare_cached(
            "UPDATE OR IGNORE crawl_ticks
             SET state = ?4, reason = ?5, server_id = ?6, attempts = ?7, failures = ?8, next_try_at = ?9, run_name = ?10,
                 run_id = ?11, exit_code = ?12, pid = ?13, started_at = ?14, ended_at = ?15, log_dir = ?16,
                 forced_kills = ?17, cancel = ?18, after_run = ?19, version = version + 1
             WHERE schedule = ?1 AND due_at = ?2 AND version = ?3",
        )?
        .execute(params![
            new.schedule,
            timestamp_text(&new.due_at),
            new.version,
            new.state.as_str(),
            new.reason,
            new.server_id,
            new.attempts,
            new.failures,
            moment(new.next_try_at),
            new.run_name,
            new.run_id,
            new.exit_code,
            new.pid,
            moment(new.started_at),
            moment(new.ended_at),
            new.log_dir,
            new.forced_kills,
            new.cancel,
            new.after_run,
        ])?;
    Ok(changed > 0)
}

fn records(select: &mut Statement<'_>, asked: impl rusqlite::Params) -> Result<Vec<TickRecord>, Fault> {
    let mut rows = select.query(asked)?;
    let mut ticks = Vec::new();
    while let Some(row) = rows.next()? {
        ticks.push(record(row)?);
    }
    Ok(ticks)
}

fn record(row: &Row<'_>) -> Result<TickRecord, Fault> {
    let (kind, state): (String, String) = (row.get("kind")?, row.get("state")?);
    let unknown =
        |what: &str, value: &str| Fault::Other(format!("a tick has the unknown {what} {value:?}").into());
    Ok(TickRecord {
        schedule: row.get("schedule")?,
        due_at: row.get("due_at")?,
        kind: TickKind::parse(&kind).ok_or_else(|| unknown("kind", &kind))?,
        state: TickState::parse(&state).ok_or_else(|| unknown("state", &state))?,
        reason: row.get("reason")?,
        server_id: row.get("server_id")?,
        attempts: row.get("attempts")?,
        failures: row.get("failures")?,
        next_try_at: row.get("next_try_at")?,
        run_name: row.get("run_name")?,
        run_id: row.get("run_id")?,
        after_run: row.get("after_run")?,
        exit_code: row.get("exit_code")?,
        pid: row.get("pid")?,
        started_at: row.get("started_at")?,
        ended_at: row.get("ended_at")?,
        log_dir: row.get("log_dir")?,
        forced_kills: row.get("forced_kills")?,
        cancel: row.get("cancel")?,
        version: row.get("version")?,
    })
}

fn moment(moment: Option<DateTime<Utc>>) -> Option<String> {
    moment.as_ref().map(timestamp_text)
}

fn rows_at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
