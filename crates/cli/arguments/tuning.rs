//! How a run is crawled: settings that the file knows as well, and the headings of their help.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::FalseyValueParser;

use crate::listen::ListenAddr;
use crate::settings::parse::{bytes, duration, rate, share};

pub(super) const LIMITS: &str = "Limits";
pub(super) const RUN: &str = "Run";
const FETCHING: &str = "Fetching";
const STORING: &str = "Storing";
const PROCESS: &str = "Process";

/// Settings that the file knows as well.
#[derive(Clone, Debug, Default, Args, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Tuning {
    /// Requests in flight, over all hosts [default: 32]
    #[arg(long, env = "DRAGLINE_CONCURRENCY", value_name = "N", help_heading = FETCHING)]
    pub(crate) concurrency: Option<usize>,

    /// Requests in flight per host [default: 2]
    #[arg(long, env = "DRAGLINE_HOST_CONCURRENCY", value_name = "N", help_heading = FETCHING)]
    pub(crate) host_concurrency: Option<usize>,

    /// Requests per second and host, fractions allowed; 0 = no limit [default: 2]
    #[arg(long, env = "DRAGLINE_RATE", value_name = "R", value_parser = rate, allow_negative_numbers = true, help_heading = FETCHING)]
    pub(crate) rate: Option<f64>,

    /// Whether robots.txt is obeyed [default: true]
    #[arg(long, env = "DRAGLINE_ROBOTS", value_name = "BOOL", help_heading = FETCHING)]
    pub(crate) robots: Option<bool>,

    /// The User-Agent header
    #[arg(long, env = "DRAGLINE_USER_AGENT", value_name = "TEXT", help_heading = FETCHING)]
    pub(crate) user_agent: Option<String>,

    /// Further attempts after a failed one [default: 3]
    #[arg(long, env = "DRAGLINE_RETRIES", value_name = "N", help_heading = FETCHING)]
    pub(crate) retries: Option<u32>,

    /// Time for connecting [default: 10s]
    #[arg(long, env = "DRAGLINE_CONNECT_TIMEOUT", value_name = "TIME", value_parser = duration, help_heading = FETCHING)]
    #[serde(deserialize_with = "crate::settings::parse::duration_in_file")]
    pub(crate) connect_timeout: Option<Duration>,

    /// Time for a whole request [default: 180s]
    #[arg(long, env = "DRAGLINE_REQUEST_TIMEOUT", value_name = "TIME", value_parser = duration, help_heading = FETCHING)]
    #[serde(deserialize_with = "crate::settings::parse::duration_in_file")]
    pub(crate) request_timeout: Option<Duration>,

    /// Largest body, decompressed [default: 64MiB]
    #[arg(long, env = "DRAGLINE_MAX_BODY", value_name = "BYTES", value_parser = bytes, help_heading = FETCHING)]
    #[serde(deserialize_with = "crate::settings::parse::bytes_in_file")]
    pub(crate) max_body: Option<usize>,

    /// Threads that parse [default: one per core]
    #[arg(long, env = "DRAGLINE_CRAWL_THREADS", value_name = "N", help_heading = PROCESS)]
    pub(crate) crawl_threads: Option<usize>,

    /// Time for the parse of one page; after it the page fails and its thread is replaced [default: 300s]
    #[arg(long, env = "DRAGLINE_PARSE_TIMEOUT", value_name = "TIME", value_parser = duration, help_heading = PROCESS)]
    #[serde(deserialize_with = "crate::settings::parse::duration_in_file")]
    pub(crate) parse_timeout: Option<Duration>,

    /// Memory for pages, outcomes and batches in hand [default: 256MiB]
    #[arg(long, env = "DRAGLINE_MEMORY_BUDGET", value_name = "BYTES", value_parser = bytes, help_heading = PROCESS)]
    #[serde(deserialize_with = "crate::settings::parse::bytes_in_file")]
    pub(crate) memory_budget: Option<usize>,

    /// Stop with exit 1 once a larger share of the pages failed or died, such as 0.25; judged from 20 pages on
    /// and at the end [default: off]
    #[arg(long, env = "DRAGLINE_MAX_FAILED_SHARE", value_name = "SHARE", value_parser = share, allow_negative_numbers = true, help_heading = LIMITS)]
    pub(crate) max_failed_share: Option<f64>,

    /// Store U+FFFD where an item has a NUL character, instead of making its page dead [default: false]
    #[arg(long, env = "DRAGLINE_REPLACE_NUL", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = FalseyValueParser::new(), help_heading = STORING)]
    pub(crate) replace_nul: Option<bool>,

    /// Rows in a batch [default: 1000]
    #[arg(long, env = "DRAGLINE_FLUSH_ROWS", value_name = "N", help_heading = STORING)]
    pub(crate) flush_rows: Option<usize>,

    /// Bytes in a batch [default: 8MiB]
    #[arg(long, env = "DRAGLINE_FLUSH_BYTES", value_name = "BYTES", value_parser = bytes, help_heading = STORING)]
    #[serde(deserialize_with = "crate::settings::parse::bytes_in_file")]
    pub(crate) flush_bytes: Option<usize>,

    /// Age at which a batch is flushed [default: 1s]
    #[arg(long, env = "DRAGLINE_FLUSH_INTERVAL", value_name = "TIME", value_parser = duration, help_heading = STORING)]
    #[serde(deserialize_with = "crate::settings::parse::duration_in_file")]
    pub(crate) flush_interval: Option<Duration>,

    /// Flushes that may be pending at once [default: 2]
    #[arg(long, env = "DRAGLINE_MAX_PENDING_FLUSHES", value_name = "N", help_heading = STORING)]
    pub(crate) max_pending_flushes: Option<usize>,

    /// End the run when the store is away for longer; 0 = wait for ever [default: 0]
    #[arg(long, env = "DRAGLINE_MAX_OUTAGE", value_name = "TIME", value_parser = duration, help_heading = STORING)]
    #[serde(deserialize_with = "crate::settings::parse::duration_in_file")]
    pub(crate) max_outage: Option<Duration>,

    /// Time for each start-up operation on the store [default: 5s]
    #[arg(long, env = "DRAGLINE_OPERATION_TIMEOUT", value_name = "TIME", value_parser = duration, help_heading = STORING)]
    #[serde(deserialize_with = "crate::settings::parse::duration_in_file")]
    pub(crate) operation_timeout: Option<Duration>,

    /// Time for the whole start-up on the store [default: 20s]
    #[arg(long, env = "DRAGLINE_STARTUP_TIMEOUT", value_name = "TIME", value_parser = duration, help_heading = STORING)]
    #[serde(deserialize_with = "crate::settings::parse::duration_in_file")]
    pub(crate) startup_timeout: Option<Duration>,

    /// Take over a run whose process gave no sign of life for so long, at least 10s; 0 = never [default: 60s]
    #[arg(long, env = "DRAGLINE_TAKE_OVER_AFTER", value_name = "TIME", value_parser = duration, help_heading = STORING)]
    #[serde(deserialize_with = "crate::settings::parse::duration_in_file")]
    pub(crate) take_over_after: Option<Duration>,

    /// Time from a stop signal to the exit, at least 4s [default: 8s]
    #[arg(long, env = "SHUTDOWN_TIMEOUT_SECONDS", value_name = "TIME", value_parser = duration, help_heading = PROCESS)]
    #[serde(deserialize_with = "crate::settings::parse::duration_in_file")]
    pub(crate) shutdown_timeout: Option<Duration>,

    /// Serve /health, /ready, /status and /metrics at this address; without a port at that of the variable PORT,
    /// else 8080 [default: off]
    #[arg(long, env = "DRAGLINE_LISTEN", value_name = "ADDR", value_parser = ListenAddr::parse, help_heading = PROCESS)]
    #[serde(deserialize_with = "crate::settings::parse::address_in_file")]
    pub(crate) listen: Option<ListenAddr>,

    /// Time without a sign of life, or in one parse, after which the crawl counts as stuck [default: 60s]
    #[arg(long, env = "DRAGLINE_HEALTH_MAX_AGE", value_name = "TIME", value_parser = duration, help_heading = PROCESS)]
    #[serde(deserialize_with = "crate::settings::parse::duration_in_file")]
    pub(crate) health_max_age: Option<Duration>,

    /// File that the working loops write their heartbeat to, for `dragline healthcheck`
    #[arg(long, env = "DRAGLINE_HEARTBEAT_FILE", value_name = "FILE", help_heading = PROCESS)]
    pub(crate) heartbeat_file: Option<PathBuf>,
}
