//! Of the stop: how long its steps take, and what it had to cancel.

use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, IntCounter, Registry};

/// Seconds. A stop takes milliseconds when all is well, and 8 s at most by default.
const BUCKETS: [f64; 10] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0];

/// Clones share the figures.
#[derive(Clone, Debug)]
pub(crate) struct StopMetrics {
    seconds: HistogramVec,
    cancelled: IntCounter,
}

impl StopMetrics {
    pub(super) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let seconds = HistogramOpts::new("pipeline_shutdown_seconds", "Time that a step of the stop took.");
        let seconds = HistogramVec::new(seconds.buckets(BUCKETS.into()), &["step"])?;
        let cancelled = IntCounter::new(
            "pipeline_tasks_cancelled_total",
            "Flush tasks that were cancelled because the time of the stop was over.",
        )?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(cancelled.clone()))?;
        Ok(Self { seconds, cancelled })
    }

    /// A step is over.
    pub(crate) fn step(&self, name: &str, took: Duration) {
        self.seconds.with_label_values(&[name.replace(' ', "_")]).observe(took.as_secs_f64());
    }

    /// Tasks were cancelled.
    pub(crate) fn cancelled(&self, tasks: usize) {
        self.cancelled.inc_by(tasks as u64);
    }
}
