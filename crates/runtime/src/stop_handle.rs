//! Stops a crawl from outside of it.

use dragline_core::stop::{Stop, StopReason};

/// Stops a crawl, from any thread. Clones stop the same crawl. Dropping a handle stops nothing.
///
/// A crawl that was stopped is resumable: the next crawl with the same spider, arguments and store continues it.
#[derive(Clone, Debug)]
pub struct StopHandle(Stop);

impl StopHandle {
    pub(crate) fn new(stop: &Stop) -> Self {
        Self(stop.clone())
    }

    /// Asks for a graceful stop. The crawl claims no new request, finishes and stores what is in hand, and ends within its
    /// shutdown timeout. Returns at once.
    pub fn stop(&self) {
        self.0.request(StopReason::Requested);
    }

    /// Asks for a forced stop. The crawl gives up what it waits for; nothing that is stored is lost, and what is not stored
    /// is still queued. Returns at once.
    pub fn abandon(&self) {
        self.0.abandon(StopReason::Requested);
    }

    /// Whether a stop was asked for, by anybody.
    pub fn is_stopping(&self) -> bool {
        self.0.is_requested()
    }
}
