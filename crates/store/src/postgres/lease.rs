//! The session of a worker's lease.
//!
//! It is not part of the pool, so that a renewal never waits for a flush. It holds two locks: that of the run's name, in shared mode,
//! so that no process opens the run that does not share it; and one of the worker's own, by which other workers find the sessions of
//! a worker that they declare dead. Both end with the session. If the session is lost, the next operation opens another one.

use std::time::Duration;

use dragline_core::StoreError;
use dragline_core::store::workers::WorkerKey;
use dragline_core::store::{RunKey, StoreResult};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;
use tokio_postgres::Row;

use super::connections::{Connections, LoneSession};
use super::session::Params;
use super::{advisory, run_lock};

/// How long the end of a lease waits for its locks to be given back. They end anyway with the session.
const UNLOCK_LIMIT: Duration = Duration::from_millis(500);

/// The kind of a worker's own lock.
pub(super) const WORKER: &str = "worker";

/// The session, if there is a lease.
#[derive(Default)]
pub(super) struct LeaseSession(Mutex<Option<Lease>>);

/// A lease, and its session unless that was lost.
pub(super) struct Lease {
    name: String,
    worker: WorkerKey,
    session: Option<LoneSession>,
}

impl LeaseSession {
    /// Opens a session for a worker of the run `name`, with the run's lock in shared mode. `join` adds the worker.
    pub(super) async fn open(
        &self,
        connections: &Connections,
        run: &RunKey,
        name: &str,
        join: impl AsyncFnOnce(&LoneSession) -> StoreResult<i64>,
    ) -> StoreResult<WorkerKey> {
        let mut held = self.0.lock().await;
        end(held.take()).await;
        let session = connections.lone_session("joining the run").await?;
        if !shares_run(connections, &session, name).await? {
            let holder = run_lock::holder(connections, name).await?;
            return Err(StoreError::Locked { name: name.to_owned(), holder });
        }
        let worker_id = join(&session).await?;
        own(connections, &session, worker_id).await?;
        let worker = WorkerKey { run_id: run.run_id, epoch: run.epoch, worker_id };
        *held = Some(Lease { name: name.to_owned(), worker: worker.clone(), session: Some(session) });
        Ok(worker)
    }

    /// Runs one statement in the session of this worker's lease. A session whose statement failed is not used again, because nobody knows
    /// what the server still does for it.
    pub(super) async fn rows(
        &self,
        connections: &Connections,
        worker: &WorkerKey,
        what: &'static str,
        sql: &str,
        params: Params<'_>,
    ) -> StoreResult<Vec<Row>> {
        let mut held = self.0.lock().await;
        let lease = of_worker(&mut held, worker)?;
        let session = match lease.session.take().filter(|session| !session.client.is_closed()) {
            Some(session) => session,
            None => reopen(connections, lease).await?,
        };
        let rows = connections.answer(what, session.client.query(sql, params)).await?;
        lease.session = Some(session);
        Ok(rows)
    }

    /// Ends the session.
    pub(super) async fn close(&self) {
        end(self.0.lock().await.take()).await;
    }
}

fn of_worker<'a>(
    held: &'a mut MutexGuard<'_, Option<Lease>>,
    worker: &WorkerKey,
) -> StoreResult<&'a mut Lease> {
    held.as_mut().filter(|lease| lease.worker == *worker).ok_or_else(|| fenced(worker))
}

/// The error of a worker that is one no longer.
pub(super) fn fenced(worker: &WorkerKey) -> StoreError {
    StoreError::Fenced { run_id: worker.run_id, worker_id: worker.worker_id }
}

/// A session with the locks of a lease whose session was lost.
async fn reopen(connections: &Connections, lease: &Lease) -> StoreResult<LoneSession> {
    let session = connections.lone_session("going on with the lease").await?;
    if !shares_run(connections, &session, &lease.name).await? {
        // A process that does not share the run has its lock, so it ends all workers, or has done it.
        let sql = "SELECT 1 FROM crawl_workers WHERE worker_id = $1 AND state = 'live'";
        let what = "looking for the worker";
        if connections
            .answer(what, session.client.query_opt(sql, &[&lease.worker.worker_id]))
            .await?
            .is_none()
        {
            return Err(fenced(&lease.worker));
        }
        return Err(connections.target().away(
            "taking the run's lock again",
            "another process has it, and does not share the run".to_owned(),
        ));
    }
    own(connections, &session, lease.worker.worker_id).await?;
    tracing::info!(run = lease.name, "the session of the worker's lease was lost; there is a new one");
    Ok(session)
}

async fn shares_run(connections: &Connections, session: &LoneSession, name: &str) -> StoreResult<bool> {
    let sql = format!("SELECT pg_try_advisory_lock_shared({}) AS is_shared", run_lock::key("$1"));
    let row = connections.answer("sharing the run", session.client.query_one(&sql, &[&name])).await?;
    Ok(row.get("is_shared"))
}

/// In shared mode, because the worker's flushes hold it too.
async fn own(connections: &Connections, session: &LoneSession, worker_id: i64) -> StoreResult<()> {
    let sql = format!("SELECT pg_advisory_lock_shared({})", advisory::key(WORKER, "$1::bigint"));
    connections.answer("marking the session", session.client.query_one(&sql, &[&worker_id])).await?;
    Ok(())
}

async fn end(lease: Option<Lease>) {
    let Some(Lease { name, session: Some(session), .. }) = lease else { return };
    // A pooler in session mode may keep the session and give it to somebody else.
    let unlocked = session.client.batch_execute("SELECT pg_advisory_unlock_all()");
    if !matches!(timeout(UNLOCK_LIMIT, unlocked).await, Ok(Ok(()))) {
        tracing::debug!(run = name, "the session of a lease ended without an answer");
    }
}
