//! A crawl as a value: what to crawl, where to keep it, until when.
//!
//! ```no_run
//! use dragline_runtime::Crawl;
//! # fn crawl(spider: impl dragline_core::Spider + 'static) -> Result<(), dragline_runtime::CrawlError> {
//! let report = Crawl::new(spider).store("sqlite:books.db").limit(100).run()?;
//! println!("run {} {}: {:?}", report.run_id(), report.state().as_str(), report.items());
//! # Ok(())
//! # }
//! ```
//!
//! A crawl does not touch the process that it runs in. It installs no subscriber, no panic hook and no signal handler, it
//! writes nothing to stdout or stderr, and it never ends the process. Its log goes to `tracing`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::bounded;
use dragline_core::stop::Stop;
use dragline_core::worker::Worker;
use dragline_core::{Args, ItemPipeline, Spider};
use dragline_engine::{Downloader, Downloaders, GoneAfter, RefreshRule};
use tokio::sync::oneshot;

use crate::blocking::Blocking;
use crate::error::CrawlError;
use crate::gone;
use crate::logging::LogCounts;
use crate::memory;
use crate::metrics::{Measured, Metrics};
use crate::report::CrawlReport;
use crate::row_watch;
use crate::run::{self, Ingredients};
use crate::running::Running;
use crate::settings::{CrawlSettings, StoreUrl};
use crate::start_url::start_url;
use crate::stop_handle::StopHandle;
use crate::watchdog::Overrun;

/// A crawl that was not started yet.
///
/// Its methods have plain names, as those of [`std::process::Command`]. Nothing is checked before it is started: a value that
/// is invalid is an error of [`run`](Crawl::run).
#[must_use = "a crawl does nothing until `run` or `run_async` is called"]
pub struct Crawl {
    spider: Arc<dyn Spider>,
    pipelines: Vec<Arc<dyn ItemPipeline>>,
    downloaders: Downloaders,
    settings: CrawlSettings,
    start_urls: Vec<String>,
    start_tag: String,
    arguments: BTreeMap<String, String>,
    stop: Stop,
}

impl Crawl {
    /// A crawl with this spider, into `sqlite:dragline.db` in the current folder.
    pub fn new(spider: impl Spider + 'static) -> Self {
        let mut settings = CrawlSettings::default();
        let budget = &mut settings.engine.memory_budget_bytes;
        *budget = memory::fitting_budget(*budget);
        let page = &mut settings.engine.max_page_memory_bytes;
        *page = memory::fitting_page_memory(*page);
        Self::with_settings(Arc::new(spider), settings)
    }

    /// A crawl with settings that were put together elsewhere.
    #[doc(hidden)] // for the command line, which puts settings together itself
    pub fn with_settings(spider: Arc<dyn Spider>, settings: CrawlSettings) -> Self {
        Self {
            spider,
            pipelines: Vec::new(),
            downloaders: Downloaders::new(),
            settings,
            start_urls: Vec::new(),
            start_tag: String::new(),
            arguments: BTreeMap::new(),
            stop: Stop::new(),
        }
    }

    /// Where runs and items are kept: `sqlite:PATH` or `postgres://…`.
    pub fn store(mut self, url: impl Into<String>) -> Self {
        self.settings.store = StoreUrl(url.into());
        self
    }

    /// The name by which the run is found again. By default it is made of the spider, its start URLs and its arguments.
    ///
    /// A crawl resumes the unfinished run of this name, if the store has one.
    pub fn run_name(mut self, name: impl Into<String>) -> Self {
        self.settings.run_name = Some(name.into());
        self
    }

    /// Ends an unfinished run of this name and begins a new one.
    pub fn fresh(mut self, fresh: bool) -> Self {
        self.settings.fresh = fresh;
        self
    }

    /// Does nothing if the last finished run of this name is younger than this: [`run`](Crawl::run) then returns
    /// [`CrawlError::NotDue`]. An unfinished run is always resumed. Zero means no limit.
    pub fn min_interval(mut self, interval: Duration) -> Self {
        self.settings.due.min_interval = Some(interval).filter(|interval| !interval.is_zero());
        self
    }

    /// Fetches, parses and stores only what may have changed since the spider's earlier runs, as `--incremental` does.
    pub fn incremental(mut self, incremental: bool) -> Self {
        self.settings.engine.revisits.incremental = incremental;
        self
    }

    /// Reads the pages that earlier runs have kept, and fetches only the others, as `--replay` does.
    pub fn replay(mut self, replay: bool) -> Self {
        self.settings.engine.revisits.replay = replay;
        self
    }

    /// An incremental crawl does not fetch pages that an earlier run asked for less than `age` ago.
    pub fn refresh_after(mut self, age: Duration) -> Self {
        self.settings.engine.revisits.refresh_after = vec![RefreshRule::after(age)];
        self
    }

    /// At the end of a complete run, removes the rows that this many complete runs in a row did not see, as `--delete-gone` does.
    /// With 0, it removes no rows.
    pub fn delete_gone(mut self, after: u32) -> Self {
        self.settings.gone.delete_gone = Some(GoneAfter(after)).filter(|after| after.0 > 0);
        self
    }

    /// At the end of a complete run, marks the rows that this many complete runs in a row did not see, as `--mark-gone` does. With 0,
    /// it marks no rows.
    pub fn mark_gone(mut self, after: u32) -> Self {
        self.settings.gone.mark_gone = Some(GoneAfter(after)).filter(|after| after.0 > 0);
        self
    }

    /// Removes or marks rows of an item type only if they are at most this share of its rows: from 0 to 1.
    pub fn max_gone_share(mut self, share: f64) -> Self {
        self.settings.gone.max_gone_share = share;
        self
    }

    /// Keeps status, headers and body of each page that the spider gets, as `--keep-pages` does.
    pub fn keep_pages(mut self, keep: bool) -> Self {
        self.settings.engine.keep.pages = keep;
        self
    }

    /// Begins a new run even if [`min_interval`](Crawl::min_interval) says that it is not due, and resumes an unfinished one
    /// even after three starts in a row without progress.
    pub fn force_run(mut self, force: bool) -> Self {
        self.settings.force_run = force;
        self
    }

    /// One more URL to start at. With any, the spider's own start URLs are not used.
    pub fn start_url(mut self, url: impl Into<String>) -> Self {
        self.start_urls.push(url.into());
        self
    }

    /// The tag of the start URLs, for a spider with routes.
    pub fn start_tag(mut self, tag: impl Into<String>) -> Self {
        self.start_tag = tag.into();
        self
    }

    /// An argument for the spider.
    pub fn arg(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.arguments.insert(name.into(), value.into());
        self
    }

    /// One more item pipeline, after those that are there.
    pub fn pipeline(mut self, pipeline: impl ItemPipeline + 'static) -> Self {
        self.pipelines.push(Arc::new(pipeline));
        self
    }

    /// The same for several that are shared.
    pub fn pipelines(mut self, pipelines: &[Arc<dyn ItemPipeline>]) -> Self {
        self.pipelines.extend(pipelines.iter().cloned());
        self
    }

    /// Adds a downloader. A request chooses it by this name.
    pub fn downloader(mut self, name: impl Into<String>, downloader: impl Downloader) -> Self {
        self.downloaders = self.downloaders.with(name, downloader);
        self
    }

    /// The same for several that are shared. They take the place of those that are there.
    #[doc(hidden)]
    pub fn downloaders(mut self, downloaders: &Downloaders) -> Self {
        self.downloaders = downloaders.clone();
        self
    }

    /// Ends the run after exactly this many pages are done, resumes included. 0 means no limit.
    pub fn limit(mut self, pages: u64) -> Self {
        self.settings.engine.limits.pages = Some(pages).filter(|pages| *pages > 0);
        self
    }

    /// Ends the run when this crawl has stored this many items. 0 means no limit.
    pub fn max_items(mut self, items: u64) -> Self {
        self.settings.engine.limits.items = Some(items).filter(|items| *items > 0);
        self
    }

    /// Ends the run after this time. Zero means no limit.
    pub fn max_duration(mut self, duration: Duration) -> Self {
        self.settings.engine.limits.duration = Some(duration).filter(|limit| !limit.is_zero());
        self
    }

    /// Follows links up to this depth; start URLs have depth 0, and 0 means no limit.
    pub fn max_depth(mut self, depth: u32) -> Self {
        self.settings.engine.links.max_depth = Some(depth).filter(|depth| *depth > 0);
        self
    }

    /// Also crawls the pages that sitemaps list: `robots` for those that the `robots.txt` of each start host names, or the URL of a
    /// sitemap. Call it again for more.
    pub fn sitemaps(mut self, source: impl Into<String>) -> Self {
        self.settings.engine.sitemaps.sitemaps.push(source.into());
        self
    }

    /// Requests in flight, over all hosts.
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.settings.engine.concurrency = requests;
        self
    }

    /// Requests in flight per host.
    pub fn host_concurrency(mut self, requests: usize) -> Self {
        self.settings.engine.pace.host_concurrency = requests;
        self
    }

    /// Requests per second and host. 0 means no limit.
    pub fn rate(mut self, requests_per_second: f64) -> Self {
        self.settings.engine.pace.rate_per_second = Some(requests_per_second).filter(|rate| *rate != 0.0);
        self
    }

    /// Threads that parse. By default there is one per core.
    pub fn crawl_threads(mut self, threads: usize) -> Self {
        self.settings.engine.crawl_threads = threads;
        self
    }

    /// The `User-Agent` header. Its first word is also the name by which `robots.txt` may address the crawl.
    pub fn user_agent(mut self, text: impl Into<String>) -> Self {
        self.settings.engine.client.user_agent = text.into();
        self
    }

    /// Whether to obey `robots.txt`. It is obeyed by default.
    pub fn obey_robots(mut self, obey: bool) -> Self {
        self.settings.engine.robots.obey = obey;
        self
    }

    /// The limit of the whole stop, at least 4 s. The default is 8 s.
    pub fn shutdown_timeout(mut self, limit: Duration) -> Self {
        self.settings.shutdown_timeout = limit;
        self
    }

    /// The stop that everything in this crawl hears, for a program that stops it by signals.
    #[doc(hidden)] // for the command line; others have `stop_handle`
    pub fn stop_value(&self) -> Stop {
        self.stop.clone()
    }

    /// Stops this crawl from elsewhere, before and while it runs.
    pub fn stop_handle(&self) -> StopHandle {
        StopHandle::new(&self.stop)
    }

    /// Crawls, and blocks until the run has ended. In async code use [`run_async`](Crawl::run_async).
    ///
    /// # Errors
    /// When the crawl can't start: a setting is invalid, the store can't be reached, another process has the run. When no run
    /// is due ([`min_interval`](Crawl::min_interval)). When it was stopped before its first request. When its stop took longer than the shutdown timeout; then threads are left behind.
    /// Failed pages are not an error: the [`CrawlReport`] counts them.
    pub fn run(self) -> Result<CrawlReport, CrawlError> {
        let (sender, result) = bounded(1);
        self.begin(move |ended| drop(sender.try_send(ended)))?;
        result.recv().unwrap_or(Err(CrawlError::Lost))
    }

    /// Crawls on threads of its own, and resolves when the run has ended. It needs no particular async runtime.
    ///
    /// # Errors
    /// Those of [`run`](Crawl::run).
    ///
    /// # Cancel safety
    /// Dropping the future asks for a graceful stop. The threads then end by themselves within the shutdown timeout, and the
    /// run is resumable.
    pub async fn run_async(self) -> Result<CrawlReport, CrawlError> {
        let mut stop = StopOnDrop(Some(self.stop_handle()));
        let (sender, result) = oneshot::channel();
        let sender = Mutex::new(Some(sender));
        self.begin(move |ended| {
            if let Some(sender) = sender.lock().unwrap_or_else(PoisonError::into_inner).take() {
                drop(sender.send(ended));
            }
        })?;
        let result = result.await.unwrap_or(Err(CrawlError::Lost));
        stop.0 = None;
        result
    }

    /// Starts all threads, for a program that attends to the crawl itself. `overrun` is called if the stop takes longer than
    /// its limit.
    ///
    /// # Errors
    /// When the crawl can't start.
    #[doc(hidden)] // for the command line; others have `run` and `run_async`
    pub fn start(self, metrics: Arc<Metrics>, overrun: Overrun) -> Result<Running, CrawlError> {
        let Self { spider, pipelines, downloaders, settings, stop, .. } = self.settled()?;
        run::start(Ingredients { spider, pipelines, downloaders, settings, stop, metrics, overrun })
    }

    /// Crawls on a thread, and delivers what came of it, once.
    fn begin(
        self,
        deliver: impl Fn(Result<CrawlReport, CrawlError>) + Send + Sync + 'static,
    ) -> Result<(), CrawlError> {
        let deliver = Arc::new(deliver);
        let late = Arc::clone(&deliver);
        let overrun: Overrun =
            Box::new(move |diagnosis| late(Err(CrawlError::StopOverran { diagnosis: diagnosis.to_owned() })));
        Worker::spawn("crawl-run", move || deliver(self.crawl(overrun))).map_err(CrawlError::Thread)?;
        Ok(())
    }

    fn crawl(self, overrun: Overrun) -> Result<CrawlReport, CrawlError> {
        let crawl = self.settled()?;
        let measured = Measured {
            spider: crawl.spider.name().to_owned(),
            run_name: crawl.settings.run_name(crawl.spider.name()),
            shutdown_timeout: crawl.settings.shutdown_timeout,
            textfiles: Vec::new(),
            // A program that embeds a crawl exports what it wants by itself.
            otlp: None,
        };
        // Nobody reads the log's counts here: the log is the program's.
        let metrics = Metrics::new(measured, LogCounts::default())?;
        let running = crawl.start(metrics, overrun)?;
        running.wait();
        let ended = running.close();
        let store = ended.open_store().map_err(|error| CrawlError::StoreUrl(error.into()))?;
        let blocking = Blocking::new().map_err(|error| CrawlError::Reading(error.into()))?;
        let report = ended.report(&*store, &blocking);
        blocking.close(&*store, ended.reading_limit());
        Ok(report)
    }

    /// The settings put together and checked.
    fn settled(mut self) -> Result<Self, CrawlError> {
        if !self.start_urls.is_empty() || !self.start_tag.is_empty() || !self.arguments.is_empty() {
            let given = std::mem::take(&mut self.start_urls);
            let urls = given.iter().map(|url| start_url(url)).collect::<Result<_, _>>()?;
            let args = Args::new(urls, std::mem::take(&mut self.arguments));
            self.settings.args = args.with_start_tag(std::mem::take(&mut self.start_tag));
        }
        self.settings = self.settings.validated()?;
        row_watch::check(&self.settings.watch, &self.spider.items())?;
        gone::check(&self.settings.gone, &self.spider.items())?;
        Ok(self)
    }
}

/// A future that nobody waits for any more stops its crawl.
struct StopOnDrop(Option<StopHandle>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        if let Some(handle) = &self.0 {
            handle.stop();
        }
    }
}
