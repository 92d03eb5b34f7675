//! The Postgres store.
//!
//! | module | what it does |
//! |---|---|
//! | `target` | reads the URL and, as libpq does, variables, password file and certificates |
//! | `errors`, `handshake` | turn errors of the driver into ours |
//! | `connections`, `session`, `tasks` | sessions: made, pooled, lent, ended |
//! | `pooler` | a pooler between us and the database that shares sessions |
//! | `schedules` | schedules, their ticks, and the servers that execute them |
//! | `schema`, `migrations`, `item_table`, `item_create`, `item_check` | tables: made, raised to a newer version, compared |
//! | `children` | children that their page no longer gives |
//! | `history`, `history_table` | the earlier versions of rows |
//! | `merge` | columns that keep what earlier pages knew |
//! | `administration` | what is asked about tables and runs between two crawls |
//! | `foreign_keys`, `reference_check` | which table is written before which, and whether references are foreign keys |
//! | `runs`, `run_lock`, `take_over` | the life of a run, and its lock |
//! | `workers`, `lease` | the workers of a shared run, and the session that holds a worker's lease |
//! | `advisory` | locks that end with their session |
//! | `fence` | a process that no longer owns its run stores nothing |
//! | `try_tables` | a trivial transaction, while flushes fail |
//! | `flush`, `flights`, `requests`, `item_writes`, `items`, `copy_text` | one transaction per batch |
//! | `cookies`, `hosts`, `tally` | what a resumed run needs in addition to its frontier |
//! | `kept_pages` | the answers that are kept with their pages |
//! | `letters` | dead letters: read, and stored as items after all |
//! | `reparse`, `parsed_again` | a run that parses kept pages once more: its frontier, and its flushes |
//! | `prune`, `prune_kept` | ended runs without their frontiers and their kept answers |
//! | `run_admin`, `run_figures`, `lineage` | runs looked at and opened again, between two crawls |
//! | `changes` | the change feed |
//! | `gone` | rows that the site no longer has are removed |
//! | `frontier`, `export`, `diff` | what is read back |
//! | `sql_answers` | another database, which look-ups ask |

mod administration;
mod advisory;
mod changes;
mod children;
mod connections;
mod cookies;
mod copy_text;
mod diff;
mod errors;
mod export;
mod fence;
mod flights;
mod flush;
mod foreign_keys;
mod frontier;
mod gone;
mod handshake;
mod history;
mod history_table;
mod hosts;
mod item_check;
mod item_create;
mod item_figures;
mod item_table;
mod item_writes;
mod items;
mod kept_pages;
mod lease;
mod letters;
mod lineage;
mod merge;
mod migrations;
mod newest_rows;
mod pages;
mod parsed_again;
mod pooler;
mod prune;
mod prune_kept;
mod reference_check;
mod reparse;
mod requests;
mod run_admin;
mod run_figures;
mod run_lock;
mod run_verdict;
mod runs;
mod schedules;
mod schema;
mod seen;
mod session;
pub(crate) mod sql_answers;
mod suspects;
mod take_over;
mod tally;
mod target;
mod tasks;
mod try_tables;
mod views;
mod workers;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use dragline_core::due::RunsOfName;
use dragline_core::item_figures::ItemFigures;
use dragline_core::letters::{LetterAsk, LetterReceipt, LetterRetry, StoredLetter};
use dragline_core::run_verdict::{EndFigures, RunVerdict};
use dragline_core::store::workers::WorkerStore;
use dragline_core::store::{
    BoxFuture, FlushReceipt, ItemRow, KeptLinks, OpenedRun, PoolStatus, Refill, RunInfo, RunKey, RunSpec,
    RunState, RunSummary, StoreResult,
};
use dragline_core::suspects::PageMarks;
use dragline_core::{
    Fingerprint, HostNote, ItemType, KeptAnswers, KeptAsk, PageOutcome, QueuedRequest, Refilled, Store,
    StoreError,
};
use serde_json::Value as Json;

use self::connections::Connections;
use self::export::ItemsOf;
use self::flights::Flights;
use self::item_table::ItemTable;
use self::lease::LeaseSession;
use self::run_lock::RunLock;
use self::schema::PreparedTable;
use self::target::DatabaseTarget;
pub(crate) use self::target::is_keyword_form;
use crate::StoreSettings;
use crate::table_order::TableOrder;

/// While one flush waits for the disk, the next one copies its rows.
const MAX_CONCURRENT_FLUSHES: usize = 2;

/// The tables of the prepared item types.
#[derive(Clone, Default)]
struct ItemTables {
    by_name: HashMap<String, Arc<ItemTable>>,
    order: TableOrder,
}

impl ItemTables {
    /// Begins a transaction that writes into them.
    fn begin(&self) -> &'static str {
        if self.order.needs_deferral() { "BEGIN; SET CONSTRAINTS ALL DEFERRED" } else { "BEGIN" }
    }
}

/// Runs, frontiers and items in a Postgres database.
pub struct PostgresStore {
    connections: Connections,
    lock: RunLock,
    lease: LeaseSession,
    flights: Flights,
    /// The prepared item types.
    tables: RwLock<Arc<ItemTables>>,
    next_stage: AtomicUsize,
}

impl PostgresStore {
    /// The store of a URL. This does not connect yet.
    ///
    /// # Errors
    /// [`StoreError::Setup`] when the URL cannot be read, or asks for something that does not exist.
    pub fn new(url: &str, settings: &StoreSettings) -> Result<Self, StoreError> {
        let target = DatabaseTarget::parse(url, settings)?;
        Ok(Self {
            connections: Connections::new(target)?,
            lock: RunLock::default(),
            lease: LeaseSession::default(),
            flights: Flights::default(),
            tables: RwLock::default(),
            next_stage: AtomicUsize::new(0),
        })
    }

    fn item_tables(&self) -> Arc<ItemTables> {
        Arc::clone(&self.tables.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on, a flush can store rows in these tables.
    fn prepared(&self, prepared: &[PreparedTable<'_>], order: TableOrder) {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        let mut known = ItemTables { order, ..ItemTables::clone(&tables) };
        for PreparedTable { item, table, has_fingerprint } in prepared {
            let is_same =
                |known: &Arc<ItemTable>| known.item == **item && known.has_fingerprint == *has_fingerprint;
            if !known.by_name.get(*table).is_some_and(is_same) {
                // Never reuse a number, because sessions may still have its staging table.
                let number = self.next_stage.fetch_add(1, Ordering::Relaxed);
                known.by_name.insert(
                    (*table).to_owned(),
                    Arc::new(ItemTable::new(item, table, number, *has_fingerprint)),
                );
            }
        }
        *tables = Arc::new(known);
    }
}

impl Store for PostgresStore {
    fn location(&self) -> String {
        self.connections.target().location.clone()
    }

    fn answers(&self) -> u64 {
        self.connections.answers()
    }

    fn max_concurrent_flushes(&self) -> usize {
        MAX_CONCURRENT_FLUSHES
    }

    fn connect(&self) -> BoxFuture<'_, StoreResult<()>> {
        Box::pin(async move {
            schema::connect(&self.connections).await?;
            self.lock.begins(&self.connections).await
        })
    }

    fn prepare_items<'a>(&'a self, items: &'a [ItemType]) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async move {
            let (tables, order) = schema::prepare(&self.connections, items).await?;
            self.prepared(&tables, order);
            Ok(())
        })
    }

    fn lock_run<'a>(&'a self, name: &'a str, patience: Duration) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(self.lock.take(&self.connections, name, patience))
    }

    fn runs_of_name<'a>(&'a self, name: &'a str) -> BoxFuture<'a, StoreResult<RunsOfName>> {
        Box::pin(runs::of_name(&self.connections, name))
    }

    fn open_run<'a>(&'a self, spec: &'a RunSpec) -> BoxFuture<'a, StoreResult<OpenedRun>> {
        Box::pin(runs::open(&self.connections, spec))
    }

    fn add_requests<'a>(
        &'a self,
        run: &'a RunKey,
        requests: &'a [QueuedRequest],
    ) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(runs::add_requests(&self.connections, run, requests))
    }

    fn flush<'a>(
        &'a self,
        run: &'a RunKey,
        outcomes: &'a [PageOutcome],
    ) -> BoxFuture<'a, StoreResult<FlushReceipt>> {
        Box::pin(flush::flush(self, run, outcomes))
    }

    fn try_tables<'a>(
        &'a self,
        run: &'a RunKey,
        outcomes: &'a [PageOutcome],
    ) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(try_tables::try_tables(&self.connections, run, outcomes))
    }

    fn cancel_flushes(&self) -> BoxFuture<'_, usize> {
        Box::pin(self.flights.cancel_all())
    }

    fn refill<'a>(&'a self, run: &'a RunKey, ask: &'a Refill) -> BoxFuture<'a, StoreResult<Refilled>> {
        Box::pin(frontier::refill(&self.connections, run, ask))
    }

    fn links<'a>(&'a self, run: &'a RunKey, of: &'a [Fingerprint]) -> BoxFuture<'a, StoreResult<KeptLinks>> {
        Box::pin(pages::links(&self.connections, run, of))
    }

    fn kept_answers<'a>(&'a self, ask: &'a KeptAsk) -> BoxFuture<'a, StoreResult<KeptAnswers>> {
        Box::pin(kept_pages::answers(&self.connections, ask))
    }

    fn heartbeat<'a>(&'a self, run: &'a RunKey, stats: &'a Json) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(runs::heartbeat(&self.connections, run, stats))
    }

    fn note_hosts<'a>(&'a self, run: &'a RunKey, notes: &'a [HostNote]) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(hosts::write(&self.connections, run, notes))
    }

    fn mark_pages<'a>(&'a self, run: &'a RunKey, marks: &'a PageMarks) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(suspects::mark(&self.connections, run, marks))
    }

    fn end_run<'a>(
        &'a self,
        run: &'a RunKey,
        state: RunState,
        reason: &'a str,
    ) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(runs::end(&self.connections, run, state, reason))
    }

    fn judge_run<'a>(
        &'a self,
        run: &'a RunKey,
        figures: &'a EndFigures,
        verdict: Option<&'a RunVerdict>,
    ) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(run_verdict::judge(&self.connections, run, figures, verdict))
    }

    fn summary<'a>(&'a self, run_id: i64, items: &'a [ItemType]) -> BoxFuture<'a, StoreResult<RunSummary>> {
        Box::pin(runs::summary(&self.connections, run_id, items))
    }

    fn item_figures<'a>(
        &'a self,
        run_id: i64,
        items: &'a [ItemType],
        limit: Duration,
    ) -> BoxFuture<'a, StoreResult<ItemFigures>> {
        Box::pin(item_figures::read(&self.connections, run_id, items, limit))
    }

    fn find_run<'a>(&'a self, run: &'a str) -> BoxFuture<'a, StoreResult<Option<RunInfo>>> {
        Box::pin(runs::find(&self.connections, run))
    }

    fn read_items<'a>(
        &'a self,
        run_id: i64,
        spider: &'a str,
        item: &'a ItemType,
        each: &'a mut (dyn FnMut(ItemRow) -> std::io::Result<()> + Send),
    ) -> BoxFuture<'a, StoreResult<()>> {
        Box::pin(async move {
            let of = ItemsOf { run_id, spider, item, page: None };
            export::read_items(&self.connections, &of, each).await
        })
    }

    fn read_letters<'a>(&'a self, ask: &'a LetterAsk) -> BoxFuture<'a, StoreResult<Vec<StoredLetter>>> {
        Box::pin(letters::read(&self.connections, ask))
    }

    fn retry_letters<'a>(&'a self, retry: &'a LetterRetry) -> BoxFuture<'a, StoreResult<LetterReceipt>> {
        Box::pin(letters::retry(self, retry))
    }

    fn workers(&self) -> Option<&dyn WorkerStore> {
        Some(self)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // A flush that is still under way would leave its session behind on the server.
            self.flights.cancel_all().await;
            self.lock.release().await;
            self.lease.close().await;
            self.connections.close().await;
        })
    }

    fn pool(&self) -> PoolStatus {
        self.connections.status()
    }
}
