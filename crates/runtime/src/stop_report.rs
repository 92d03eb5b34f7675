//! What a stop did, and how long its steps took.

use std::time::{Duration, Instant};

use dragline_pipelines::persistence::CloseReport;

use crate::metrics::StopMetrics;

/// What a stop did.
#[derive(Clone, Debug)]
pub struct StopReport {
    steps: Vec<(&'static str, Duration)>,
    pub(crate) stuck: Vec<String>,
    pub(crate) close: CloseReport,
    pub(crate) metrics: StopMetrics,
}

impl StopReport {
    /// The steps in order, and how long each took.
    pub fn steps(&self) -> &[(&'static str, Duration)] {
        &self.steps
    }

    /// The crawl threads that did not end, each with what it was doing. They are left behind.
    pub fn stuck(&self) -> &[String] {
        &self.stuck
    }

    /// Flush tasks that were cancelled because their time was over.
    pub fn tasks_cancelled(&self) -> usize {
        self.close.tasks_cancelled
    }

    /// Pages in cancelled flushes. Each flush committed completely or not at all, and the resume decides by their state.
    pub fn pages_unknown(&self) -> u64 {
        self.close.pages_unknown
    }

    /// Pages that were in hand and not stored. Their requests are still queued.
    pub fn pages_left(&self) -> u64 {
        self.close.pages_left_unflushed
    }

    /// Whether the store refused to end the run: this process has the run no longer.
    pub fn is_refused(&self) -> bool {
        self.close.end_refused
    }

    /// What went wrong first while closing.
    pub fn error(&self) -> Option<&str> {
        self.close.error.as_deref()
    }

    /// An empty report. Its steps become metrics as they end.
    pub(crate) fn new(metrics: StopMetrics) -> Self {
        Self { steps: Vec::new(), stuck: Vec::new(), close: CloseReport::default(), metrics }
    }

    pub(crate) fn step(&mut self, name: &'static str, took: Duration) {
        self.metrics.step(name, took);
        self.steps.push((name, took));
    }

    pub(crate) fn timed<T>(&mut self, name: &'static str, work: impl FnOnce(&mut Self) -> T) -> T {
        let began = Instant::now();
        let value = work(self);
        self.step(name, began.elapsed());
        value
    }
}
