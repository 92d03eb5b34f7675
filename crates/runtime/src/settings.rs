//! The settings of one crawl, validated: what every thread of it is given.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use dragline_core::Args;
use dragline_engine::EngineSettings;
use dragline_pipelines::ItemPipelineSettings;
use dragline_pipelines::persistence::PersistenceSettings;
use dragline_store::StoreSettings;

use crate::listen::ListenAddr;
use crate::stopping::StopTimes;

/// Settings of one crawl.
#[derive(Debug)]
pub struct CrawlSettings {
    /// What the spider is given.
    pub args: Args,
    /// The name by which the run is found again.
    pub run_name: String,
    /// End an unfinished run of this name and begin a new one.
    pub fresh: bool,
    /// Resume even after three starts in a row without a page.
    pub force_run: bool,
    /// Where the working loops write their heartbeat.
    pub heartbeat_file: Option<PathBuf>,
    /// Where the last metrics are left.
    pub metrics_textfile: Option<PathBuf>,
    /// Where the endpoints listen.
    pub listen: Option<ListenAddr>,
    /// A loop that gives no sign of life for longer is stuck.
    pub health_max_age: Duration,
    /// The soft limit of the process, in bytes.
    pub memory_limit: Option<u64>,
    /// The limit of the whole stop.
    pub shutdown_timeout: Duration,
    /// The limits of its steps.
    pub stop_times: StopTimes,
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

/// A store's URL. It may hold a password, so `Debug` does not show it.
#[derive(Clone)]
pub struct StoreUrl(pub String);

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreUrl(…)")
    }
}
