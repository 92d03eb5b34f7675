//! The page of a run, at the same address as the endpoints of its crawl. The crawl itself says what the store does not know.

use std::sync::Arc;

use dragline_board::{Board, BoardParts, KnownSpider, Live, LiveHost, LiveRun, NoPlan};
use dragline_core::Spider;
use dragline_core::store::BoxFuture;
use dragline_engine::BusyHost;
use dragline_store::StoreSettings;
use tracing::subscriber::NoSubscriber;

use crate::error::CrawlError;
use crate::health::Health;
use crate::settings::CrawlSettings;

/// Sessions of the page. A second one shows the list while a large run is read.
const SESSIONS: usize = 2;

/// The board of a crawl. It connects to the store when somebody opens a page.
pub(crate) fn board(
    spider: &dyn Spider,
    settings: &CrawlSettings,
    health: &Arc<Health>,
) -> Result<Board, CrawlError> {
    let own =
        StoreSettings { connections: SESSIONS, take_over_after: None, ..settings.store_settings.clone() };
    // The crawl opens the same store, and warns about it.
    let store = tracing::subscriber::with_default(NoSubscriber::default(), || {
        dragline_store::open_schedules(&settings.store.0, &own)
    });
    Ok(Board::new(BoardParts {
        store: store.map_err(|error| CrawlError::StoreUrl(error.into()))?,
        spiders: vec![KnownSpider { name: spider.name().to_owned(), items: spider.items() }],
        // A crawl knows only its own run.
        plan: Arc::new(NoPlan),
        live: Arc::new(OwnCrawl(Arc::clone(health))),
        controls: None,
        log_dir: settings.log_dir.clone(),
        hosts: settings.listen_hosts.clone(),
    }))
}

/// The crawl of this process.
struct OwnCrawl(Arc<Health>);

impl Live for OwnCrawl {
    fn of_run(&self, run_id: i64) -> BoxFuture<'_, Option<LiveRun>> {
        let live = live_run(&self.0).filter(|live| live.status["run_id"].as_i64() == Some(run_id));
        Box::pin(std::future::ready(live))
    }
}

/// What the crawl says now. `None` before its run is open.
pub(crate) fn live_run(health: &Health) -> Option<LiveRun> {
    let hosts = health.busy_hosts()?;
    Some(LiveRun {
        status: health.status(&health.verdict()),
        hosts: hosts.busiest.iter().map(host).collect(),
        other_hosts: hosts.others as u64,
        age_seconds: 0.0,
    })
}

fn host(host: &BusyHost) -> LiveHost {
    LiveHost {
        host: host.name.to_string(),
        in_flight: host.in_flight as u64,
        slots: host.slots as u64,
        queued: host.queued,
        pace_seconds: host.pace.as_secs_f64(),
        rests_seconds: host.rests_for.map(|(rest, _)| rest.as_secs_f64()),
        rests_because: host.rests_for.map(|(_, why)| why.as_str().to_owned()),
    }
}
