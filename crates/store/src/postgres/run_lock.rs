//! The lock of a run, so that one process at a time works on it.
//!
//! It is an advisory lock that a session of its own holds, so it ends with the process, however the process ends. (The workers of a
//! shared run hold it in shared mode; see `lease`.) If the
//! session dies in an outage, the lock is taken again before the next flush. In the meantime another process may have taken
//! the run over. That process has raised the epoch, which every flush checks.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use dragline_core::StoreError;
use dragline_core::store::{RunKey, StoreResult};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::advisory;
use super::connections::{Connections, LoneSession};
use super::runs::RUN_EPOCH;
use super::take_over::take_over;
use crate::just_ended;

/// How often a held lock is tried again.
const POLL: Duration = Duration::from_millis(100);
/// How long a flush tries to take a lost lock again. After that, the flush fails and is retried.
const RETAKE_PATIENCE: Duration = Duration::from_secs(2);

/// How long a stop waits for the lock to be given back. It ends anyway with its session.
const UNLOCK_LIMIT: Duration = Duration::from_millis(500);

/// The lock's number; `name` is an SQL expression.
pub(super) fn key(name: &str) -> String {
    advisory::key("run", name)
}

/// Joins the lock of that name, as `held`, if a session of this database holds it.
pub(super) fn is_held(name: &str) -> String {
    advisory::is_held("run", name)
}

/// The lock, held or not.
#[derive(Default)]
pub(super) struct RunLock {
    held: Mutex<Option<HeldLock>>,
    /// When this process reached the database, by the database's clock.
    began: OnceLock<DateTime<Utc>>,
}

struct HeldLock {
    name: String,
    session: LoneSession,
}

impl HeldLock {
    fn is_lost(&self) -> bool {
        self.session.client.is_closed()
    }
}

impl RunLock {
    /// Notes the current time. If another process ends the run after it, that happened while this process was
    /// starting.
    pub(super) async fn begins(&self, connections: &Connections) -> StoreResult<()> {
        let session = connections.session("connecting").await?;
        let now = session.row("SELECT clock_timestamp() AS now", &[]).await?;
        session.release();
        if let Some(now) = now {
            self.began.get_or_init(|| now.get("now"));
        }
        Ok(())
    }

    /// Takes the lock of a run's name.
    pub(super) async fn take(
        &self,
        connections: &Connections,
        name: &str,
        patience: Duration,
    ) -> StoreResult<()> {
        let mut held = self.held.lock().await;
        if held.as_ref().is_some_and(|held| held.name == name && !held.is_lost()) {
            return Ok(());
        }
        let mut taken = try_for(connections, name, patience).await?;
        if taken.is_none()
            && let Some(limit) = connections.target().limits.take_over_after
            && take_over(connections, name, limit).await?
        {
            taken = try_for(connections, name, patience).await?;
        }
        match taken {
            Some(session) => {
                // If another process has ended the run since this one began, do not crawl it all over again.
                if let Some(began) = self.began.get()
                    && let Some(holder) = ended_since(connections, name, *began).await?
                {
                    return Err(StoreError::Locked { name: name.to_owned(), holder });
                }
                *held = Some(HeldLock { name: name.to_owned(), session });
                Ok(())
            }
            None => {
                Err(StoreError::Locked { name: name.to_owned(), holder: holder(connections, name).await? })
            }
        }
    }

    /// Takes a lost lock again.
    pub(super) async fn ensure(&self, connections: &Connections, run: &RunKey) -> StoreResult<()> {
        let mut lock = self.held.lock().await;
        let Some(held) = lock.as_mut().filter(|held| held.is_lost()) else { return Ok(()) };
        // In an outage, every flush tries this. The wait is logged elsewhere, so only its end is logged here.
        if let Some(session) = try_for(connections, &held.name, RETAKE_PATIENCE).await? {
            tracing::info!(
                run = held.name,
                "the session that held the run's lock was lost; the lock is held again"
            );
            held.session = session;
            return Ok(());
        }
        let Some(epoch) = epoch(connections, run).await? else {
            return Err(StoreError::run_gone(run.run_id));
        };
        if epoch == run.epoch {
            // Nobody has started the run since. The server still keeps our own lost session.
            return Err(connections.target().away(
                "taking the run's lock again",
                "the server has not noticed yet that the session which held it is gone".to_owned(),
            ));
        }
        Err(StoreError::Superseded { run_id: run.run_id, epoch: run.epoch })
    }

    /// Releases the lock.
    pub(super) async fn release(&self) {
        let Some(held) = self.held.lock().await.take() else { return };
        // The lock ends with the session. But a pooler in session mode may keep the session and give it to somebody else.
        let unlocked = held.session.client.batch_execute("SELECT pg_advisory_unlock_all()");
        if !matches!(timeout(UNLOCK_LIMIT, unlocked).await, Ok(Ok(()))) {
            tracing::debug!(run = held.name, "the session of the run's lock ended without an answer");
        }
    }
}

async fn try_for(
    connections: &Connections,
    name: &str,
    patience: Duration,
) -> StoreResult<Option<LoneSession>> {
    let what = "taking the run's lock";
    let deadline = Instant::now() + patience;
    let attempt = format!("SELECT pg_try_advisory_lock({}) AS is_ours", key("$1"));
    let session = connections.lone_session(what).await?;
    loop {
        let row = connections.answer(what, session.client.query_one(&attempt, &[&name])).await?;
        if row.get("is_ours") {
            return Ok(Some(session));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        tokio::time::sleep(POLL).await;
    }
}

pub(super) async fn holder(connections: &Connections, name: &str) -> StoreResult<String> {
    let session = connections.session("looking who holds the run").await?;
    let row = session
        .row(
            "SELECT pid, hostname, extract(epoch FROM clock_timestamp() - heartbeat_at)::float8 AS silent
             FROM crawl_runs WHERE name = $1 AND state = 'running' AND pid IS NOT NULL",
            &[&name],
        )
        .await?;
    session.release();
    Ok(match row {
        Some(row) => format!(
            "pid {} on {}, last heartbeat {:.0} s ago",
            row.get::<_, i32>("pid"),
            row.get::<_, Option<String>>("hostname").as_deref().unwrap_or("an unknown host"),
            row.get::<_, f64>("silent").max(0.0)
        ),
        None => "one that is just starting or just ending".to_owned(),
    })
}

/// Describes the process that ended the newest run of this name, if the run ended after that moment.
async fn ended_since(
    connections: &Connections,
    name: &str,
    moment: DateTime<Utc>,
) -> StoreResult<Option<String>> {
    let session = connections.session("looking who ended the run").await?;
    let row = session
        .row(
            "SELECT pid, hostname, state
             FROM (SELECT * FROM crawl_runs WHERE name = $1 ORDER BY run_id DESC LIMIT 1) AS newest
             WHERE finished_at > $2 AND finished_at <= clock_timestamp()",
            &[&name, &moment],
        )
        .await?;
    session.release();
    Ok(row.map(|row| {
        let pid = row.get::<_, Option<i32>>("pid").unwrap_or_default().unsigned_abs();
        let hostname = row.get::<_, Option<String>>("hostname");
        just_ended(pid, hostname.as_deref().unwrap_or("an unknown host"), row.get("state"))
    }))
}

async fn epoch(connections: &Connections, run: &RunKey) -> StoreResult<Option<i64>> {
    let session = connections.session("looking who holds the run").await?;
    let row = session.row(RUN_EPOCH, &[&run.run_id]).await?;
    session.release();
    Ok(row.map(|row| row.get("epoch")))
}
