//! A running crawl. You can wait for it, look at it, and close it.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::Select;
use dragline_core::Spider;
use dragline_core::stop::Stop;
use dragline_core::store::{OpenedRun, PageCounts};
use dragline_engine::CrawlEnd;
use dragline_pipelines::persistence::{PersistencePipeline, RunEnd};

use crate::diagnosis::Diagnosis;
use crate::ended::Ended;
use crate::ending::{ending, outcome_after_close, state_after_close};
use crate::metrics::Metrics;
use crate::parts::Parts;
use crate::settings::CrawlSettings;
use crate::stop_report::StopReport;
use crate::stopping::{Producers, close_pipeline, join_producers, record};
use crate::watchdog::Watchdog;
use crate::watched::Watched;

/// A running crawl. Its owner must [`close`](Running::close) it. If it is dropped instead, the end of the run
/// isn't written.
#[must_use = "the run's end is written by `close`"]
pub struct Running {
    pub(crate) began: Instant,
    pub(crate) settings: CrawlSettings,
    pub(crate) spider: Arc<dyn Spider>,
    pub(crate) stop: Stop,
    pub(crate) run: OpenedRun,
    pub(crate) pages_before: PageCounts,
    pub(crate) pipeline: PersistencePipeline,
    pub(crate) producers: Producers,
    pub(crate) parts: Parts,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) diagnosis: Arc<Diagnosis>,
    pub(crate) watchdog: Watchdog,
    pub(crate) watched: Watched,
}

impl Running {
    /// The run as it was opened.
    pub fn run(&self) -> &OpenedRun {
        &self.run
    }

    /// The status of every part.
    pub fn diagnosis(&self) -> &Arc<Diagnosis> {
        &self.diagnosis
    }

    /// Waits until the downloads have ended by themselves, or a stop is requested.
    pub fn wait(&self) {
        let mut select = Select::new();
        select.recv(self.producers.download.ended());
        select.recv(self.stop.requested());
        select.ready();
    }

    /// Ends all threads, in order, and writes the run's end.
    pub fn close(self) -> Ended {
        let Self { began, settings, spider, stop, run, pipeline, producers, watchdog, watched, .. } = self;
        let interrupted = second_try(&pipeline, settings.engine.limits.pages, &stop);

        watched.health.stopping();
        let mut report = StopReport::new(self.metrics.stop.clone());
        let (stop_began, times) = (Instant::now(), settings.stop_times());
        let end = join_producers(producers, stop_began, times, &watchdog, &mut report);
        let end = match interrupted {
            Some(interrupted) => end.map(|_| interrupted),
            None => end,
        };
        let (state, reason, outcome) = ending(end, &stop);
        let run_end = RunEnd { state, reason: reason.clone() };
        close_pipeline(&pipeline, run_end, stop_began + times.total, &watchdog, &mut report);
        record(&report, &stop, pipeline.status().outage_since, &watchdog);
        Ended {
            state: state_after_close(state, &report),
            outcome: outcome_after_close(outcome, &report, &stop),
            reason,
            elapsed: began.elapsed(),
            left_of_stop: settings.shutdown_timeout.saturating_sub(stop_began.elapsed()),
            run,
            spider,
            settings,
            stats: self.parts.stats,
            stored: pipeline.status(),
            stop: report,
            metrics: self.metrics,
            watched,
        }
    }
}

/// A crawl that has ended by itself tries items whose parent was missing once more. If a stop comes in between, the crawl
/// is not finished, though its frontier is empty.
fn second_try(pipeline: &PersistencePipeline, page_limit: Option<u64>, stop: &Stop) -> Option<CrawlEnd> {
    let is_interrupted = !stop.is_requested() && pipeline.second_try(page_limit).is_none();
    stop.reason().filter(|_| is_interrupted).cloned().map(CrawlEnd::Stopped)
}
