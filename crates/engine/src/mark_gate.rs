//! After an unclean end of a process, a download waits before it reads the body of its answer, until the page is marked in the
//! store. What waits for a site can't end the process. What reads a body can, because bodies take memory.
//!
//! The downloader does not know which request a body belongs to. But it reads the body in the task of that request, so a
//! task-local value can name the request.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dragline_core::suspects::MarkedPage;
use tokio::sync::{mpsc, oneshot};
use tokio::task_local;
use tokio::time::Instant;

task_local! {
    static MARKER: Marker;
}

/// Has the page of one task marked, once. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Marker {
    page: Arc<MarkedPage>,
    asks: mpsc::Sender<AskForMark>,
    has_asked: Arc<AtomicBool>,
}

/// A page that a download is about to take up. The download waits until the page is marked.
#[derive(Debug)]
pub(crate) struct AskForMark {
    pub(crate) page: MarkedPage,
    pub(crate) marked: oneshot::Sender<()>,
}

impl Marker {
    pub(crate) fn new(page: MarkedPage, asks: mpsc::Sender<AskForMark>) -> Self {
        Self { page: Arc::new(page), asks, has_asked: Arc::default() }
    }

    /// Runs `work`, whose page is marked when it comes to [`until_marked`].
    pub(crate) async fn watch<T>(self, work: impl Future<Output = T>) -> T {
        MARKER.scope(self, work).await
    }
}

/// Waits until the page of this task is marked, if it has to be. Returns how long that took.
///
/// # Cancel safety
/// Safe. A page that is marked and not taken up does no harm.
pub(crate) async fn until_marked() -> Duration {
    let Ok(marker) = MARKER.try_with(Clone::clone) else { return Duration::ZERO };
    if marker.has_asked.swap(true, Ordering::Relaxed) {
        return Duration::ZERO;
    }
    let begun = Instant::now();
    let (marked, answer) = oneshot::channel();
    let ask = AskForMark { page: MarkedPage::clone(&marker.page), marked };
    if marker.asks.send(ask).await.is_err() || answer.await.is_err() {
        // The scheduler has ended, and abandons this task.
        return pending().await;
    }
    begun.elapsed()
}
