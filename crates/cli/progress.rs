//! A line in the log every few seconds: how far the crawl is.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use dragline_core::worker::Worker;
use dragline_engine::CrawlStats;
use tracing::info;

const EVERY: Duration = Duration::from_secs(10);

/// Dropping it ends the lines.
pub(crate) struct Progress {
    _end: Sender<()>,
    _thread: Worker<()>,
}

/// Reports from now on.
pub(crate) fn start(stats: Arc<CrawlStats>) -> io::Result<Progress> {
    let (end, ended) = bounded::<()>(0);
    let thread = Worker::spawn("progress", move || {
        let (mut before, mut since) = (stats.snapshot(), Instant::now());
        while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
            let now = stats.snapshot();
            let seconds = since.elapsed().as_secs_f64();
            since = Instant::now();
            // Rates are for people: the precision that a float loses does not matter.
            #[allow(clippy::cast_precision_loss)]
            let pages_per_second = (now.pages_fetched - before.pages_fetched) as f64 / seconds;
            info!(
                fetched = now.pages_fetched,
                pages_per_second = format!("{pages_per_second:.1}"),
                items = now.items_kept,
                in_flight = now.in_flight,
                window = now.window_requests,
                waiting_hosts = now.waiting_hosts,
                retries = now.retries,
                "crawling"
            );
            before = now;
        }
    })?;
    Ok(Progress { _end: end, _thread: thread })
}
