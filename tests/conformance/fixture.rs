//! A run on a store, opened as the program opens it, and short ways to make requests and outcomes.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dragline_core::outcome::PageState;
use dragline_core::store::{OpenedRun, ProcessInfo, Refill, RefillScope, RunKey, RunSpec, StoreResult};
use dragline_core::{ItemRecord, ItemType, PageOutcome, QueuedRequest, Refilled, Request, Store};
use dragline_store::{StoreSettings, open};

use super::item_types;
use crate::stored::Stored;

/// How long a second process tries to get a run's lock here.
pub(super) const PATIENCE: Duration = Duration::from_millis(300);
/// The name of the run that most cases work on.
pub(super) const RUN: &str = "run";

/// A connected store that owns an open run.
pub(super) struct Session {
    pub(super) store: Arc<dyn Store>,
    pub(super) opened: OpenedRun,
}

impl Session {
    /// Opens the run as a process does: connect, item tables, lock, run. A new run begins with `start`.
    pub(super) async fn begin(stored: &Stored, start: &[QueuedRequest]) -> Self {
        Self::open(stored, &RunSpec { start: start.to_vec(), ..spec() }).await
    }

    /// Opens a run as told.
    pub(super) async fn open(stored: &Stored, spec: &RunSpec) -> Self {
        let store = connected(stored).await;
        store.prepare_items(&item_types::all_types()).await.unwrap();
        store.lock_run(&spec.name, PATIENCE).await.unwrap();
        let opened = store.open_run(spec).await.unwrap();
        Self { store, opened }
    }

    pub(super) fn key(&self) -> &RunKey {
        &self.opened.key
    }

    /// Flushes outcomes; the states of their pages by fingerprint are in the receipt.
    pub(super) async fn flush(
        &self,
        outcomes: &[PageOutcome],
    ) -> StoreResult<dragline_core::store::FlushReceipt> {
        self.store.flush(self.key(), outcomes).await
    }

    /// Everything that is queued.
    pub(super) async fn queued(&self) -> Vec<QueuedRequest> {
        self.refill(&everything()).await.requests
    }

    pub(super) async fn refill(&self, ask: &Refill) -> Refilled {
        self.store.refill(self.key(), ask).await.unwrap()
    }
}

/// A store that has reached its place.
pub(super) async fn connected(stored: &Stored) -> Arc<dyn Store> {
    let store = open(&stored.url(), &StoreSettings::default()).unwrap();
    store.connect().await.unwrap();
    store
}

/// A connected store with tables for these item types.
pub(super) async fn prepared(stored: &Stored, items: &[ItemType]) -> Arc<dyn Store> {
    let store = connected(stored).await;
    store.prepare_items(items).await.unwrap();
    store
}

/// The run that most cases work on, without start requests.
pub(super) fn spec() -> RunSpec {
    RunSpec {
        name: RUN.to_owned(),
        spider: "spider".to_owned(),
        kind: dragline_core::RunKind::Crawl,
        args: serde_json::json!({"start_urls": []}),
        start: Vec::new(),
        reparse: None,
        fresh: false,
        force: false,
        after_run: None,
        min_interval: None,
        tally: dragline_core::tally::TallyOf::default(),
        incremental: false,
        keeps_pages: false,
        process: ProcessInfo { pid: 4711, hostname: "here".to_owned() },
    }
}

/// A start request for a path on one host.
pub(super) fn request(path: &str) -> QueuedRequest {
    request_to(&format!("http://a.example/{path}"))
}

/// A start request.
pub(super) fn request_to(url: &str) -> QueuedRequest {
    QueuedRequest::start(Request::get(url).unwrap(), 0)
}

/// The page of a request, done.
pub(super) fn done(of: &QueuedRequest) -> PageOutcome {
    ended(of, PageState::Done)
}

/// The page of a request, done, with items.
pub(super) fn done_with(of: &QueuedRequest, items: Vec<ItemRecord>) -> PageOutcome {
    PageOutcome { items, ..done(of) }
}

/// The page of a request, done, with new requests.
pub(super) fn discovers(of: &QueuedRequest, requests: &[QueuedRequest]) -> PageOutcome {
    PageOutcome { requests: requests.to_vec(), ..done(of) }
}

/// The page of a request in some state.
pub(super) fn ended(of: &QueuedRequest, state: PageState) -> PageOutcome {
    PageOutcome { state, status: Some(200), ..PageOutcome::done(of) }
}

/// An ask for the whole frontier.
pub(super) fn everything() -> Refill {
    Refill { scope: RefillScope::After(None), per_host: 100_000, max_requests: 100_000, in_hand: Vec::new() }
}

/// Path → state of all requests, read past the store.
pub(super) fn states(stored: &Stored) -> BTreeMap<String, String> {
    let rows = stored.query("SELECT url, state FROM crawl_requests");
    rows.into_iter().map(|row| (row[0].replace("http://a.example/", ""), row[1].clone())).collect()
}

/// Runs statements past the store.
pub(super) fn execute(stored: &Stored, sql: &str) {
    match stored {
        Stored::Postgres(database) => drop(database.query(sql)),
        Stored::Sqlite(_) => {
            let connection = rusqlite::Connection::open(sqlite_file(stored)).unwrap();
            connection.busy_timeout(Duration::from_secs(5)).unwrap();
            connection.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    }
}

/// The file of an `SQLite` store.
pub(super) fn sqlite_file(stored: &Stored) -> PathBuf {
    stored.url().strip_prefix("sqlite:").expect("an SQLite store").into()
}

/// Runs a case as the persistence thread runs: on a runtime of its own.
pub(super) fn run<T>(case: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.unwrap();
    let limit = Duration::from_secs(120);
    runtime
        .block_on(async { tokio::time::timeout(dragline_testkit::patience(limit), case).await })
        .expect("the case ends within its limit")
}
