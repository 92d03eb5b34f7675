//! When to end a run.

use std::time::Duration;

use crate::error::EngineError;
use crate::setting_check::require;

/// The limits of a run; `None` means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LimitSettings {
    /// Pages in state `done`, including those of earlier processes. After that many, the run is finished.
    pub pages: Option<u64>,
    /// Rows of items. After that many, nothing more is claimed.
    pub items: Option<u64>,
    /// Duration of the crawl. After that, nothing more is claimed.
    pub duration: Option<Duration>,
    /// Share of pages (0 to 1) that may fail or die. Above it, nothing more is claimed.
    pub failed_share: Option<f64>,
}

impl LimitSettings {
    pub(crate) fn validate(&self) -> Result<(), EngineError> {
        let Some(share) = self.failed_share else { return Ok(()) };
        let possible = (0.0..=1.0).contains(&share);
        require(possible, "max_failed_share", &share, "it must be a number from 0 to 1")
    }
}
