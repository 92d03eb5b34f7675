//! How fast one host is asked.

use std::time::Duration;

use super::limiter::MAX_JITTER;
use super::overrides::HostOverride;
use crate::error::EngineError;
use crate::setting_check::{as_debugged, at_least_one, longer_than_zero, require};

/// The pace of each host.
#[derive(Clone, Debug, PartialEq)]
pub struct PaceSettings {
    /// Requests in flight at once to one host.
    pub host_concurrency: usize,
    /// Requests per second to one host, fractions allowed; `None` is no limit.
    pub rate_per_second: Option<f64>,
    /// The share of a gap between two requests that chance moves one by, up to a half: gaps are `1 - jitter` to
    /// `1 + jitter` times those of the rate, and on average the same.
    pub jitter: f64,
    /// The longest gap that refusals and `AutoThrottle` come to.
    pub max_delay: Duration,
    /// By this a refusal (429, 503) makes gaps longer; 1 is not at all.
    pub slow_down: f64,
    /// So many answers double the rate of a host that was slowed down.
    pub recovery: u32,
    /// Whether gaps follow the time that a host takes to answer.
    pub autothrottle: bool,
    /// The gap that this begins with.
    pub autothrottle_start_delay: Duration,
    /// Requests that are to be with a host at a time, on average.
    pub autothrottle_concurrency: f64,
    /// So many failures in a row have a host left alone; `None` is never.
    pub host_failures: Option<u32>,
    /// If they last at least so long.
    pub host_failing_for: Duration,
    /// Then it is left alone for so long, until one request tries whether it is back.
    pub host_pause: Duration,
    /// When it was left alone for so long, its requests fail; `None` is no limit.
    pub max_host_pause: Option<Duration>,
    /// What is set for single hosts.
    pub hosts: Vec<HostOverride>,
}

impl Default for PaceSettings {
    fn default() -> Self {
        Self {
            host_concurrency: 2,
            rate_per_second: Some(2.0),
            jitter: 0.5,
            max_delay: Duration::from_secs(60),
            slow_down: 2.0,
            recovery: 20,
            autothrottle: false,
            autothrottle_start_delay: Duration::from_secs(5),
            autothrottle_concurrency: 1.0,
            host_failures: Some(5),
            host_failing_for: Duration::from_secs(5),
            host_pause: Duration::from_secs(60),
            max_host_pause: Some(Duration::from_secs(30 * 60)),
            hosts: Vec::new(),
        }
    }
}

impl PaceSettings {
    pub(crate) fn validate(&self) -> Result<(), EngineError> {
        at_least_one([("host_concurrency", self.host_concurrency)])?;
        check_rate(self.rate_per_second)?;
        check_jitter(self.jitter)?;
        let factor = (1.0..=1000.0).contains(&self.slow_down);
        require(factor, "slow_down", &as_debugged(&self.slow_down), "it must be a number from 1 to 1000")?;
        let target = self.autothrottle_concurrency;
        let possible = (0.001..=1e6).contains(&target);
        let value = as_debugged(&target);
        require(possible, "autothrottle_concurrency", &value, "it must be a number between 0.001 and 1e6")?;
        longer_than_zero([("host_pause", self.host_pause)])?;
        for host in &self.hosts {
            at_least_one([("host_concurrency", host.concurrency.unwrap_or(1))])?;
            check_rate(host.rate_per_second.flatten())?;
            check_jitter(host.jitter.unwrap_or_default())?;
        }
        Ok(())
    }
}

fn check_rate(rate: Option<f64>) -> Result<(), EngineError> {
    let Some(rate) = rate else { return Ok(()) };
    // The lower bound is one request in a day: below it a period overflows before anybody notices.
    let possible = rate.is_finite() && (1.0 / 86_400.0..=1e9).contains(&rate);
    let value = as_debugged(&rate);
    require(possible, "rate_per_second", &value, "it must be a number between 1/86400 and 1e9")
}

fn check_jitter(jitter: f64) -> Result<(), EngineError> {
    let possible = (0.0..=MAX_JITTER).contains(&jitter);
    require(possible, "jitter", &as_debugged(&jitter), "it must be a number from 0 to 0.5")
}
