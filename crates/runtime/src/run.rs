//! One crawl: every thread and every channel is made here, in order.
//!
//! ```text
//!    stop ────────┐
//!                 v
//!  caller ──► scheduler ──► downloads ══pages══► crawl threads ══page outcomes══► persistence ──► store
//!              ▲                                                                    │
//!              └───────────────────── receipts, refills ◄───────────────────────────┘
//! ```
//!
//! The result is [`Running`]. `stopping.rs` ends the threads in order.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::bounded;
use dragline_core::hold::Hold;
use dragline_core::run_kind::RunKind;
use dragline_core::stop::Stop;
use dragline_core::store::RunKey;
use dragline_core::{ItemPipeline, ItemType, ParserVersion, Spider};
use dragline_engine::crawl::{self, CrawlThreads};
use dragline_engine::download::{self, DownloadThread};
use dragline_engine::{
    CrawlStats, Downloaders, EngineParts, LookUps, PageSource, Revisits, RunLabel, receipt_channel,
};
use dragline_pipelines::item_pipelines;
use dragline_pipelines::persistence::{OpenError, PersistencePipeline};

use crate::careful_line;
use crate::diagnosis::Diagnosis;
use crate::error::CrawlError;
use crate::look_up_databases;
use crate::memory::MemoryGuard;
use crate::metrics::Metrics;
use crate::page_counts::pages_before;
use crate::parts::Parts;
use crate::resume_line;
use crate::run_changes;
use crate::run_spec::{run_spec, same_request, wanted_rule};
use crate::running::Running;
use crate::settings::CrawlSettings;
use crate::stopping::Producers;
use crate::watchdog::{Overrun, Watchdog, Watches};
use crate::watched::watched;

/// The parts of a crawl.
pub(crate) struct Ingredients {
    pub(crate) spider: Arc<dyn Spider>,
    pub(crate) pipelines: Vec<Arc<dyn ItemPipeline>>,
    pub(crate) downloaders: Downloaders,
    pub(crate) settings: CrawlSettings,
    pub(crate) stop: Stop,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) overrun: Overrun,
}

/// Starts a crawl.
pub(crate) fn start(made_of: Ingredients) -> Result<Running, CrawlError> {
    let began = Instant::now();
    let Ingredients { spider, pipelines, downloaders, settings, stop, metrics, overrun } = made_of;
    settings.remember_secrets();
    settings.engine.check_spider(&*spider).map_err(|error| CrawlError::Engine(error.into()))?;
    let steps = item_pipelines(&settings.item_pipelines, &pipelines, &spider.items())
        .map_err(|error| CrawlError::Setting(error.into()))?;
    let databases = look_up_databases::open(&steps, &spider.items())?;
    let spec = run_spec(&*spider, &settings)?;
    let store = dragline_store::open(&settings.store.0, &settings.store_settings)
        .map_err(|error| CrawlError::StoreUrl(error.into()))?;
    let watched = watched(&*spider, &settings, &metrics, &stop)?;
    let heartbeat = Arc::clone(&watched.heartbeat);

    // The persistence thread first: it must be there before anybody produces.
    let pipeline =
        PersistencePipeline::new(store, settings.persistence.clone(), stop.clone(), heartbeat.clone());
    let ((receipts, receipt_queue), start_requests) = (receipt_channel(), spec.start.len());
    let run = pipeline.open_spider(spec, spider.items(), Box::new(receipts)).map_err(not_opened)?;
    let pages_before = pages_before(&run, start_requests);
    resume_line::say(&settings.run_name(spider.name()), &run);
    careful_line::say(&run);
    run_changes::say(&run, &settings);
    let same_request = same_request(&run, wanted_rule(&*spider, &settings)?)?;

    // Then the crawl threads, then the downloads that feed them.
    let stats = Arc::new(CrawlStats::new(&spider.items()));
    let (pages, page_queue) = bounded(settings.engine.concurrency);
    let ((finish, finished), hold) = (bounded(0), Hold::default());
    know_steps(&stats, &steps, &spider.items());
    let pipelines: Arc<[Box<dyn ItemPipeline>]> = steps.into();
    let shared = EngineParts {
        settings: Arc::new(settings.engine.clone()),
        args: settings.args.clone(),
        spider: Arc::clone(&spider),
        sink: pipeline.sink(),
        stop: stop.clone(),
        stats: Arc::clone(&stats),
        same_request,
        source: page_source(&run.key),
        revisits: revisits(&run.key, &*spider, &settings, &pipelines).map(Arc::new),
        known: Arc::default(),
        traces: metrics.traces(),
        look_ups: LookUps::of(&pipelines).into(),
    };
    let crawl = crawl::spawn(CrawlThreads {
        parts: shared.clone(),
        run: RunLabel { run_id: run.key.run_id, name: settings.run_name(spider.name()) },
        pipelines,
        items: spider.items(),
        pages: page_queue,
        finish: finished,
    })
    .map_err(CrawlError::Thread)?;
    let download = download::spawn(DownloadThread {
        parts: shared,
        run: &run,
        downloaders,
        databases,
        receipts: receipt_queue,
        pages,
        pulse: heartbeat.clone(),
        hold: hold.clone(),
    })
    .map_err(|error| CrawlError::Engine(error.into()))?;

    // Start the watchers last.
    let parts = Parts {
        desks: crawl.desks().clone(),
        stats,
        persistence: pipeline.monitor(),
        hold: hold.clone(),
        memory_limit: settings.memory_limit,
    };
    watched.health.crawling(run.key.run_id, parts.clone());
    metrics.crawling(&run, pages_before.clone(), &parts.stats, pipeline.monitor())?;
    let diagnosis = Diagnosis::new(spider.name(), &heartbeat, parts.clone(), &metrics);
    let watchdog = Watchdog::start(Watches {
        stop: stop.clone(),
        total: settings.shutdown_timeout,
        diagnosis: Arc::clone(&diagnosis),
        health: Arc::clone(&watched.health),
        memory: MemoryGuard::new(settings.memory_limit, hold),
        overrun,
    })
    .map_err(CrawlError::Thread)?;
    let producers = Producers { download, crawl, finish };
    Ok(Running {
        began,
        settings,
        spider,
        stop,
        run,
        pages_before,
        pipeline,
        producers,
        parts,
        metrics,
        diagnosis,
        watchdog,
        watched,
    })
}

fn not_opened(error: OpenError) -> CrawlError {
    match error {
        OpenError::Stopped { .. } => CrawlError::StoppedEarly,
        OpenError::NotDue(not_due) => CrawlError::NotDue(not_due),
        OpenError::FinishedBefore { name, run_id } => CrawlError::FinishedBefore { name, run_id },
        error => CrawlError::Open(error.into()),
    }
}

/// The counts of these steps begin at 0.
fn know_steps(stats: &CrawlStats, steps: &[Box<dyn ItemPipeline>], items: &[ItemType]) {
    stats.know_rules(steps.iter().flat_map(|step| step.rules(items)));
    let look_ups = steps.iter().filter_map(|step| step.look_up());
    stats.know_look_ups(look_ups.filter(|step| items.contains(step.item())).map(ItemPipeline::name));
}

/// What a run does with what earlier runs know about its pages. `None` if it does nothing with it.
fn revisits(
    run: &RunKey,
    spider: &dyn Spider,
    settings: &CrawlSettings,
    pipelines: &[Box<dyn ItemPipeline>],
) -> Option<Revisits> {
    let parser = || {
        // These settings decide as well what becomes of a page.
        let rules = format!("{:?} {:?}", settings.engine.robots.page, settings.engine.redirects);
        let names = pipelines.iter().map(|step| step.name()).chain([rules.as_str()]);
        ParserVersion::new(spider, &spider.items(), &settings.args, names)
    };
    match run.kind {
        RunKind::Reparse => Some(Revisits::of_kept_pages(parser())),
        _ => Revisits::new(&settings.engine.revisits, parser),
    }
}

/// Where the pages of a run come from.
fn page_source(run: &RunKey) -> PageSource {
    match run.kind {
        RunKind::Crawl | RunKind::Import => PageSource::Sites,
        RunKind::Reparse if !run.follows_links() => PageSource::OnlyKept,
        RunKind::Reparse | RunKind::Replay => PageSource::KeptFirst,
    }
}
