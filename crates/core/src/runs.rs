//! Runs looked at from outside, and opened again: what a person does between two crawls.
//!
//! Nothing here is needed to crawl. All of it is bounded: lists have a limit, groups are the largest few, and no
//! answer reads more of a frontier than its indexes.

use chrono::{DateTime, Utc};
use serde_json::Value as Json;

use crate::store::{BoxFuture, PageCounts, ProcessInfo, RunState, Store, StoreResult};
use dragline_spider::item_type::ItemType;
use dragline_spider::reason::Reason;

/// The reason of a run that was opened again begins with this word.
pub const REOPENED: &str = "reopened";

/// What can be done with runs beside crawling them; every store can.
pub trait RunAdmin: Store {
    /// Reaches the store as it is. Unlike [`Store::connect`] it makes nothing where nothing is.
    fn reach(&self) -> BoxFuture<'_, StoreResult<()>>;

    /// Runs, the newest first.
    fn list_runs<'a>(&'a self, ask: &'a RunAsk) -> BoxFuture<'a, StoreResult<Vec<RunRecord>>>;

    /// What a run holds, all of it at one moment. Of `items` the rows are counted in their tables; item types
    /// without one are found by themselves.
    fn inspect_run<'a>(
        &'a self,
        run_id: i64,
        items: &'a [ItemType],
    ) -> BoxFuture<'a, StoreResult<RunFigures>>;

    /// Puts failed requests back to `queued`, as if they had never been asked for, in one transaction. A run that
    /// had ended is `stopped` then, so that the next crawl of its name resumes it. The run's epoch rises: whoever
    /// worked on it before can write nothing more. If nothing is found, nothing is changed.
    ///
    /// The caller holds the run's lock ([`Store::lock_run`]).
    ///
    /// # Errors
    /// [`StoreError::Setup`](crate::StoreError::Setup) when the run is not there, or has ended and is not the
    /// newest of its name: of those at most one is unfinished, and a newer one has seen the site since.
    fn requeue_failed<'a>(&'a self, ask: &'a Requeue) -> BoxFuture<'a, StoreResult<Requeued>>;

    /// Ends an unfinished run as `failed`. Whether it was unfinished.
    ///
    /// The caller holds the run's lock ([`Store::lock_run`]).
    fn give_up_run<'a>(&'a self, run_id: i64, reason: &'a str) -> BoxFuture<'a, StoreResult<bool>>;
}

/// Which runs to list.
#[derive(Clone, Debug, Default)]
pub struct RunAsk {
    /// The one with this id alone.
    pub run_id: Option<i64>,
    /// Of this name alone.
    pub name: Option<String>,
    /// Of this spider alone.
    pub spider: Option<String>,
    /// In this state alone.
    pub state: Option<RunState>,
    /// At most so many.
    pub limit: usize,
}

/// A run as its row tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    /// Its id.
    pub run_id: i64,
    /// Its name.
    pub name: String,
    /// Its spider.
    pub spider: String,
    /// Its arguments and start URLs, without secrets.
    pub args: Json,
    /// How often it was started, and opened again.
    pub epoch: i64,
    /// Its state.
    pub state: RunState,
    /// Why it stopped or ended.
    pub stop_reason: Option<String>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When its last process began.
    pub last_start_at: DateTime<Utc>,
    /// The last sign of life of that process.
    pub heartbeat_at: DateTime<Utc>,
    /// When it ended, if it has.
    pub finished_at: Option<DateTime<Utc>>,
    /// Its last process.
    pub process: Option<ProcessInfo>,
    /// What that process said of itself at its last sign of life.
    pub stats: Json,
    /// Whether a process holds the run's lock now.
    pub is_held: bool,
    /// The moment of all this, by the store's clock.
    pub read_at: DateTime<Utc>,
}

/// What a run holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFigures {
    /// Requests by state.
    pub pages: PageCounts,
    /// Items by type, as far as this run was the last to see them; `None` where the type's table is missing.
    pub items: Vec<(String, Option<u64>)>,
    /// Dead letters.
    pub dead_letters: u64,
    /// Failed requests by their last HTTP status; without one where no answer came.
    pub failed_by_status: Tallies,
    /// Failed requests by the code of their reason; those that ended before schema version 6 by their error.
    pub failed_by_reason: Tallies,
    /// Skipped requests, in the same way.
    pub skipped_by_reason: Tallies,
    /// Queued requests by host.
    pub queued_by_host: Tallies,
}

/// Counts by some key, the largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tallies {
    /// The largest, [`Tallies::MAX`] of them at most.
    pub largest: Vec<Tally>,
    /// How many there are in all.
    pub kinds: u64,
}

impl Tallies {
    /// So many are told one by one.
    pub const MAX: usize = 20;
    /// So much of a text is its key: an error may hold a whole page.
    pub const KEY_CHARS: usize = 200;
}

/// One count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// What is counted.
    pub key: Option<String>,
    /// How many requests.
    pub count: u64,
    /// The URL of one of them, where that says something.
    pub example: Option<String>,
}

/// Which failed requests to put back. What is empty asks for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requeue {
    /// The run.
    pub run_id: i64,
    /// With a last HTTP status from the first to the second; 0 stands for no answer.
    pub statuses: Vec<(u16, u16)>,
    /// With this reason.
    pub reason: Option<Reason>,
    /// With this text in their error, whatever the case of ASCII letters.
    pub error: Option<String>,
    /// Of this host, `host:port`, or without a port of all its ports.
    pub host: Option<String>,
}

/// What a [`Requeue`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requeued {
    /// Requests that are queued again.
    pub requests: u64,
    /// The state that the run was in.
    pub was: RunState,
    /// The reason that it had.
    pub reason: Option<String>,
    /// Whether other requests of the run were queued still.
    pub others_queued: bool,
}

impl Requeued {
    /// The reason of the run from now on, if it had ended.
    pub fn new_reason(&self) -> Option<String> {
        self.was.is_final().then(|| {
            let reason = self.reason.as_deref().unwrap_or("no reason kept");
            format!("{REOPENED} (was {}: {reason})", self.was.as_str())
        })
    }
}
