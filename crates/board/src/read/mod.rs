//! What is known about runs, spiders and rows, as values that programs get as JSON and pages show.
//!
//! Each question is asked once at a time, and its answer is shared for a moment. So a hundred open pages cost as much as one.

mod cache;
mod detail;
mod history;
mod log;
mod rows;
mod schedules;
mod summary;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dragline_core::runs::{RunAsk, RunFigures, RunRecord};
use dragline_core::schedules::{ScheduleStore, TickRecord};
use dragline_core::secrets;
use dragline_core::store::{BoxFuture, StoreResult};
use dragline_core::{ItemType, StoreError};
use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

pub(crate) use self::cache::Cache;
pub use self::detail::{BadPageView, ColumnView, GroupView, GroupsView, ItemCount, RunDetail};
pub use self::history::{Compared, Odd, SpiderView, Usual};
pub use self::log::{LogTail, log_files};
pub(crate) use self::rows::ItemsAsk;
pub use self::rows::{ItemKind, ItemsView, RowView};
pub(crate) use self::schedules::Ticked;
pub use self::schedules::{ScheduleDetail, ScheduleView, TickView};
pub use self::summary::{Change, ProblemView, RunList, RunSummary, TimelineView};
use crate::KnownSpider;
use crate::answer::Refused;
use crate::limits::{MAX_HISTORY, MAX_RUNS, READ_TIMEOUT};
use crate::live::{Live, LiveRun};
use crate::plan::Plan;

/// An answer, or the reason why the question has no answer.
pub(crate) type Answer<T> = Result<T, Refused>;

/// Reads everything that the board shows.
pub(crate) struct Reader {
    store: Arc<dyn ScheduleStore>,
    is_reached: AtomicBool,
    pub(crate) spiders: Vec<KnownSpider>,
    plan: Arc<dyn Plan>,
    live: Arc<dyn Live>,
    log_dir: Option<PathBuf>,
    lists: Cache<String, Vec<RunRecord>>,
    figures: Cache<i64, RunFigures>,
    tick_lists: Cache<String, Vec<TickRecord>>,
    ticked: Cache<(), Ticked>,
}

/// A value without secrets.
pub(crate) fn shown<T: Serialize + DeserializeOwned>(value: &T) -> Answer<T> {
    let mut json = serde_json::to_value(value).map_err(|error| broken(&error))?;
    secrets::hide_in_json(&mut json);
    serde_json::from_value(json).map_err(|error| broken(&error))
}

fn broken(error: &serde_json::Error) -> Refused {
    Refused::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the answer cannot be written: {error}"))
}

impl Reader {
    pub(crate) fn new(
        store: Arc<dyn ScheduleStore>,
        spiders: Vec<KnownSpider>,
        plan: Arc<dyn Plan>,
        live: Arc<dyn Live>,
        log_dir: Option<PathBuf>,
    ) -> Self {
        Self {
            store,
            is_reached: AtomicBool::new(false),
            spiders,
            plan,
            live,
            log_dir,
            lists: Cache::default(),
            figures: Cache::default(),
            tick_lists: Cache::default(),
            ticked: Cache::default(),
        }
    }

    /// The store, in words.
    pub(crate) fn location(&self) -> String {
        self.store.location()
    }

    pub(crate) async fn close(&self) {
        self.store.close().await;
    }

    /// Runs, the newest first.
    pub(crate) async fn runs(&self, ask: &RunAsk) -> Answer<Arc<Vec<RunRecord>>> {
        self.lists.get(format!("{ask:?}"), || self.store_read(self.store.list_runs(ask))).await
    }

    /// A run.
    pub(crate) async fn run(&self, run_id: i64) -> Answer<RunRecord> {
        let ask = RunAsk { run_id: Some(run_id), limit: 1, ..RunAsk::default() };
        let found = self.runs(&ask).await?;
        found.first().cloned().ok_or_else(|| {
            Refused::missing(format!("there is no run {run_id}")).hint("the list of runs is at /runs")
        })
    }

    /// What a run holds.
    pub(crate) async fn figures(&self, run: &RunRecord) -> Answer<Arc<RunFigures>> {
        let items = self.items_of(&run.spider).unwrap_or_default();
        self.figures.get(run.run_id, || self.store_read(self.store.inspect_run(run.run_id, items))).await
    }

    /// What the crawl of this run says.
    pub(crate) async fn live(&self, run_id: i64) -> Option<LiveRun> {
        let asked = timeout(Duration::from_secs(1), self.live.of_run(run_id)).await;
        asked.ok().flatten()
    }

    /// The newest runs of a spider.
    pub(crate) async fn history(&self, spider: &str) -> Answer<Arc<Vec<RunRecord>>> {
        let ask = RunAsk { spider: Some(spider.to_owned()), limit: MAX_HISTORY, ..RunAsk::default() };
        self.runs(&ask).await
    }

    /// The newest runs of all spiders.
    pub(crate) async fn newest(&self) -> Answer<Arc<Vec<RunRecord>>> {
        self.runs(&RunAsk { limit: MAX_RUNS, ..RunAsk::default() }).await
    }

    /// The item types of a spider. `None` if this program doesn't have it.
    pub(crate) fn items_of(&self, spider: &str) -> Option<&[ItemType]> {
        self.spiders.iter().find(|known| known.name == spider).map(|known| known.items.as_slice())
    }

    /// Reads the store within the limit, and connects to it first if that has not been done.
    async fn store_read<T>(&self, read: BoxFuture<'_, StoreResult<T>>) -> Answer<T> {
        let reached = async {
            if !self.is_reached.load(Ordering::Acquire) {
                self.store.reach().await?;
                self.is_reached.store(true, Ordering::Release);
            }
            read.await
        };
        match timeout(READ_TIMEOUT, reached).await {
            Ok(read) => read.map_err(|error| refused(&error)),
            Err(_) => Err(Refused::new(
                StatusCode::GATEWAY_TIMEOUT,
                format!("{} did not answer within {} s", self.location(), READ_TIMEOUT.as_secs()),
            )
            .hint("the crawl goes on; reload the page later")),
        }
    }
}

/// The store said no, or nothing.
fn refused(error: &StoreError) -> Refused {
    let mut what = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        what = format!("{what}: {cause}");
        source = cause.source();
    }
    let refused = Refused::new(StatusCode::SERVICE_UNAVAILABLE, secrets::hide(&what));
    match error.hint() {
        Some(hint) => refused.hint(secrets::hide(hint)),
        None => refused,
    }
}
