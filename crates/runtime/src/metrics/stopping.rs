//! Metrics of the stop: the duration of the stop and of its steps, and what it had to cancel. The code of the
//! stop records them, because they happen only once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dragline_core::Latency;

use super::family::{Family, by, counter, histogram};

pub(super) const TITLE: &str = "Stopping";

pub(super) const FAMILIES: &[Family<StopMetrics>] = &[
    histogram(
        "pipeline_shutdown_seconds",
        "Time from the end of the crawl, or from the stop, until everything was closed.",
        |now, out| {
            out.seconds(&now.0.all.snapshot());
        },
    ),
    by(
        &[("step", "`downloads`, `crawl_threads`, `drain_and_flush`, `cancel_and_gather`, `end_run` …")],
        histogram("pipeline_shutdown_step_seconds", "Time of each step of the stop.", |now, out| {
            for (step, latency) in &*now.0.steps.lock().unwrap_or_else(PoisonError::into_inner) {
                out.seconds_of(&[&step.replace(' ', "_")], &latency.snapshot());
            }
        }),
    ),
    counter(
        "pipeline_tasks_cancelled_total",
        "Flush tasks that were cancelled because the time for the stop was up.",
        |now, out| {
            out.count(now.0.cancelled.load(Ordering::Relaxed));
        },
    ),
];

/// Clones share the values.
#[derive(Clone, Debug, Default)]
pub(crate) struct StopMetrics(Arc<Noted>);

#[derive(Debug, Default)]
struct Noted {
    all: Latency,
    steps: Mutex<BTreeMap<&'static str, Latency>>,
    cancelled: AtomicU64,
}

impl StopMetrics {
    /// A step has ended.
    pub(crate) fn step(&self, name: &'static str, took: Duration) {
        self.0.steps.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default().note(took);
    }

    /// The stop has ended.
    pub(crate) fn stopped(&self, took: Duration) {
        self.0.all.note(took);
    }

    /// Tasks were cancelled.
    pub(crate) fn cancelled(&self, tasks: usize) {
        self.0.cancelled.fetch_add(tasks as u64, Ordering::Relaxed);
    }
}
