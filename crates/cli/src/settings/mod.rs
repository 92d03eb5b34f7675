//! Settings: defaults < `dragline.toml` < environment < flags, combined once and validated.
//!
//! The command line's parser handles all four layers. A value in the [`file`] replaces a flag's default before
//! the parser runs. `parts` passes the results to the parts of the program.

mod access;
pub(crate) mod environment;
pub(crate) mod file;
mod global;
pub(crate) mod hosts;
pub(crate) mod origin;
mod parts;
mod spider_arguments;

use std::path::PathBuf;

use dragline_core::Args;
use dragline_engine::EngineSettings;
use dragline_pipelines::ItemPipelineSettings;
use dragline_runtime::progress::ProgressSettings;
use dragline_runtime::settings::CrawlSettings;
use dragline_runtime::{CrawlError, start_url};

use crate::arguments::{CrawlFlags, Fetch, Process};
use crate::export::Target;
use crate::failed::Failed;
use file::File;
use parts::EngineFlags;
use spider_arguments::SpiderArguments;

pub(crate) use dragline_runtime::settings::StoreUrl;
pub(crate) use global::Common;

/// Settings of `dragline crawl`: those of the crawl, and those of the command itself.
#[derive(Debug)]
pub(crate) struct CommandSettings {
    pub(crate) crawl: CrawlSettings,
    pub(crate) output: Option<Target>,
    pub(crate) metrics_textfile: Option<PathBuf>,
    pub(crate) progress: ProgressSettings,
}

/// Settings of a single fetch: the crawl's settings that concern a page.
#[derive(Debug)]
pub(crate) struct FetchSettings {
    pub(crate) engine: EngineSettings,
    pub(crate) item_pipelines: ItemPipelineSettings,
    pub(crate) args: Args,
}

impl FetchSettings {
    /// Combines the settings given for the fetch with those of a crawl.
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
        });
        let engine = EngineSettings { client: access::apply(common.flags(&[])?, engine.client)?, ..engine };
        engine.validate().map_err(|error| CrawlError::Setting(error.into()))?;
        let SpiderArguments { start_urls, values, .. } = SpiderArguments::split(&fetch.args)?;
        let item_pipelines = parts::item_pipelines(&common.flags(&[])?);
        Ok(Self { engine, item_pipelines, args: Args::new(start_urls, values) })
    }
}

impl CommandSettings {
    /// Combines the settings given for a crawl of any spider, and checks them.
    pub(crate) fn combine(flags: CrawlFlags, store: &StoreUrl, file: &File) -> Result<Self, Failed> {
        let CrawlFlags { start, mut limits, identity, links, pace, robots, .. } = flags;
        let CrawlFlags { fetching, retrying, access, storing, process, progress, .. } = flags;
        let mut given = SpiderArguments::split(&start.args)?;
        for url in &start.start_urls {
            given.start_urls.push(start_url(url)?);
        }
        limits.limit = given.limit.or(limits.limit);
        parts::warn_of_a_long_stop(process.shutdown_timeout);
        let engine = parts::engine(&EngineFlags {
            limits: &limits,
            links: &links,
            pace: &pace,
            hosts: file.hosts(),
            robots: &robots,
            fetching: &fetching,
            retrying: &retrying,
            process: &process,
        });
        let crawl = CrawlSettings {
            args: Args::new(given.start_urls, given.values),
            run_name: identity.run,
            fresh: identity.fresh,
            force_run: identity.force_run || given.force_run,
            memory_limit: parts::memory_limit(&process),
            heartbeat_file: process.heartbeat_file,
            listen: process.listen,
            health_max_age: process.health_max_age,
            shutdown_timeout: process.shutdown_timeout,
            engine: EngineSettings { client: access::apply(access, engine.client)?, ..engine },
            item_pipelines: parts::item_pipelines(&storing),
            persistence: parts::persistence(&storing),
            store: store.clone(),
            store_settings: parts::store(&storing),
        };
        // Before the store is opened: a run that cannot begin leaves no trace there.
        let crawl = crawl.validated()?;
        crawl.store.check(&crawl.store_settings)?;
        Ok(Self {
            crawl,
            output: identity.output.as_deref().map(Target::parse).transpose()?,
            metrics_textfile: process.metrics_textfile,
            progress: ProgressSettings { form: progress.form, every: progress.every },
        })
    }
}
