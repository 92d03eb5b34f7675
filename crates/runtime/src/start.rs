//! What a crawl needs before its first thread, and the words for what is missing.

use std::sync::Arc;

use dragline_core::spider::start_requests;
use dragline_core::stop::Stop;
use dragline_core::store::{OpenedRun, ProcessInfo, RunSpec};
use dragline_core::{QueuedRequest, SameRequest, Spider};
use dragline_engine::Scope;
use dragline_pipelines::persistence::OpenError;
use serde_json::{Value as Json, json};

use crate::exit::{Failed, chain};
use crate::health::{Health, Heartbeat};
use crate::listen::{Listener, Served};
use crate::metrics::Metrics;
use crate::settings::CrawlSettings;

/// The run to open: its name, its start requests, who opens it.
pub(crate) fn run_spec(spider: &dyn Spider, settings: &CrawlSettings) -> Result<RunSpec, Failed> {
    let start = start_requests(spider, &settings.args)
        .map_err(|error| Failed::usage(format!("the spider {} cannot start: {error}", spider.name())))?;
    // What it says of where it stays: an error of the pattern's author, told before there is a run.
    Scope::new(&settings.engine.links, spider, [])
        .map_err(|error| Failed::usage(format!("the spider {} cannot start: {error}", spider.name())))?;
    if start.is_empty() {
        return Err(Failed::usage(format!("the spider {} has no start URL", spider.name()))
            .hint("give one: --start-url https://example.com/"));
    }
    let rule = settings.engine.same_request(spider);
    let start_urls: Vec<String> = settings.args.start_urls().iter().map(ToString::to_string).collect();
    Ok(RunSpec {
        name: settings.run_name.clone(),
        spider: spider.name().to_owned(),
        args: run_args(&start_urls, settings, &rule),
        start: start
            .into_iter()
            .enumerate()
            .map(|(at, request)| QueuedRequest::start_by(&rule, request, at))
            .collect(),
        fresh: settings.fresh,
        force: settings.force_run,
        tally: settings.engine.links.tally(),
        process: ProcessInfo { pid: std::process::id(), hostname: hostname() },
    })
}

/// Where the rule for the same request stands among a run's arguments, unless it is the common one.
const SAME_REQUEST: &str = "same_request";

fn run_args(start_urls: &[String], settings: &CrawlSettings, rule: &SameRequest) -> Json {
    let mut args = json!({ "start_urls": start_urls, "args": settings.args.shown() });
    if *rule != SameRequest::default() {
        args[SAME_REQUEST] = rule.to_json();
    }
    args
}

/// The rule for the same request that the run began with; `wanted` is what a new one would begin with. By another
/// rule, pages that are stored as done would be taken for new.
pub(crate) fn same_request(run: &OpenedRun, wanted: SameRequest) -> Result<SameRequest, Failed> {
    let Some(resumed) = &run.resumed else { return Ok(wanted) };
    let Some(stored) = resumed.args.get(SAME_REQUEST) else {
        return Ok(kept(SameRequest::default(), &wanted));
    };
    let rule = SameRequest::from_json(stored).ok_or_else(|| {
        Failed::error("the run began with a rule for the same request that this version does not know")
            .hint("resume it with the version that began it, or begin anew: --fresh")
    })?;
    Ok(kept(rule, &wanted))
}

fn kept(rule: SameRequest, wanted: &SameRequest) -> SameRequest {
    if rule != *wanted {
        tracing::warn!(
            began_with = %rule,
            set_now = %wanted,
            "what makes two requests the same is not what it was when the run began; it keeps its rule, and the next \
             run takes the new one"
        );
    }
    rule
}

/// What tells the world outside how the crawl is, until it is dropped.
pub struct Watched {
    /// What the loops beat.
    pub heartbeat: Arc<Heartbeat>,
    /// What follows from it.
    pub health: Arc<Health>,
    _listener: Option<Listener>,
}

/// Other threads hold its parts, and may live until the process ends: what tells of it goes with this.
impl Drop for Watched {
    fn drop(&mut self) {
        self.heartbeat.end();
    }
}

/// The heartbeat, and whoever may ask for it. Before everything else: a start-up that takes long is told, too.
pub(crate) fn watched(
    spider: &dyn Spider,
    settings: &CrawlSettings,
    metrics: &Arc<Metrics>,
    stop: &Stop,
) -> Result<Watched, Failed> {
    let heartbeat = heartbeat(settings)?;
    let (name, max_age) = (&settings.run_name, settings.health_max_age);
    let health = Health::new(&heartbeat, spider.name(), name, max_age, stop);
    metrics.watch(&health);
    let listener = settings.listen.map(|address| {
        let shown = Arc::clone(metrics);
        let served = Served { health: Arc::clone(&health), metrics: Box::new(move || shown.render()) };
        Listener::start(address, served).map_err(|error| {
            Failed::error(format!("cannot listen at {address}: {error}"))
                .hint("another process may have the port: give another one (--listen ADDR:PORT, or PORT)")
        })
    });
    Ok(Watched { heartbeat, health, _listener: listener.transpose()? })
}

fn heartbeat(settings: &CrawlSettings) -> Result<Arc<Heartbeat>, Failed> {
    let file = settings.heartbeat_file.clone();
    Heartbeat::start(file.clone()).map(Arc::new).map_err(|error| {
        let name = file.unwrap_or_default();
        Failed::error(format!("the heartbeat file {} cannot be written: {error}", name.display()))
            .hint("name a file in a folder that this user may write to (--heartbeat-file)")
    })
}

/// Why the persistence pipeline did not open.
pub(crate) fn open_failed(error: &OpenError) -> Failed {
    let failed = Failed::error(chain(error));
    match error.hint() {
        Some(hint) => failed.hint(hint),
        None => failed,
    }
}

/// The operating system refused a thread.
pub fn no_thread(error: &std::io::Error) -> Failed {
    Failed::error(format!("a thread could not be started: {error}"))
}

/// The host's name, for people who look for the process that holds a run.
fn hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().or(std::env::var("HOSTNAME").ok());
    name.map_or_else(|| "unknown".to_owned(), |name| name.trim().to_owned())
}
