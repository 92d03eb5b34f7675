//! The workers of a shared run: `dragline_core::store::workers`.
//!
//! The row of a worker is its lease, and it decides every race. A worker is declared dead under the lock of that row. Its claims take
//! the same lock, so none of them is half done then, and later ones find that the worker is no longer alive.
//!
//! A flush locks requests and items first, and the row of its worker last. A claim, a reap and a leave lock the worker's row, and then rows of
//! shards. A join and the end of the run lock the run's row, and then rows of shards. Nobody who has locked a worker or a shard waits for
//! the run's row, so nobody waits in a circle.
//!
//! Operations in the session of a lease are one statement each, because that session stays open and must never be left in a transaction.
//! Only a join is a transaction: if it fails, its session is not used again.

use std::time::Duration;

use dragline_core::StoreError;
use dragline_core::store::workers::{
    Finish, Judged, NewWorker, Peer, Renewal, WorkerKey, WorkerRecord, WorkerState, WorkerStore,
};
use dragline_core::store::{BoxFuture, RunKey, RunState, StoreResult};
use tokio_postgres::Row;

use super::connections::{Connections, LoneSession};
use super::lease::{WORKER, fenced};
use super::{PostgresStore, advisory};

/// Ends the workers of run `$1`, and frees its shards. Every statement that raises the epoch of a run has this in its `WITH`, because a
/// flush of a worker checks its own row and not the run's.
macro_rules! ended_workers {
    () => {
        "workers AS (
            UPDATE crawl_workers SET state = 'dead', ended_at = clock_timestamp() WHERE run_id = $1 AND state = 'live'
        ), shards AS (DELETE FROM crawl_shards WHERE run_id = $1)
        "
    };
}
pub(super) use ended_workers;

/// Locks the run's row, so that the run neither ends nor is opened again meanwhile, and joins come one after the other.
const RUN: &str =
    "SELECT shards FROM crawl_runs WHERE run_id = $1 AND epoch = $2 AND state = 'running' FOR UPDATE";

/// Before the first worker has joined, nobody stores anything. Both counts read an index and not the rows.
const COUNT_FIRST: &str =
    "UPDATE crawl_runs run SET found = counted.found, ended = counted.found - counted.queued
    FROM (
        SELECT (SELECT count(*) FROM crawl_requests WHERE run_id = $1) AS found,
            (SELECT count(*) FROM crawl_requests WHERE run_id = $1 AND state = 'queued') AS queued
        WHERE NOT EXISTS (SELECT FROM crawl_workers WHERE run_id = $1 AND epoch = $2)
    ) counted
    WHERE run.run_id = $1";

const MAKE_SHARDS: &str = "INSERT INTO crawl_shards (run_id, shard)
    SELECT $1, shard FROM generate_series(0, $2::smallint - 1) AS shard
    WHERE NOT EXISTS (SELECT FROM crawl_shards WHERE run_id = $1)
    ON CONFLICT (run_id, shard) DO NOTHING";

const JOIN: &str = "INSERT INTO crawl_workers (run_id, epoch, pid, hostname, place, version, lease_ms, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7::integer, clock_timestamp() + $7::integer * interval '1 millisecond') RETURNING worker_id";

/// The other workers are shown as they were before. `owned` is only in the worker's own row, because it may be long.
const RENEW: &str = "WITH me AS MATERIALIZED (
        UPDATE crawl_workers SET expires_at = clock_timestamp() + lease_ms * interval '1 millisecond'
        WHERE worker_id = $1 AND state = 'live' RETURNING run_id, epoch
    ), parts AS MATERIALIZED (
        SELECT coalesce(array_agg(shard ORDER BY shard) FILTER (WHERE worker_id = $1), '{}') AS owned,
            count(*) FILTER (WHERE worker_id IS NULL) AS free
        FROM crawl_shards WHERE run_id = (SELECT run_id FROM me)
    )
    SELECT peer.worker_id, peer.pid, peer.place, peer.lease_ms, peer.expires_at, run.shards, run.state,
        run.epoch = me.epoch AS is_ours, parts.free, CASE WHEN peer.worker_id = $1 THEN parts.owned END AS owned
    FROM me JOIN crawl_runs run ON run.run_id = me.run_id
    CROSS JOIN parts
    JOIN crawl_workers peer ON peer.run_id = me.run_id AND peer.state = 'live'
    ORDER BY peer.worker_id";

/// The lock on the worker's row keeps others from declaring it dead until this is committed. `FOR KEY SHARE` would not.
const CLAIM: &str = "WITH alive AS MATERIALIZED (
        SELECT 1 FROM crawl_workers WHERE worker_id = $1 AND state = 'live' AND expires_at > clock_timestamp()
        FOR NO KEY UPDATE
    ), free AS MATERIALIZED (
        SELECT shard FROM crawl_shards WHERE run_id = $2 AND worker_id IS NULL AND EXISTS (SELECT FROM alive)
        ORDER BY shard LIMIT $3 FOR UPDATE SKIP LOCKED
    )
    UPDATE crawl_shards owned SET worker_id = $1, since = clock_timestamp() FROM free
    WHERE owned.run_id = $2 AND owned.shard = free.shard AND EXISTS (SELECT FROM alive)
    RETURNING owned.shard";

const RELEASE: &str = "UPDATE crawl_shards SET worker_id = NULL, since = clock_timestamp()
    WHERE run_id = $2 AND worker_id = $1 AND shard = ANY ($3::smallint[])";

/// A flush changes the counters together with the requests. So if the counters of this statement's snapshot add up to zero, no request is
/// queued, and no flush can add one. If several workers come here at once, only one of them finds the run still running.
const FINISH: &str = "WITH open AS MATERIALIZED (
        SELECT (run.found - run.ended + coalesce(sum(worker.found - worker.ended), 0))::bigint AS requests
        FROM crawl_runs run
        LEFT JOIN crawl_workers worker ON worker.run_id = run.run_id AND worker.epoch = run.epoch
        WHERE run.run_id = $2 GROUP BY run.run_id
    ), me AS MATERIALIZED (
        SELECT 1 FROM crawl_workers WHERE worker_id = $1 AND state = 'live'
    ), ended AS (
        UPDATE crawl_runs SET state = 'finished', stop_reason = $4, heartbeat_at = now(), finished_at = now()
        WHERE run_id = $2 AND epoch = $3 AND state = 'running' AND (SELECT requests FROM open) = 0
        AND EXISTS (SELECT FROM me)
        RETURNING 1
    ), cookies AS (DELETE FROM crawl_cookies WHERE run_id = $2 AND EXISTS (SELECT FROM ended)),
    hosts AS (DELETE FROM crawl_hosts WHERE run_id = $2 AND EXISTS (SELECT FROM ended)),
    suspects AS (DELETE FROM crawl_suspects WHERE run_id = $2 AND EXISTS (SELECT FROM ended)),
    shards AS (DELETE FROM crawl_shards WHERE run_id = $2 AND EXISTS (SELECT FROM ended))
    SELECT open.requests, EXISTS (SELECT FROM me) AS is_live, EXISTS (SELECT FROM ended) AS is_ended, (
        SELECT state FROM crawl_runs WHERE run_id = $2
    ) AS state
    FROM open";

/// Claims of this worker come from the same session, so none is under way.
const LEAVE: &str = "WITH me AS MATERIALIZED (
        UPDATE crawl_workers SET state = 'left', ended_at = clock_timestamp()
        WHERE worker_id = $1 AND state = 'live' RETURNING 1
    ), freed AS (
        UPDATE crawl_shards SET worker_id = NULL, since = clock_timestamp()
        WHERE run_id = $2 AND worker_id = $1 AND EXISTS (SELECT FROM me)
    )
    SELECT 1 FROM me";

/// Whether a worker is as it was judged. `$2` is when its lease ended, or NULL if it is known to be gone.
const AS_JUDGED: &str = "worker_id = $1 AND state = 'live'
    AND ($2::timestamptz IS NULL OR (expires_at = $2 AND expires_at < clock_timestamp()))";

const FREE: &str = "UPDATE crawl_shards SET worker_id = NULL, since = clock_timestamp()
    WHERE run_id = $1 AND worker_id = $2";

const LIST: &str = "SELECT worker.*, clock_timestamp() AS read_at, (
        SELECT count(*) FROM crawl_shards owned WHERE owned.run_id = $1 AND owned.worker_id = worker.worker_id
    ) AS shards
    FROM crawl_workers worker WHERE run_id = $1 ORDER BY worker_id DESC LIMIT $2";

impl WorkerStore for PostgresStore {
    fn join<'a>(
        &'a self,
        run: &'a RunKey,
        name: &'a str,
        worker: &'a NewWorker,
    ) -> BoxFuture<'a, StoreResult<WorkerKey>> {
        let join = async |session: &LoneSession| add(&self.connections, session, run, worker).await;
        Box::pin(self.lease.open(&self.connections, run, name, join))
    }

    fn renew<'a>(&'a self, worker: &'a WorkerKey) -> BoxFuture<'a, StoreResult<Renewal>> {
        Box::pin(async move {
            let what = "renewing the lease";
            let rows = self.lease.rows(&self.connections, worker, what, RENEW, &[&worker.worker_id]).await?;
            renewal(&rows, worker).map_err(|problem| self.connections.target().broken(what, problem))?
        })
    }

    fn claim<'a>(&'a self, worker: &'a WorkerKey, most: u16) -> BoxFuture<'a, StoreResult<Vec<i16>>> {
        Box::pin(async move {
            let rows = self
                .lease
                .rows(
                    &self.connections,
                    worker,
                    "claiming shards",
                    CLAIM,
                    &[&worker.worker_id, &worker.run_id, &i64::from(most)],
                )
                .await?;
            let mut shards: Vec<i16> = rows.iter().map(|row| row.get("shard")).collect();
            shards.sort_unstable();
            Ok(shards)
        })
    }

    fn release<'a>(&'a self, worker: &'a WorkerKey, shards: &'a [i16]) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async move {
            self.lease
                .rows(
                    &self.connections,
                    worker,
                    "giving shards back",
                    RELEASE,
                    &[&worker.worker_id, &worker.run_id, &shards],
                )
                .await?;
            Ok(())
        })
    }

    fn finish<'a>(&'a self, worker: &'a WorkerKey, reason: &'a str) -> BoxFuture<'a, StoreResult<Finish>> {
        Box::pin(async move {
            let what = "looking whether the run is finished";
            let params: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
                [&worker.worker_id, &worker.run_id, &worker.epoch, &reason];
            let rows = self.lease.rows(&self.connections, worker, what, FINISH, &params).await?;
            let row = rows.first().ok_or_else(|| StoreError::run_gone(worker.run_id))?;
            finish(row, worker).map_err(|problem| self.connections.target().broken(what, problem))?
        })
    }

    fn leave<'a>(&'a self, worker: &'a WorkerKey) -> BoxFuture<'a, StoreResult<bool>> {
        Box::pin(async move {
            let what = "leaving the run";
            let params: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&worker.worker_id, &worker.run_id];
            let rows = self.lease.rows(&self.connections, worker, what, LEAVE, &params).await?;
            self.lease.close().await;
            Ok(!rows.is_empty())
        })
    }

    fn reap<'a>(&'a self, dead: &'a Peer, judged: Judged) -> BoxFuture<'a, StoreResult<bool>> {
        Box::pin(reap(&self.connections, dead, judged))
    }

    fn list_workers(&self, run_id: i64, limit: usize) -> BoxFuture<'_, StoreResult<Vec<WorkerRecord>>> {
        Box::pin(list(&self.connections, run_id, limit))
    }
}

/// Adds the worker, in one transaction. If it fails, the session is not used again, so the transaction ends with it.
async fn add(
    connections: &Connections,
    session: &LoneSession,
    run: &RunKey,
    worker: &NewWorker,
) -> StoreResult<i64> {
    let (what, client) = ("joining the run", &session.client);
    let joined = async {
        client.batch_execute("BEGIN").await?;
        let Some(there) = client.query_opt(RUN, &[&run.run_id, &run.epoch]).await? else { return Ok(None) };
        client.execute(COUNT_FIRST, &[&run.run_id, &run.epoch]).await?;
        client.execute(MAKE_SHARDS, &[&run.run_id, &there.get::<_, i16>("shards")]).await?;
        let lease_ms = i32::try_from(worker.lease.as_millis()).unwrap_or(i32::MAX);
        let pid = i32::try_from(worker.pid).unwrap_or(i32::MAX);
        let params: super::session::Params<'_> =
            &[&run.run_id, &run.epoch, &pid, &worker.hostname, &worker.place, &worker.version, &lease_ms];
        let row = client.query_one(JOIN, params).await?;
        client.batch_execute("COMMIT").await?;
        Ok(Some(row.get("worker_id")))
    };
    let joined = connections.answer(what, joined).await?;
    joined.ok_or(StoreError::Superseded { run_id: run.run_id, epoch: run.epoch })
}

fn renewal(rows: &[Row], worker: &WorkerKey) -> Result<StoreResult<Renewal>, String> {
    let Some(own) = rows.iter().find(|row| row.get::<_, i64>("worker_id") == worker.worker_id) else {
        return Ok(Err(fenced(worker)));
    };
    if !own.get::<_, bool>("is_ours") {
        return Ok(Err(StoreError::Superseded { run_id: worker.run_id, epoch: worker.epoch }));
    }
    let state: &str = own.get("state");
    Ok(Ok(Renewal {
        run_state: RunState::parse(state)
            .ok_or_else(|| format!("the run has the unknown state {state:?}"))?,
        peers: rows.iter().map(peer).collect(),
        owned: own.get("owned"),
        free: u16::try_from(own.get::<_, i64>("free")).unwrap_or(u16::MAX),
        shards: own.get::<_, i16>("shards").unsigned_abs(),
    }))
}

/// The state is that of the statement's beginning, as the counters are. If the run was running then, and nothing was queued, but it was not
/// this worker that ended it, then another one has just done so.
fn finish(row: &Row, worker: &WorkerKey) -> Result<StoreResult<Finish>, String> {
    let (open, state): (i64, &str) = (row.get("requests"), row.get("state"));
    let state = RunState::parse(state).ok_or_else(|| format!("the run has the unknown state {state:?}"))?;
    let open = u64::try_from(open)
        .map_err(|_| format!("the counters of run {} say that {open} requests are queued", worker.run_id))?;
    Ok(match (state, open) {
        _ if row.get("is_ended") => Ok(Finish::Now),
        _ if !row.get::<_, bool>("is_live") => Err(fenced(worker)),
        (RunState::Running, 0) => Ok(Finish::Before(RunState::Finished)),
        (RunState::Running, open) => Ok(Finish::NotYet(open)),
        (state, _) => Ok(Finish::Before(state)),
    })
}

fn peer(row: &Row) -> Peer {
    Peer {
        worker_id: row.get("worker_id"),
        pid: row.get::<_, i32>("pid").unsigned_abs(),
        place: row.get("place"),
        lease: lease(row),
        expires_at: row.get("expires_at"),
    }
}

fn lease(row: &Row) -> Duration {
    Duration::from_millis(u64::from(row.get::<_, i32>("lease_ms").unsigned_abs()))
}

/// Ends the worker's sessions first. One of them may be in the middle of a flush and hold the worker's row: the session of a suspended
/// process does nothing and ends nothing.
async fn reap(connections: &Connections, dead: &Peer, judged: Judged) -> StoreResult<bool> {
    let expired = match judged {
        Judged::Silent => Some(dead.expires_at),
        Judged::Gone => None,
    };
    let session = connections.session("declaring a worker dead").await?;
    session.rows(&end_sessions(), &[&dead.worker_id, &expired]).await?;
    session.run("BEGIN").await?;
    let sql = format!(
        "UPDATE crawl_workers SET state = 'dead', ended_at = clock_timestamp() WHERE {AS_JUDGED} RETURNING run_id"
    );
    let row = session.row(&sql, &[&dead.worker_id, &expired]).await?;
    if let Some(row) = &row {
        // A statement of its own. It sees the shards of a claim for which the one before has waited.
        session.change(FREE, &[&row.get::<_, i64>("run_id"), &dead.worker_id]).await?;
    }
    session.run("COMMIT").await?;
    session.release();
    Ok(row.is_some())
}

/// The sessions are those that hold the worker's own lock: the session of its lease, and those of its flushes. A session of a role whose
/// rights we don't have is left out: its time limit ends its transaction.
fn end_sessions() -> String {
    format!(
        "SELECT pg_terminate_backend(holder.pid) FROM pg_locks held
         JOIN pg_stat_activity holder ON holder.pid = held.pid AND holder.datid = held.database
         WHERE {} AND holder.pid <> pg_backend_pid() AND pg_has_role(holder.usesysid, 'USAGE')
         AND EXISTS (SELECT FROM crawl_workers WHERE {AS_JUDGED})",
        advisory::is_held(WORKER, "$1::bigint")
    )
}

async fn list(connections: &Connections, run_id: i64, limit: usize) -> StoreResult<Vec<WorkerRecord>> {
    let what = "reading the workers";
    let session = connections.session(what).await?;
    let rows = session.rows(LIST, &[&run_id, &i64::try_from(limit).unwrap_or(i64::MAX)]).await?;
    session.release();
    rows.iter()
        .map(record)
        .collect::<Result<_, _>>()
        .map_err(|problem| connections.target().broken(what, problem))
}

fn record(row: &Row) -> Result<WorkerRecord, String> {
    let state: &str = row.get("state");
    Ok(WorkerRecord {
        key: WorkerKey {
            run_id: row.get("run_id"),
            epoch: row.get("epoch"),
            worker_id: row.get("worker_id"),
        },
        worker: NewWorker {
            hostname: row.get("hostname"),
            pid: row.get::<_, i32>("pid").unsigned_abs(),
            place: row.get("place"),
            version: row.get("version"),
            lease: lease(row),
        },
        state: WorkerState::parse(state)
            .ok_or_else(|| format!("a worker has the unknown state {state:?}"))?,
        joined_at: row.get("joined_at"),
        expires_at: row.get("expires_at"),
        ended_at: row.get("ended_at"),
        shards: u16::try_from(row.get::<_, i64>("shards")).unwrap_or(u16::MAX),
        read_at: row.get("read_at"),
    })
}
