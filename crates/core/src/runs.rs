//! The administration of runs between two crawls: a person looks at them, and opens them again.
//!
//! A crawl needs none of this. Everything is bounded: lists have a limit, only the largest few groups are shown, and no
//! answer reads more of a frontier than its indexes.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value as Json;
use url::Url;

use crate::diff::{DiffAsk, RowChange};
use crate::earlier::BodyHash;
use crate::gone::{GoneAsk, GoneCounts, RowPlace};
use crate::kept_answer::{KeptListAsk, KeptListed};
use crate::kept_page::KeptRequest;
#[cfg(doc)]
use crate::lineage::MAX_LINEAGES;
use crate::lineage::{Lineage, TracedRequest};
use crate::newest_rows::{RowsAsk, RowsFound};
use crate::outcome::PageState;
use crate::prune::{self, BodyBatch, PrunableRun, PruneAsk, PruneBatch, PruneCounts, PrunePart};
use crate::reparse::{PlanAsk, PlanPart, StoredRow};
use crate::run_kind::RunKind;
use crate::run_verdict::{EndFigures, RunVerdict};
use crate::store::{BoxFuture, ItemRow, PageCounts, ProcessInfo, RunState, Store, StoreResult};
use dragline_spider::fingerprint::Fingerprint;
use dragline_spider::item::ItemRecord;
use dragline_spider::item_type::ItemType;
use dragline_spider::reason::Reason;

/// The first word of the reason of a run that was opened again.
pub const REOPENED: &str = "reopened";

/// What a store can do with runs, apart from crawling them.
pub trait RunAdmin: Store {
    /// Connects to the store as it is. Unlike [`Store::connect`], it creates nothing.
    fn reach(&self) -> BoxFuture<'_, StoreResult<()>>;

    /// Lists runs, the newest first.
    fn list_runs<'a>(&'a self, ask: &'a RunAsk) -> BoxFuture<'a, StoreResult<Vec<RunRecord>>>;

    /// What a run holds, all of it at one moment. The rows of `items` are counted in their tables. The call finds item types
    /// without a table by itself.
    fn inspect_run<'a>(
        &'a self,
        run_id: i64,
        items: &'a [ItemType],
    ) -> BoxFuture<'a, StoreResult<RunFigures>>;

    /// The requests of a run for this URL, each with the requests that led to it; [`MAX_LINEAGES`] of them at most, and
    /// none when the run does not know the URL.
    fn trace<'a>(&'a self, run_id: i64, url: &'a Url) -> BoxFuture<'a, StoreResult<Vec<Lineage>>>;

    /// Gives the item rows of a page to `each`: those of one type that this page was the last to give. No rows when the
    /// type's table is missing.
    fn read_page_items<'a>(
        &'a self,
        run: &'a RunRecord,
        item: &'a ItemType,
        page: &'a TracedRequest,
        each: &'a mut (dyn FnMut(ItemRow) -> std::io::Result<()> + Send),
    ) -> BoxFuture<'a, StoreResult<()>>;

    /// Reads the newest rows of a type, within `limit`, and counts them if that does not take longer.
    fn newest_rows<'a>(
        &'a self,
        ask: &'a RowsAsk,
        item: &'a ItemType,
        limit: Duration,
    ) -> BoxFuture<'a, StoreResult<RowsFound>>;

    /// Gives every row of a type that differs between two runs to `each`: new rows, changed ones, and those that are gone. New and
    /// changed ones are only known for a type with a history, and gone ones for a type with a key. No rows when a table of
    /// the type is missing.
    fn diff_rows<'a>(
        &'a self,
        ask: &'a DiffAsk,
        item: &'a ItemType,
        each: &'a mut (dyn FnMut(RowChange) -> std::io::Result<()> + Send),
    ) -> BoxFuture<'a, StoreResult<()>>;

    /// The kept answers of pages with this URL, as it is stored, the newest first; a few at most. For a page that the run found
    /// unchanged or fresh, an older answer stands.
    fn kept_pages<'a>(&'a self, run_id: i64, url: &'a str) -> BoxFuture<'a, StoreResult<Vec<KeptRequest>>>;

    /// Lists the kept pages of a run, a part at a time. The answer may be empty although there are more.
    fn list_kept<'a>(&'a self, ask: &'a KeptListAsk) -> BoxFuture<'a, StoreResult<KeptListed>>;

    /// Puts failed requests back to `queued`, as if they had never been requested, in one transaction. A run that had ended
    /// becomes `stopped`, so that the next crawl of its name resumes it. The run's epoch rises, so an earlier process can
    /// write nothing more. If no request is found, nothing changes.
    ///
    /// The caller holds the run's lock ([`Store::lock_run`]).
    ///
    /// # Errors
    /// [`StoreError::Setup`](crate::StoreError::Setup) if the run does not exist, or if it has ended and is not the newest of
    /// its name. A name has at most one unfinished run, and a newer run has seen the site since.
    fn requeue_failed<'a>(&'a self, ask: &'a Requeue) -> BoxFuture<'a, StoreResult<Requeued>>;

    /// Ends an unfinished run as `failed`. Returns whether it was unfinished.
    ///
    /// The caller holds the run's lock ([`Store::lock_run`]).
    fn give_up_run<'a>(&'a self, run_id: i64, reason: &'a str) -> BoxFuture<'a, StoreResult<bool>>;

    /// Ended runs of which something is left to prune, by id. It reads only `crawl_runs`.
    fn prunable_runs<'a>(&'a self, ask: &'a PruneAsk) -> BoxFuture<'a, StoreResult<Vec<PrunableRun>>>;

    /// How many rows pruning the run would remove, and as `dead_letters` all letters of the run.
    fn count_prunable(&self, run_id: i64, with_letters: bool) -> BoxFuture<'_, StoreResult<PruneCounts>>;

    /// Marks an ended run as pruned, and keeps its figures if it has none yet. Returns `false` if the run has not ended.
    fn begin_prune<'a>(
        &'a self,
        run_id: i64,
        with_letters: bool,
        figures: Option<&'a EndFigures>,
    ) -> BoxFuture<'a, StoreResult<bool>>;

    /// Removes some rows of a run with the mark, in one transaction.
    ///
    /// # Cancel safety
    /// A batch whose future is dropped has committed completely or not at all.
    fn prune_batch<'a>(
        &'a self,
        run_id: i64,
        part: &'a PrunePart,
        max_rows: u32,
    ) -> BoxFuture<'a, StoreResult<PruneBatch>>;

    /// Marks an ended run as one that loses its kept answers. Returns `false` if the run has not ended.
    fn begin_prune_kept(&self, run_id: i64) -> BoxFuture<'_, StoreResult<bool>>;

    /// Bytes of everything that is kept of answers, as it is stored.
    fn kept_bytes(&self) -> BoxFuture<'_, StoreResult<u64>>;

    /// Looks at the next `max` bodies, and removes those that no kept answer refers to, in one transaction. Such bodies are left when
    /// somebody deletes rows by hand, and when a page is put back to be fetched again.
    fn prune_bodies(&self, after: Option<BodyHash>, max: u32) -> BoxFuture<'_, StoreResult<BodyBatch>>;

    /// Notes that nothing is left to prune, if so. Dead letters keep the requests of their pages.
    fn end_prune(&self, run_id: i64) -> BoxFuture<'_, StoreResult<()>>;

    /// The runs whose kept pages a reparse of this spider reads, the newest first.
    fn reparse_sources<'a>(&'a self, spider: &'a str) -> BoxFuture<'a, StoreResult<Vec<i64>>>;

    /// Which pages a reparse would parse.
    fn plan_reparse<'a>(&'a self, ask: &'a PlanAsk) -> BoxFuture<'a, StoreResult<PlanPart>>;

    /// The rows that are stored under the keys of these items, which are of this type and have a key. Each item comes with its page.
    /// There is an entry for each item.
    fn rows_of_items<'a>(
        &'a self,
        spider: &'a str,
        item: &'a ItemType,
        items: &'a [(Fingerprint, ItemRecord)],
    ) -> BoxFuture<'a, StoreResult<Vec<Option<StoredRow>>>>;

    /// The item types with a key, in the order in which their rows can be removed: those that refer to others first.
    fn children_first<'a>(&'a self, items: &'a [ItemType]) -> BoxFuture<'a, StoreResult<Vec<ItemType>>>;

    /// Counts the rows of a type with a key that are gone, within `limit`. No rows when the type's table is missing.
    fn count_gone<'a>(
        &'a self,
        ask: &'a GoneAsk,
        item: &'a ItemType,
        limit: Duration,
    ) -> BoxFuture<'a, StoreResult<GoneCounts>>;

    /// Finds rows of a type with a key that are gone, `max` at most, within `limit`.
    fn find_gone<'a>(
        &'a self,
        ask: &'a GoneAsk,
        item: &'a ItemType,
        max: usize,
        limit: Duration,
    ) -> BoxFuture<'a, StoreResult<Vec<RowPlace>>>;

    /// The keys of rows of a type with a key, for people.
    fn keys_of_rows<'a>(
        &'a self,
        item: &'a ItemType,
        rows: &'a [RowPlace],
    ) -> BoxFuture<'a, StoreResult<Vec<String>>>;

    /// Removes or marks those of these rows that are still gone, in one transaction, and returns their number. A type with a history
    /// keeps removed ones as last versions. The pages that had them are fetched and parsed again if the rows come back.
    ///
    /// # Errors
    /// [`StoreError::Refused`](crate::StoreError::Refused) if another row refers to one of them, or if the database refuses the mark.
    /// Nothing was done then.
    ///
    /// # Cancel safety
    /// A call whose future is dropped has committed completely or not at all.
    fn end_gone<'a>(
        &'a self,
        ask: &'a GoneAsk,
        item: &'a ItemType,
        rows: &'a [RowPlace],
    ) -> BoxFuture<'a, StoreResult<u64>>;

    /// Counts the rows of the change feed that are older than this.
    fn count_old_changes(&self, older_than: Duration) -> BoxFuture<'_, StoreResult<u64>>;

    /// Removes the first rows of the change feed that are older than this, except for the last one of them, in one transaction. Returns
    /// their number: 0 when nothing is left to remove.
    fn prune_changes(&self, older_than: Duration, max: u32) -> BoxFuture<'_, StoreResult<u64>>;

    /// What becomes of the space of removed rows, for people.
    fn freed_space(&self) -> String;
}

/// Which runs to list.
#[derive(Clone, Debug, Default)]
pub struct RunAsk {
    /// Only the run with this id.
    pub run_id: Option<i64>,
    /// Only runs of this name.
    pub name: Option<String>,
    /// Only runs of this spider.
    pub spider: Option<String>,
    /// Only runs of this kind.
    pub kind: Option<RunKind>,
    /// Only runs in this state.
    pub state: Option<RunState>,
    /// Only runs that began before the one with this id.
    pub older_than: Option<i64>,
    /// How many runs at most.
    pub limit: usize,
}

/// A run as its row describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    /// Its id.
    pub run_id: i64,
    /// Its name.
    pub name: String,
    /// Its spider.
    pub spider: String,
    /// What it is.
    pub kind: RunKind,
    /// Its arguments and start URLs, without secrets.
    pub args: Json,
    /// How often it was started or opened again.
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
    /// The figures of that process at its last sign of life.
    pub stats: Json,
    /// What it held when it ended. `None` if it has not ended, if its process was killed before it could count, and for a run
    /// that ended before schema version 7.
    pub figures: Option<EndFigures>,
    /// The verdict on it, if it is finished and was judged.
    pub verdict: Option<RunVerdict>,
    /// What the last finished run of this name before this one held when it ended, if that is known.
    pub before: Option<EndFigures>,
    /// Whether a process holds the run's lock now.
    pub is_held: bool,
    /// The time of this answer, by the store's clock.
    pub read_at: DateTime<Utc>,
}

impl RunRecord {
    /// When it was pruned. Its requests are no longer in the store then, or only some of them.
    pub fn pruned_at(&self) -> Option<DateTime<Utc>> {
        prune::pruned_at(&self.stats)
    }

    /// When it lost its kept answers, if it did.
    pub fn kept_pruned_at(&self) -> Option<DateTime<Utc>> {
        prune::kept_pruned_at(&self.stats)
    }
}

/// What a run holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFigures {
    /// Requests by state.
    pub pages: PageCounts,
    /// Items by type, as far as this run was the last to see them. `None` if the type's table is missing.
    pub items: Vec<(String, Option<u64>)>,
    /// Dead letters.
    pub dead_letters: u64,
    /// Failed requests by their last HTTP status, or without one if no answer came.
    pub failed_by_status: LargestGroups,
    /// Failed requests by the code of their reason; those that ended before schema version 6 by their error.
    pub failed_by_reason: LargestGroups,
    /// Dead requests, in the same way.
    pub dead_by_reason: LargestGroups,
    /// Skipped requests, in the same way; of an error such as "redirected to URL", only the text before " to " counts.
    pub skipped_by_reason: LargestGroups,
    /// Queued requests by host.
    pub queued_by_host: LargestGroups,
    /// Some failed and some dead requests, [`RunFigures::MAX_SHOWN`] of each state at most.
    pub ended_badly: Vec<BadPage>,
}

impl RunFigures {
    /// How many failed and how many dead requests are listed.
    pub const MAX_SHOWN: usize = 20;
}

/// A failed or dead request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPage {
    /// Its URL.
    pub url: String,
    /// [`PageState::Failed`] or [`PageState::Dead`].
    pub state: PageState,
    /// The last HTTP status, if an answer came.
    pub status: Option<u16>,
    /// The code of its reason. `None` for one that ended before schema version 6.
    pub reason: Option<String>,
    /// The beginning of its error, [`LargestGroups::KEY_CHARS`] characters at most.
    pub error: Option<String>,
    /// How many bytes of its body are kept, if `--keep-failed` or `--keep-pages` asked for it.
    pub kept_bytes: Option<u64>,
}

/// Requests counted in groups, the largest group first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LargestGroups {
    /// The largest groups, [`LargestGroups::MAX`] at most.
    pub largest: Vec<GroupCount>,
    /// The number of all groups.
    pub kinds: u64,
}

impl LargestGroups {
    /// How many groups are listed.
    pub const MAX: usize = 20;
    /// How many characters of a text are its key. An error may contain a whole page.
    pub const KEY_CHARS: usize = 200;
}

/// One group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupCount {
    /// What the requests of the group have in common.
    pub key: Option<String>,
    /// How many requests.
    pub count: u64,
    /// The URL of one of them, if that helps.
    pub example: Option<String>,
}

/// Which failed requests to put back. An empty field means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requeue {
    /// The run.
    pub run_id: i64,
    /// Ranges of the last HTTP status, from the first to the second. 0 means no answer.
    pub statuses: Vec<(u16, u16)>,
    /// Only requests with this reason.
    pub reason: Option<Reason>,
    /// Only requests with this text in their error. The case of ASCII letters does not matter.
    pub error: Option<String>,
    /// Only requests of this host: `host:port`, or `host` for all of its ports.
    pub host: Option<String>,
}

/// The result of a [`Requeue`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requeued {
    /// Requests that are queued again.
    pub requests: u64,
    /// The state of the run before.
    pub was: RunState,
    /// The reason of the run before.
    pub reason: Option<String>,
    /// Whether other requests of the run were still queued.
    pub others_queued: bool,
    /// Whether a reason was asked for and found nowhere, and the run has failed requests without a reason. They ended before
    /// schema version 6.
    pub is_reason_missing: bool,
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
