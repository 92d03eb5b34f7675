//! The contract of a store: where runs, frontiers and items are kept.
//!
//! Only the persistence thread's runtime uses a store, and commands that look at runs. A store promises that [`Store::flush`]
//! is one transaction: a page's items, its new requests and its state are stored together or not at all, however the process
//! ends. `crates/store` has the implementations, and every store passes the same conformance suite.

mod error;
mod page_origins;
mod pool_status;
mod refill;
mod run_key;
mod run_stats;
pub mod workers;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value as Json};

use crate::cookies::StoredCookie;
use crate::due::RunsOfName;
use crate::earlier::EarlierPages;
use crate::host_note::HostNote;
use crate::item_figures::ItemFigures;
use crate::kept_answer::{KeptAnswers, KeptAsk};
use crate::kept_page::KeptCounts;
use crate::letters::{LetterAsk, LetterReceipt, LetterRetry, StoredLetter};
use crate::outcome::{PageOutcome, PageState};
use crate::reparse::{Reparse, ReparseCounts};
use crate::run_kind::RunKind;
use crate::run_verdict::{EndFigures, GoodRun, RunVerdict, TagPages};
use crate::suspects::{CarefulStart, PageMarks};
use crate::tally::{Tally, TallyOf};
use crate::timeline::Timeline;
use dragline_spider::fingerprint::Fingerprint;
use dragline_spider::item_type::ItemType;
use dragline_spider::queued_request::QueuedRequest;
use dragline_spider::request::Request;
use dragline_spider::rule_counts::RuleCounts;

pub use error::{Source, StoreError};
pub use page_origins::PageOrigins;
pub use pool_status::PoolStatus;
pub use refill::{Refill, RefillScope, Refilled};
pub use run_key::RunKey;
pub use run_stats::{RUN_BARREN_PAGES, RUN_ITEMS, RUN_REQUESTS, RUN_WAITS};
use workers::WorkerStore;

/// A boxed future, so that the trait can be an object without an async runtime in this crate.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
/// The result of a store's operations.
pub type StoreResult<T> = Result<T, StoreError>;

/// A place where runs are kept.
pub trait Store: Send + Sync {
    /// The store's location without secrets, for logs and errors.
    fn location(&self) -> String;

    /// How many answers its server has given. Over a slow link, each of many steps takes long, and only this shows that they go on.
    /// Always 0 without a server.
    fn answers(&self) -> u64 {
        0
    }

    /// How many flushes it can work on at once.
    fn max_concurrent_flushes(&self) -> usize;

    /// Connects to the store and creates its own tables if they are missing. Refuses a schema that is newer than the
    /// program. `dragline schema apply` upgrades an older one.
    fn connect(&self) -> BoxFuture<'_, StoreResult<()>>;

    /// Compares the item tables with the database and creates missing ones.
    ///
    /// # Errors
    /// [`StoreError::Schema`] with the statements that fix every difference.
    fn prepare_items<'a>(&'a self, items: &'a [ItemType]) -> BoxFuture<'a, StoreResult<()>>;

    /// Tries for `patience` to take the lock of a run's name. The store holds it until [`Store::close`], and takes it again
    /// after an outage.
    ///
    /// # Errors
    /// [`StoreError::Locked`] naming the holder.
    fn lock_run<'a>(&'a self, name: &'a str, patience: Duration) -> BoxFuture<'a, StoreResult<()>>;

    /// What is known about the runs of this name. Asked with the name's lock held, the answer stays true until
    /// [`Store::open_run`], because only the holder of the lock opens a run.
    fn runs_of_name<'a>(&'a self, name: &'a str) -> BoxFuture<'a, StoreResult<RunsOfName>>;

    /// Resumes the unfinished run of this name or starts a new one, and raises its epoch. One transaction creates a run and
    /// its start requests.
    fn open_run<'a>(&'a self, spec: &'a RunSpec) -> BoxFuture<'a, StoreResult<OpenedRun>>;

    /// Adds requests that were found on no page to a run, in one transaction. Those that it has already stay as they are.
    fn add_requests<'a>(
        &'a self,
        run: &'a RunKey,
        requests: &'a [QueuedRequest],
    ) -> BoxFuture<'a, StoreResult<()>>;

    /// Applies outcomes in one transaction, except for pages that are no longer `queued`.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if a row is at fault. Nothing was applied then.
    ///
    /// # Cancel safety
    /// A flush whose future is dropped has committed completely or not at all.
    fn flush<'a>(
        &'a self,
        run: &'a RunKey,
        outcomes: &'a [PageOutcome],
    ) -> BoxFuture<'a, StoreResult<FlushReceipt>>;

    /// Tries a transaction that writes nothing: it checks the run's epoch, and takes the locks on tables that a flush of these
    /// outcomes takes. If it works, a flush that fails again and again has itself to blame.
    fn try_tables<'a>(
        &'a self,
        run: &'a RunKey,
        outcomes: &'a [PageOutcome],
    ) -> BoxFuture<'a, StoreResult<()>>;

    /// Asks the server to give up every flush that is under way. Returns how many there were.
    fn cancel_flushes(&self) -> BoxFuture<'_, usize>;

    /// Reads a part of the frontier.
    fn refill<'a>(&'a self, run: &'a RunKey, ask: &'a Refill) -> BoxFuture<'a, StoreResult<Refilled>>;

    /// Reads the links that earlier runs of the spider found on these pages. A page of which nothing is kept is left out.
    fn links<'a>(
        &'a self,
        run: &'a RunKey,
        pages: &'a [Fingerprint],
    ) -> BoxFuture<'a, StoreResult<KeptLinks>>;

    /// Reads the newest whole answers that the runs of a spider have kept of these pages. What an unfinished import has stored so
    /// far is left out.
    fn kept_answers<'a>(&'a self, ask: &'a KeptAsk) -> BoxFuture<'a, StoreResult<KeptAnswers>>;

    /// Records that the run is alive, with figures for people.
    fn heartbeat<'a>(&'a self, run: &'a RunKey, stats: &'a Json) -> BoxFuture<'a, StoreResult<()>>;

    /// Keeps notes about hosts, each host once. An empty note forgets the host. This is not part of a flush, so nobody waits
    /// for it, and it changes no page.
    fn note_hosts<'a>(&'a self, run: &'a RunKey, notes: &'a [HostNote]) -> BoxFuture<'a, StoreResult<()>>;

    /// Marks the pages that the process takes up, and removes the marks of those that it no longer has in hand. This is not part of
    /// a flush, and it changes no page. See [`suspects`](crate::suspects).
    fn mark_pages<'a>(&'a self, run: &'a RunKey, marks: &'a PageMarks) -> BoxFuture<'a, StoreResult<()>>;

    /// Writes how the run ended, if this process still owns it.
    fn end_run<'a>(
        &'a self,
        run: &'a RunKey,
        state: RunState,
        reason: &'a str,
    ) -> BoxFuture<'a, StoreResult<()>>;

    /// Keeps what the run held when it ended, and the verdict on it if it is finished. It comes after
    /// [`end_run`](Store::end_run), because counting may take longer than a stop may. Does nothing if this process no longer
    /// owns the run.
    fn judge_run<'a>(
        &'a self,
        run: &'a RunKey,
        figures: &'a EndFigures,
        verdict: Option<&'a RunVerdict>,
    ) -> BoxFuture<'a, StoreResult<()>>;

    /// What a run holds.
    fn summary<'a>(&'a self, run_id: i64, items: &'a [ItemType]) -> BoxFuture<'a, StoreResult<RunSummary>>;

    /// What the columns of the rows hold that a run saw, for [`figured_columns`](crate::item_figures::figured_columns). An item
    /// type whose table is missing has none.
    ///
    /// # Errors
    /// Those of the store, and when it takes longer than `limit`.
    fn item_figures<'a>(
        &'a self,
        run_id: i64,
        items: &'a [ItemType],
        limit: Duration,
    ) -> BoxFuture<'a, StoreResult<ItemFigures>>;

    /// Finds a run by id or by name (the newest of that name).
    fn find_run<'a>(&'a self, run: &'a str) -> BoxFuture<'a, StoreResult<Option<RunInfo>>>;

    /// Passes to `each`, in a fixed order, every item row of a type that this run was the last to see.
    fn read_items<'a>(
        &'a self,
        run_id: i64,
        spider: &'a str,
        item: &'a ItemType,
        each: &'a mut (dyn FnMut(ItemRow) -> std::io::Result<()> + Send),
    ) -> BoxFuture<'a, StoreResult<()>>;

    /// Reads dead letters.
    fn read_letters<'a>(&'a self, ask: &'a LetterAsk) -> BoxFuture<'a, StoreResult<Vec<StoredLetter>>>;

    /// Applies dead letters of one page in the transaction that removes them. When a dead page has no letters left, it
    /// becomes `done`. A row that a later run has stored under the same key stays as it is. This is safe during a crawl of
    /// the same run and during another retry: each letter is applied once.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if a row is at fault. Nothing was applied then.
    ///
    /// # Cancel safety
    /// The same as for [`Store::flush`].
    fn retry_letters<'a>(&'a self, retry: &'a LetterRetry) -> BoxFuture<'a, StoreResult<LetterReceipt>>;

    /// What it does for the workers of a shared run. `None` if its runs can't be shared.
    fn workers(&self) -> Option<&dyn WorkerStore> {
        None
    }

    /// Ends all sessions and the tasks that serve them, and gives back the lock.
    fn close(&self) -> BoxFuture<'_, ()>;

    /// The sessions as they are now. Waits for nothing.
    fn pool(&self) -> PoolStatus;
}

/// Which run to open. Its switches have nothing to do with each other.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug)]
pub struct RunSpec {
    /// Its name.
    pub name: String,
    /// Its spider.
    pub spider: String,
    /// What it is, if it is new.
    pub kind: RunKind,
    /// Its arguments and start URLs, without secrets.
    pub args: Json,
    /// The start requests, in case the run is new.
    pub start: Vec<QueuedRequest>,
    /// Whose requests it takes instead, if it is a reparse.
    pub reparse: Option<Reparse>,
    /// Whether to end an unfinished run of this name and start a new one.
    pub fresh: bool,
    /// Whether to resume even after three starts without a done page, and to begin a new run even if it is not due.
    pub force: bool,
    /// No run is begun or resumed if one of this name with a higher id than this has finished.
    pub after_run: Option<i64>,
    /// A new run does not begin while the last finished one of this name is younger.
    pub min_interval: Option<Duration>,
    /// Which done pages to count.
    pub tally: TallyOf,
    /// Whether to keep records of pages, and to use those of earlier runs.
    pub incremental: bool,
    /// Whether to keep answers.
    pub keeps_pages: bool,
    /// The process that opens it.
    pub process: ProcessInfo,
}

/// A process that holds a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessInfo {
    /// Process id.
    pub pid: u32,
    /// Host name.
    pub hostname: String,
}

/// An opened run.
#[derive(Clone, Debug)]
pub struct OpenedRun {
    /// Its key.
    pub key: RunKey,
    /// Its earlier progress, if the run is resumed.
    pub resumed: Option<Resumed>,
    /// The hosts of the requests at depth 0: the start requests and their redirect targets.
    pub start_hosts: Vec<String>,
    /// Pages in state `done`.
    pub done: u64,
    /// The done pages, counted as the [`RunSpec`] asks.
    pub tally: Tally,
    /// The cookies of its jars, the newest first. See [`MAX_STORED_COOKIES`].
    pub cookies: Vec<StoredCookie>,
    /// The notes about its hosts, the latest first. See [`MAX_HOST_NOTES`](crate::host_note::MAX_HOST_NOTES).
    pub hosts: Vec<HostNote>,
    /// The figures of earlier starts.
    pub earlier: Earlier,
    /// Whether a run of the spider has kept whole answers. Only a run that reads them asks.
    pub has_kept_pages: bool,
    /// The requests of a reparse, by what becomes of them.
    pub reparse: Option<ReparseCounts>,
    /// What to be careful with, if an earlier process ended without recording how.
    pub careful: Option<CarefulStart>,
}

/// Figures of earlier starts and runs, to compare runs with each other. They come from `crawl_runs.stats`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Earlier {
    /// The item rows that earlier starts of this run recorded. A killed start has not recorded those of its last seconds.
    pub items: u64,
    /// The last finished runs of this name, the newest first. Two at most.
    pub finished: Vec<FinishedRun>,
    /// The barren pages ([`PageOutcome::is_barren`]) that earlier starts of this run recorded.
    pub barren_pages: u64,
    /// The pages that earlier starts of this run recorded by where they came from.
    pub origins: PageOrigins,
    /// The rules that items broke, as earlier starts of this run recorded them.
    pub rules: RuleCounts,
    /// How earlier starts of this run went.
    pub timeline: Timeline,
    /// The last good runs of this name, or of this spider with the same arguments, the newest first. [`Earlier::MAX_GOOD`] at
    /// most.
    pub good: Vec<GoodRun>,
}

impl Earlier {
    /// How many good runs are read at most. A run is only compared with one that had no wider limits.
    pub const MAX_GOOD: usize = 20;
}

/// A run that is finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishedRun {
    /// When it finished.
    pub finished_at: DateTime<Utc>,
    /// The item rows that it wrote, if it recorded them.
    pub items: Option<u64>,
}

/// How many cookies a run is opened with at most. The jars of a run hold fewer.
pub const MAX_STORED_COOKIES: u32 = 100_000;

/// The progress of a run when it was resumed.
#[derive(Clone, Debug)]
pub struct Resumed {
    /// Its state. `running` if its last process was killed.
    pub state: RunState,
    /// The reason of the last stop, if there was one.
    pub stop_reason: Option<String>,
    /// Its last process.
    pub last_process: Option<ProcessInfo>,
    /// Its last sign of life.
    pub heartbeat_at: Option<DateTime<Utc>>,
    /// Its arguments, as they were stored when it began.
    pub args: Json,
    /// Requests by state.
    pub pages: PageCounts,
    /// How many requests it has had at least. More than there are if rows were deleted.
    pub requests: u64,
}

/// Requests by state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageCounts {
    /// Requests that are not fetched yet.
    pub queued: u64,
    /// The other requests.
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
    /// It stopped early and can be resumed.
    Stopped,
    /// It is done for good.
    Finished,
    /// It was given up for good.
    Failed,
}

impl RunState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Running, Self::Stopped, Self::Finished, Self::Failed];

    /// Its stored form.
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
    /// Each page of the batch with its state now, even if another flush had applied it.
    pub pages: Vec<(Fingerprint, PageState)>,
    /// The new requests that the store did not have before.
    pub new_requests: Vec<Fingerprint>,
    /// What earlier runs know about the new requests. Only an incremental run has some.
    pub earlier: EarlierPages,
    /// All requests of the applied pages. The store has them, new or not.
    pub stored_requests: Vec<Fingerprint>,
    /// Item rows written.
    pub items: u64,
    /// Item rows written, by table.
    pub tables: BTreeMap<String, u64>,
    /// What was stored of kept pages.
    pub kept: KeptCounts,
    /// How long the COMMIT took, until the server or the disk had the data safely.
    pub commit: Duration,
}

/// The links that earlier runs found on pages, by page.
pub type KeptLinks = BTreeMap<Fingerprint, Vec<Request>>;

/// What a run holds.
#[derive(Clone, Debug, Default)]
pub struct RunSummary {
    /// Requests by state.
    pub pages: PageCounts,
    /// Items by type, as far as this run was the last to see them.
    pub items: Vec<(String, u64)>,
    /// Dead letters.
    pub dead_letters: u64,
    /// The pages of the tags with the most failed and dead pages. [`RunSummary::MAX_TAGS`] at most.
    pub failing_tags: Vec<TagPages>,
}

impl RunSummary {
    /// How many tags are counted on their own. A spider may use any number of them.
    pub const MAX_TAGS: usize = 20;
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
    /// What it is.
    pub kind: RunKind,
    /// Its state.
    pub state: RunState,
}

/// One stored item.
#[derive(Clone, Debug)]
pub struct ItemRow {
    /// Its fields.
    pub fields: Map<String, Json>,
    /// The URL of its page.
    pub url: String,
    /// When it was scraped, in RFC 3339.
    pub scraped_at: String,
}
