//! The settings of the pace of each host.

use std::time::Duration;

use clap::{ArgAction, Args};
use dragline_flags::{Limit, count, duration, factor, jitter, limit, number, positive, rate, text};

use super::limiter::MAX_JITTER;
use super::overrides::HostOverride;
use crate::error::EngineError;
use crate::setting_check::{as_debugged, at_least_one, longer_than_zero, require};

/// The pace of each host.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(next_help_heading = "Pace")]
pub struct PaceSettings {
    /// Requests in flight to each host
    #[arg(long, env = "DRAGLINE_HOST_CONCURRENCY", value_name = "N", value_parser = count, default_value_t = Self::default().host_concurrency)]
    pub host_concurrency: usize,

    /// Requests per second to each host; 0 = no limit
    ///
    /// Fractions are allowed: 0.5 is one request in two seconds.
    #[arg(id = "rate", long = "rate", env = "DRAGLINE_RATE", value_name = "R", value_parser = limit(rate), allow_negative_numbers = true, default_value = text::limit(Self::default().rate_per_second, text::number))]
    pub rate_per_second: Limit<f64>,

    /// Send each request at a random moment within this share of its time slot, 0 to 0.5; the rate stays the
    /// same
    #[arg(long, env = "DRAGLINE_JITTER", value_name = "SHARE", value_parser = jitter, allow_negative_numbers = true, default_value_t = Self::default().jitter, hide_short_help = true)]
    pub jitter: f64,

    /// Longest gap that refusals and --autothrottle can cause
    #[arg(long, env = "DRAGLINE_MAX_DELAY", value_name = "TIME", value_parser = duration, default_value = text::duration(Self::default().max_delay), hide_short_help = true)]
    pub max_delay: Duration,

    /// Factor by which a refusal (429, 503) lengthens the gaps of a host; 1 = not at all
    #[arg(long, env = "DRAGLINE_SLOW_DOWN", value_name = "FACTOR", value_parser = factor, default_value_t = Self::default().slow_down, hide_short_help = true)]
    pub slow_down: f64,

    /// Number of good answers that double the rate of a slowed-down host
    #[arg(long, env = "DRAGLINE_RECOVERY", value_name = "N", value_parser = clap::value_parser!(u32).range(1..), default_value_t = Self::default().recovery, hide_short_help = true)]
    pub recovery: u32,

    /// Adapt the gaps to the time that each host takes to answer
    #[arg(long, env = "DRAGLINE_AUTOTHROTTLE", value_name = "BOOL", action = ArgAction::Set, default_value_t = Self::default().autothrottle, hide_short_help = true)]
    pub autothrottle: bool,

    /// The first gap with --autothrottle
    #[arg(long, env = "DRAGLINE_AUTOTHROTTLE_START_DELAY", value_name = "TIME", value_parser = duration, default_value = text::duration(Self::default().autothrottle_start_delay), hide_short_help = true)]
    pub autothrottle_start_delay: Duration,

    /// Requests that --autothrottle aims to have in flight to each host
    #[arg(long, env = "DRAGLINE_AUTOTHROTTLE_CONCURRENCY", value_name = "N", value_parser = positive, default_value_t = Self::default().autothrottle_concurrency, hide_short_help = true)]
    pub autothrottle_concurrency: f64,

    /// Pause a host after this many failed requests in a row; 0 = never
    #[arg(long, env = "DRAGLINE_HOST_FAILURES", value_name = "N", value_parser = limit(number::<u32>), default_value = text::limit(Self::default().host_failures, text::number), hide_short_help = true)]
    pub host_failures: Limit<u32>,

    /// Pause a host only if it has been failing for at least this long
    #[arg(long, env = "DRAGLINE_HOST_FAILING_FOR", value_name = "TIME", value_parser = duration, default_value = text::duration(Self::default().host_failing_for), hide_short_help = true)]
    pub host_failing_for: Duration,

    /// How long to pause a failing host before trying it again with one request
    #[arg(long, env = "DRAGLINE_HOST_PAUSE", value_name = "TIME", value_parser = duration, default_value = text::duration(Self::default().host_pause), hide_short_help = true)]
    pub host_pause: Duration,

    /// How long to pause a failing host in total before its requests fail (host-down); 0 = no limit
    #[arg(long, env = "DRAGLINE_MAX_HOST_PAUSE", value_name = "TIME", value_parser = limit(duration), default_value = text::limit(Self::default().max_host_pause, text::duration), hide_short_help = true)]
    pub max_host_pause: Limit<Duration>,

    /// Settings for single hosts. A settings file has a table for each.
    #[arg(skip)]
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
