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
use dragline_pipelines::persistence::{CloseReport, PersistencePipeline, RunEnd};
use tracing::{debug, info, warn};

use crate::critical;
use crate::metrics::StopMetrics;
use crate::watchdog::Watchdog;

/// Kept for cancelling and gathering (2 s) and for closing sessions and runtime (0.5 s).
const RESERVE: Duration = Duration::from_millis(2_500);

/// How long each step may take, of one total.
#[derive(Clone, Copy, Debug)]
pub struct StopTimes {
    /// In-flight fetches may finish.
    pub fetch_grace: Duration,
    /// From the stop until crawl threads must have ended.
    pub crawl_until: Duration,
    /// From the stop until everything must have ended.
    pub total: Duration,
}

impl StopTimes {
    /// Shares out `total`: what the reserve leaves goes to fetches, pages in hand and the last flush.
    pub fn of(total: Duration) -> Self {
        let shared = total.saturating_sub(RESERVE);
        // The watchdog's deadline is the total: the sequence itself aims to be done a little earlier.
        let total = total.saturating_sub(Duration::from_millis(200));
        Self { fetch_grace: shared.mul_f64(0.3), crawl_until: shared.mul_f64(0.65), total }
    }
}

/// What a stop did, and how long its steps took.
#[derive(Debug)]
pub struct StopReport {
    /// Seconds per step.
    pub steps: Vec<(&'static str, Duration)>,
    /// Crawl threads that did not end, with what they were doing.
    pub stuck: Vec<String>,
    /// How the persistence pipeline closed.
    pub close: CloseReport,
    metrics: StopMetrics,
}

impl StopReport {
    /// An empty report; its steps become metrics as they end.
    pub(crate) fn new(metrics: StopMetrics) -> Self {
        Self { steps: Vec::new(), stuck: Vec::new(), close: CloseReport::default(), metrics }
    }

    fn step(&mut self, name: &'static str, took: Duration) {
        self.metrics.step(name, took);
        self.steps.push((name, took));
    }

    fn timed<T>(&mut self, name: &'static str, work: impl FnOnce(&mut Self) -> T) -> T {
        let began = Instant::now();
        let value = work(self);
        self.step(name, began.elapsed());
        value
    }
}

/// The threads that produce outcomes, and what ends them.
pub(crate) struct Producers {
    /// The scheduler and the downloads.
    pub(crate) download: Worker<CrawlEnd>,
    /// The crawl threads.
    pub(crate) crawl: Crew,
    /// Dropped to end the crawl threads after the page in hand.
    pub(crate) finish: Sender<()>,
}

/// Waits for the downloads to end, then for the crawl threads; says how the crawl ended.
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
            warn!("left behind: {stuck}");
        }
    });
    end
}

/// The figures of a stop, under the names that metrics have: seconds of each step, tasks that were pending when
/// their time was over, and how many of them had to be cancelled.
pub(crate) fn record(report: &StopReport, stop: &Stop, outage_since: Option<Instant>, watchdog: &Watchdog) {
    let cancelled = report.close.tasks_cancelled;
    if let Some(since) = outage_since.filter(|_| cancelled > 0) {
        // Nobody need look for a cause that was told when it began.
        let outage_s = since.elapsed().as_secs();
        warn!(
            outage_s,
            cancelled, "the last flush was given up, for the store is away; nothing of it is lost"
        );
    } else if cancelled > 0 && !stop.is_abandoned() {
        watchdog.tell(&format!(
            "the last flush did not end within its share of the stop (all but the {} s that are reserved for its \
             last steps), and was cancelled: {cancelled} tasks",
            RESERVE.as_secs_f64()
        ));
    }
    for (step, took) in &report.steps {
        debug!(step, pipeline_shutdown_seconds = took.as_secs_f64(), "closed");
    }
    let total: Duration = report.steps.iter().map(|(_, took)| *took).sum();
    report.metrics.stopped(total);
    info!(
        pipeline_shutdown_seconds = total.as_secs_f64(),
        pipeline_pending_tasks = report.close.tasks_pending,
        pipeline_tasks_cancelled_total = report.close.tasks_cancelled,
        "closed"
    );
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
        None => format!("{}: does not end", left.thread),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_leave_the_reserve_alone() {
        for seconds in [4, 8, 10, 60] {
            let total = Duration::from_secs(seconds);
            let times = StopTimes::of(total);
            assert!(times.fetch_grace < times.crawl_until, "{times:?}");
            assert!(times.crawl_until + RESERVE < times.total, "{times:?}");
            assert!(times.total < total, "{times:?}");
        }
    }
}
