//! How fast each host is asked.

use clap::Args;

use crate::settings::parse::{count, rate};

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
}
