//! How fast one host is asked.

use super::check::{as_debugged, at_least_one, require};
use crate::error::EngineError;

/// The pace of each host.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PaceSettings {
    /// Requests in flight at once to one host.
    pub host_concurrency: usize,
    /// Requests per second to one host, fractions allowed; `None` is no limit.
    pub rate_per_second: Option<f64>,
}

impl Default for PaceSettings {
    fn default() -> Self {
        Self { host_concurrency: 2, rate_per_second: Some(2.0) }
    }
}

impl PaceSettings {
    pub(super) fn validate(&self) -> Result<(), EngineError> {
        at_least_one([("host_concurrency", self.host_concurrency)])?;
        let Some(rate) = self.rate_per_second else { return Ok(()) };
        // The lower bound is one request in a day: below it a period overflows before anybody notices.
        let possible = rate.is_finite() && (1.0 / 86_400.0..=1e9).contains(&rate);
        let value = as_debugged(&rate);
        require(possible, "rate_per_second", &value, "it must be a number between 1/86400 and 1e9")
    }
}
