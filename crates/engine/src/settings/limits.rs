//! Until when a run is crawled.

use std::time::Duration;

use crate::error::EngineError;
use crate::setting_check::require;

/// The limits of a run; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LimitSettings {
    /// Pages in state `done` after which the run is finished, those of earlier processes included.
    pub pages: Option<u64>,
    /// Item rows after which nothing more is claimed.
    pub items: Option<u64>,
    /// Time after which nothing more is claimed.
    pub duration: Option<Duration>,
    /// Share of pages (0 to 1) that may fail or die; above it nothing more is claimed.
    pub failed_share: Option<f64>,
}

impl LimitSettings {
    pub(crate) fn validate(&self) -> Result<(), EngineError> {
        let Some(share) = self.failed_share else { return Ok(()) };
        let possible = (0.0..=1.0).contains(&share);
        require(possible, "max_failed_share", &share, "it must be a number from 0 to 1")
    }
}
