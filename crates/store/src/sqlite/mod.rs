//! The `SQLite` store.

use std::path::Path;
use std::time::Duration;

use dragline_core::store::{
    BoxFuture, FlushReceipt, ItemRow, OpenedRun, Refill, RunInfo, RunKey, RunSpec, RunState, RunSummary,
    StoreResult,
};
use dragline_core::{ItemType, PageOutcome, Refilled, Store, StoreError};
use serde_json::Value as Json;

use crate::{SchemaAdmin, StoreSettings};

/// The `SQLite` store. This build has none: it cannot be made.
pub enum SqliteStore {}

impl SqliteStore {
    /// A store; nothing is reached yet.
    ///
    /// # Errors
    /// [`StoreError::Setup`] always.
    pub fn new(_path: &Path, _settings: &StoreSettings) -> Result<Self, StoreError> {
        Err(StoreError::Setup {
            problem: "this build cannot use `SQLite`".to_owned(),
            hint: "use another store".to_owned(),
        })
    }
}

impl Store for SqliteStore {
    fn location(&self) -> String {
        match *self {}
    }
    fn max_concurrent_flushes(&self) -> usize {
        match *self {}
    }
    fn connect(&self) -> BoxFuture<'_, StoreResult<()>> {
        match *self {}
    }
    fn prepare_items<'a>(&'a self, _: &'a [ItemType]) -> BoxFuture<'a, StoreResult<()>> {
        match *self {}
    }
    fn lock_run<'a>(&'a self, _: &'a str, _: Duration) -> BoxFuture<'a, StoreResult<()>> {
        match *self {}
    }
    fn open_run<'a>(&'a self, _: &'a RunSpec) -> BoxFuture<'a, StoreResult<OpenedRun>> {
        match *self {}
    }
    fn flush<'a>(&'a self, _: &'a RunKey, _: &'a [PageOutcome]) -> BoxFuture<'a, StoreResult<FlushReceipt>> {
        match *self {}
    }
    fn cancel_flushes(&self) -> BoxFuture<'_, usize> {
        match *self {}
    }
    fn refill<'a>(&'a self, _: &'a RunKey, _: &'a Refill) -> BoxFuture<'a, StoreResult<Refilled>> {
        match *self {}
    }
    fn heartbeat<'a>(&'a self, _: &'a RunKey, _: &'a Json) -> BoxFuture<'a, StoreResult<()>> {
        match *self {}
    }
    fn end_run<'a>(&'a self, _: &'a RunKey, _: RunState, _: &'a str) -> BoxFuture<'a, StoreResult<()>> {
        match *self {}
    }
    fn summary<'a>(&'a self, _: i64, _: &'a [ItemType]) -> BoxFuture<'a, StoreResult<RunSummary>> {
        match *self {}
    }
    fn find_run<'a>(&'a self, _: &'a str) -> BoxFuture<'a, StoreResult<Option<RunInfo>>> {
        match *self {}
    }
    fn read_items<'a>(
        &'a self,
        _: i64,
        _: &'a str,
        _: ItemType,
        _: &'a mut (dyn FnMut(ItemRow) -> std::io::Result<()> + Send),
    ) -> BoxFuture<'a, StoreResult<()>> {
        match *self {}
    }
    fn close(&self) -> BoxFuture<'_, ()> {
        match *self {}
    }
}

impl SchemaAdmin for SqliteStore {
    fn ddl(&self, _: &[ItemType]) -> StoreResult<String> {
        match *self {}
    }
    fn apply<'a>(&'a self, _: &'a [ItemType]) -> BoxFuture<'a, StoreResult<Vec<String>>> {
        match *self {}
    }
    fn check<'a>(&'a self, _: &'a [ItemType]) -> BoxFuture<'a, StoreResult<()>> {
        match *self {}
    }
}
