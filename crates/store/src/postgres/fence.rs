//! The fence: what keeps a process that no longer owns a run, or a worker that was declared dead, from storing anything.
//!
//! The only process of a run locks the run's row first, shared, and checks the epoch. A worker of a shared run changes its own row last,
//! so that two flushes of one worker don't wait for each other before. This also keeps the counters of the worker: they change in
//! the transaction that changes the requests, so in every snapshot of the database they say how many requests are queued.

use std::borrow::Cow;
use std::collections::BTreeSet;

use dragline_core::StoreError;
use dragline_core::store::{RunKey, StoreResult};
use tokio_postgres::types::ToSql;

use super::advisory;
use super::flush::EPOCH;
use super::lease::WORKER;
use super::runs::not_ours;
use super::session::Session;

/// The first statement of a transaction that stores something for a run. It finds a row, or the run is not ours any more.
pub(super) struct FirstCheck<'a> {
    sql: Cow<'static, str>,
    values: [&'a (dyn ToSql + Sync); 2],
}

impl<'a> FirstCheck<'a> {
    pub(super) fn of(run: &'a RunKey) -> Self {
        match &run.worker {
            None => Self { sql: EPOCH.into(), values: [&run.run_id, &run.epoch] },
            // It marks the session, so that whoever declares the worker dead can end it.
            Some(worker_id) => Self {
                sql: format!(
                    "SELECT 1 FROM (SELECT pg_advisory_xact_lock_shared({})) marked WHERE $2::bigint IS NOT NULL",
                    advisory::key(WORKER, "$1::bigint")
                )
                .into(),
                values: [worker_id, &run.epoch],
            },
        }
    }

    pub(super) fn sql(&self) -> &str {
        &self.sql
    }

    pub(super) fn values(&self) -> &[&'a (dyn ToSql + Sync)] {
        &self.values
    }
}

/// The numbers of rows that a flush has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changed {
    /// Requests that are new in the run.
    pub(super) found: u64,
    /// Requests that have left the state `queued`.
    pub(super) ended: u64,
    /// Those of them that are done.
    pub(super) done: u64,
    /// Item rows.
    pub(super) items: u64,
    /// The shards of the requests that have left the state `queued`.
    pub(super) shards: BTreeSet<i16>,
}

/// A shard is given back only when nothing of it is in hand, so a worker that lives owns the shards of all its pages.
const COUNT: &str = "UPDATE crawl_workers
    SET found = found + $3, ended = ended + $4, done = done + $5, items = items + $6
    WHERE worker_id = $1 AND state = 'live' AND cardinality($7::smallint[]) = (
        SELECT count(*) FROM crawl_shards WHERE run_id = $2 AND worker_id = $1 AND shard = ANY ($7::smallint[])
    )
    RETURNING 1";

const IS_LIVE: &str = "SELECT 1 FROM crawl_workers WHERE worker_id = $1 AND state = 'live'";

/// The last check of a flush. It does nothing for the only process of a run, whose first check is enough.
pub(super) async fn last_check(session: &Session, run: &RunKey, changed: &Changed) -> StoreResult<()> {
    let Some(worker_id) = run.worker else { return Ok(()) };
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let [found, ended, done, items] = [changed.found, changed.ended, changed.done, changed.items].map(number);
    let shards: Vec<i16> = changed.shards.iter().copied().collect();
    let counted =
        session.row(COUNT, &[&worker_id, &run.run_id, &found, &ended, &done, &items, &shards]).await?;
    match counted {
        Some(_) => Ok(()),
        None => Err(not_my_run(session, run).await),
    }
}

/// Why a check found nothing.
pub(super) async fn not_my_run(session: &Session, run: &RunKey) -> StoreError {
    let Some(worker_id) = run.worker else { return not_ours(session, run).await };
    match session.row(IS_LIVE, &[&worker_id]).await {
        Ok(None) => StoreError::Fenced { run_id: run.run_id, worker_id },
        Ok(Some(_)) => session.broken("the worker has stored pages of a shard that it does not own"),
        Err(error) => error,
    }
}
