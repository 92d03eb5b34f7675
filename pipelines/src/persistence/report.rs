//! What others can learn about the persistence thread: a status while it works, and a report when it is closed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dragline_core::kept_page::KeptCounts;
use dragline_core::serde_json::{Value as Json, json};
use dragline_core::store::{
    Earlier, FlushReceipt, PageCounts, PageOrigins, PoolStatus, RUN_BARREN_PAGES, RUN_ITEMS, RUN_REQUESTS,
    RUN_WAITS, Store,
};
use dragline_core::timeline::Timeline;
use dragline_core::{Latency, LatencySnapshot, PageOutcome, PageState, RuleCounts};

use super::flush::HowEnded;
use super::run_timeline::RunTimeline;
use crate::letters::RetryReport;

/// The table of requests.
const REQUESTS: &str = "crawl_requests";
/// The table of dead letters.
const LETTERS: &str = "crawl_dead_letters";
/// The table of cookies.
const COOKIES: &str = "crawl_cookies";

/// How a close went: for the stop report, `pipeline_shutdown_seconds` and `pipeline_pending_tasks`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloseReport {
    /// The steps in order, and how long each took.
    pub steps: Vec<(&'static str, Duration)>,
    /// Pages that this process made durable.
    pub flushed_pages: u64,
    /// Rows that this process made durable: pages, items, dead letters, new requests.
    pub flushed_rows: u64,
    /// Flush tasks that were still pending when their time ended.
    pub tasks_pending: usize,
    /// Pending flush tasks that had to be cancelled.
    pub tasks_cancelled: usize,
    /// Cancelled tasks that did not even end then. Always 0 with a store that keeps its contract.
    pub tasks_not_gathered: usize,
    /// Pages in cancelled flushes. Each was committed completely or not at all, and the resume decides by its state.
    pub pages_unknown: u64,
    /// Pages that were dropped without being written. Their requests are still queued.
    pub pages_left_unflushed: u64,
    /// Whether the run's state was written.
    pub end_written: bool,
    /// Whether the store refused that, and will refuse it until someone fixes the cause.
    pub end_refused: bool,
    /// The first thing that went wrong.
    pub error: Option<String>,
}

/// What the persistence thread holds and does now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersistenceStatus {
    /// Outcomes that wait to be taken into a batch.
    pub inbox_pages: usize,
    /// Pages that wait to be flushed.
    pub batch_pages: usize,
    /// Rows that wait to be flushed.
    pub batch_rows: usize,
    /// Bytes that wait to be flushed.
    pub batch_bytes: usize,
    /// Flush tasks under way.
    pub pending_flushes: usize,
    /// The rows in these.
    pub pending_rows: usize,
    /// Since when the store has not answered a flush or a read of the frontier.
    pub outage_since: Option<Instant>,
    /// When a flush was last made durable.
    pub last_commit: Option<Instant>,
    /// Pages made durable.
    pub flushed_pages: u64,
    /// Rows made durable.
    pub flushed_rows: u64,
    /// Item rows written.
    pub items: u64,
    /// Pages that became dead letters.
    pub dead_pages: u64,
    /// Pages that this process made durable, by state.
    pub pages: BTreeMap<PageState, u64>,
    /// Requests that these pages found and that the store did not know.
    pub new_requests: u64,
    /// Pages that were dead and are `done` now, because their letters were applied after all.
    pub revived_pages: u64,
    /// Dead letters that were applied after all.
    pub revived_letters: u64,
    /// Dead letters written.
    pub dead_letters: u64,
    /// Answers that were kept with their pages, and what the store needed for them.
    pub kept: KeptCounts,
    /// Rows written, by table. For requests, the new ones and the ended ones.
    pub rows: BTreeMap<String, u64>,
    /// Flush tasks that have ended, by how they ended.
    pub flushes: BTreeMap<HowEnded, u64>,
    /// Transactions that failed and were tried again.
    pub flush_retries: u64,
    /// Item rows that earlier starts of this run wrote, as far as they recorded it.
    pub items_before: u64,
    /// Requests that the run had when it was opened. `None` for a reparse, which stores only some of the new ones.
    pub requests_before: Option<u64>,
    /// Pages that had contents, but no item in them.
    pub barren_pages: u64,
    /// The same for earlier starts of this run, as far as they recorded it.
    pub barren_before: u64,
    /// The rules that the items of stored pages broke, for all starts of this run, as far as earlier ones recorded it.
    pub rules: RuleCounts,
    /// Where the pages of all starts of this run came from, as far as earlier ones recorded it.
    pub origins: PageOrigins,
}

impl PersistenceStatus {
    /// How many requests the run has in the store at least. Only deleting rows makes them fewer.
    pub fn requests(&self) -> Option<u64> {
        self.requests_before.map(|before| before + self.new_requests)
    }
}

/// How long things took in the persistence thread and its store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersistenceTimes {
    /// From the first outcome of a batch to the start of its flush.
    pub batch_wait: LatencySnapshot,
    /// From the start of a flush to its end, including everything that had to be tried again.
    pub flush: LatencySnapshot,
    /// Only the COMMIT.
    pub commit: LatencySnapshot,
}

/// Reads the status from any thread without holding anybody up.
#[derive(Clone)]
pub struct Monitor {
    progress: Arc<PersistenceProgress>,
    store: Arc<dyn Store>,
}

impl Monitor {
    pub(super) fn of(progress: &Arc<PersistenceProgress>, store: &Arc<dyn Store>) -> Self {
        Self { progress: Arc::clone(progress), store: Arc::clone(store) }
    }

    /// What the thread holds and does now.
    pub fn status(&self) -> PersistenceStatus {
        self.progress.status()
    }

    /// How long things took so far.
    pub fn times(&self) -> PersistenceTimes {
        let PersistenceTimers { batch_wait, flush, commit } = &self.progress.times;
        PersistenceTimes {
            batch_wait: batch_wait.snapshot(),
            flush: flush.snapshot(),
            commit: commit.snapshot(),
        }
    }

    /// The store's sessions.
    pub fn pool(&self) -> PoolStatus {
        self.store.pool()
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Monitor({:?})", self.progress)
    }
}

/// The status, which the thread, its tasks and its monitors share.
#[derive(Debug, Default)]
pub(super) struct PersistenceProgress {
    status: Mutex<PersistenceStatus>,
    timeline: Mutex<RunTimeline>,
    /// Whether all that is left to fetch has to wait.
    pub(super) waits: AtomicBool,
    pub(super) times: PersistenceTimers,
}

#[derive(Debug, Default)]
pub(super) struct PersistenceTimers {
    pub(super) batch_wait: Latency,
    pub(super) flush: Latency,
    pub(super) commit: Latency,
}

impl PersistenceProgress {
    pub(super) fn status(&self) -> PersistenceStatus {
        self.lock().clone()
    }

    /// The run is open with these requests, and its earlier starts recorded this.
    pub(super) fn opened(&self, earlier: &Earlier, ended: &PageCounts, requests: Option<u64>) {
        let failed = ended.of(PageState::Failed) + ended.of(PageState::Dead);
        self.timeline().open(earlier.timeline.clone(), (ended.ended.values().sum(), earlier.items, failed));
        let mut status = self.lock();
        status.requests_before = requests;
        (status.items_before, status.barren_before) = (earlier.items, earlier.barren_pages);
        status.origins = earlier.origins;
        status.rules.clone_from(&earlier.rules);
    }

    pub(super) fn outage_since(&self) -> Option<Instant> {
        self.lock().outage_since
    }

    pub(super) fn waiting(&self, inbox: usize, (pages, rows, bytes): (usize, usize, usize)) {
        let mut status = self.lock();
        status.inbox_pages = inbox;
        (status.batch_pages, status.batch_rows, status.batch_bytes) = (pages, rows, bytes);
    }

    pub(super) fn pending(&self, flushes: usize, rows: usize) {
        let mut status = self.lock();
        (status.pending_flushes, status.pending_rows) = (flushes, rows);
    }

    pub(super) fn outage(&self, since: Option<Instant>) {
        self.lock().outage_since = since;
    }

    /// A flush task has ended.
    pub(super) fn flush_ended(&self, how: HowEnded) {
        *self.lock().flushes.entry(how).or_default() += 1;
    }

    /// The store did not do a transaction.
    pub(super) fn retried(&self) {
        self.lock().flush_retries += 1;
    }

    /// Notes what was made durable of these outcomes.
    pub(super) fn committed(&self, receipt: &FlushReceipt, outcomes: &[PageOutcome]) {
        self.times.commit.note(receipt.commit);
        let count = |of: fn(&PageOutcome) -> usize| outcomes.iter().map(of).sum::<usize>() as u64;
        let (letters, cookies) = (count(|page| page.dead_letters.len()), count(|page| page.cookies.len()));
        let (pages, requests) = (receipt.pages.len() as u64, receipt.new_requests.len() as u64);
        let barren = outcomes.iter().filter(|page| page.is_barren).count() as u64;
        let mut status = self.lock();
        status.last_commit = Some(Instant::now());
        status.barren_pages += barren;
        for page in outcomes {
            status.origins.add(page);
            status.rules.add(&page.rules);
        }
        status.flushed_pages += pages;
        status.flushed_rows += pages + receipt.items + requests + letters;
        status.dead_letters += letters;
        let own = [(REQUESTS, pages + requests), (LETTERS, letters), (COOKIES, cookies)];
        for (table, rows) in receipt.tables.iter().map(|(table, rows)| (table.as_str(), *rows)).chain(own) {
            if let Some(count) = status.rows.get_mut(table) {
                *count += rows;
            } else {
                status.rows.insert(table.to_owned(), rows);
            }
        }
        status.items += receipt.items;
        status.kept.add(receipt.kept);
        status.new_requests += requests;
        for (_, state) in &receipt.pages {
            *status.pages.entry(*state).or_default() += 1;
        }
        status.dead_pages +=
            receipt.pages.iter().filter(|(_, state)| *state == PageState::Dead).count() as u64;
        self.timeline().note(&status);
    }

    /// Notes dead letters that were applied after all.
    pub(super) fn revived(&self, report: &RetryReport) {
        let mut status = self.lock();
        status.items += report.applied;
        status.flushed_rows += report.applied;
        status.dead_pages = status.dead_pages.saturating_sub(report.pages_done);
        let dead = status.pages.entry(PageState::Dead).or_default();
        let revived = report.pages_done.min(*dead);
        *dead -= revived;
        status.revived_pages += revived;
        status.revived_letters += report.applied;
        *status.pages.entry(PageState::Done).or_default() += revived;
    }

    /// The figures that go with a heartbeat, for people who read `crawl_runs`.
    pub(super) fn stats(&self) -> Json {
        let status = self.lock();
        let mut stats = json!({
            "pages_flushed": status.flushed_pages,
            "rows_flushed": status.flushed_rows,
            "items": status.items,
            RUN_ITEMS: status.items_before + status.items,
            RUN_REQUESTS: status.requests(),
            RUN_WAITS: self.waits.load(Ordering::Relaxed) || status.outage_since.is_some(),
            RUN_BARREN_PAGES: status.barren_before + status.barren_pages,
            PageOrigins::READ: status.origins.read,
            PageOrigins::FETCHED: status.origins.fetched,
            "dead_pages": status.dead_pages,
            "rows_waiting": status.batch_rows + status.pending_rows,
            "pending_flushes": status.pending_flushes,
        });
        let mut timeline = self.timeline();
        timeline.note(&status);
        stats[Timeline::STATS] = timeline.to_json();
        if !status.rules.is_empty() {
            stats[RuleCounts::STATS] = status.rules.to_json();
        }
        stats
    }

    fn timeline(&self) -> MutexGuard<'_, RunTimeline> {
        self.timeline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, PersistenceStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CloseReport {
    /// The report of a thread that left none: what is known from outside.
    pub(super) fn without_thread(status: &PersistenceStatus, error: String) -> Self {
        Self {
            flushed_pages: status.flushed_pages,
            flushed_rows: status.flushed_rows,
            tasks_pending: status.pending_flushes,
            pages_left_unflushed: status.batch_pages as u64,
            error: Some(error),
            ..Self::default()
        }
    }

    /// Notes a step that began at `begun` and is over now.
    pub(super) fn step(&mut self, name: &'static str, begun: Instant) {
        self.steps.push((name, begun.elapsed()));
    }

    /// Keeps the first error.
    pub(super) fn fault(&mut self, what: impl Into<String>) {
        self.error.get_or_insert_with(|| what.into());
    }
}
