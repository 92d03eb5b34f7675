//! How much of the frontier is held in memory.

use crate::error::EngineError;
use crate::setting_check::at_least_one;

/// The limits on the window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowSettings {
    /// Requests held in memory. All others are only in the store.
    pub requests: usize,
    /// Requests of one host that are held in memory.
    pub per_host: usize,
}

impl Default for WindowSettings {
    fn default() -> Self {
        Self { requests: 10_000, per_host: 1_000 }
    }
}

impl WindowSettings {
    pub(crate) fn validate(&self) -> Result<(), EngineError> {
        at_least_one([("window_requests", self.requests), ("window_per_host", self.per_host)])
    }
}
