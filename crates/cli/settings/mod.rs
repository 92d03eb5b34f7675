//! Settings: defaults < `dragline.toml` < environment < flags, combined once and validated.
//!
//! The command line's parser reads flags and environment; [`file`] reads the file; what is in neither is a
//! default of the part that it belongs to.

mod common;
pub(crate) mod file;
pub(crate) mod parse;
mod parts;
mod spider_arguments;

use std::path::PathBuf;
use std::time::Duration;

use dragline_core::{Args, Spider};
use dragline_engine::EngineSettings;
use dragline_pipelines::ItemPipelineSettings;
use dragline_pipelines::persistence::PersistenceSettings;
use dragline_store::StoreSettings;

use crate::arguments::Crawl;
use crate::exit::Failed;
use crate::export::Target;
use crate::listen::ListenAddr;
use crate::run_name::default_run_name;
use crate::stopping::StopTimes;
use parts::{
    above_zero, engine, health_max_age, persistence, shutdown_timeout, store_settings, take_over_after,
};
use spider_arguments::{SpiderArguments, start_url};

pub(crate) use common::{Common, StoreUrl};

/// Settings of one crawl.
#[derive(Debug)]
pub(crate) struct CrawlSettings {
    pub(crate) args: Args,
    pub(crate) run_name: String,
    pub(crate) fresh: bool,
    pub(crate) force_run: bool,
    pub(crate) output: Option<Target>,
    pub(crate) heartbeat_file: Option<PathBuf>,
    pub(crate) listen: Option<ListenAddr>,
    pub(crate) health_max_age: Duration,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) stop_times: StopTimes,
    pub(crate) engine: EngineSettings,
    pub(crate) item_pipelines: ItemPipelineSettings,
    pub(crate) persistence: PersistenceSettings,
    pub(crate) store: StoreUrl,
    pub(crate) store_settings: StoreSettings,
}

impl CrawlSettings {
    /// Combines flags, environment, file and defaults for a crawl with `spider`.
    pub(crate) fn combine(crawl: Crawl, common: &Common, spider: &dyn Spider) -> Result<Self, Failed> {
        let mut given = SpiderArguments::split(&crawl.args)?;
        for url in &crawl.start_urls {
            given.start_urls.push(start_url(url)?);
        }
        let limit = crawl.limit.or(given.limit);
        let args = Args::new(given.start_urls, given.values);
        let tuning = crawl.tuning.over(common.tuning.clone());
        let shutdown_timeout = shutdown_timeout(tuning.shutdown_timeout)?;
        let stop_times = StopTimes::of(shutdown_timeout);
        let engine = EngineSettings {
            limit: above_zero(limit),
            max_items: above_zero(crawl.max_items),
            max_depth: above_zero(crawl.max_depth),
            max_duration: crawl.max_duration.filter(|time| !time.is_zero()),
            stop_grace: stop_times.fetch_grace,
            ..engine(&tuning)?
        };
        // Before the store is opened: a run that cannot begin leaves no trace there.
        engine.validate().map_err(|error| match error.hint() {
            Some(hint) => Failed::usage(&error).hint(hint),
            None => Failed::usage(&error),
        })?;
        Ok(Self {
            run_name: match crawl.run.filter(|name| !name.is_empty()) {
                Some(name) => name,
                None => default_run_name(spider.name(), &args),
            },
            args,
            fresh: crawl.fresh,
            force_run: crawl.force_run || given.force_run,
            output: crawl.output.as_deref().map(Target::parse).transpose()?,
            heartbeat_file: tuning.heartbeat_file.clone(),
            listen: tuning.listen,
            health_max_age: health_max_age(tuning.health_max_age)?,
            shutdown_timeout,
            stop_times,
            item_pipelines: ItemPipelineSettings { replace_nul: tuning.replace_nul.unwrap_or_default() },
            persistence: persistence(&tuning, engine.concurrency)?,
            engine,
            store: common.store.clone(),
            store_settings: StoreSettings {
                take_over_after: take_over_after(tuning.take_over_after)?,
                ..store_settings(&tuning)
            },
        })
    }
}
