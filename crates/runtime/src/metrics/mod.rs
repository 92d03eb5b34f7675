//! Metrics: what a run counts and measures, in Prometheus's text format.
//!
//! ```text
//!  engine, persistence ◄─read when asked─ groups of families ──┐
//!  wiring, stop sequence ──────notes────► RunFacts, StopMetrics ┴─► Registry ─► /metrics, SIGUSR1's snapshot,
//!                                                                              the textfile
//! ```
//!
//! The registry belongs to the run, so nothing is global. The parts don't know about metrics. Someone who asks
//! reads what the parts publish anyway (`CrawlStats`, `PersistenceStatus`). The code that connects the parts
//! records events that happen only once. A metric is one entry in the `FAMILIES` of its group.
//! `docs/metrics.md` is generated from these entries too (`cargo run -- config reference docs/metrics.md`). A
//! group is a file here, and a line in [`Metrics`] and in `reference.rs`. Every metric has the labels `spider`
//! and `run`, so the files of several runs on one machine don't contradict each other.

mod crawling;
mod family;
mod persistence;
mod process;
mod reference;
mod run;
mod stopping;
mod telemetry;
mod textfile;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dragline_core::page_traces::PageTraces;
use dragline_core::run_verdict::{EndFigures, RunVerdict};
use dragline_core::store::{OpenedRun, PageCounts, RunState};
use dragline_core::worker::Worker;
use dragline_engine::{ClientSettings, CrawlStats};
use dragline_pipelines::persistence::Monitor;
use prometheus::proto::{Metric, MetricFamily, MetricType};
use prometheus::{Registry, TextEncoder};

use self::family::Group;
use self::persistence::Stored;
pub use self::reference::tables;
use self::run::{Opened, RunFacts};
pub(crate) use self::stopping::StopMetrics;
use crate::error::CrawlError;
use crate::health::Health;
use crate::logging::LogCounts;
use crate::otlp::{Otlp, OtlpSettings};
use crate::usage::Usage;

/// The labels of every metric.
const IDENTITY: [&str; 2] = ["run", "spider"];

/// What is measured, and where to write its last values.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The spider's name.
    pub spider: String,
    /// The run's name.
    pub run_name: String,
    /// The time limit of its stop.
    pub shutdown_timeout: Duration,
    /// The files for the last values.
    pub textfiles: Vec<PathBuf>,
    /// Where they are exported to, and how a client reaches that.
    pub otlp: Option<(OtlpSettings, ClientSettings)>,
}

/// All metrics of one run.
pub struct Metrics {
    registry: Registry,
    run: Arc<RunFacts>,
    textfiles: Vec<PathBuf>,
    otlp: Option<Otlp>,
    /// The metrics of its stop.
    pub(crate) stop: StopMetrics,
}

impl Metrics {
    /// The metrics that exist from the start.
    ///
    /// # Errors
    /// When the textfile cannot be written, or the export over OTLP cannot start.
    pub fn new(of: Measured, counts: LogCounts) -> Result<Arc<Self>, CrawlError> {
        let Measured { spider, run_name, shutdown_timeout, textfiles, otlp } = of;
        for file in &textfiles {
            textfile::check(file).map_err(|source| CrawlError::MetricsFile { file: file.clone(), source })?;
        }
        let names = [run_name.clone(), spider.clone()];
        let run = Arc::new(RunFacts::new(shutdown_timeout));
        let stop = StopMetrics::default();
        let registered = || {
            let labels: HashMap<_, _> = IDENTITY.map(str::to_owned).into_iter().zip(names).collect();
            let registry = Registry::new_custom(None, Some(labels))?;
            let (facts, stops) = (Arc::clone(&run), stop.clone());
            registry.register(Box::new(Group::new(run::FAMILIES, move || Some(Arc::clone(&facts)))?))?;
            registry.register(Box::new(Group::new(stopping::FAMILIES, move || Some(stops.clone()))?))?;
            registry.register(Box::new(Group::new(process::LOG, move || Some(counts.clone()))?))?;
            registry.register(Box::new(Group::new(process::USAGE, Usage::now)?))?;
            Ok(registry)
        };
        let registry = registered().map_err(|error: prometheus::Error| CrawlError::Metrics(error.into()))?;
        let otlp = otlp.map(|(settings, client)| {
            Otlp::start(settings, &client, registry.clone(), &spider, &run_name).map_err(CrawlError::Otlp)
        });
        let otlp = otlp.transpose()?;
        if let Some(counts) = otlp.as_ref().map(Otlp::counts) {
            let exported = Group::new(telemetry::FAMILIES, move || Some(counts.clone()));
            let registered = exported.and_then(|group| registry.register(Box::new(group)));
            registered.map_err(|error| CrawlError::Metrics(error.into()))?;
        }
        Ok(Arc::new(Self { registry, run, textfiles, otlp, stop }))
    }

    /// The taker of traces of pages, if they are exported.
    pub(crate) fn traces(&self) -> Option<Arc<dyn PageTraces>> {
        self.otlp.as_ref()?.traces()
    }

    /// The health is known from now on.
    pub(crate) fn watch(&self, health: &Arc<Health>) {
        let _ = self.run.health.set(Arc::downgrade(health));
    }

    /// Adds the metrics that exist once the run is open.
    pub(crate) fn crawling(
        &self,
        run: &OpenedRun,
        before: PageCounts,
        stats: &Arc<CrawlStats>,
        persistence: Monitor,
    ) -> Result<(), CrawlError> {
        let opened = Opened::new(run, before, persistence.clone());
        let at = opened.at;
        let _ = self.run.opened.set(opened);
        let stats = Arc::clone(stats);
        let registered = || {
            let engine = Group::new(crawling::FAMILIES, move || Some(stats.snapshot()))?;
            let stored = Group::new(persistence::FAMILIES, move || Some(Stored::now(&persistence, at)))?;
            self.registry.register(Box::new(engine))?;
            self.registry.register(Box::new(stored))
        };
        registered().map_err(|error| CrawlError::Metrics(error.into()))
    }

    /// Records how the run ended, and how the process will end unless something comes in between.
    pub fn ended(&self, state: RunState, exit_code: u8) {
        self.run.end(state);
        self.write_textfiles(exit_code);
    }

    /// Records the verdict on the run.
    pub(crate) fn judged(&self, verdict: &RunVerdict) {
        self.run.judge(verdict.clone());
    }

    /// Records what the run held when it ended.
    pub(crate) fn measured(&self, figures: &EndFigures) {
        self.run.measure(figures.clone());
    }

    /// Records how the process ends, exports the last values, and writes them to the textfiles.
    pub fn leave(&self, exit_code: u8) {
        if let Some(otlp) = &self.otlp {
            self.run.exit(exit_code);
            otlp.end();
        }
        self.write_textfiles(exit_code);
    }

    fn write_textfiles(&self, exit_code: u8) {
        if self.textfiles.is_empty() {
            return;
        }
        self.run.exit(exit_code);
        let last = self.render();
        for file in &self.textfiles {
            if let Err(error) = textfile::write(file, &last) {
                tracing::warn!(file = %file.display(), %error, "the metrics file was not written");
            }
        }
    }

    /// Writes the textfiles of a process that is forced to end, and exports nothing. A hung disk holds it up only until `deadline`.
    pub fn leave_by(self: &Arc<Self>, exit_code: u8, deadline: Instant) {
        let metrics = Arc::clone(self);
        if let Ok(written) = Worker::spawn("last-metrics", move || metrics.write_textfiles(exit_code)) {
            let _ = written.join_until(deadline);
        }
    }

    /// The text format, version 0.0.4.
    pub fn render(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot write the metrics");
            String::new()
        })
    }

    /// The metrics of the stop for people: a line for each, and only the sum of a histogram.
    pub(crate) fn lines(&self) -> Vec<String> {
        let families = self.registry.gather();
        let of_stop = families.iter().filter(|family| family.name().starts_with("pipeline_"));
        of_stop.flat_map(|family| family.get_metric().iter().map(|one| line(family, one))).collect()
    }
}

fn line(family: &MetricFamily, metric: &Metric) -> String {
    let labels = metric.get_label().iter().filter(|label| !IDENTITY.contains(&label.name()));
    let labels: Vec<String> = labels.map(|label| format!("{}={:?}", label.name(), label.value())).collect();
    let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    let value = match family.get_field_type() {
        MetricType::COUNTER => metric.get_counter().get_value(),
        MetricType::HISTOGRAM => metric.get_histogram().get_sample_sum(),
        _ => metric.get_gauge().get_value(),
    };
    format!("{}{labels} {}", family.name(), (value * 1_000.0).round() / 1_000.0)
}

fn seconds_since_1970(moment: SystemTime) -> f64 {
    moment.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64()
}
