//! Runs: resumed or begun, kept alive, ended.

use chrono::{DateTime, Utc};
use dragline_core::due::{LastFinish, RunsOfName};
use dragline_core::outcome::PageState;
use dragline_core::probe::reach;
use dragline_core::run_verdict::ProblemKind;
use dragline_core::shard::ShardRule;
use dragline_core::store::{
    Earlier, FinishedRun, OpenedRun, PageCounts, PageOrigins, ProcessInfo, RUN_BARREN_PAGES, RUN_ITEMS,
    RUN_WAITS, Resumed, RunInfo, RunKey, RunSpec, RunState,
};
use dragline_core::suspects::CarefulStart;
use dragline_core::tally::Tally;
use dragline_core::timeline::Timeline;
use dragline_core::value::timestamp_text;
use dragline_core::{QueuedRequest, RuleCounts, RunKind, StoreError, prune};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use serde_json::Value as Json;

use super::fault::Fault;
use super::items::NOW;
use super::known_tables::KnownTables;
use super::start_hosts::start_hosts;
use super::tally::tally;
use super::{cookies, frontier, hosts, reparse, run_verdict, suspects};
use crate::columns::FoundRequest;
use crate::fruitless::{self, LastProcess, LastStart};
use crate::missing_requests::{self, RunRow};
use crate::{check_same_kind, is_pruned, just_ended, of_another_spider, unknown_rule};

/// What is known about the runs of a name; see the trait. A run that counts as failed may be tried again at once.
pub(super) fn of_name(connection: &Connection, name: &str) -> Result<RunsOfName, Fault> {
    let is_unfinished = "SELECT EXISTS (
             SELECT 1 FROM crawl_runs WHERE name = ?1 AND state IN ('running', 'stopped')
         ) AS is_any";
    let newest = "SELECT max(run_id) AS run_id FROM crawl_runs WHERE name = ?1 AND state = 'finished'";
    let last = "SELECT run_id, finished_at FROM crawl_runs
         WHERE name = ?1 AND state = 'finished' AND kind = 'crawl'
         AND NOT EXISTS (
             SELECT 1 FROM json_each(problems) problem
             WHERE problem.value ->> 'code' IN (SELECT value FROM json_each(?2))
         )
         ORDER BY run_id DESC LIMIT 1";
    let failures = serde_json::json!(ProblemKind::FAILURES.map(ProblemKind::code)).to_string();
    let last = connection
        .query_row(last, [name, &failures], |row| Ok((row.get("run_id")?, moment(row, "finished_at"))));
    Ok(RunsOfName {
        is_unfinished: connection.query_row(is_unfinished, [name], |row| row.get("is_any"))?,
        newest_finished: connection.query_row(newest, [name], |row| row.get("run_id"))?,
        last_finish: last.optional()?.and_then(|(run_id, at)| Some(LastFinish { run_id, at: at? })),
        now: now(connection)?,
    })
}

/// Resumes the unfinished run of this name, or begins one; all in one transaction.
pub(super) fn open(
    connection: &mut Connection,
    spec: &RunSpec,
    known: &KnownTables,
) -> Result<OpenedRun, Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let resumed = match unfinished(&transaction, &spec.name)? {
        None => None,
        Some(old) if spec.fresh => {
            give_up(&transaction, old.run_id, "superseded")?;
            None
        }
        Some(old) if old.spider != spec.spider => {
            return Err(of_another_spider(spec, &old.spider).into());
        }
        Some(old) if old.is_pruned => return Err(is_pruned(old.run_id).into()),
        Some(old) => {
            check_same_kind(spec, old.run_id, old.kind, &old.args)?;
            let pages = page_counts(&transaction, old.run_id)?;
            let requests = missing_requests::check(spec, &old.row(), &pages)?;
            let (careful, is_death) = suspects::take_up(&transaction, old.run_id, &old.last_process())?;
            let fruitless_starts = old.last_start.fruitless(&pages, is_death);
            if !spec.force && fruitless::gives_up(&spec.name, fruitless_starts) {
                give_up(&transaction, old.run_id, "no-progress")?;
                None
            } else {
                let found = Found { pages, requests, careful };
                Some(resume(&transaction, old, found, fruitless_starts, spec)?)
            }
        }
    };
    let opened = match resumed {
        Some(opened) => opened,
        None => begin(&transaction, spec, known)?,
    };
    transaction.commit()?;
    Ok(opened)
}

/// Whether this process still owns the run.
///
/// # Errors
/// [`StoreError::Superseded`] if another one does, [`StoreError::Gone`] if there is no such run any more.
pub(super) fn check_epoch(connection: &Connection, run: &RunKey) -> Result<(), Fault> {
    let mut select = connection.prepare_cached("SELECT epoch FROM crawl_runs WHERE run_id = ?1")?;
    let epoch: Option<i64> = select.query_row([run.run_id], |row| row.get("epoch")).optional()?;
    match epoch {
        Some(epoch) if epoch == run.epoch => Ok(()),
        Some(_) => Err(StoreError::Superseded { run_id: run.run_id, epoch: run.epoch }.into()),
        None => Err(StoreError::run_gone(run.run_id).into()),
    }
}

/// Adds requests that were found on no page.
pub(super) fn add_requests(
    connection: &mut Connection,
    run: &RunKey,
    requests: &[QueuedRequest],
) -> Result<(), Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    check_epoch(&transaction, run)?;
    frontier::insert(&transaction, run, requests.iter().map(FoundRequest::start), None)?;
    Ok(transaction.commit()?)
}

/// Notes that the run is alive.
pub(super) fn heartbeat(connection: &Connection, run: &RunKey, stats: &Json) -> Result<(), Fault> {
    let mut update = connection.prepare_cached(&format!(
        "UPDATE crawl_runs SET heartbeat_at = {NOW}, stats = ?3 WHERE run_id = ?1 AND epoch = ?2"
    ))?;
    let updated = update.execute(params![run.run_id, run.epoch, stats.to_string()])?;
    if updated == 1 { Ok(()) } else { check_epoch(connection, run) }
}

/// Writes how the run ended.
pub(super) fn end(connection: &Connection, run: &RunKey, state: RunState, reason: &str) -> Result<(), Fault> {
    let transaction = connection.unchecked_transaction()?;
    let updated = transaction.execute(
        &format!(
            "UPDATE crawl_runs SET state = ?3, stop_reason = ?4, heartbeat_at = {NOW},
                 finished_at = CASE WHEN ?3 IN ('finished', 'failed') THEN {NOW} END
             WHERE run_id = ?1 AND epoch = ?2"
        ),
        params![run.run_id, run.epoch, state.as_str(), reason],
    )?;
    if updated != 1 {
        check_epoch(&transaction, run)?;
    }
    if state.is_final() {
        cookies::forget(&transaction, run.run_id)?;
        hosts::forget(&transaction, run.run_id)?;
        suspects::forget(&transaction, run.run_id)?;
    }
    Ok(transaction.commit()?)
}

/// Finds a run by id or by name, the newest of that name.
pub(super) fn find(connection: &Connection, run: &str) -> Result<Option<RunInfo>, Fault> {
    const COLUMNS: &str = "SELECT run_id, name, spider, kind, state FROM crawl_runs";
    if let Ok(run_id) = run.parse::<i64>() {
        let found = connection.query_row(&format!("{COLUMNS} WHERE run_id = ?1"), [run_id], info);
        if let Some(found) = found.optional()? {
            return Ok(Some(found?));
        }
    }
    let newest = format!("{COLUMNS} WHERE name = ?1 ORDER BY run_id DESC LIMIT 1");
    connection.query_row(&newest, [run], info).optional()?.transpose()
}

/// Describes the process that holds a run. If another process cannot get the lock, its error shows this text.
pub(super) fn holder(connection: &Connection, name: &str) -> Result<String, Fault> {
    let running = "SELECT pid, hostname, (julianday('now') - julianday(heartbeat_at)) * 86400.0 AS silent
                   FROM crawl_runs WHERE name = ?1 AND state = 'running'";
    let found = connection.query_row(running, [name], |row| {
        let (pid, hostname): (u32, String) = (row.get("pid")?, row.get("hostname")?);
        let seconds: f64 = row.get("silent")?;
        Ok(format!("pid {pid} on {hostname}, last heartbeat {:.0} s ago", seconds.max(0.0)))
    });
    Ok(found.optional()?.unwrap_or_else(|| "one that is just starting or just ending".to_owned()))
}

/// Describes the process that ended the newest run of this name, if the run ended after that moment. An end in the future does not
/// count: somebody has set the clock back, and no start may be refused until that time.
pub(super) fn ended_since(
    connection: &Connection,
    name: &str,
    moment: DateTime<Utc>,
) -> Result<Option<String>, Fault> {
    let newest = format!(
        "SELECT pid, hostname, state FROM (
             SELECT * FROM crawl_runs WHERE name = ?1 ORDER BY run_id DESC LIMIT 1
         ) WHERE finished_at > ?2 AND finished_at <= {NOW}"
    );
    let found = connection.query_row(&newest, [name, &timestamp_text(&moment)], |row| {
        let (hostname, state): (String, String) = (row.get("hostname")?, row.get("state")?);
        Ok(just_ended(row.get("pid")?, &hostname, &state))
    });
    Ok(found.optional()?)
}

/// This moment, by the database's clock.
pub(super) fn now(connection: &Connection) -> Result<DateTime<Utc>, Fault> {
    Ok(connection.query_row(&format!("SELECT {NOW} AS now"), [], |row| row.get("now"))?)
}

/// Requests by state.
pub(super) fn page_counts(connection: &Connection, run_id: i64) -> Result<PageCounts, Fault> {
    let mut select = connection.prepare_cached(
        "SELECT state, count(*) AS requests FROM crawl_requests WHERE run_id = ?1 GROUP BY state",
    )?;
    let mut rows = select.query([run_id])?;
    let mut counts = PageCounts::default();
    while let Some(row) = rows.next()? {
        let (state, count): (String, u64) = (row.get("state")?, row.get("requests")?);
        match PageState::parse(&state) {
            Some(state) => drop(counts.ended.insert(state, count)),
            None => counts.queued += count,
        }
    }
    Ok(counts)
}

/// An unfinished run as it was left.
struct Unfinished {
    run_id: i64,
    kind: RunKind,
    origins: PageOrigins,
    rules: RuleCounts,
    epoch: i64,
    spider: String,
    state: RunState,
    stop_reason: Option<String>,
    process: ProcessInfo,
    heartbeat_at: Option<DateTime<Utc>>,
    last_start: LastStart,
    items: u64,
    barren_pages: u64,
    args: Json,
    shard_rule: String,
    shards: i16,
    is_pruned: bool,
    stats: Json,
    figures: Json,
}

impl Unfinished {
    /// What its row says about its requests.
    fn row(&self) -> RunRow<'_> {
        let Self { run_id, kind, last_start: LastStart { ended_before, .. }, ref stats, ref figures, .. } =
            *self;
        RunRow { run_id, kind, ended_before, stats, figures }
    }

    fn last_process(&self) -> LastProcess {
        let was_killed = self.state == RunState::Running;
        LastProcess { was_killed, epoch: self.epoch, lived: self.last_start.lived }
    }
}

fn unfinished(connection: &Connection, name: &str) -> Result<Option<Unfinished>, Fault> {
    let select = "SELECT run_id, epoch, spider, state, stop_reason, pid, hostname, heartbeat_at,
                         fruitless_starts, ended_at_start, last_start_at, stats, args, shards, shard_rule, kind,
                         figures
                  FROM crawl_runs WHERE name = ?1 AND state IN ('running', 'stopped')";
    let found = connection.query_row(select, [name], |row| {
        let (heartbeat_at, started_at) = (moment(row, "heartbeat_at"), moment(row, "last_start_at"));
        let lived = heartbeat_at.zip(started_at).map(|(heartbeat, start)| heartbeat - start);
        Ok(Unfinished {
            run_id: row.get("run_id")?,
            // The table has a check.
            kind: RunKind::parse(&row.get::<_, String>("kind")?).unwrap_or_default(),
            origins: row.get("stats").map(|stats| PageOrigins::of_stats(&stats)).unwrap_or_default(),
            rules: row.get("stats").map(|stats| RuleCounts::of_stats(&stats)).unwrap_or_default(),
            epoch: row.get("epoch")?,
            spider: row.get("spider")?,
            // The statement selects only `running` and `stopped`.
            state: RunState::parse(&row.get::<_, String>("state")?).unwrap_or(RunState::Running),
            stop_reason: row.get("stop_reason")?,
            process: ProcessInfo { pid: row.get("pid")?, hostname: row.get("hostname")? },
            heartbeat_at,
            last_start: LastStart {
                fruitless_before: row.get("fruitless_starts")?,
                ended_before: row.get("ended_at_start")?,
                // Negative when somebody has set the clock back.
                lived: lived.and_then(|lived| lived.to_std().ok()).unwrap_or_default(),
                waited: row.get::<_, Json>("stats").is_ok_and(|stats| stats[RUN_WAITS] == true),
            },
            items: items(row).unwrap_or_default(),
            barren_pages: figure(row, RUN_BARREN_PAGES).unwrap_or_default(),
            args: row.get("args")?,
            shard_rule: row.get("shard_rule")?,
            shards: row.get("shards")?,
            is_pruned: row.get::<_, Json>("stats").is_ok_and(|stats| prune::pruned_at(&stats).is_some()),
            // Null if somebody has written something else there.
            stats: row.get("stats").unwrap_or_default(),
            figures: row.get("figures").unwrap_or_default(),
        })
    });
    Ok(found.optional()?)
}

/// The requests of a run that is resumed.
struct Found {
    pages: PageCounts,
    /// How many it had at least.
    requests: u64,
    /// What to be careful with.
    careful: Option<CarefulStart>,
}

fn resume(
    connection: &Connection,
    old: Unfinished,
    found: Found,
    fruitless_starts: u32,
    spec: &RunSpec,
) -> Result<OpenedRun, Fault> {
    let shards = ShardRule::parse(&old.shard_rule, old.shards).ok_or_else(|| {
        let location = connection.path().unwrap_or_default();
        unknown_rule(&format!("sqlite:{location}"), old.run_id, &old.shard_rule, old.shards)
    })?;
    let Found { pages, requests, careful } = found;
    let epoch = old.epoch + 1;
    let (done, ended) = (pages.of(PageState::Done), fruitless::ended(&pages));
    connection.execute(
        &format!(
            "UPDATE crawl_runs SET epoch = ?2, state = 'running', stop_reason = NULL, pid = ?3, hostname = ?4,
                 heartbeat_at = {NOW}, last_start_at = {NOW}, fruitless_starts = ?5, ended_at_start = ?6,
                 figures = NULL, incremental = max(incremental, ?7)
             WHERE run_id = ?1"
        ),
        params![
            old.run_id,
            epoch,
            spec.process.pid,
            spec.process.hostname,
            fruitless_starts,
            ended,
            spec.incremental
        ],
    )?;
    reach("start: epoch raised");
    Ok(OpenedRun {
        key: key(spec, old.run_id, epoch, shards),
        has_kept_pages: has_kept_pages(connection, spec)?,
        reparse: spec.reparse.map(|_| reparse::counts(connection, old.run_id)).transpose()?,
        start_hosts: start_hosts(connection, old.run_id)?,
        cookies: cookies::take_up(connection, old.run_id)?,
        earlier: Earlier {
            items: old.items,
            barren_pages: old.barren_pages,
            origins: old.origins,
            rules: old.rules,
            timeline: Timeline::of_stats(&old.stats),
            ..earlier(connection, spec)?
        },
        hosts: hosts::read(connection, old.run_id)?,
        done,
        tally: tally(connection, old.run_id, spec.tally)?,
        careful,
        resumed: Some(Resumed {
            state: old.state,
            stop_reason: old.stop_reason,
            last_process: Some(old.process),
            heartbeat_at: old.heartbeat_at,
            args: old.args,
            pages,
            requests,
        }),
    })
}

fn begin(connection: &Connection, spec: &RunSpec, known: &KnownTables) -> Result<OpenedRun, Fault> {
    let shards = ShardRule::NEW;
    connection.execute(
        &format!(
            "INSERT INTO crawl_runs (name, spider, args, epoch, state, heartbeat_at, last_start_at, stats, pid,
                                     hostname, shards, shard_rule, incremental, kind)
             VALUES (?1, ?2, ?3, 1, 'running', {NOW}, {NOW}, '{{}}', ?4, ?5, ?6, ?7, ?8, ?9)"
        ),
        params![
            spec.name,
            spec.spider,
            spec.args.to_string(),
            spec.process.pid,
            spec.process.hostname,
            shards.shards(),
            shards.code(),
            spec.incremental,
            spec.kind.as_str()
        ],
    )?;
    let run_id = connection.last_insert_rowid();
    reach("start: run without requests");
    let key = key(spec, run_id, 1, shards);
    frontier::insert(connection, &key, spec.start.iter().map(FoundRequest::start), None)?;
    if let Some(reparse) = spec.reparse {
        reparse::fill(connection, run_id, reparse, &spec.spider)?;
        reparse::index_pages(connection, known)?;
    }
    Ok(OpenedRun {
        key,
        has_kept_pages: has_kept_pages(connection, spec)?,
        reparse: spec.reparse.map(|_| reparse::counts(connection, run_id)).transpose()?,
        resumed: None,
        start_hosts: start_hosts(connection, run_id)?,
        cookies: Vec::new(),
        earlier: earlier(connection, spec)?,
        hosts: Vec::new(),
        done: 0,
        tally: Tally::default(),
        careful: None,
    })
}

/// What is known of earlier runs.
fn earlier(connection: &Connection, spec: &RunSpec) -> Result<Earlier, Fault> {
    let (finished, good) = (finished(connection, &spec.name)?, run_verdict::good_runs(connection, spec)?);
    Ok(Earlier { finished, good, ..Earlier::default() })
}

fn key(spec: &RunSpec, run_id: i64, epoch: i64, shards: ShardRule) -> RunKey {
    let RunSpec { incremental, keeps_pages, kind, reparse, .. } = *spec;
    let spider = spec.spider.as_str().into();
    RunKey { run_id, epoch, spider, worker: None, shards, incremental, keeps_pages, kind, reparse }
}

/// Whether a run of the spider has kept whole answers. Only a replay asks.
fn has_kept_pages(connection: &Connection, spec: &RunSpec) -> Result<bool, Fault> {
    if spec.kind != RunKind::Replay {
        return Ok(false);
    }
    let mut select = connection.prepare(
        "SELECT 1 FROM crawl_runs run WHERE spider = ?1 AND (kind <> 'import' OR state = 'finished') AND EXISTS (
             SELECT 1 FROM crawl_kept_pages kept WHERE kept.run_id = run.run_id AND kept.body_hash IS NOT NULL
         ) LIMIT 1",
    )?;
    Ok(select.exists([&spec.spider])?)
}

/// The last runs of this name that are finished, the newest first.
fn finished(connection: &Connection, name: &str) -> Result<Vec<FinishedRun>, Fault> {
    let mut select = connection.prepare(
        "SELECT finished_at, stats FROM crawl_runs WHERE name = ?1 AND state = 'finished' AND kind = 'crawl'
         ORDER BY run_id DESC LIMIT 2",
    )?;
    let rows = select.query_map([name], |row| {
        Ok(moment(row, "finished_at").map(|finished_at| FinishedRun { finished_at, items: items(row) }))
    })?;
    Ok(rows.flatten().flatten().collect())
}

/// The number of item rows in the run's stats, if they have one.
fn items(row: &Row<'_>) -> Option<u64> {
    figure(row, RUN_ITEMS)
}

fn figure(row: &Row<'_>, name: &str) -> Option<u64> {
    row.get::<_, Json>("stats").ok()?[name].as_u64()
}

/// Ends a run that nobody will resume. Its epoch rises too, so a process that still works on it can write nothing more.
fn give_up(connection: &Connection, run_id: i64, reason: &str) -> Result<(), Fault> {
    cookies::forget(connection, run_id)?;
    hosts::forget(connection, run_id)?;
    suspects::forget(connection, run_id)?;
    connection.execute(
        &format!(
            "UPDATE crawl_runs SET state = 'failed', stop_reason = ?2, epoch = epoch + 1, finished_at = {NOW}
             WHERE run_id = ?1"
        ),
        params![run_id, reason],
    )?;
    Ok(())
}

/// Reads a time from a column. `None` if someone has changed it to something else.
fn moment(row: &Row<'_>, column: &str) -> Option<DateTime<Utc>> {
    row.get::<_, Option<_>>(column).ok().flatten()
}

/// What a run is, by its row.
pub(super) fn kind(row: &Row<'_>) -> Result<RunKind, Fault> {
    let (run_id, kind): (i64, String) = (row.get("run_id")?, row.get("kind")?);
    let unknown = || Fault::Other(format!("run {run_id} has the unknown kind {kind:?}").into());
    RunKind::parse(&kind).ok_or_else(unknown)
}

/// The outer result is the database's, the inner one is about the contents of the row.
fn info(row: &Row<'_>) -> rusqlite::Result<Result<RunInfo, Fault>> {
    let (run_id, name, spider): (i64, _, _) = (row.get("run_id")?, row.get("name")?, row.get("spider")?);
    let state: String = row.get("state")?;
    let unknown = || Fault::Other(format!("run {run_id} has the unknown state {state:?}").into());
    let found = RunState::parse(&state).ok_or_else(unknown);
    Ok(found.and_then(|state| Ok(RunInfo { run_id, name, spider, kind: kind(row)?, state })))
}
