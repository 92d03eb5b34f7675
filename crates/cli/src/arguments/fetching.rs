//! How pages are fetched.

use std::time::Duration;

use clap::Args;
use dragline_core::TypePattern;
use dragline_engine::ClientSettings;

use crate::parse::{bytes, count, duration, number};

/// The settings of the downloader.
#[derive(Debug, Args)]
#[command(next_help_heading = "Fetching")]
pub(crate) struct Fetching {
    /// Requests in flight to all hosts together
    #[arg(long, env = "DRAGLINE_CONCURRENCY", value_name = "N", value_parser = count, default_value = "32")]
    pub(crate) concurrency: usize,

    /// The User-Agent header
    ///
    /// It should say who you are.
    #[arg(long, env = "DRAGLINE_USER_AGENT", value_name = "TEXT", default_value = ClientSettings::default().user_agent)]
    pub(crate) user_agent: String,

    /// Time to connect, including DNS and TLS
    #[arg(long, env = "DRAGLINE_CONNECT_TIMEOUT", value_name = "TIME", value_parser = duration, default_value = "10s", hide_short_help = true)]
    pub(crate) connect_timeout: Duration,

    /// Time from the connection to complete headers
    #[arg(long, env = "DRAGLINE_FIRST_BYTE_TIMEOUT", value_name = "TIME", value_parser = duration, default_value = "60s", hide_short_help = true)]
    pub(crate) first_byte_timeout: Duration,

    /// Longest silence within a body
    #[arg(long, env = "DRAGLINE_READ_TIMEOUT", value_name = "TIME", value_parser = duration, default_value = "30s", hide_short_help = true)]
    pub(crate) read_timeout: Duration,

    /// Lowest speed of a body in bytes per second, measured over each `--read-timeout`; 0 = no limit
    #[arg(long, env = "DRAGLINE_MIN_SPEED", value_name = "BYTES", value_parser = number::<u64>, default_value = "10", hide_short_help = true)]
    pub(crate) min_speed: u64,

    /// Time for a whole request
    #[arg(long, env = "DRAGLINE_REQUEST_TIMEOUT", value_name = "TIME", value_parser = duration, default_value = "180s", hide_short_help = true)]
    pub(crate) request_timeout: Duration,

    /// Largest body after decompression
    #[arg(long, env = "DRAGLINE_MAX_BODY", value_name = "BYTES", value_parser = bytes, default_value = "64MiB", hide_short_help = true)]
    pub(crate) max_body: usize,

    /// Largest number of headers in an answer
    #[arg(long, env = "DRAGLINE_MAX_HEADERS", value_name = "N", value_parser = count, default_value = "256", hide_short_help = true)]
    pub(crate) max_headers: usize,

    /// Largest size of all headers in an answer, at most 400KiB
    #[arg(long, env = "DRAGLINE_MAX_HEADER_BYTES", value_name = "BYTES", value_parser = bytes, default_value = "256KiB", hide_short_help = true)]
    pub(crate) max_header_bytes: usize,

    /// Types of pages to read, separated by commas; `*/*` = all
    ///
    /// A `*` in a type stands for anything. If a page has another type, Dragline reads only its headers, closes
    /// the connection and skips the page. If a page has no type, its first bytes decide. A spider can accept
    /// more types.
    #[arg(
        long,
        env = "DRAGLINE_ACCEPT_TYPES",
        value_name = "TYPES",
        value_delimiter = ',',
        default_value = "text/*,application/*xml,application/*json,application/*javascript",
        hide_short_help = true
    )]
    pub(crate) accept_types: Vec<TypePattern>,
}
