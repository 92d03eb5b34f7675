//! What tells the world outside how a crawl is: its heartbeat, and the endpoints if it has any.

use std::sync::Arc;

use dragline_core::stop::Stop;

use crate::error::CrawlError;
use crate::health::{Health, Heartbeat};
use crate::listen::{Listener, Served};
use crate::metrics::Metrics;
use crate::settings::CrawlSettings;

/// What tells the world outside how the crawl is, until it is dropped.
pub(crate) struct Watched {
    /// What the loops beat.
    pub(crate) heartbeat: Arc<Heartbeat>,
    /// What follows from it.
    pub(crate) health: Arc<Health>,
    _listener: Option<Listener>,
}

/// Other threads hold its parts, and may live until the process ends: what tells of it goes with this.
impl Drop for Watched {
    fn drop(&mut self) {
        self.heartbeat.end();
    }
}

/// The heartbeat, and whoever may ask for it. Before everything else: a start-up that takes long is told, too.
pub(crate) fn watched(
    spider: &str,
    settings: &CrawlSettings,
    metrics: &Arc<Metrics>,
    stop: &Stop,
) -> Result<Watched, CrawlError> {
    let heartbeat = heartbeat(settings)?;
    let (name, max_age) = (settings.run_name(spider), settings.health_max_age);
    let health = Health::new(&heartbeat, spider, &name, max_age, stop);
    metrics.watch(&health);
    let listener = settings.listen.map(|address| {
        let shown = Arc::clone(metrics);
        let served = Served { health: Arc::clone(&health), metrics: Box::new(move || shown.render()) };
        Listener::start(address, served)
            .map_err(|source| CrawlError::Listen { address: address.to_string(), source })
    });
    Ok(Watched { heartbeat, health, _listener: listener.transpose()? })
}

fn heartbeat(settings: &CrawlSettings) -> Result<Arc<Heartbeat>, CrawlError> {
    let file = settings.heartbeat_file.clone();
    Heartbeat::start(file.clone())
        .map(Arc::new)
        .map_err(|source| CrawlError::HeartbeatFile { file: file.unwrap_or_default(), source })
}
