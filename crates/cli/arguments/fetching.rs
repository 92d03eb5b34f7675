//! How pages are fetched, and how polite that is.

use std::time::Duration;

use clap::{ArgAction, Args};
use dragline_engine::EngineSettings;

use crate::settings::parse::{bytes, count, duration, rate};

/// The settings of scheduler and downloader.
#[derive(Debug, Args)]
#[command(next_help_heading = "Fetching")]
pub(crate) struct Fetching {
    /// Requests in flight, over all hosts
    #[arg(long, env = "DRAGLINE_CONCURRENCY", value_name = "N", value_parser = count, default_value = "32")]
    pub(crate) concurrency: usize,

    /// Requests in flight per host
    #[arg(long, env = "DRAGLINE_HOST_CONCURRENCY", value_name = "N", value_parser = count, default_value = "2")]
    pub(crate) host_concurrency: usize,

    /// Requests per second and host, fractions allowed; 0 = no limit
    #[arg(long, env = "DRAGLINE_RATE", value_name = "R", value_parser = rate, allow_negative_numbers = true, default_value = "2")]
    pub(crate) rate: f64,

    /// Whether robots.txt is obeyed
    #[arg(long, env = "DRAGLINE_ROBOTS", value_name = "BOOL", action = ArgAction::Set, default_value = "true")]
    pub(crate) robots: bool,

    /// The User-Agent header
    #[arg(long, env = "DRAGLINE_USER_AGENT", value_name = "TEXT", default_value = EngineSettings::default().user_agent)]
    pub(crate) user_agent: String,

    /// Further attempts after a failed one
    #[arg(long, env = "DRAGLINE_RETRIES", value_name = "N", default_value = "3")]
    pub(crate) retries: u32,

    /// Time for connecting
    #[arg(long, env = "DRAGLINE_CONNECT_TIMEOUT", value_name = "TIME", value_parser = duration, default_value = "10s")]
    pub(crate) connect_timeout: Duration,

    /// Time for a whole request
    #[arg(long, env = "DRAGLINE_REQUEST_TIMEOUT", value_name = "TIME", value_parser = duration, default_value = "180s")]
    pub(crate) request_timeout: Duration,

    /// Largest body, decompressed
    #[arg(long, env = "DRAGLINE_MAX_BODY", value_name = "BYTES", value_parser = bytes, default_value = "64MiB")]
    pub(crate) max_body: usize,
}
