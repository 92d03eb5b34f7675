//! The status of every part. The watchdog prints it when a stop takes too long, and SIGUSR1 prints it at any
//! time.
//!
//! It reads what the threads publish and waits for none of them.

use dragline_core::counted::counted;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dragline_pipelines::persistence::PersistenceStatus;

use crate::health::Heartbeat;
use crate::metrics::Metrics;
use crate::parts::Parts;

/// The step of a run that is crawling. All other steps belong to its stop.
const CRAWLING: &str = "crawl";

/// What you can ask a run without stopping it.
pub struct Diagnosis {
    step: Mutex<(&'static str, Instant)>,
    spider: String,
    heartbeat: Arc<Heartbeat>,
    parts: Parts,
    metrics: Arc<Metrics>,
}

impl Diagnosis {
    pub(crate) fn new(
        spider: &str,
        heartbeat: &Arc<Heartbeat>,
        parts: Parts,
        metrics: &Arc<Metrics>,
    ) -> Arc<Self> {
        let step = Mutex::new((CRAWLING, Instant::now()));
        let (spider, heartbeat, metrics) = (spider.to_owned(), Arc::clone(heartbeat), Arc::clone(metrics));
        Arc::new(Self { step, spider, heartbeat, parts, metrics })
    }

    /// A step of the stop begins.
    pub(crate) fn begin(&self, step: &'static str) {
        *self.step.lock().unwrap_or_else(PoisonError::into_inner) = (step, Instant::now());
    }

    /// Whether the run is being closed.
    pub(crate) fn is_closing(&self) -> bool {
        self.step().0 != CRAWLING
    }

    /// The ages of the loops' last heartbeats.
    pub(crate) fn heartbeats(&self) -> [(&'static str, Duration); 2] {
        self.heartbeat.ages()
    }

    /// Everything, with a line for each part.
    pub fn render(&self) -> String {
        let parts = &self.parts;
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "  {name:<12} {value}");
        };
        let (step, since) = self.step();
        line("step", &format!("{step}, for {:.1} s", since.elapsed().as_secs_f64()));
        for (part, age) in self.heartbeats() {
            line(part, &format!("last heartbeat {:.1} s ago", age.as_secs_f64()));
        }
        for index in 0..parts.desks.count() {
            let doing = parts.desks.activity(index).map_or_else(
                || "waiting for a page".to_owned(),
                |activity| {
                    let seconds = activity.since.elapsed().as_secs_f64();
                    format!("parsing {} for {seconds:.1} s, spider {}", activity.url, self.spider)
                },
            );
            line(&format!("crawl-{index}"), &doing);
        }
        let stats = parts.stats.snapshot();
        line(
            "engine",
            &format!(
                "{} in flight, {} in the window, {} waiting, {} fetched, {}",
                stats.in_flight,
                stats.window_requests,
                counted(stats.waiting_hosts, "host"),
                stats.pages_fetched,
                counted(stats.retries, "retry")
            ),
        );
        line("store", &store_line(&parts.persistence.status()));
        for metric in self.metrics.lines() {
            line("metric", &metric);
        }
        text
    }

    /// The metrics.
    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The current step, and since when.
    pub(crate) fn step(&self) -> (&'static str, Instant) {
        *self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn store_line(status: &PersistenceStatus) -> String {
    let mut text = format!(
        "{} with {} waiting, {} pending with {}",
        counted(status.batch_pages, "page"),
        counted(status.batch_rows, "row"),
        counted(status.pending_flushes, "flush"),
        counted(status.pending_rows, "row")
    );
    if let Some(at) = status.last_commit {
        let _ = write!(text, ", last commit {:.1} s ago", at.elapsed().as_secs_f64());
    }
    if let Some(since) = status.outage_since {
        let _ = write!(text, ", UNAVAILABLE for {:.1} s", since.elapsed().as_secs_f64());
    }
    text
}
