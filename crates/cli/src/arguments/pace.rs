//! The rate of requests to each host.

use std::time::Duration;

use clap::{ArgAction, Args};

use crate::parse::{count, duration, factor, jitter, number, positive, rate};

/// The pace of a crawl.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pace")]
pub(crate) struct Pace {
    /// Requests in flight to each host
    #[arg(long, env = "DRAGLINE_HOST_CONCURRENCY", value_name = "N", value_parser = count, default_value = "2")]
    pub(crate) host_concurrency: usize,

    /// Requests per second to each host; 0 = no limit
    ///
    /// Fractions are allowed: 0.5 is one request in two seconds.
    #[arg(long, env = "DRAGLINE_RATE", value_name = "R", value_parser = rate, allow_negative_numbers = true, default_value = "2")]
    pub(crate) rate: f64,

    /// Send each request at a random moment within this share of its time slot, 0 to 0.5; the rate stays the
    /// same
    #[arg(long, env = "DRAGLINE_JITTER", value_name = "SHARE", value_parser = jitter, allow_negative_numbers = true, default_value = "0.5", hide_short_help = true)]
    pub(crate) jitter: f64,

    /// Longest gap that refusals and --autothrottle can cause
    #[arg(long, env = "DRAGLINE_MAX_DELAY", value_name = "TIME", value_parser = duration, default_value = "60s", hide_short_help = true)]
    pub(crate) max_delay: Duration,

    /// Factor by which a refusal (429, 503) lengthens the gaps of a host; 1 = not at all
    #[arg(long, env = "DRAGLINE_SLOW_DOWN", value_name = "FACTOR", value_parser = factor, default_value = "2", hide_short_help = true)]
    pub(crate) slow_down: f64,

    /// Number of good answers that double the rate of a slowed-down host
    #[arg(long, env = "DRAGLINE_RECOVERY", value_name = "N", value_parser = clap::value_parser!(u32).range(1..), default_value = "20", hide_short_help = true)]
    pub(crate) recovery: u32,

    /// Adapt the gaps to the time that each host takes to answer
    #[arg(long, env = "DRAGLINE_AUTOTHROTTLE", value_name = "BOOL", action = ArgAction::Set, default_value = "false", hide_short_help = true)]
    pub(crate) autothrottle: bool,

    /// The first gap with --autothrottle
    #[arg(long, env = "DRAGLINE_AUTOTHROTTLE_START_DELAY", value_name = "TIME", value_parser = duration, default_value = "5s", hide_short_help = true)]
    pub(crate) autothrottle_start_delay: Duration,

    /// Requests that --autothrottle aims to have in flight to each host
    #[arg(long, env = "DRAGLINE_AUTOTHROTTLE_CONCURRENCY", value_name = "N", value_parser = positive, default_value = "1", hide_short_help = true)]
    pub(crate) autothrottle_concurrency: f64,

    /// Pause a host after this many failed requests in a row; 0 = never
    #[arg(long, env = "DRAGLINE_HOST_FAILURES", value_name = "N", value_parser = number::<u32>, default_value = "5", hide_short_help = true)]
    pub(crate) host_failures: u32,

    /// Pause a host only if it has been failing for at least this long
    #[arg(long, env = "DRAGLINE_HOST_FAILING_FOR", value_name = "TIME", value_parser = duration, default_value = "5s", hide_short_help = true)]
    pub(crate) host_failing_for: Duration,

    /// How long to pause a failing host before trying it again with one request
    #[arg(long, env = "DRAGLINE_HOST_PAUSE", value_name = "TIME", value_parser = duration, default_value = "60s", hide_short_help = true)]
    pub(crate) host_pause: Duration,

    /// How long to pause a failing host in total before its requests fail (host-down); 0 = no limit
    #[arg(long, env = "DRAGLINE_MAX_HOST_PAUSE", value_name = "TIME", value_parser = duration, default_value = "30m", hide_short_help = true)]
    pub(crate) max_host_pause: Duration,
}
