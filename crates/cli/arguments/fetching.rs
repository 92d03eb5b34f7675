//! How pages are fetched.

use std::time::Duration;

use clap::Args;
use dragline_engine::ClientSettings;

use crate::settings::parse::{bytes, count, duration};

/// The settings of the downloader.
#[derive(Debug, Args)]
#[command(next_help_heading = "Fetching")]
pub(crate) struct Fetching {
    /// Requests in flight, over all hosts
    #[arg(long, env = "DRAGLINE_CONCURRENCY", value_name = "N", value_parser = count, default_value = "32")]
    pub(crate) concurrency: usize,

    /// The User-Agent header
    #[arg(long, env = "DRAGLINE_USER_AGENT", value_name = "TEXT", default_value = ClientSettings::default().user_agent)]
    pub(crate) user_agent: String,

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
