//! Settings: defaults < `dragline.toml` < environment < flags, combined once and validated.
//!
//! The command line's parser handles all four layers. A value in the [`file`] replaces a flag's default before
//! the parser runs. Most flags are the settings of a part of the program as they are; `engine` adds what follows from
//! other settings or from the machine.

mod access;
mod engine;
pub(crate) mod environment;
pub(crate) mod file;
mod global;
pub(crate) mod hosts;
mod notify;
pub(crate) mod origin;
mod spider_arguments;

use std::path::PathBuf;

use dragline_core::{Args, secrets, url_list};
use dragline_engine::{EngineSettings, LimitSettings};
use dragline_pipelines::ItemPipelineSettings;
use dragline_runtime::notify::NotifySettings;
use dragline_runtime::progress::ProgressSettings;
use dragline_runtime::settings::{CrawlSettings, store_settings};
use dragline_runtime::{CrawlError, remember_arguments, start_url};

use crate::arguments::{CrawlFlags, Fetch};
use crate::export::Target;
use crate::failed::Failed;
use file::File;
use spider_arguments::SpiderArguments;

pub(crate) use dragline_runtime::settings::StoreUrl;
pub(crate) use global::Common;

/// Settings of `dragline crawl`: those of the crawl, and those of the command itself.
#[derive(Debug)]
pub(crate) struct CommandSettings {
    pub(crate) crawl: CrawlSettings,
    pub(crate) output: Option<Target>,
    pub(crate) metrics_textfile: Option<PathBuf>,
    /// The same for the supervisor of the process.
    pub(crate) last_metrics: Option<PathBuf>,
    pub(crate) notify: NotifySettings,
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
        let engine = EngineSettings {
            links: fetch.links.clone(),
            redirects: fetch.redirects,
            pace: common.flags(&[])?,
            robots: fetch.robots.clone(),
            client: access::apply(common.flags(&[])?, fetch.client.clone())?,
            fetch: fetch.fetching.clone(),
            ..EngineSettings::default()
        };
        let engine = engine::complete(engine, &common.flags(&[])?, common.file.hosts());
        engine.validate().map_err(|error| CrawlError::Setting(error.into()))?;
        let given = SpiderArguments::combined(&common.file.arguments(), &fetch.args, false)?;
        let SpiderArguments { start_urls, values, .. } = given;
        let item_pipelines = common.flags(&[])?;
        let args = Args::new(start_urls, values);
        remember_arguments(&args);
        Ok(Self { engine, item_pipelines, args })
    }
}

impl CommandSettings {
    /// Combines the settings given for a crawl of any spider, and checks them.
    pub(crate) fn combine(flags: CrawlFlags, store: &StoreUrl, file: &File) -> Result<Self, Failed> {
        let CrawlFlags { start, identity, access, item_pipelines, persistence, process, progress, .. } =
            flags;
        if identity.run.as_deref().is_some_and(|name| secrets::hide(name) != name) {
            return Err(Failed::usage(
                "--run: the name looks as if it contained a secret, and a name is stored and shown",
            )
            .hint("choose another name"));
        }
        let has_start_urls = !start.start_urls.is_empty();
        let mut given = SpiderArguments::combined(&file.arguments(), &start.args, has_start_urls)?;
        for url in start.start_urls.iter().flat_map(|urls| url_list::split(urls)) {
            given.start_urls.push(start_url(url)?);
        }
        let notify = notify::settings(&flags.notify)?;
        engine::warn_of_a_long_stop(process.shutdown_timeout);
        let engine = EngineSettings {
            limits: LimitSettings {
                pages: given.limit.or(flags.limits.pages).filter(|pages| *pages > 0),
                ..flags.limits
            },
            links: flags.links,
            sitemaps: flags.sitemaps,
            redirects: flags.redirects,
            pace: flags.pace,
            robots: flags.robots,
            client: access::apply(access, flags.client)?,
            fetch: flags.fetch,
            outage: flags.outage,
            retry: flags.retry,
            keep: flags.keep,
            revisits: flags.revisits,
            ..EngineSettings::default()
        };
        let crawl = CrawlSettings {
            args: Args::new(given.start_urls, given.values).with_start_tag(start.tag.unwrap_or_default()),
            run_name: identity.run,
            fresh: identity.fresh,
            force_run: identity.force_run || given.force_run,
            reparse: None,
            due: flags.due,
            memory_limit: engine::memory_limit(&process),
            engine: engine::complete(engine, &process, file.hosts()),
            heartbeat_file: process.heartbeat_file,
            listen: process.listen,
            listen_hosts: process.listen_hosts,
            log_dir: None,
            supervised_at: None,
            after_run: None,
            health_max_age: process.health_max_age,
            shutdown_timeout: process.shutdown_timeout,
            verdict: flags.verdict,
            watch: flags.watch,
            gone: flags.gone,
            item_pipelines,
            store_settings: store_settings(&persistence, &flags.store),
            persistence,
            store: store.clone(),
        };
        // Before the store is opened: a run that cannot begin leaves no trace there.
        let crawl = crawl.validated()?;
        crawl.store.check(&crawl.store_settings)?;
        Ok(Self {
            crawl,
            output: identity.output.as_deref().map(Target::parse).transpose()?,
            metrics_textfile: process.metrics_textfile,
            last_metrics: None,
            notify,
            progress: ProgressSettings { form: progress.form, every: progress.every },
        })
    }
}
