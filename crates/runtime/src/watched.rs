//! What the outside can see of a crawl: its heartbeat, and the endpoints if there are any.

use std::sync::Arc;

use dragline_board::Within;
use dragline_core::Spider;
use dragline_core::stop::Stop;

use crate::error::CrawlError;
use crate::health::{Health, Heartbeat};
use crate::listen::{ListenAddr, Listener, OfCrawl, Supervised};
use crate::metrics::Metrics;
use crate::page;
use crate::settings::CrawlSettings;

/// What the outside can see of a crawl, until it is dropped.
pub(crate) struct Watched {
    /// The heartbeats of the loops.
    pub(crate) heartbeat: Arc<Heartbeat>,
    /// The health that follows from them.
    pub(crate) health: Arc<Health>,
    _listener: Option<Listener>,
    _supervised: Option<Listener>,
}

/// Other threads hold its parts, and may live until the process ends. The file and the endpoints must go when
/// this is dropped.
impl Drop for Watched {
    fn drop(&mut self) {
        self.heartbeat.end();
    }
}

/// Starts the heartbeat and the endpoints. This comes first, so that a slow start-up is visible too.
pub(crate) fn watched(
    spider: &dyn Spider,
    settings: &CrawlSettings,
    metrics: &Arc<Metrics>,
    stop: &Stop,
) -> Result<Watched, CrawlError> {
    let heartbeat = heartbeat(settings)?;
    let (name, max_age) = (settings.run_name(spider.name()), settings.health_max_age);
    let health = Health::new(&heartbeat, spider.name(), &name, max_age, stop);
    metrics.watch(&health);
    let listener = settings.listen.as_ref().map(|address| {
        let shown = Arc::clone(metrics);
        let page = Within::new(page::board(spider, settings, &health)?);
        let served = OfCrawl { health: Arc::clone(&health), metrics: Box::new(move || shown.render()), page };
        Listener::start(address, served)
            .map_err(|source| CrawlError::Listen { address: address.to_string(), source })
    });
    let supervised = settings.supervised_at.as_ref().and_then(|socket| {
        let shown = Arc::clone(metrics);
        let served = Supervised { health: Arc::clone(&health), metrics: Box::new(move || shown.render()) };
        let listening = Listener::start(&ListenAddr::Unix(socket.clone()), served);
        // The supervisor knows less then, and the crawl goes on.
        listening
            .inspect_err(|error| tracing::warn!(socket = %socket.display(), %error, "the supervisor cannot ask this process"))
            .ok()
    });
    Ok(Watched { heartbeat, health, _listener: listener.transpose()?, _supervised: supervised })
}

fn heartbeat(settings: &CrawlSettings) -> Result<Arc<Heartbeat>, CrawlError> {
    let file = settings.heartbeat_file.clone();
    Heartbeat::start(file.clone())
        .map(Arc::new)
        .map_err(|source| CrawlError::HeartbeatFile { file: file.unwrap_or_default(), source })
}
