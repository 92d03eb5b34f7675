//! Metrics: what a run counts and measures, in the text format of Prometheus.
//!
//! ```text
//!  engine, persistence ◄─read when asked─ groups of families ──┐
//!  wiring, stop sequence ──────notes────► RunFacts, StopMetrics ┴─► Registry ─► /metrics, SIGUSR1's snapshot,
//!                                                                              the textfile
//! ```
//!
//! The registry belongs to the run; nothing is global. The parts know nothing of metrics: what they publish anyway
//! (`CrawlStats`, `PersistenceStatus`) is read when somebody asks, and what happens only once is noted by whoever wires
//! the parts. A metric is one entry in the `FAMILIES` of its group, from which also `docs/metrics.md` is made
//! (`cargo run -- config reference docs/metrics.md`); a group is a file here, and a line in [`Metrics`] and in
//! `reference.rs`. Every metric carries the labels `spider` and `run`, so that the files of several runs on one machine
//! do not contradict each other.

mod crawling;
mod family;
mod persistence;
mod process;
mod reference;
mod run;
mod stopping;
mod textfile;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dragline_core::store::{OpenedRun, PageCounts, RunState};
use dragline_core::worker::Worker;
use dragline_engine::CrawlStats;
use dragline_pipelines::persistence::Monitor;
use prometheus::proto::{Metric, MetricFamily, MetricType};
use prometheus::{Registry, TextEncoder};

use self::family::Group;
use self::persistence::Stored;
pub use self::reference::tables;
use self::run::{Opened, RunFacts};
pub use self::stopping::StopMetrics;
use crate::exit::{Exit, Failed};
use crate::health::{Health, Usage};
use crate::logging::LogHandle;
use crate::settings::CrawlSettings;

/// Who it is that is measured; on every metric.
const IDENTITY: [&str; 2] = ["run", "spider"];

/// All metrics of one run.
pub struct Metrics {
    registry: Registry,
    run: Arc<RunFacts>,
    textfile: Option<PathBuf>,
    /// Of its stop.
    pub stop: StopMetrics,
}

impl Metrics {
    /// The metrics that exist from the start.
    ///
    /// # Errors
    /// When the textfile cannot be written.
    pub fn new(spider: &str, settings: &CrawlSettings, log: &LogHandle) -> Result<Arc<Self>, Failed> {
        let textfile = settings.metrics_textfile.clone();
        if let Some(file) = &textfile {
            textfile::check(file).map_err(|error| {
                Failed::error(format!("the metrics' file {} cannot be written: {error}", file.display()))
                    .hint("name a file in a folder that this user may write to (--metrics-textfile)")
            })?;
        }
        let names = [settings.run_name.clone(), spider.to_owned()];
        let run = Arc::new(RunFacts::new(settings.shutdown_timeout));
        let stop = StopMetrics::default();
        let counts = log.counts().clone();
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
        let registry = registered().map_err(|error: prometheus::Error| Failed::error(error))?;
        Ok(Arc::new(Self { registry, run, textfile, stop }))
    }

    /// From now on it is known how it is.
    pub fn watch(&self, health: &Arc<Health>) {
        let _ = self.run.health.set(Arc::downgrade(health));
    }

    /// Adds the metrics that exist once the run is open.
    ///
    /// # Errors
    /// When two metrics have one name, which is a mistake in this program.
    pub fn crawling(
        &self,
        run: &OpenedRun,
        before: PageCounts,
        stats: &Arc<CrawlStats>,
        persistence: Monitor,
    ) -> Result<(), Failed> {
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
        registered().map_err(Failed::error)
    }

    /// How the run ended, and how the process will unless something comes in between.
    pub fn ended(&self, state: RunState, exit: Exit) {
        self.run.end(state);
        self.leave(exit);
    }

    /// How the process ends: leaves the last values in the textfile, if there is to be one.
    pub fn leave(&self, exit: Exit) {
        let Some(file) = &self.textfile else { return };
        self.run.exit(exit.code());
        if let Err(error) = textfile::write(file, &self.render()) {
            tracing::warn!(file = %file.display(), %error, "the metrics' file was not written");
        }
    }

    /// The same for a process that is ended by force: a disk that hangs holds it up until `deadline` only.
    pub fn leave_by(self: &Arc<Self>, exit: Exit, deadline: Instant) {
        let metrics = Arc::clone(self);
        if let Ok(written) = Worker::spawn("last-metrics", move || metrics.leave(exit)) {
            let _ = written.join_until(deadline);
        }
    }

    /// The text format, version 0.0.4.
    pub fn render(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_else(|error| {
            tracing::warn!(%error, "the metrics cannot be written");
            String::new()
        })
    }

    /// Those of the stop for people: a line for each, of a histogram its sum alone.
    pub fn lines(&self) -> Vec<String> {
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
