//! The settings of the pace of each host.

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
    /// Requests per second to one host, which may be a fraction; `None` means no limit.
    pub rate_per_second: Option<f64>,
    /// How much chance varies the gap between two requests, as a share of the gap from 0 to 0.5. A gap has `1 - jitter` to
    /// `1 + jitter` times its normal length. The average stays the same.
    pub jitter: f64,
    /// The longest gap that refusals and `AutoThrottle` can lead to.
    pub max_delay: Duration,
    /// The factor by which a refusal (429, 503) makes gaps longer; 1 turns this off.
    pub slow_down: f64,
    /// After this many answers, a host that was slowed down has double the rate.
    pub recovery: u32,
    /// Whether gaps depend on how long the host takes to answer.
    pub autothrottle: bool,
    /// The first gap of `AutoThrottle`.
    pub autothrottle_start_delay: Duration,
    /// The average number of requests that `AutoThrottle` keeps in flight to a host.
    pub autothrottle_concurrency: f64,
    /// After this many failures in a row, the host is paused; `None` means never.
    pub host_failures: Option<u32>,
    /// The failures must also last at least this long.
    pub host_failing_for: Duration,
    /// How long a pause lasts. Then one request tries the host again.
    pub host_pause: Duration,
    /// After this time in pauses, the requests of the host fail; `None` means no limit.
    pub max_host_pause: Option<Duration>,
    /// Settings for single hosts.
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
    // The lowest rate is one request per day. A period must not overflow.
    let possible = rate.is_finite() && (1.0 / 86_400.0..=1e9).contains(&rate);
    let value = as_debugged(&rate);
    require(possible, "rate_per_second", &value, "it must be a number between 1/86400 and 1e9")
}

fn check_jitter(jitter: f64) -> Result<(), EngineError> {
    let possible = (0.0..=MAX_JITTER).contains(&jitter);
    require(possible, "jitter", &as_debugged(&jitter), "it must be a number from 0 to 0.5")
}
