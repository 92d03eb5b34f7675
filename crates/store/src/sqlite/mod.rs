//! The `SQLite` store: one file, one connection, one writer, one flush at a time.
//!
//! It is the default on a machine with nothing installed, and keeps every promise that the Postgres store keeps. These
//! modules describe what differs: types and clock in `schema.sql`, the run's lock in `run_lock`, cancelling in `cancel`.
//! All work blocks, and holds the lock of the one connection.

mod administration;
mod cancel;
mod changes;
mod children;
mod cookies;
mod database;
mod diff;
mod fault;
mod flush;
mod foreign_keys;
mod frontier;
mod gone;
mod history;
mod hosts;
mod item_figures;
mod item_table;
mod items;
mod kept_pages;
mod known_tables;
mod letters;
mod lineage;
mod merge;
mod migrations;
mod missing_parent;
mod newest_rows;
mod pages;
mod parsed_again;
mod prune;
mod prune_kept;
mod reading;
mod reparse;
mod run_admin;
mod run_figures;
mod run_lock;
mod run_verdict;
mod runs;
mod schedules;
mod schema;
mod seen;
mod shape;
pub(crate) mod sql_answers;
mod start_hosts;
mod suspects;
mod tally;
mod views;

use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use dragline_core::due::RunsOfName;
use dragline_core::item_figures::ItemFigures;
use dragline_core::letters::{LetterAsk, LetterReceipt, LetterRetry, StoredLetter};
use dragline_core::run_verdict::{EndFigures, RunVerdict};
use dragline_core::store::{
    BoxFuture, FlushReceipt, ItemRow, KeptLinks, OpenedRun, PoolStatus, Refill, RunInfo, RunKey, RunSpec,
    RunState, RunSummary, StoreResult,
};
use dragline_core::suspects::PageMarks;
use dragline_core::{
    Fingerprint, HostNote, ItemType, KeptAnswers, KeptAsk, PageOutcome, QueuedRequest, Refilled, Store,
    StoreError,
};
use rusqlite::{Connection, TransactionBehavior};
use serde_json::Value as Json;

use self::database::Database;
use self::known_tables::KnownTables;
use self::reading::ItemsOf;
use self::run_lock::RunLock;
use crate::StoreSettings;

/// The time between two attempts to get a run's lock.
const LOCK_RETRY_EVERY: Duration = Duration::from_millis(100);

/// A store in an `SQLite` file.
pub struct SqliteStore {
    database: Database,
    tables: KnownTables,
    lock: Mutex<Option<RunLock>>,
    /// The time of the start, by the store's clock.
    connected_at: OnceLock<DateTime<Utc>>,
}

impl SqliteStore {
    /// A store. This does not open the file yet.
    ///
    /// # Errors
    /// None at present. The signature is the same for every store.
    pub fn new(path: &Path, settings: &StoreSettings) -> Result<Self, StoreError> {
        Ok(Self {
            database: Database::new(path, settings.lock_timeout),
            tables: KnownTables::default(),
            lock: Mutex::new(None),
            connected_at: OnceLock::new(),
        })
    }

    async fn prepare(&self, items: &[ItemType]) -> StoreResult<()> {
        self.tables.prepared(items);
        self.database
            .work("preparing the item tables", |connection| {
                // A write would wait for another writer, even if that process hangs. So if there is nothing to
                // create, do not write. The run's lock then reports the other process.
                let any_view = views::any_missing(connection, items)?;
                if !any_view && !item_table::any_missing(connection, items)? {
                    item_table::compare(connection, items)?.into_result()?;
                    return item_table::mention_missing_fingerprints(connection, items);
                }
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                for made in item_table::create_missing(&transaction, items, false)? {
                    tracing::info!(store = self.location(), "{made}");
                }
                item_table::compare(&transaction, items)?.into_result()?;
                for made in views::create_missing(&transaction, items)? {
                    tracing::info!(store = self.location(), "{made}");
                }
                transaction.commit()?;
                item_table::mention_missing_fingerprints(connection, items)
            })
            .await
    }

    async fn take_lock(&self, name: &str, patience: Duration) -> StoreResult<()> {
        let deadline = Instant::now() + patience;
        loop {
            let taken = self
                .database
                .work("locking the run", |_| Ok(RunLock::try_take(self.database.path(), name)?))
                .await?;
            if let Some(lock) = taken {
                self.refuse_to_repeat(name).await?;
                *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = Some(lock);
                return Ok(());
            }
            if Instant::now() >= deadline {
                let holder = self
                    .database
                    .work("looking for the run's holder", |connection| runs::holder(connection, name))
                    .await;
                return Err(StoreError::Locked { name: name.to_owned(), holder: holder? });
            }
            tokio::time::sleep(LOCK_RETRY_EVERY).await;
        }
    }

    /// If another process has ended the run since this one began, do not crawl it all over again.
    async fn refuse_to_repeat(&self, name: &str) -> StoreResult<()> {
        let Some(began) = self.connected_at.get() else { return Ok(()) };
        let ended = self
            .database
            .work("looking for the run's end", |connection| runs::ended_since(connection, name, *began))
            .await?;
        ended.map_or(Ok(()), |holder| Err(StoreError::Locked { name: name.to_owned(), holder }))
    }
}

impl Store for SqliteStore {
    fn location(&self) -> String {
        self.database.location()
    }

    fn max_concurrent_flushes(&self) -> usize {
        1
    }

    fn connect(&self) -> BoxFuture<'_, StoreResult<()>> {
        Box::pin(async {
            let now = self
                .database
                .connect(true, |connection| {
                    schema::prepare(connection, self.database.path())?;
                    runs::now(connection)
                })
                .await?;
            self.connected_at.get_or_init(|| now);
            Ok(())
        })
    }

    fn prepare_items<'a>(&'a self, items: &'a [ItemType]) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(self.prepare(items))
    }

    fn lock_run<'a>(&'a self, name: &'a str, patience: Duration) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(self.take_lock(name, patience))
    }

    fn runs_of_name<'a>(&'a self, name: &'a str) -> BoxFuture<'a, StoreResult<RunsOfName>> {
        Box::pin(async move {
            self.database.work("looking for the last run", |connection| runs::of_name(connection, name)).await
        })
    }

    fn open_run<'a>(&'a self, spec: &'a RunSpec) -> BoxFuture<'a, StoreResult<OpenedRun>> {
        Box::pin(async {
            self.database
                .work("opening the run", |connection| runs::open(connection, spec, &self.tables))
                .await
        })
    }

    fn add_requests<'a>(
        &'a self,
        run: &'a RunKey,
        requests: &'a [QueuedRequest],
    ) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async move {
            self.database
                .work("adding requests", |connection| runs::add_requests(connection, run, requests))
                .await
        })
    }

    fn flush<'a>(
        &'a self,
        run: &'a RunKey,
        outcomes: &'a [PageOutcome],
    ) -> BoxFuture<'a, StoreResult<FlushReceipt>> {
        Box::pin(async {
            let ticket = self.database.cancel.ticket();
            let flush = |connection: &mut _| flush::flush(connection, run, outcomes, &self.tables, &ticket);
            self.database.work("a flush", flush).await
        })
    }

    fn try_tables<'a>(
        &'a self,
        run: &'a RunKey,
        _outcomes: &'a [PageOutcome],
    ) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async move {
            self.database
                .work("trying a transaction", |connection| {
                    // A lock covers the whole file.
                    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                    runs::check_epoch(&transaction, run)?;
                    Ok(transaction.rollback()?)
                })
                .await
        })
    }

    fn cancel_flushes(&self) -> BoxFuture<'_, usize> {
        Box::pin(async { self.database.cancel.all() })
    }

    fn refill<'a>(&'a self, run: &'a RunKey, ask: &'a Refill) -> BoxFuture<'a, StoreResult<Refilled>> {
        Box::pin(async {
            self.database
                .work("reading the frontier", |connection| frontier::refill(connection, run, ask))
                .await
        })
    }

    fn links<'a>(&'a self, run: &'a RunKey, of: &'a [Fingerprint]) -> BoxFuture<'a, StoreResult<KeptLinks>> {
        Box::pin(async {
            self.database
                .work("reading the links of pages", |connection| pages::links(connection, run, of))
                .await
        })
    }

    fn kept_answers<'a>(&'a self, ask: &'a KeptAsk) -> BoxFuture<'a, StoreResult<KeptAnswers>> {
        Box::pin(async {
            self.database.work("reading kept pages", |connection| kept_pages::answers(connection, ask)).await
        })
    }

    fn heartbeat<'a>(&'a self, run: &'a RunKey, stats: &'a Json) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async {
            self.database.work("a heartbeat", |connection| runs::heartbeat(connection, run, stats)).await
        })
    }

    fn note_hosts<'a>(&'a self, run: &'a RunKey, notes: &'a [HostNote]) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async {
            self.database
                .work("storing the pauses of hosts", |connection| hosts::write(connection, run, notes))
                .await
        })
    }

    fn mark_pages<'a>(&'a self, run: &'a RunKey, marks: &'a PageMarks) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async {
            self.database.work("marking pages", |connection| suspects::mark(connection, run, marks)).await
        })
    }

    fn end_run<'a>(
        &'a self,
        run: &'a RunKey,
        state: RunState,
        reason: &'a str,
    ) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async move {
            self.database.work("ending the run", |connection| runs::end(connection, run, state, reason)).await
        })
    }

    fn judge_run<'a>(
        &'a self,
        run: &'a RunKey,
        figures: &'a EndFigures,
        verdict: Option<&'a RunVerdict>,
    ) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async move {
            let judging = |connection: &mut Connection| run_verdict::judge(connection, run, figures, verdict);
            self.database.work("keeping the verdict on the run", judging).await
        })
    }

    fn summary<'a>(&'a self, run_id: i64, items: &'a [ItemType]) -> BoxFuture<'a, StoreResult<RunSummary>> {
        Box::pin(async move {
            self.database.work("counting", |connection| reading::summary(connection, run_id, items)).await
        })
    }

    fn item_figures<'a>(
        &'a self,
        run_id: i64,
        items: &'a [ItemType],
        limit: Duration,
    ) -> BoxFuture<'a, StoreResult<ItemFigures>> {
        Box::pin(async move {
            let read = |connection: &mut Connection| item_figures::read(connection, run_id, items, limit);
            self.database.work("reading what the columns hold", read).await
        })
    }

    fn find_run<'a>(&'a self, run: &'a str) -> BoxFuture<'a, StoreResult<Option<RunInfo>>> {
        Box::pin(async {
            self.database.work("looking for a run", |connection| runs::find(connection, run)).await
        })
    }

    fn read_items<'a>(
        &'a self,
        run_id: i64,
        spider: &'a str,
        item: &'a ItemType,
        each: &'a mut (dyn FnMut(ItemRow) -> std::io::Result<()> + Send),
    ) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async move {
            self.database
                .work("reading items", |connection| {
                    reading::items(connection, &ItemsOf { run_id, spider, item, page: None }, each)
                })
                .await
        })
    }

    fn read_letters<'a>(&'a self, ask: &'a LetterAsk) -> BoxFuture<'a, StoreResult<Vec<StoredLetter>>> {
        Box::pin(async {
            self.database.work("reading dead letters", |connection| letters::read(connection, ask)).await
        })
    }

    fn retry_letters<'a>(&'a self, retry: &'a LetterRetry) -> BoxFuture<'a, StoreResult<LetterReceipt>> {
        Box::pin(async {
            let ticket = self.database.cancel.ticket();
            let apply = |connection: &mut _| letters::retry(connection, retry, &self.tables, &ticket);
            self.database.work("applying dead letters", apply).await
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.database.close().await;
            // Do this after closing the connection, so that the next holder of the lock finds everything written.
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
        })
    }

    fn pool(&self) -> PoolStatus {
        self.database.status()
    }
}
