//! What the persistence thread tells about itself: a status while it works, a report when it is closed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dragline_core::PageState;
use dragline_core::serde_json::{Value as Json, json};
use dragline_core::store::FlushReceipt;

use crate::letters::RetryReport;

/// How a close went: for the stop report, `pipeline_shutdown_seconds` and `pipeline_pending_tasks`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloseReport {
    /// What was done, in order, and how long it took.
    pub steps: Vec<(&'static str, Duration)>,
    /// Pages that this process made durable.
    pub flushed_pages: u64,
    /// Rows that this process made durable: pages, items, dead letters, new requests.
    pub flushed_rows: u64,
    /// Flush tasks that were still pending when their time was over.
    pub tasks_pending: usize,
    /// Of these, the ones that had to be cancelled.
    pub tasks_cancelled: usize,
    /// Of these, the ones that did not even end when cancelled. Always 0 with a store that keeps its contract.
    pub tasks_not_gathered: usize,
    /// Pages in cancelled flushes: committed whole or not at all, the resume decides by their state.
    pub pages_unknown: u64,
    /// Pages that were dropped unwritten; their requests are still queued.
    pub pages_left_unflushed: u64,
    /// Whether the run's state was written.
    pub end_written: bool,
    /// Whether the store refused it, and will until somebody mends something.
    pub end_refused: bool,
    /// What went wrong first.
    pub error: Option<String>,
}

/// What the persistence thread holds and does right now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersistenceStatus {
    /// Pages that wait to be flushed.
    pub batch_pages: usize,
    /// Rows that wait to be flushed.
    pub batch_rows: usize,
    /// Bytes that wait to be flushed.
    pub batch_bytes: usize,
    /// Flush tasks under way.
    pub pending_flushes: usize,
    /// Rows in them.
    pub pending_rows: usize,
    /// Since when the store does not take a flush, or give a part of the frontier.
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
    /// Requests that they brought and that the store did not know.
    pub new_requests: u64,
}

/// Reads the status from any thread, and holds up nobody.
#[derive(Clone, Debug)]
pub struct Monitor(Arc<Progress>);

impl Monitor {
    pub(super) fn of(progress: &Arc<Progress>) -> Self {
        Self(Arc::clone(progress))
    }

    /// What the thread holds and does right now.
    pub fn status(&self) -> PersistenceStatus {
        self.0.status()
    }
}

/// The status, shared between the thread, its tasks and whoever asks.
#[derive(Debug, Default)]
pub(super) struct Progress(Mutex<PersistenceStatus>);

impl Progress {
    pub(super) fn status(&self) -> PersistenceStatus {
        self.lock().clone()
    }

    pub(super) fn waiting(&self, (pages, rows, bytes): (usize, usize, usize)) {
        let mut status = self.lock();
        (status.batch_pages, status.batch_rows, status.batch_bytes) = (pages, rows, bytes);
    }

    pub(super) fn pending(&self, flushes: usize, rows: usize) {
        let mut status = self.lock();
        (status.pending_flushes, status.pending_rows) = (flushes, rows);
    }

    pub(super) fn outage(&self, since: Option<Instant>) {
        self.lock().outage_since = since;
    }

    /// Notes a flush with `letters` dead letters.
    pub(super) fn committed(&self, receipt: &FlushReceipt, letters: usize) {
        let (pages, requests) = (receipt.pages.len() as u64, receipt.new_requests.len() as u64);
        let mut status = self.lock();
        status.last_commit = Some(Instant::now());
        status.flushed_pages += pages;
        status.flushed_rows += pages + receipt.items + requests + letters as u64;
        status.items += receipt.items;
        status.new_requests += requests;
        for (_, state) in &receipt.pages {
            *status.pages.entry(*state).or_default() += 1;
        }
        status.dead_pages +=
            receipt.pages.iter().filter(|(_, state)| *state == PageState::Dead).count() as u64;
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
        *status.pages.entry(PageState::Done).or_default() += revived;
    }

    /// The figures that go with a heartbeat, for people who read `crawl_runs`.
    pub(super) fn stats(&self) -> Json {
        let status = self.lock();
        json!({
            "pages_flushed": status.flushed_pages,
            "rows_flushed": status.flushed_rows,
            "items": status.items,
            "dead_pages": status.dead_pages,
            "rows_waiting": status.batch_rows + status.pending_rows,
            "pending_flushes": status.pending_flushes,
        })
    }

    fn lock(&self) -> MutexGuard<'_, PersistenceStatus> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
