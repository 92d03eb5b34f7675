//! One crawl: every thread and every channel is made here, in order.
//!
//! ```text
//! signals ──stop──┐
//!                 v
//!  main ──► scheduler ──► downloads ══pages══► crawl threads ══page outcomes══► persistence ──► store
//!              ▲                                                                    │
//!              └───────────────────── receipts, refills ◄───────────────────────────┘
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Select, bounded};
use dragline_core::hold::Hold;
use dragline_core::stop::Stop;
use dragline_core::store::{OpenedRun, RunState};
use dragline_core::worker::Worker;
use dragline_core::{ItemPipeline, Spider};
use dragline_engine::crawl::{self, CrawlThreads};
use dragline_engine::download::{self, DownloadThread};
use dragline_engine::{CrawlEnd, CrawlStats, Downloaders, EngineParts, RunLabel, receipt_channel};
use dragline_pipelines::item_pipelines;
use dragline_pipelines::persistence::{OpenError, PersistencePipeline, RunEnd};

use crate::diagnosis::{Diagnosis, Parts};
use crate::exit::{Exit, Failed};
use crate::logging::LogHandle;
use crate::memory::MemoryGuard;
use crate::metrics::Metrics;
use crate::progress::{self, ProgressSettings, Sources, pages_before};
use crate::settings::CrawlSettings;
use crate::signals::{self, SignalListener};
use crate::start::{Watched, no_thread, open_failed, run_spec, same_request, watched};
use crate::stopping::{Producers, StopReport, close_pipeline, join_producers};
use crate::verdict::{exit_after_close, state_after_close, verdict};
use crate::watchdog::{Watchdog, Watches};
use crate::{resume_line, stopping};

/// How a crawl ended.
pub struct Ended {
    /// The run as it was opened.
    pub run: OpenedRun,
    /// Its state in the store.
    pub state: RunState,
    /// Why it ended.
    pub reason: String,
    /// How the process should end.
    pub exit: Exit,
    /// From the call to the end of the stop.
    pub elapsed: Duration,
    /// What is left of the time for a stop.
    pub left_of_stop: Duration,
    /// What the engine counted.
    pub stats: Arc<CrawlStats>,
    /// What the stop did.
    pub stop: StopReport,
    /// Until the report is written and the rows are exported the process is alive, and tells so.
    pub watched: Watched,
    /// A signal cuts off what is still written.
    pub signals: SignalListener,
}

/// Runs a crawl to its end. `Ok(None)`: stopped before it began.
///
/// # Errors
/// When the crawl cannot start: an invalid setting, an absent store, another process that has the run, no more threads.
#[allow(clippy::too_many_lines)] // all threads and channels, in order, in one place
pub fn crawl(
    spider: &Arc<dyn Spider>,
    own_pipelines: &[Arc<dyn ItemPipeline>],
    settings: &CrawlSettings,
    progress: ProgressSettings,
    metrics: &Arc<Metrics>,
    log: &LogHandle,
) -> Result<Option<Ended>, Failed> {
    let began = Instant::now();
    log.about_run(&settings.run_name);
    let stop = Stop::new();
    let signals = signals::listen(stop.clone(), log.clone()).map_err(|error| no_thread(&error))?;
    settings.engine.check_spider(&**spider).map_err(|error| Failed::error(crate::exit::chain(&error)))?;
    let spec = run_spec(&**spider, settings)?;
    let watched = watched(&**spider, settings, metrics, &stop)?;
    let heartbeat = Arc::clone(&watched.heartbeat);

    // The persistence thread first: it must be there before anybody produces.
    let store = dragline_store::open(&settings.store.0, &settings.store_settings)?;
    let pipeline =
        PersistencePipeline::new(store, settings.persistence.clone(), stop.clone(), heartbeat.clone());
    let (receipts, receipt_queue) = receipt_channel();
    let start_requests = spec.start.len();
    let run = match pipeline.open_spider(spec, spider.items(), Box::new(receipts)) {
        Ok(run) => run,
        Err(OpenError::Stopped { .. }) => return Ok(None),
        Err(error) => return Err(open_failed(&error)),
    };
    log.about_run_id(run.key.run_id);
    let before = pages_before(&run, start_requests);
    resume_line::say(&settings.run_name, &run);
    let same_request = same_request(&run, settings.engine.same_request(&**spider))?;

    // Then the crawl threads, then the downloads that feed them.
    let stats = Arc::new(CrawlStats::new(&spider.items()));
    let (pages, page_queue) = bounded(settings.engine.concurrency);
    let (finish, finished) = bounded(0);
    let hold = Hold::default();
    let shared = EngineParts {
        settings: Arc::new(settings.engine.clone()),
        spider: Arc::clone(spider),
        sink: pipeline.sink(),
        stop: stop.clone(),
        stats: Arc::clone(&stats),
        same_request,
        known: Arc::default(),
    };
    let crawl = crawl::spawn(CrawlThreads {
        parts: shared.clone(),
        run: RunLabel { run_id: run.key.run_id, name: settings.run_name.clone() },
        pipelines: item_pipelines(settings.item_pipelines, own_pipelines).into(),
        items: spider.items(),
        pages: page_queue,
        finish: finished,
    })
    .map_err(|error| no_thread(&error))?;
    let download = download::spawn(DownloadThread {
        parts: shared,
        run: &run,
        downloaders: Downloaders::new(),
        receipts: receipt_queue,
        pages,
        pulse: heartbeat.clone(),
        hold: hold.clone(),
    })
    .map_err(|error| Failed::error(crate::exit::chain(&error)))?;
    let total = settings.shutdown_timeout;
    let parts = Parts {
        heartbeat,
        desks: crawl.desks().clone(),
        stats: Arc::clone(&stats),
        persistence: pipeline.monitor(),
        hold: hold.clone(),
        memory_limit: settings.memory_limit,
    };
    watched.health.crawling(run.key.run_id, parts.clone());
    metrics.crawling(&run, before.clone(), &stats, pipeline.monitor())?;
    let diagnosis = Diagnosis::new(spider.name(), parts, metrics);
    signals.show_on_request(Arc::clone(&diagnosis));
    let watchdog = Watchdog::start(Watches {
        stop: stop.clone(),
        total,
        diagnosis,
        health: Arc::clone(&watched.health),
        memory: MemoryGuard::new(settings.memory_limit, hold),
        log: log.clone(),
    })
    .map_err(|error| no_thread(&error))?;
    let sources = Sources {
        spider: spider.name().to_owned(),
        stats: Arc::clone(&stats),
        persistence: pipeline.monitor(),
        log: log.counts().clone(),
        before,
        limit: settings.engine.limits.pages,
        began: Instant::now(),
    };
    let progress = progress::start(progress, sources, log.clone()).map_err(|error| no_thread(&error))?;

    wait_for_end(&download, &stop);
    drop(progress);
    let is_interrupted = try_orphans(&pipeline, settings.engine.limits.pages, &stop);

    watched.health.stopping();
    let mut report = StopReport::new(metrics.stop.clone());
    let stop_began = Instant::now();
    let producers = Producers { download, crawl, finish };
    let end = join_producers(producers, stop_began, settings.stop_times, &watchdog, &mut report);
    let end = if is_interrupted { end.map(|end| interrupted(end, &stop)) } else { end };
    let (state, reason, exit) = verdict(end, &stop);
    let run_end = RunEnd { state, reason: reason.clone() };
    close_pipeline(&pipeline, run_end, stop_began + settings.stop_times.total, &watchdog, &mut report);
    stopping::record(&report, &stop, pipeline.status().outage_since, &watchdog);
    let (state, exit) = (state_after_close(state, &report), exit_after_close(exit, &report, &stop));
    let (elapsed, left_of_stop) = (began.elapsed(), total.saturating_sub(stop_began.elapsed()));
    signals.run_has_ended(state == RunState::Finished);
    Ok(Some(Ended { run, state, reason, exit, elapsed, left_of_stop, stats, stop: report, watched, signals }))
}

/// Until the downloads have ended by themselves, or somebody asks for a stop.
fn wait_for_end(download: &Worker<CrawlEnd>, stop: &Stop) {
    let mut select = Select::new();
    select.recv(download.ended());
    select.recv(stop.requested());
    select.ready();
}

/// The crawl has ended by itself: items whose parent was missing are tried once more. Whether a stop came first.
fn try_orphans(pipeline: &PersistencePipeline, page_limit: Option<u64>, stop: &Stop) -> bool {
    !stop.is_requested() && pipeline.second_try(page_limit).is_none()
}

/// A crawl whose frontier was empty, but that is not finished.
fn interrupted(end: CrawlEnd, stop: &Stop) -> CrawlEnd {
    stop.reason().cloned().map_or(end, CrawlEnd::Stopped)
}
