//! How fast each host is asked.

use std::time::Duration;

use clap::{ArgAction, Args};

use crate::settings::parse::{count, duration, factor, jitter, number, positive, rate};

/// The pace of a crawl.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pace")]
pub(crate) struct Pace {
    /// Requests in flight per host
    #[arg(long, env = "DRAGLINE_HOST_CONCURRENCY", value_name = "N", value_parser = count, default_value = "2")]
    pub(crate) host_concurrency: usize,

    /// Requests per second and host, fractions allowed; 0 = no limit
    #[arg(long, env = "DRAGLINE_RATE", value_name = "R", value_parser = rate, allow_negative_numbers = true, default_value = "2")]
    pub(crate) rate: f64,

    /// Share of a gap that chance moves a request by, 0 to 0.5; the rate stays the same
    #[arg(long, env = "DRAGLINE_JITTER", value_name = "SHARE", value_parser = jitter, allow_negative_numbers = true, default_value = "0.5")]
    pub(crate) jitter: f64,

    /// Longest gap that refusals and --autothrottle come to
    #[arg(long, env = "DRAGLINE_MAX_DELAY", value_name = "TIME", value_parser = duration, default_value = "60s")]
    pub(crate) max_delay: Duration,

    /// By this a refusal (429, 503) makes gaps longer; 1 = not at all
    #[arg(long, env = "DRAGLINE_SLOW_DOWN", value_name = "FACTOR", value_parser = factor, default_value = "2")]
    pub(crate) slow_down: f64,

    /// So many answers double the rate of a host that was slowed down
    #[arg(long, env = "DRAGLINE_RECOVERY", value_name = "N", value_parser = clap::value_parser!(u32).range(1..), default_value = "20")]
    pub(crate) recovery: u32,

    /// Whether gaps follow the time that a host takes to answer
    #[arg(long, env = "DRAGLINE_AUTOTHROTTLE", value_name = "BOOL", action = ArgAction::Set, default_value = "false")]
    pub(crate) autothrottle: bool,

    /// The gap that --autothrottle begins with
    #[arg(long, env = "DRAGLINE_AUTOTHROTTLE_START_DELAY", value_name = "TIME", value_parser = duration, default_value = "5s")]
    pub(crate) autothrottle_start_delay: Duration,

    /// Requests that --autothrottle wants to be with a host at a time
    #[arg(long, env = "DRAGLINE_AUTOTHROTTLE_CONCURRENCY", value_name = "N", value_parser = positive, default_value = "1")]
    pub(crate) autothrottle_concurrency: f64,

    /// So many requests in a row that failed have a host left alone; 0 = never
    #[arg(long, env = "DRAGLINE_HOST_FAILURES", value_name = "N", value_parser = number::<u32>, default_value = "5")]
    pub(crate) host_failures: u32,

    /// If it failed for at least so long
    #[arg(long, env = "DRAGLINE_HOST_FAILING_FOR", value_name = "TIME", value_parser = duration, default_value = "5s")]
    pub(crate) host_failing_for: Duration,

    /// Then for so long, until one request tries whether it is back
    #[arg(long, env = "DRAGLINE_HOST_PAUSE", value_name = "TIME", value_parser = duration, default_value = "60s")]
    pub(crate) host_pause: Duration,

    /// Left alone for so long, a host's requests fail (host-down); 0 = no limit
    #[arg(long, env = "DRAGLINE_MAX_HOST_PAUSE", value_name = "TIME", value_parser = duration, default_value = "30m")]
    pub(crate) max_host_pause: Duration,
}
