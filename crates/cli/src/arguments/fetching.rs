//! How pages are fetched.

use std::time::Duration;

use clap::Args;
use dragline_core::TypePattern;
use dragline_engine::ClientSettings;

use crate::settings::parse::{bytes, count, duration, number};

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

    /// Time for connecting: name, TCP and TLS
    #[arg(long, env = "DRAGLINE_CONNECT_TIMEOUT", value_name = "TIME", value_parser = duration, default_value = "10s")]
    pub(crate) connect_timeout: Duration,

    /// Time from there until the headers of the answer have come
    #[arg(long, env = "DRAGLINE_FIRST_BYTE_TIMEOUT", value_name = "TIME", value_parser = duration, default_value = "60s")]
    pub(crate) first_byte_timeout: Duration,

    /// Time of silence within a body
    #[arg(long, env = "DRAGLINE_READ_TIMEOUT", value_name = "TIME", value_parser = duration, default_value = "30s")]
    pub(crate) read_timeout: Duration,

    /// Fewest bytes per second of a body, over each stretch of `--read-timeout`; 0 = no limit
    #[arg(long, env = "DRAGLINE_MIN_SPEED", value_name = "BYTES", value_parser = number::<u64>, default_value = "10")]
    pub(crate) min_speed: u64,

    /// Time for a whole request
    #[arg(long, env = "DRAGLINE_REQUEST_TIMEOUT", value_name = "TIME", value_parser = duration, default_value = "180s")]
    pub(crate) request_timeout: Duration,

    /// Largest body, decompressed
    #[arg(long, env = "DRAGLINE_MAX_BODY", value_name = "BYTES", value_parser = bytes, default_value = "64MiB")]
    pub(crate) max_body: usize,

    /// Most headers of an answer
    #[arg(long, env = "DRAGLINE_MAX_HEADERS", value_name = "N", value_parser = count, default_value = "256")]
    pub(crate) max_headers: usize,

    /// Largest headers of an answer, names and values, at most 400KiB
    #[arg(long, env = "DRAGLINE_MAX_HEADER_BYTES", value_name = "BYTES", value_parser = bytes, default_value = "256KiB")]
    pub(crate) max_header_bytes: usize,

    /// Types of pages that are read past their headers, separated by commas; `*/*` = all
    ///
    /// One `*` in a type stands for anything. A page of another type ends as `skipped`, and its connection is closed. A page
    /// without a type is judged by its first bytes. A spider may accept further types.
    #[arg(
        long,
        env = "DRAGLINE_ACCEPT_TYPES",
        value_name = "TYPES",
        value_delimiter = ',',
        default_value = "text/*,application/*xml,application/*json,application/*javascript"
    )]
    pub(crate) accept_types: Vec<TypePattern>,
}
