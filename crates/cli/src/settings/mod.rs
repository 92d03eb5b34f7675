//! Settings: defaults < `dragline.toml` < environment < flags, combined once and validated.
//!
//! All four layers are the command line's parser's: what the [`file`] says takes the place of a flag's default
//! before it runs. `parts` hands what came out to the parts of the program.

mod access;
pub(crate) mod environment;
pub(crate) mod file;
mod global;
pub(crate) mod hosts;
pub(crate) mod origin;
pub(crate) mod parse;
mod parts;
mod spider_arguments;

use dragline_core::{Args, Spider};
use dragline_engine::EngineSettings;
use dragline_pipelines::ItemPipelineSettings;
use dragline_runtime::progress::ProgressSettings;
use dragline_runtime::settings::CrawlSettings;

use crate::arguments::{CrawlFlags, Fetch, Process};
use crate::export::Target;
use dragline_runtime::exit::Failed;
use dragline_runtime::run_name::default_run_name;
use dragline_runtime::stopping::StopTimes;
use file::File;
use parts::EngineFlags;
use spider_arguments::{SpiderArguments, start_url};

pub(crate) use dragline_runtime::settings::StoreUrl;
pub(crate) use global::Common;

/// Settings of `dragline crawl`: those of the crawl, and what the command does with it.
#[derive(Debug)]
pub(crate) struct CommandSettings {
    pub(crate) crawl: CrawlSettings,
    pub(crate) output: Option<Target>,
    pub(crate) progress: ProgressSettings,
}

/// Settings of one fetch: those of a crawl, as far as they are about a page.
#[derive(Debug)]
pub(crate) struct FetchSettings {
    pub(crate) engine: EngineSettings,
    pub(crate) item_pipelines: ItemPipelineSettings,
}

impl FetchSettings {
    /// Combines what was given for the fetch with what a crawl would be given.
    pub(crate) fn combine(fetch: &Fetch, common: &Common) -> Result<Self, Failed> {
        let process: Process = common.flags(&[])?;
        let engine = parts::engine(&EngineFlags {
            limits: &common.flags(&[])?,
            links: &fetch.links,
            pace: &common.flags(&[])?,
            hosts: common.file.hosts(),
            robots: &fetch.robots,
            fetching: &fetch.fetching,
            retrying: &common.flags(&[])?,
            process: &process,
            stop_times: &StopTimes::of(process.shutdown_timeout),
        });
        let engine = EngineSettings { client: access::apply(common.flags(&[])?, engine.client)?, ..engine };
        validated(&engine)?;
        Ok(Self { engine, item_pipelines: parts::item_pipelines(&common.flags(&[])?) })
    }
}

fn validated(engine: &EngineSettings) -> Result<(), Failed> {
    engine.validate().map_err(|error| match error.hint() {
        Some(hint) => Failed::usage(&error).hint(hint),
        None => Failed::usage(&error),
    })
}

impl CommandSettings {
    /// Combines what was given for a crawl with `spider`.
    pub(crate) fn combine(flags: CrawlFlags, common: &Common, spider: &dyn Spider) -> Result<Self, Failed> {
        Self::combined(flags, &common.store, &common.file, |args| default_run_name(spider.name(), args))
    }

    /// Whether a crawl, of whatever spider, would take all of this.
    pub(crate) fn check(flags: CrawlFlags, store: &StoreUrl, file: &File) -> Result<(), Failed> {
        Self::combined(flags, store, file, |_| String::new()).map(drop)
    }

    fn combined(
        flags: CrawlFlags,
        store: &StoreUrl,
        file: &File,
        run_name: impl FnOnce(&Args) -> String,
    ) -> Result<Self, Failed> {
        let CrawlFlags { start, mut limits, identity, links, pace, robots, .. } = flags;
        let CrawlFlags { fetching, retrying, access, storing, process, progress, .. } = flags;
        let mut given = SpiderArguments::split(&start.args)?;
        for url in &start.start_urls {
            given.start_urls.push(start_url(url)?);
        }
        limits.limit = given.limit.or(limits.limit);
        let args = Args::new(given.start_urls, given.values);
        parts::warn_of_a_long_stop(process.shutdown_timeout);
        let stop_times = StopTimes::of(process.shutdown_timeout);
        let engine = parts::engine(&EngineFlags {
            limits: &limits,
            links: &links,
            pace: &pace,
            hosts: file.hosts(),
            robots: &robots,
            fetching: &fetching,
            retrying: &retrying,
            process: &process,
            stop_times: &stop_times,
        });
        let engine = EngineSettings { client: access::apply(access, engine.client)?, ..engine };
        // Before the store is opened: a run that cannot begin leaves no trace there.
        validated(&engine)?;
        let store_settings = parts::store(&storing);
        global::check(store, &store_settings)?;
        let progress = ProgressSettings { form: progress.form, every: progress.every };
        let output = identity.output.as_deref().map(Target::parse).transpose()?;
        let crawl = CrawlSettings {
            run_name: identity.run.unwrap_or_else(|| run_name(&args)),
            args,
            fresh: identity.fresh,
            force_run: identity.force_run || given.force_run,
            memory_limit: parts::memory_limit(&process),
            heartbeat_file: process.heartbeat_file,
            metrics_textfile: process.metrics_textfile,
            listen: process.listen,
            health_max_age: process.health_max_age,
            shutdown_timeout: process.shutdown_timeout,
            stop_times,
            item_pipelines: parts::item_pipelines(&storing),
            persistence: parts::persistence(&storing, engine.concurrency),
            engine,
            store: store.clone(),
            store_settings,
        };
        Ok(Self { crawl, output, progress })
    }
}
