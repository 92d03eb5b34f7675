//! The settings of one crawl. This is the only place that has their defaults, except for those of the parts, which are in
//! the parts.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use dragline_board::HostName;
use dragline_core::reparse::{Reparse, ReparseOf};
use dragline_core::{Args, secrets};
use dragline_engine::{EngineSettings, GoneSettings, VerdictSettings, WatchSettings};
use dragline_pipelines::ItemPipelineSettings;
use dragline_pipelines::persistence::{DueSettings, PersistenceSettings};
use dragline_store::StoreSettings;
use serde_json::Value as Json;
use tracing::subscriber::NoSubscriber;

use crate::error::CrawlError;
use crate::listen::ListenAddr;
use crate::run_name::default_run_name;
use crate::stop_times::{DEFAULT_SHUTDOWN_TIMEOUT, MIN_SHUTDOWN_TIMEOUT, StopTimes};

/// Outcomes that the scheduler itself may add to those that hold a credit.
const INBOX_SPARE: usize = 64;
/// In addition to a session for each pending flush: one for a refill and one for a heartbeat.
const SPARE_CONNECTIONS: usize = 2;

/// Settings of one crawl.
#[derive(Clone, Debug)]
pub struct CrawlSettings {
    /// The arguments for the spider.
    pub args: Args,
    /// The name by which the run is found again; without one it is made of the spider and its arguments.
    pub run_name: Option<String>,
    /// End an unfinished run of this name and begin a new one.
    pub fresh: bool,
    /// Resume even after three starts in a row without a page, and begin a new run even if it is not due.
    pub force_run: bool,
    /// What to parse once more, instead of a crawl.
    pub reparse: Option<ReparseSettings>,
    /// When a new run is due.
    pub due: DueSettings,
    /// Where the working loops write their heartbeat.
    pub heartbeat_file: Option<PathBuf>,
    /// Where the endpoints and the page listen.
    pub listen: Option<ListenAddr>,
    /// Names under which the page is reached, besides addresses and `localhost`.
    pub listen_hosts: Vec<HostName>,
    /// Where the log files are that the page shows.
    pub log_dir: Option<PathBuf>,
    /// The socket at which a supervisor of this process asks. Without it, nobody does.
    pub supervised_at: Option<PathBuf>,
    /// Nothing is begun or resumed if a run of this name with a higher id than this has finished. With this, a supervisor crawls
    /// only one run for each of its ticks.
    pub after_run: Option<i64>,
    /// A loop that gives no sign of life for longer counts as stuck.
    pub health_max_age: Duration,
    /// The memory of the process, in bytes, above which fetching pauses.
    pub memory_limit: Option<u64>,
    /// The limit of the whole stop.
    pub shutdown_timeout: Duration,
    /// Which runs count as good.
    pub verdict: VerdictSettings,
    /// When a run has far fewer rows or values than it should.
    pub watch: WatchSettings,
    /// What to do with rows that the site no longer has.
    pub gone: GoneSettings,
    /// Of the scheduler, the downloader and the crawl threads.
    pub engine: EngineSettings,
    /// Of the item pipelines.
    pub item_pipelines: ItemPipelineSettings,
    /// Of the persistence thread.
    pub persistence: PersistenceSettings,
    /// Where the run is stored.
    pub store: StoreUrl,
    /// Of the store.
    pub store_settings: StoreSettings,
}

/// The kept pages that a reparse parses once more.
#[derive(Clone, Debug)]
pub struct ReparseSettings {
    /// Whose pages, and what becomes of new links.
    pub reparse: Reparse,
    /// The arguments with which their run began, as it keeps them. `None` if there are several runs.
    pub run_args: Option<Json>,
}

impl ReparseSettings {
    /// The name of the run, unless somebody chose another.
    fn run_name(&self, spider: &str) -> String {
        let of = match self.reparse.of {
            ReparseOf::Run(run_id) => run_id.to_string(),
            ReparseOf::Spider => spider.to_owned(),
        };
        // With the same name, one of them would have to resume the other.
        let follow = if self.reparse.follows_links { "-follow" } else { "" };
        format!("reparse-of-{of}{follow}")
    }
}

impl Default for CrawlSettings {
    fn default() -> Self {
        Self {
            args: Args::default(),
            run_name: None,
            fresh: false,
            force_run: false,
            reparse: None,
            due: DueSettings::default(),
            heartbeat_file: None,
            listen: None,
            listen_hosts: Vec::new(),
            log_dir: None,
            supervised_at: None,
            after_run: None,
            health_max_age: Duration::from_secs(60),
            memory_limit: None,
            shutdown_timeout: DEFAULT_SHUTDOWN_TIMEOUT,
            verdict: VerdictSettings::default(),
            watch: WatchSettings::default(),
            gone: GoneSettings::default(),
            engine: EngineSettings::default(),
            item_pipelines: ItemPipelineSettings::default(),
            persistence: PersistenceSettings::default(),
            store: StoreUrl::default(),
            store_settings: StoreSettings::default(),
        }
    }
}

impl CrawlSettings {
    /// The name of the run that `spider` crawls with these settings.
    pub fn run_name(&self, spider: &str) -> String {
        match (&self.run_name, &self.reparse) {
            // People read it everywhere.
            (Some(name), _) => secrets::hide(name).into_owned(),
            (None, Some(reparse)) => reparse.run_name(spider),
            // A replay that is left unfinished must not stand in the way of the next crawl.
            (None, None) if self.engine.revisits.replay => self.default_run_name(spider) + "-replay",
            (None, None) => self.default_run_name(spider),
        }
    }

    fn default_run_name(&self, spider: &str) -> String {
        default_run_name(spider, &self.args, &self.engine.sitemaps.urls())
    }

    /// The same settings, checked, with what follows from one of them for another. The store's URL is checked when the store
    /// is opened, or by [`StoreUrl::check`].
    ///
    /// # Errors
    /// When a value is invalid.
    pub fn validated(mut self) -> Result<Self, CrawlError> {
        if self.shutdown_timeout < MIN_SHUTDOWN_TIMEOUT {
            return Err(CrawlError::ShutdownTimeout(self.shutdown_timeout));
        }
        self.engine.stop_grace = self.stop_times().fetch_grace;
        self.engine.validate().map_err(|error| CrawlError::Setting(error.into()))?;
        self.persistence.inbox_capacity = self.engine.concurrency + INBOX_SPARE;
        self.store_settings = store_settings(&self.persistence, &self.store_settings);
        Ok(self)
    }

    pub(crate) fn stop_times(&self) -> StopTimes {
        StopTimes::of(self.shutdown_timeout)
    }
}

/// The pool must hold a session for each pending flush, and no session may take longer than a start-up operation.
pub fn store_settings(persistence: &PersistenceSettings, settings: &StoreSettings) -> StoreSettings {
    StoreSettings {
        connections: persistence.max_pending_flushes.saturating_add(SPARE_CONNECTIONS),
        connect_timeout: persistence.operation_timeout,
        ..settings.clone()
    }
}

/// A store's URL. It may hold a password, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreUrl(pub String);

impl Default for StoreUrl {
    fn default() -> Self {
        Self("sqlite:dragline.db".to_owned())
    }
}

impl StoreUrl {
    /// Whether this can be a store's URL. Opening the store may log a warning, and this check keeps that quiet: it is for a
    /// program that opens the store later.
    ///
    /// # Errors
    /// When it can't.
    pub fn check(&self, settings: &StoreSettings) -> Result<(), CrawlError> {
        tracing::subscriber::with_default(NoSubscriber::default(), || dragline_store::open(&self.0, settings))
            .map(drop)
            .map_err(|error| CrawlError::StoreUrl(error.into()))
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreUrl(…)")
    }
}
