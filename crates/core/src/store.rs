//! The contract of a store: where runs, frontiers and items are kept.
//!
//! A store is used from the persistence thread's runtime alone, and by commands that only read. It promises
//! that [`Store::flush`] is one transaction: a page's items, its new requests and its state are there
//! together or not at all, however the process ends. `crates/store` holds the implementations and the suite
//! that each of them passes.

mod error;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value as Json};

use crate::cookies::StoredCookie;
use crate::host_note::HostNote;
use crate::latency::LatencySnapshot;
use crate::letters::{LetterAsk, LetterReceipt, LetterRetry, StoredLetter};
use crate::outcome::{PageOutcome, PageState};
use crate::shard::ShardRule;
use crate::tally::{Tally, TallyOf};
use dragline_spider::fingerprint::Fingerprint;
use dragline_spider::item_type::ItemType;
use dragline_spider::queued_request::QueuedRequest;

pub use error::{Source, StoreError};

/// A boxed future, so that the trait can be an object without an async runtime in this crate.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
/// The result of a store's operations.
pub type StoreResult<T> = Result<T, StoreError>;

/// A place where runs are kept.
pub trait Store: Send + Sync {
    /// Where it is, without secrets: for logs and errors.
    fn location(&self) -> String;

    /// How many flushes it can work on at once.
    fn max_concurrent_flushes(&self) -> usize;

    /// Reaches the store and brings its own tables into being when there are none. Refuses a schema that is
    /// newer than the program; an older one is raised by `dragline schema apply`.
    fn connect(&self) -> BoxFuture<'_, StoreResult<()>>;

    /// Holds the item tables against the database and creates missing ones.
    ///
    /// # Errors
    /// [`StoreError::Schema`] with the statements that mend every difference.
    fn prepare_items<'a>(&'a self, items: &'a [ItemType]) -> BoxFuture<'a, StoreResult<()>>;

    /// Takes the lock of a run's name, trying for `patience`. It is held until [`Store::close`], and taken
    /// again after an outage.
    ///
    /// # Errors
    /// [`StoreError::Locked`] naming the holder.
    fn lock_run<'a>(&'a self, name: &'a str, patience: Duration) -> BoxFuture<'a, StoreResult<()>>;

    /// Resumes the unfinished run of this name or starts a new one, and raises its epoch. A run and its
    /// start requests come into being in one transaction.
    fn open_run<'a>(&'a self, spec: &'a RunSpec) -> BoxFuture<'a, StoreResult<OpenedRun>>;

    /// Applies outcomes in one transaction, leaving out pages that are not `queued` any more.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when a row is at fault; then nothing was applied.
    ///
    /// # Cancel safety
    /// A flush whose future is dropped has committed whole or not at all.
    fn flush<'a>(
        &'a self,
        run: &'a RunKey,
        outcomes: &'a [PageOutcome],
    ) -> BoxFuture<'a, StoreResult<FlushReceipt>>;

    /// Asks the server to give up every flush that is under way. Says how many there were.
    fn cancel_flushes(&self) -> BoxFuture<'_, usize>;

    /// Reads a part of the frontier.
    fn refill<'a>(&'a self, run: &'a RunKey, ask: &'a Refill) -> BoxFuture<'a, StoreResult<Refilled>>;

    /// Notes that the run is alive, with figures for people.
    fn heartbeat<'a>(&'a self, run: &'a RunKey, stats: &'a Json) -> BoxFuture<'a, StoreResult<()>>;

    /// Keeps what hosts were told to wait, each host once; an empty note forgets one. No part of a flush: nobody waits
    /// for it, and it changes no page.
    fn note_hosts<'a>(&'a self, run: &'a RunKey, notes: &'a [HostNote]) -> BoxFuture<'a, StoreResult<()>>;

    /// Writes how the run ended, if this process still owns it.
    fn end_run<'a>(
        &'a self,
        run: &'a RunKey,
        state: RunState,
        reason: &'a str,
    ) -> BoxFuture<'a, StoreResult<()>>;

    /// What a run holds.
    fn summary<'a>(&'a self, run_id: i64, items: &'a [ItemType]) -> BoxFuture<'a, StoreResult<RunSummary>>;

    /// Finds a run by id or by name (the newest of that name).
    fn find_run<'a>(&'a self, run: &'a str) -> BoxFuture<'a, StoreResult<Option<RunInfo>>>;

    /// Gives every item row of a type that the run was the last to see, in a fixed order, to `each`.
    fn read_items<'a>(
        &'a self,
        run_id: i64,
        spider: &'a str,
        item: &'a ItemType,
        each: &'a mut (dyn FnMut(ItemRow) -> std::io::Result<()> + Send),
    ) -> BoxFuture<'a, StoreResult<()>>;

    /// Reads dead letters.
    fn read_letters<'a>(&'a self, ask: &'a LetterAsk) -> BoxFuture<'a, StoreResult<Vec<StoredLetter>>>;

    /// Applies dead letters of one page in the transaction that removes them; with its last letter a dead page
    /// becomes `done`. A row that a later run has stored under the same key stays as it is. Safe beside a crawl of
    /// the same run, and beside another retry: each letter is applied once.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when a row is at fault; then nothing was applied.
    ///
    /// # Cancel safety
    /// As that of [`Store::flush`].
    fn retry_letters<'a>(&'a self, retry: &'a LetterRetry) -> BoxFuture<'a, StoreResult<LetterReceipt>>;

    /// Ends all sessions, and tasks that serve them; gives back the lock.
    fn close(&self) -> BoxFuture<'_, ()>;

    /// Its sessions at this moment; waits for nobody.
    fn pool(&self) -> PoolStatus;
}

/// Which run to open.
#[derive(Clone, Debug)]
pub struct RunSpec {
    /// Its name.
    pub name: String,
    /// Its spider.
    pub spider: String,
    /// Its arguments and start URLs, without secrets.
    pub args: Json,
    /// Its start requests, should it be new.
    pub start: Vec<QueuedRequest>,
    /// End an unfinished run of this name and begin anew.
    pub fresh: bool,
    /// Resume even after three starts without a page done.
    pub force: bool,
    /// Which of its pages that are done are to be counted.
    pub tally: TallyOf,
    /// Who opens it.
    pub process: ProcessInfo,
}

/// Who holds a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessInfo {
    /// Process id.
    pub pid: u32,
    /// Host name.
    pub hostname: String,
}

/// A run that this process owns, as long as nobody raises the epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunKey {
    /// Its id.
    pub run_id: i64,
    /// The start that this process is.
    pub epoch: i64,
    /// Its spider.
    pub spider: Arc<str>,
    /// How its requests are divided into shards.
    pub shards: ShardRule,
}

/// An opened run.
#[derive(Clone, Debug)]
pub struct OpenedRun {
    /// Its key.
    pub key: RunKey,
    /// How it stood, if it was there before.
    pub resumed: Option<Resumed>,
    /// Hosts of the requests at depth 0: the start requests and what they redirected to.
    pub start_hosts: Vec<String>,
    /// Pages in state `done`.
    pub done: u64,
    /// The same, counted as the [`RunSpec`] asks.
    pub tally: Tally,
    /// The cookies of its jars, the newest first; see [`MAX_STORED_COOKIES`].
    pub cookies: Vec<StoredCookie>,
    /// What its hosts were told to wait, the latest first; see [`MAX_HOST_NOTES`](crate::host_note::MAX_HOST_NOTES).
    pub hosts: Vec<HostNote>,
    /// What earlier starts left.
    pub earlier: Earlier,
}

/// What earlier starts left of figures, for whoever compares runs. They are from `crawl_runs.stats`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Earlier {
    /// Item rows that earlier starts of this run wrote, as far as they told: a killed one tells of all but its last
    /// seconds.
    pub items: u64,
    /// The last runs of this name that are finished, the newest first; two at most.
    pub finished: Vec<FinishedRun>,
}

/// A run that is finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishedRun {
    /// When it was.
    pub finished_at: DateTime<Utc>,
    /// Item rows that it wrote, if it told.
    pub items: Option<u64>,
}

/// The key in `crawl_runs.stats` of the item rows that a run wrote, all its starts together.
pub const RUN_ITEMS: &str = "run_items";

/// The sessions of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolStatus {
    /// Sessions in use.
    pub busy: usize,
    /// Sessions that wait to be used.
    pub idle: usize,
    /// Sessions that there may be.
    pub max: usize,
    /// How long operations waited for a session, its making included.
    pub wait: LatencySnapshot,
}

/// Cookies that a run is opened with; more than the jars of a run hold.
pub const MAX_STORED_COOKIES: u32 = 100_000;

/// How a resumed run stood.
#[derive(Clone, Debug)]
pub struct Resumed {
    /// The state that it was left in; `running` when its last process was killed.
    pub state: RunState,
    /// The reason of the last stop, if there was one.
    pub stop_reason: Option<String>,
    /// Who ran it last.
    pub last_process: Option<ProcessInfo>,
    /// Its last sign of life.
    pub heartbeat_at: Option<DateTime<Utc>>,
    /// Its arguments, as they were stored when it began.
    pub args: Json,
    /// Requests by state.
    pub pages: PageCounts,
}

/// Requests by state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageCounts {
    /// Not yet fetched.
    pub queued: u64,
    /// The others.
    pub ended: BTreeMap<PageState, u64>,
}

impl PageCounts {
    /// Requests in a state.
    pub fn of(&self, state: PageState) -> u64 {
        self.ended.get(&state).copied().unwrap_or_default()
    }
}

/// The state of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// A process works on it, or was killed while it did.
    Running,
    /// Stopped early; can be resumed.
    Stopped,
    /// Done; final.
    Finished,
    /// Given up; final.
    Failed,
}

impl RunState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Running, Self::Stopped, Self::Finished, Self::Failed];

    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Finished => "finished",
            Self::Failed => "failed",
        }
    }

    /// Whether no crawl resumes it.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Finished | Self::Failed)
    }

    /// From its stored form.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// What a flush did.
#[derive(Clone, Debug, Default)]
pub struct FlushReceipt {
    /// Each page of the batch and the state that it is in now, also one that another flush had applied.
    pub pages: Vec<(Fingerprint, PageState)>,
    /// The new requests that the store did not know before.
    pub new_requests: Vec<Fingerprint>,
    /// All requests of the pages that it applied: the store has them, new or not.
    pub stored_requests: Vec<Fingerprint>,
    /// Item rows written.
    pub items: u64,
    /// The same by table.
    pub tables: BTreeMap<String, u64>,
    /// What COMMIT took of it: until the server, or the disk, has it safely.
    pub commit: Duration,
}

/// Asks for a part of the frontier.
#[derive(Clone, Debug)]
pub struct Refill {
    /// Of which hosts.
    pub scope: RefillScope,
    /// At most so many requests for each host, in fetch order.
    pub per_host: usize,
    /// At most about so many requests in all; what is left out is told in the answer.
    pub max_requests: usize,
    /// Requests that the engine holds already; they are left out.
    pub in_hand: Vec<Fingerprint>,
}

/// Of which hosts a refill is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefillScope {
    /// These.
    Hosts(Vec<String>),
    /// All that come after this one in the store's order; `None` begins with the first.
    After(Option<String>),
}

/// A part of the frontier, in fetch order per host.
#[derive(Debug, Default)]
pub struct Refilled {
    /// Queued requests that are not in hand.
    pub requests: Vec<QueuedRequest>,
    /// Hosts for which the store holds more than it gave.
    pub more_of: Vec<String>,
    /// Where to go on with the next hosts; `None` when there are no others.
    pub next_host: Option<String>,
}

/// What a run holds.
#[derive(Clone, Debug, Default)]
pub struct RunSummary {
    /// Requests by state.
    pub pages: PageCounts,
    /// Items by type, as far as this run was the last to see them.
    pub items: Vec<(String, u64)>,
    /// Dead letters.
    pub dead_letters: u64,
}

/// A run, as found by name.
#[derive(Clone, Debug)]
pub struct RunInfo {
    /// Its id.
    pub run_id: i64,
    /// Its name.
    pub name: String,
    /// Its spider.
    pub spider: String,
    /// Its state.
    pub state: RunState,
}

/// One stored item.
#[derive(Clone, Debug)]
pub struct ItemRow {
    /// Its fields.
    pub fields: Map<String, Json>,
    /// The page that it came from.
    pub url: String,
    /// When, RFC 3339.
    pub scraped_at: String,
}
