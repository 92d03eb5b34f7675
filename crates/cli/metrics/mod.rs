//! Metrics: what a run counts and measures, in the text format of Prometheus.
//!
//! ```text
//!  stop sequence ─events─► StopMetrics ──┐
//!                                        ├─► Registry ─► /metrics, SIGUSR1's snapshot
//!  persistence ◄─read when asked─ Collector ┘
//! ```
//!
//! The registry belongs to the run; nothing is global. The parts know nothing of metrics: what they publish anyway
//! (`PersistenceStatus`, `CrawlStats`) is read by a collector when somebody asks, and what happens only once is
//! noted by whoever wires the parts. A further group of metrics is a file here and a line in [`Metrics::new`] or
//! in [`Metrics::crawling`].

mod persistence;
mod stopping;

use dragline_pipelines::persistence::Monitor;
use prometheus::proto::{Metric, MetricFamily, MetricType};
use prometheus::{Registry, TextEncoder};

use self::persistence::PersistenceCollector;
pub(crate) use self::stopping::StopMetrics;

/// All metrics of one run.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    /// Of its stop.
    pub(crate) stop: StopMetrics,
}

impl Metrics {
    /// What there is from the start on.
    ///
    /// # Errors
    /// When two metrics have one name, or a name is no name.
    pub(crate) fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let stop = StopMetrics::register(&registry)?;
        Ok(Self { registry, stop })
    }

    /// What there is once the run is open.
    ///
    /// # Errors
    /// As [`Metrics::new`].
    pub(crate) fn crawling(&self, persistence: Monitor) -> prometheus::Result<()> {
        self.registry.register(Box::new(PersistenceCollector::new(persistence)?))
    }

    /// The text format, version 0.0.4.
    pub(crate) fn render(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_else(|error| {
            tracing::warn!(%error, "the metrics cannot be written");
            String::new()
        })
    }

    /// Values for people: a line for each, of a histogram its sum alone.
    pub(crate) fn lines(&self) -> Vec<String> {
        let families = self.registry.gather();
        families.iter().flat_map(|family| family.get_metric().iter().map(|one| line(family, one))).collect()
    }
}

fn line(family: &MetricFamily, metric: &Metric) -> String {
    let labels: Vec<String> =
        metric.get_label().iter().map(|label| format!("{}={:?}", label.name(), label.value())).collect();
    let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    let value = match family.get_field_type() {
        MetricType::COUNTER => metric.get_counter().get_value(),
        MetricType::HISTOGRAM => metric.get_histogram().get_sample_sum(),
        _ => metric.get_gauge().get_value(),
    };
    format!("{}{labels} {}", family.name(), (value * 1_000.0).round() / 1_000.0)
}
