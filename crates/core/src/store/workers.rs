//! A run that several workers share: what a store does for them.
//!
//! A worker is a process that works on a shared run. Each shard of the run has one owner at most, and only the owner asks the hosts of
//! the shard. A worker has one lease for all of its shards. The lease is one row, which the worker renews. A worker that does
//! not renew its lease is declared dead by another one. From then on, it can store nothing more, however late it wakes up, and its
//! shards are free for others.
//!
//! Moments that workers compare (`expires_at`) are by the store's clock.

mod quota;
mod silence;

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{BoxFuture, RunKey, RunState, StoreResult};

pub use quota::quota;
pub use silence::SilenceWatch;

/// What a store does for the workers of a shared run. A store object serves one worker at a time.
///
/// # Cancel safety
/// An operation whose future is dropped has been done completely or not at all, and can be repeated.
pub trait WorkerStore: Send + Sync {
    /// Adds a worker to a run, with a lease that begins now. The first one since the run was opened counts the requests. Until the worker leaves, the run can't be opened by a process that doesn't
    /// share it.
    ///
    /// # Errors
    /// [`StoreError::Locked`](crate::StoreError::Locked) if such a process holds the run, and
    /// [`StoreError::Superseded`](crate::StoreError::Superseded) if the run has ended or was opened again.
    fn join<'a>(
        &'a self,
        run: &'a RunKey,
        name: &'a str,
        worker: &'a NewWorker,
    ) -> BoxFuture<'a, StoreResult<WorkerKey>>;

    /// Renews the lease, also if it has expired, as long as nobody has declared the worker dead.
    ///
    /// # Errors
    /// [`StoreError::Fenced`](crate::StoreError::Fenced) if somebody has.
    fn renew<'a>(&'a self, worker: &'a WorkerKey) -> BoxFuture<'a, StoreResult<Renewal>>;

    /// Takes free shards, `most` at most, and returns them. Takes none if the lease has expired.
    fn claim<'a>(&'a self, worker: &'a WorkerKey, most: u16) -> BoxFuture<'a, StoreResult<Vec<i16>>>;

    /// Gives shards back. The caller has nothing of them in hand any more: no request is under way, and every outcome has its
    /// receipt. Shards that it does not own stay as they are.
    fn release<'a>(&'a self, worker: &'a WorkerKey, shards: &'a [i16]) -> BoxFuture<'a, StoreResult<()>>;

    /// Ends the run as `finished` if none of its requests is queued. A worker that has nothing in hand asks this. However many ask, one of
    /// them ends the run.
    ///
    /// # Errors
    /// [`StoreError::Fenced`](crate::StoreError::Fenced) if this worker was declared dead.
    fn finish<'a>(&'a self, worker: &'a WorkerKey, reason: &'a str) -> BoxFuture<'a, StoreResult<Finish>>;

    /// Ends the lease, and gives all shards back. Returns whether the worker was alive until now.
    fn leave<'a>(&'a self, worker: &'a WorkerKey) -> BoxFuture<'a, StoreResult<bool>>;

    /// Declares a worker dead: ends its sessions, which may hold locks, and frees its shards. Returns whether this call did. Nothing
    /// happens if the worker is not as `judged`: it has renewed its lease in the meantime, or another call was faster.
    fn reap<'a>(&'a self, dead: &'a Peer, judged: Judged) -> BoxFuture<'a, StoreResult<bool>>;

    /// The workers of a run, the newest first.
    fn list_workers(&self, run_id: i64, limit: usize) -> BoxFuture<'_, StoreResult<Vec<WorkerRecord>>>;
}

/// A worker that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWorker {
    /// The machine.
    pub hostname: String,
    /// Its process.
    pub pid: u32,
    /// The start of the machine and the process namespace, as for servers of schedules. Empty where that is not known.
    pub place: String,
    /// The version of the program.
    pub version: String,
    /// How long its lease lasts each time. At least a millisecond.
    pub lease: Duration,
}

/// A worker as its store knows it while it lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerKey {
    /// Its run.
    pub run_id: i64,
    /// The epoch of the run that it has joined.
    pub epoch: i64,
    /// Its id.
    pub worker_id: i64,
}

/// How a run is shared at the moment of a renewal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// The state of the run.
    pub run_state: RunState,
    /// The workers that are alive, by their ids. This one is among them.
    pub peers: Vec<Peer>,
    /// The shards that this one owns, in their order.
    pub owned: Vec<i16>,
    /// How many shards have no owner.
    pub free: u16,
    /// How many shards there are.
    pub shards: u16,
}

impl Renewal {
    /// How many shards a worker should own now.
    pub fn quota_of(&self, worker_id: i64) -> u16 {
        match self.peers.iter().position(|peer| peer.worker_id == worker_id) {
            Some(rank) => quota(self.shards, self.peers.len(), rank),
            None => 0,
        }
    }
}

/// A worker that was alive a moment ago.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its id.
    pub worker_id: i64,
    /// Its process.
    pub pid: u32,
    /// Where that runs; see [`NewWorker::place`].
    pub place: String,
    /// How long its lease lasts each time.
    pub lease: Duration,
    /// When its lease ends, unless it is renewed.
    pub expires_at: DateTime<Utc>,
}

/// Whether a run is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// Not yet: the number of requests that are still queued.
    NotYet(u64),
    /// This call has ended the run.
    Now,
    /// It had ended before, or was stopped.
    Before(RunState),
}

/// Why a worker is declared dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// Its lease has expired and was not renewed; see [`SilenceWatch`].
    Silent,
    /// Its process has certainly ended, so there is nothing to wait for.
    Gone,
}

/// Whether a worker lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerState {
    /// Nobody has noticed the contrary.
    Live,
    /// It has left.
    Left,
    /// It was declared dead.
    Dead,
}

impl WorkerState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Live, Self::Left, Self::Dead];

    /// Its stored form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Left => "left",
            Self::Dead => "dead",
        }
    }

    /// From its stored form.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A worker as its row describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerRecord {
    /// Its key.
    pub key: WorkerKey,
    /// What it said about itself.
    pub worker: NewWorker,
    /// Whether it lives.
    pub state: WorkerState,
    /// When it has joined.
    pub joined_at: DateTime<Utc>,
    /// When its lease ends or has ended.
    pub expires_at: DateTime<Utc>,
    /// When it left, or when another worker declared it dead.
    pub ended_at: Option<DateTime<Utc>>,
    /// How many shards it owns.
    pub shards: u16,
    /// The time of this answer.
    pub read_at: DateTime<Utc>,
}
