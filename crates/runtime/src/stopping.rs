//! The stop sequence: the order in which a run's threads end, each step bounded (design of the stop in
//! `docs/operating.md`).
//!
//! Producers end before their consumer: first the downloads, then the crawl threads, then the persistence
//! pipeline drains, flushes, cancels and gathers. The reserve belongs to its last two steps.

use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use dragline_core::stop::Stop;
use dragline_core::worker::{JoinError, Worker};
use dragline_engine::CrawlEnd;
use dragline_engine::crawl::{Crew, LeftBehind};
use dragline_pipelines::persistence::{PersistencePipeline, RunEnd};
use tracing::{debug, info, warn};

use crate::critical;
use crate::stop_report::StopReport;
use crate::stop_times::{RESERVE, StopTimes};
use crate::watchdog::Watchdog;

/// The threads that produce outcomes, and what ends them.
pub(crate) struct Producers {
    /// The scheduler and the downloads.
    pub(crate) download: Worker<CrawlEnd>,
    /// The crawl threads.
    pub(crate) crawl: Crew,
    /// Dropped to end the crawl threads after the page in hand.
    pub(crate) finish: Sender<()>,
}

/// Waits for the downloads and then for the crawl threads to end. Returns how the crawl ended.
pub(crate) fn join_producers(
    producers: Producers,
    began: Instant,
    times: StopTimes,
    watchdog: &Watchdog,
    report: &mut StopReport,
) -> Result<CrawlEnd, JoinError> {
    watchdog.step(critical::DOWNLOADS);
    let end = report.timed(critical::DOWNLOADS, |_| producers.download.join_until(began + times.crawl_until));
    watchdog.step(critical::CRAWL_THREADS);
    report.timed(critical::CRAWL_THREADS, |report| {
        drop(producers.finish);
        match producers.crawl.join_until(began + times.crawl_until) {
            Ok(left_behind) => report.stuck = left_behind.iter().map(words).collect(),
            Err(error) => report.stuck.push(error.to_string()),
        }
        for stuck in &report.stuck {
            warn!("thread thread left behind: {stuck}");
        }
    });
    end
}

/// Records the numbers of a stop under the names of the metrics: seconds of each step, tasks that were still
/// pending when their time was up, and how many of them had to be cancelled.
pub(crate) fn record(report: &StopReport, stop: &Stop, outage_since: Option<Instant>, watchdog: &Watchdog) {
    let cancelled = report.close.tasks_cancelled;
    if let Some(since) = outage_since.filter(|_| cancelled > 0) {
        // The cause was already logged when the outage began.
        let outage_s = since.elapsed().as_secs();
        warn!(
            outage_s,
            cancelled, "the last flush was abandoned, because the store is away; nothing is lost"
        );
    } else if cancelled > 0 && !stop.is_abandoned() {
        watchdog.tell(&format!(
            "the last flush did not end within its share of the stop (all of it except the {} s that are \
             reserved for the last steps), so it was cancelled: {cancelled} tasks",
            RESERVE.as_secs_f64()
        ));
    }
    for (step, took) in report.steps() {
        debug!(step, pipeline_shutdown_seconds = took.as_secs_f64(), "closed");
    }
    let total: Duration = report.steps().iter().map(|(_, took)| *took).sum();
    report.metrics.stopped(total);
    // Of a run that ended by itself, nobody asks which step took long.
    let steps = stop.is_requested().then(|| seconds_of(report.steps()));
    info!(
        pipeline_shutdown_seconds = total.as_secs_f64(),
        pipeline_pending_tasks = report.close.tasks_pending,
        pipeline_tasks_cancelled_total = report.close.tasks_cancelled,
        steps,
        "closed"
    );
}

fn seconds_of(steps: &[(&'static str, Duration)]) -> String {
    let told: Vec<String> =
        steps.iter().map(|(step, took)| format!("{step} {:.3} s", took.as_secs_f64())).collect();
    told.join(", ")
}

/// Drains, flushes, cancels, gathers and closes.
pub(crate) fn close_pipeline(
    pipeline: &PersistencePipeline,
    end: RunEnd,
    deadline: Instant,
    watchdog: &Watchdog,
    report: &mut StopReport,
) {
    watchdog.step(critical::PERSISTENCE);
    report.close = pipeline.close_spider(end, deadline);
    for (step, took) in report.close.steps.clone() {
        report.step(step, took);
    }
    report.metrics.cancelled(report.close.tasks_cancelled);
}

fn words(left: &LeftBehind) -> String {
    match &left.activity {
        Some(activity) => {
            let seconds = activity.since.elapsed().as_secs_f64();
            format!("{}: parsing {} for {seconds:.1} s", left.thread, activity.url)
        }
        None => format!("{}: has not ended", left.thread),
    }
}
