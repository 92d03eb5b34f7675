//! A crawl that has ended. Its threads are gone, and its run is in the store. Only the report is left to do.

use std::sync::Arc;
use std::time::Duration;

use dragline_core::store::{OpenedRun, RunState, RunSummary, Store};
use dragline_core::{PageState, Spider, StoreError};
use dragline_engine::CrawlStats;

use crate::blocking::{Blocking, BlockingError};
use crate::error_chain::chain;
use crate::health::Health;
use crate::outcome::CrawlOutcome;
use crate::report::CrawlReport;
use crate::settings::CrawlSettings;
use crate::stop_report::StopReport;
use crate::watched::Watched;

/// After a stop, the report must fit into the time that a container gets.
const READ_AFTER_STOP: Duration = Duration::from_secs(1);
/// A finished run may have millions of requests to count, and nothing waits for its process to end.
const READ_AT_THE_END: Duration = Duration::from_secs(30);
/// The least time for reading, even if the time is up. A store that works answers faster.
const LEAST_READ: Duration = Duration::from_millis(200);

/// A crawl that has ended. Until it is dropped, the process counts as alive and the health endpoints answer.
pub struct Ended {
    pub(crate) run: OpenedRun,
    pub(crate) spider: Arc<dyn Spider>,
    pub(crate) settings: CrawlSettings,
    pub(crate) state: RunState,
    pub(crate) reason: String,
    pub(crate) outcome: CrawlOutcome,
    pub(crate) elapsed: Duration,
    pub(crate) left_of_stop: Duration,
    pub(crate) stats: Arc<CrawlStats>,
    pub(crate) stop: StopReport,
    pub(crate) watched: Watched,
}

impl Ended {
    /// The run's id in the store.
    pub fn run_id(&self) -> i64 {
        self.run.key.run_id
    }

    /// Its state in the store.
    pub fn state(&self) -> RunState {
        self.state
    }

    /// How it ended, as far as is known before the store is read.
    pub fn outcome(&self) -> CrawlOutcome {
        self.outcome
    }

    /// What is left of the time for a stop.
    pub fn left_of_stop(&self) -> Duration {
        self.left_of_stop
    }

    /// For long work after the crawl. Without these signs of life, the process counts as stuck.
    pub fn health(&self) -> &Arc<Health> {
        &self.watched.health
    }

    /// How long one read of the store may take now.
    pub fn reading_limit(&self) -> Duration {
        match self.state {
            RunState::Stopped => READ_AFTER_STOP.min(self.left_of_stop).max(LEAST_READ),
            _ => READ_AT_THE_END,
        }
    }

    /// Opens the store again, because the crawl's own sessions are closed.
    ///
    /// # Errors
    /// Those of its settings.
    pub fn open_store(&self) -> Result<Arc<dyn Store>, StoreError> {
        dragline_store::open(&self.settings.store.0, &self.settings.store_settings)
    }

    /// The result, with the numbers in `store`. Without these numbers if the store doesn't answer.
    pub fn report(&self, store: &dyn Store, blocking: &Blocking) -> CrawlReport {
        let summary = self.summary(store, blocking).inspect_err(|error| {
            tracing::warn!("the report has no numbers from the store: {}", chain(error));
        });
        self.report_with(summary.ok())
    }

    fn report_with(&self, summary: Option<RunSummary>) -> CrawlReport {
        let is_fruitless = self.outcome == CrawlOutcome::Finished
            && summary.as_ref().is_some_and(|RunSummary { pages, .. }| {
                pages.of(PageState::Done) == 0 && pages.of(PageState::Failed) + pages.of(PageState::Dead) > 0
            });
        let stats = self.stats.snapshot();
        CrawlReport {
            run_id: self.run_id(),
            run_name: self.settings.run_name(self.spider.name()),
            spider: self.spider.name().to_owned(),
            state: self.state,
            outcome: if is_fruitless { CrawlOutcome::Failed } else { self.outcome },
            is_fruitless,
            reason: self.reason.clone(),
            elapsed: self.elapsed,
            summary,
            pages_fetched: stats.pages_fetched,
            refused_links: stats.refused_links,
            drop_reasons: stats.drop_reasons,
            failures: stats.failures,
            stop: self.stop.clone(),
        }
    }

    fn summary(&self, store: &dyn Store, blocking: &Blocking) -> Result<RunSummary, BlockingError> {
        let limit = self.reading_limit();
        blocking.wait(store, "connect", limit, store.connect())?;
        let items = self.spider.items();
        blocking.wait(store, "reading the run's figures", limit, store.summary(self.run_id(), &items))
    }
}
