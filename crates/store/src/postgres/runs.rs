//! The life of a run (opened, alive, ended), and questions about it.

use std::time::Duration;

use dragline_core::due::{LastFinish, RunsOfName};
use dragline_core::probe::reach;
use dragline_core::reparse::ReparseOf;
use dragline_core::run_verdict::ProblemKind;
use dragline_core::shard::ShardRule;
use dragline_core::store::{
    Earlier, FinishedRun, OpenedRun, PageCounts, PageOrigins, ProcessInfo, RUN_WAITS, Resumed, RunInfo,
    RunKey, RunSpec, RunState, RunSummary, StoreResult,
};
use dragline_core::suspects::CarefulStart;
use dragline_core::tally::Tally;
use dragline_core::timeline::Timeline;
use dragline_core::{ItemType, PageState, QueuedRequest, RuleCounts, RunKind, StoreError, prune};
use serde_json::Value as Json;
use tokio_postgres::Row;

use super::connections::Connections;
use super::flush::EPOCH;
use super::seen::SeenBy;
use super::session::Session;
use super::tally::tally;
use super::target::DatabaseTarget;
use super::workers::ended_workers;
use super::{cookies, hosts, reparse, requests, run_verdict, suspects};
use crate::columns::{FoundRequest, cleaned};
use crate::fruitless::{self, LastProcess, LastStart};
use crate::identifier::check_names;
use crate::missing_requests::{self, RunRow};
use crate::{check_same_kind, is_pruned, no_such_run, of_another_spider, unknown_rule};

/// `FOR UPDATE`, so that the epoch does not rise while a flush that has checked it is not committed yet.
const UNFINISHED: &str = "SELECT run_id, epoch, state, stop_reason, pid, hostname, heartbeat_at, spider, kind,
        fruitless_starts, ended_at_start, extract(epoch FROM heartbeat_at - last_start_at)::float8 AS lived,
        stats ->> 'run_items' AS run_items, stats ->> 'run_barren_pages' AS run_barren_pages, args, shards, shard_rule,
        stats, figures
    FROM crawl_runs WHERE name = $1 AND state IN ('running', 'stopped') FOR UPDATE";

const COUNTS: &str =
    "SELECT state, count(*) AS requests FROM crawl_requests WHERE run_id = $1 GROUP BY state";

/// This raises the epoch too, so a process that still works on the run can write nothing more.
const GIVE_UP: &str = concat!(
    "WITH cookies AS (DELETE FROM crawl_cookies WHERE run_id = $1),
        hosts AS (DELETE FROM crawl_hosts WHERE run_id = $1),
        suspects AS (DELETE FROM crawl_suspects WHERE run_id = $1), ",
    ended_workers!(),
    "UPDATE crawl_runs SET state = 'failed', stop_reason = $2, finished_at = now(),
    epoch = epoch + 1 WHERE run_id = $1"
);

/// The epoch of the run's current owner.
pub(super) const RUN_EPOCH: &str = "SELECT epoch FROM crawl_runs WHERE run_id = $1";

const RESUME: &str = concat!(
    "WITH ",
    ended_workers!(),
    "UPDATE crawl_runs SET state = 'running', stop_reason = NULL, epoch = epoch + 1,
        heartbeat_at = now(), last_start_at = now(), pid = $2, hostname = $3, ended_at_start = $4,
        fruitless_starts = $5, figures = NULL, incremental = incremental OR $6
    WHERE run_id = $1 RETURNING epoch"
);

const BEGIN_RUN: &str =
    "INSERT INTO crawl_runs (name, spider, args, pid, hostname, shards, shard_rule, incremental, kind)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING run_id, epoch";

const SHARD_RULE: &str = "SELECT run_id, shards, shard_rule FROM crawl_runs WHERE run_id = $1";

/// Pages that a sitemap lists have the depth of start requests, but their hosts do not belong to the run because of that.
const START_HOSTS: &str = "SELECT DISTINCT host FROM crawl_requests
    WHERE run_id = $1 AND depth = 0 AND coalesce(options ->> 'sitemap', 'named') IN ('named', 'robots')
    ORDER BY host";

/// The last finished runs of this name.
const FINISHED: &str = "SELECT finished_at, stats ->> 'run_items' AS run_items
    FROM crawl_runs WHERE name = $1 AND state = 'finished' AND kind = 'crawl' ORDER BY run_id DESC LIMIT 2";

/// A run that counts as failed may be tried again at once. `$2` has the codes of the problems that make it so.
const RUNS_OF_NAME: &str = "SELECT clock_timestamp() AS now, last.run_id, last.finished_at,
        EXISTS (SELECT FROM crawl_runs WHERE name = $1 AND state IN ('running', 'stopped')) AS is_unfinished,
        (SELECT max(run_id) FROM crawl_runs WHERE name = $1 AND state = 'finished') AS newest_finished
    FROM (SELECT) AS one LEFT JOIN LATERAL (
        SELECT run_id, finished_at FROM crawl_runs
        WHERE name = $1 AND state = 'finished' AND kind = 'crawl' AND NOT EXISTS (
            SELECT FROM jsonb_array_elements(problems) AS problem WHERE problem ->> 'code' = ANY ($2::text[])
        )
        ORDER BY run_id DESC LIMIT 1
    ) AS last ON true";

/// Whether a run of a spider has kept whole answers.
const HAS_KEPT_PAGES: &str = "SELECT 1 AS is_kept FROM crawl_runs run CROSS JOIN LATERAL (
        SELECT FROM crawl_kept_pages WHERE run_id = run.run_id AND body_hash IS NOT NULL LIMIT 1
    ) kept
    WHERE run.spider = $1 AND (run.kind <> 'import' OR run.state = 'finished') LIMIT 1";

const HEARTBEAT: &str = "UPDATE crawl_runs SET heartbeat_at = now(), stats = $3
    WHERE run_id = $1 AND epoch = $2";

/// A run that has ended needs no cookies, which are secrets, and no notes about hosts.
const END: &str = "WITH cookies AS (
        DELETE FROM crawl_cookies WHERE run_id = $1 AND $5
        AND EXISTS (SELECT FROM crawl_runs WHERE run_id = $1 AND epoch = $2)
    ), hosts AS (
        DELETE FROM crawl_hosts WHERE run_id = $1 AND $5
        AND EXISTS (SELECT FROM crawl_runs WHERE run_id = $1 AND epoch = $2)
    ), suspects AS (
        DELETE FROM crawl_suspects WHERE run_id = $1 AND $5
        AND EXISTS (SELECT FROM crawl_runs WHERE run_id = $1 AND epoch = $2)
    )
    UPDATE crawl_runs SET state = $3, stop_reason = $4, heartbeat_at = now(),
        finished_at = CASE WHEN $5 THEN now() END
    WHERE run_id = $1 AND epoch = $2";

/// What is known about the runs of a name; see the trait.
pub(super) async fn of_name(connections: &Connections, name: &str) -> StoreResult<RunsOfName> {
    let session = connections.session("looking for the last run").await?;
    let failures = ProblemKind::FAILURES.map(ProblemKind::code);
    let row = session
        .row(RUNS_OF_NAME, &[&name, &&failures[..]])
        .await?
        .ok_or_else(|| connections.target().broken("looking for the last run", "no row came back"))?;
    session.release();
    let last = row.get::<_, Option<i64>>("run_id").zip(row.get::<_, Option<_>>("finished_at"));
    Ok(RunsOfName {
        is_unfinished: row.get("is_unfinished"),
        newest_finished: row.get("newest_finished"),
        last_finish: last.map(|(run_id, at)| LastFinish { run_id, at }),
        now: row.get("now"),
    })
}

/// Resumes or begins a run.
pub(super) async fn open(connections: &Connections, spec: &RunSpec) -> StoreResult<OpenedRun> {
    let session = connections.session("opening the run").await?;
    session.run("BEGIN").await?;
    let there = session.row(UNFINISHED, &[&spec.name]).await?;
    let resumed = match &there {
        Some(row) => resume(connections, &session, spec, row).await?,
        None => None,
    };
    let (key, resumed, careful) = match resumed {
        Some((key, resumed, careful)) => (key, Some(resumed), careful),
        None => (begin(connections, &session, spec).await?, None, None),
    };
    let run_id = key.run_id;
    let start_hosts = session.rows(START_HOSTS, &[&run_id]).await?;
    let cookies = cookies::take_up(&session, run_id).await?;
    let tally = if resumed.is_some() { tally(&session, run_id, spec.tally).await? } else { Tally::default() };
    let finished = session.rows(FINISHED, &[&spec.name]).await?;
    let there = there.filter(|_| resumed.is_some());
    let earlier = Earlier {
        items: there.as_ref().and_then(items).unwrap_or_default(),
        finished: finished.iter().filter_map(finished_run).collect(),
        barren_pages: there.as_ref().and_then(|row| figure(row, "run_barren_pages")).unwrap_or_default(),
        origins: there.as_ref().map(|row| PageOrigins::of_stats(&row.get("stats"))).unwrap_or_default(),
        timeline: there.as_ref().map(|row| Timeline::of_stats(&row.get("stats"))).unwrap_or_default(),
        rules: there.map(|row| RuleCounts::of_stats(&row.get("stats"))).unwrap_or_default(),
        good: run_verdict::good_runs(&session, spec).await?,
    };
    let hosts = hosts::read(&session, run_id).await?;
    let has_kept_pages = match spec.kind {
        RunKind::Replay => session.row(HAS_KEPT_PAGES, &[&spec.spider]).await?.is_some(),
        _ => false,
    };
    let reparse = match spec.reparse {
        Some(_) => Some(reparse::counts(&session, run_id).await?),
        None => None,
    };
    session.run("COMMIT").await?;
    session.release();
    let done = resumed.as_ref().map_or(0, |resumed| resumed.pages.of(PageState::Done));
    Ok(OpenedRun {
        key,
        resumed,
        start_hosts: start_hosts.iter().map(|row| row.get("host")).collect(),
        done,
        tally,
        cookies,
        earlier,
        hosts,
        has_kept_pages,
        reparse,
        careful,
    })
}

/// Adds requests that were found on no page.
pub(super) async fn add_requests(
    connections: &Connections,
    run: &RunKey,
    requests: &[QueuedRequest],
) -> StoreResult<()> {
    let session = connections.session("adding requests").await?;
    session.run("BEGIN").await?;
    if session.row(EPOCH, &[&run.run_id, &run.epoch]).await?.is_none() {
        return Err(not_ours(&session, run).await);
    }
    session.run(requests::MAKE_STAGE).await?;
    let found = requests.iter().map(FoundRequest::start);
    requests::insert(&session, run, found, || Ok(())).await?;
    session.run("COMMIT").await?;
    session.release();
    Ok(())
}

/// Notes that the run is alive.
pub(super) async fn heartbeat(connections: &Connections, run: &RunKey, stats: &Json) -> StoreResult<()> {
    let session = connections.session("writing the heartbeat").await?;
    let stats = cleaned(stats.clone());
    let rows = session.change(HEARTBEAT, &[&run.run_id, &run.epoch, &stats]).await?;
    ours(session, rows, run).await
}

/// Writes how the run ended. It is safe to call this twice.
pub(super) async fn end(
    connections: &Connections,
    run: &RunKey,
    state: RunState,
    reason: &str,
) -> StoreResult<()> {
    let session = connections.session("ending the run").await?;
    let values = [state.as_str(), reason];
    let rows =
        session.change(END, &[&run.run_id, &run.epoch, &values[0], &values[1], &state.is_final()]).await?;
    ours(session, rows, run).await
}

/// What a run holds.
pub(super) async fn summary(
    connections: &Connections,
    run_id: i64,
    types: &[ItemType],
) -> StoreResult<RunSummary> {
    let session = connections.session("summing up the run").await?;
    let (pages, failing_tags) = run_verdict::counts_and_tags(&session, run_id).await?;
    let seen = SeenBy::run(&session, run_id).await?;
    let mut counted = Vec::new();
    for item in types {
        check_names(item)?;
        let sql = format!("SELECT count(*) AS rows {}", seen.rows(item));
        let row = match item.table() {
            Some(_) => session.row(&sql, &[&run_id]).await?,
            None => session.row(&sql, &[&run_id, &item.name()]).await?,
        };
        counted.push((item.name().to_owned(), row.map_or(0, |row| count(&row, "rows"))));
    }
    let letters =
        session.row("SELECT count(*) AS rows FROM crawl_dead_letters WHERE run_id = $1", &[&run_id]).await?;
    session.release();
    let dead_letters = letters.map_or(0, |row| count(&row, "rows"));
    Ok(RunSummary { pages, items: counted, dead_letters, failing_tags })
}

/// Finds a run by id or by name.
pub(super) async fn find(connections: &Connections, run: &str) -> StoreResult<Option<RunInfo>> {
    const COLUMNS: &str = "SELECT run_id, name, spider, kind, state FROM crawl_runs";
    let session = connections.session("looking for the run").await?;
    let mut row = None;
    if let Ok(run_id) = run.parse::<i64>() {
        row = session.row(&format!("{COLUMNS} WHERE run_id = $1"), &[&run_id]).await?;
    }
    if row.is_none() {
        let sql = format!("{COLUMNS} WHERE name = $1 ORDER BY run_id DESC LIMIT 1");
        row = session.row(&sql, &[&run]).await?;
    }
    session.release();
    row.map(|row| {
        Ok(RunInfo {
            run_id: row.get("run_id"),
            name: row.get("name"),
            spider: row.get("spider"),
            kind: kind(&row).map_err(|problem| connections.target().broken("reading a run", problem))?,
            state: state(connections, &row)?,
        })
    })
    .transpose()
}

/// How a run's requests are divided into shards; `None` when there is no such run.
pub(super) async fn shard_rule(
    target: &DatabaseTarget,
    session: &Session,
    run_id: i64,
) -> StoreResult<Option<ShardRule>> {
    let row = session.row(SHARD_RULE, &[&run_id]).await?;
    row.map(|row| rule_of(target, &row)).transpose()
}

/// Resumes the unfinished run of `row`, or ends it and returns `None`.
async fn resume(
    connections: &Connections,
    session: &Session,
    spec: &RunSpec,
    row: &Row,
) -> StoreResult<Option<(RunKey, Resumed, Option<CarefulStart>)>> {
    let run_id: i64 = row.get("run_id");
    if spec.fresh {
        session.change(GIVE_UP, &[&run_id, &"superseded"]).await?;
        return Ok(None);
    }
    let spider: &str = row.get("spider");
    if spider != spec.spider {
        return Err(of_another_spider(spec, spider));
    }
    let kind = kind(row).map_err(|problem| connections.target().broken("opening the run", problem))?;
    check_same_kind(spec, run_id, kind, &row.get("args"))?;
    if prune::pruned_at(&row.get("stats")).is_some() {
        return Err(is_pruned(run_id));
    }
    let shards = rule_of(connections.target(), row)?;
    let pages = counts(session, run_id).await?;
    let requests = check_requests(spec, row, kind, &pages)?;
    let (last_start, state) = (last_start(row), state(connections, row)?);
    let last = LastProcess {
        was_killed: state == RunState::Running,
        epoch: row.get("epoch"),
        lived: last_start.lived,
    };
    let (careful, is_death) = suspects::take_up(connections, session, run_id, &last).await?;
    let fruitless = last_start.fruitless(&pages, is_death);
    if !spec.force && fruitless::gives_up(&spec.name, fruitless) {
        session.change(GIVE_UP, &[&run_id, &"no-progress"]).await?;
        return Ok(None);
    }
    let process = &spec.process;
    let ended = i64::try_from(fruitless::ended(&pages)).unwrap_or(i64::MAX);
    let fruitless = i32::try_from(fruitless).unwrap_or(i32::MAX);
    let epoch = session
        .row(RESUME, &[&run_id, &pid(process), &process.hostname, &ended, &fruitless, &spec.incremental])
        .await?
        .map(|row| row.get("epoch"));
    reach("start: epoch raised");
    let epoch = epoch.ok_or_else(|| connections.target().broken("opening the run", "its row went away"))?;
    let last_process = row
        .get::<_, Option<i32>>("pid")
        .zip(row.get::<_, Option<String>>("hostname"))
        .map(|(pid, hostname)| ProcessInfo { pid: pid.unsigned_abs(), hostname });
    let resumed = Resumed {
        state,
        stop_reason: row.get("stop_reason"),
        last_process,
        heartbeat_at: row.get("heartbeat_at"),
        args: row.get("args"),
        pages,
        requests,
    };
    Ok(Some((key(spec, run_id, epoch, shards), resumed, careful)))
}

/// Refuses to resume the run of `row` if requests are missing. Gives how many it had at least.
fn check_requests(spec: &RunSpec, row: &Row, kind: RunKind, pages: &PageCounts) -> StoreResult<u64> {
    let (stats, figures) =
        (row.get::<_, Json>("stats"), row.get::<_, Option<Json>>("figures").unwrap_or_default());
    let run = RunRow {
        run_id: row.get("run_id"),
        kind,
        ended_before: count(row, "ended_at_start"),
        stats: &stats,
        figures: &figures,
    };
    missing_requests::check(spec, &run, pages)
}

/// A row without a time does not count.
fn finished_run(row: &Row) -> Option<FinishedRun> {
    Some(FinishedRun { finished_at: row.get::<_, Option<_>>("finished_at")?, items: items(row) })
}

fn items(row: &Row) -> Option<u64> {
    figure(row, "run_items")
}

fn figure(row: &Row, column: &str) -> Option<u64> {
    row.get::<_, Option<&str>>(column)?.parse().ok()
}

fn last_start(row: &Row) -> LastStart {
    LastStart {
        fruitless_before: row.get::<_, i32>("fruitless_starts").unsigned_abs(),
        ended_before: count(row, "ended_at_start"),
        // This is negative if someone has set the clock back.
        lived: Duration::try_from_secs_f64(row.get("lived")).unwrap_or_default(),
        waited: row.get::<_, Json>("stats")[RUN_WAITS].as_bool().unwrap_or_default(),
    }
}

async fn begin(connections: &Connections, session: &Session, spec: &RunSpec) -> StoreResult<RunKey> {
    let args = cleaned(spec.args.clone());
    let process = &spec.process;
    // The requests of a run that began before version 6 keep their shard.
    let shards = match spec.reparse.map(|reparse| reparse.of) {
        Some(ReparseOf::Run(of)) => {
            shard_rule(connections.target(), session, of).await?.ok_or_else(|| no_such_run(of))?
        }
        Some(ReparseOf::Spider) | None => ShardRule::NEW,
    };
    let (name, hostname, incremental) = (&spec.name, &process.hostname, &spec.incremental);
    let (count, rule) = (shards.shards(), shards.code());
    let row = session
        .row(
            BEGIN_RUN,
            &[
                name,
                &spec.spider,
                &args,
                &pid(process),
                hostname,
                &count,
                &rule,
                incremental,
                &spec.kind.as_str(),
            ],
        )
        .await?
        .ok_or_else(|| connections.target().broken("opening the run", "no row came back"))?;
    let run_id = row.get("run_id");
    reach("start: run without requests");
    session.run(requests::MAKE_STAGE).await?;
    let start = spec.start.iter().map(FoundRequest::start);
    let key = key(spec, run_id, row.get("epoch"), shards);
    requests::insert(session, &key, start, || Ok(())).await?;
    if let Some(reparse) = spec.reparse {
        reparse::fill(session, run_id, reparse, &spec.spider).await?;
    }
    Ok(key)
}

fn key(spec: &RunSpec, run_id: i64, epoch: i64, shards: ShardRule) -> RunKey {
    let RunSpec { incremental, keeps_pages, kind, reparse, .. } = *spec;
    let spider = spec.spider.as_str().into();
    RunKey { run_id, epoch, spider, worker: None, shards, incremental, keeps_pages, kind, reparse }
}

pub(super) fn rule_of(target: &DatabaseTarget, row: &Row) -> StoreResult<ShardRule> {
    let (rule, shards) = (row.get("shard_rule"), row.get("shards"));
    ShardRule::parse(rule, shards)
        .ok_or_else(|| unknown_rule(&target.location, row.get("run_id"), rule, shards))
}

async fn counts(session: &Session, run_id: i64) -> StoreResult<PageCounts> {
    let mut counts = PageCounts::default();
    for row in session.rows(COUNTS, &[&run_id]).await? {
        match PageState::parse(row.get("state")) {
            Some(state) => {
                counts.ended.insert(state, count(&row, "requests"));
            }
            None => counts.queued = count(&row, "requests"),
        }
    }
    Ok(counts)
}

pub(super) fn count(row: &Row, column: &str) -> u64 {
    row.get::<_, i64>(column).unsigned_abs()
}

fn state(connections: &Connections, row: &Row) -> StoreResult<RunState> {
    let text: &str = row.get("state");
    RunState::parse(text).ok_or_else(|| {
        connections.target().broken("reading a run", format!("it has the unknown state {text:?}"))
    })
}

/// What a run is, by its row.
pub(super) fn kind(row: &Row) -> Result<RunKind, String> {
    let text: &str = row.get("kind");
    RunKind::parse(text)
        .ok_or_else(|| format!("run {} has the unknown kind {text:?}", row.get::<_, i64>("run_id")))
}

fn pid(process: &ProcessInfo) -> i32 {
    i32::try_from(process.pid).unwrap_or(i32::MAX)
}

/// Checks that a statement found the run's row with our epoch, and gives the session back.
async fn ours(session: Session, rows: u64, run: &RunKey) -> StoreResult<()> {
    let owned = if rows > 0 { Ok(()) } else { Err(not_ours(&session, run).await) };
    session.release();
    owned
}

/// Why the run's row was not found with our epoch.
pub(super) async fn not_ours(session: &Session, run: &RunKey) -> StoreError {
    match session.row(RUN_EPOCH, &[&run.run_id]).await {
        Ok(None) => StoreError::run_gone(run.run_id),
        Ok(Some(_)) => StoreError::Superseded { run_id: run.run_id, epoch: run.epoch },
        Err(error) => error,
    }
}
