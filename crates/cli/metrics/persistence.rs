//! Of the persistence thread: read from what it publishes, at the moment of a scrape.

use dragline_pipelines::persistence::Monitor;
use prometheus::IntGauge;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

#[derive(Debug)]
pub(super) struct PersistenceCollector {
    monitor: Monitor,
    pending_tasks: IntGauge,
}

impl PersistenceCollector {
    pub(super) fn new(monitor: Monitor) -> prometheus::Result<Self> {
        let pending_tasks = IntGauge::new(
            "pipeline_pending_tasks",
            "Flush tasks under way: started, and neither durable nor given up yet.",
        )?;
        Ok(Self { monitor, pending_tasks })
    }
}

impl Collector for PersistenceCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.pending_tasks.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let pending = self.monitor.status().pending_flushes;
        self.pending_tasks.set(i64::try_from(pending).unwrap_or(i64::MAX));
        self.pending_tasks.collect()
    }
}
