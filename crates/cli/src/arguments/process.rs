//! The process itself: its threads, its memory, its end.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::settings::parse::{bytes, bytes_or_none, count, duration, health_max_age, shutdown_timeout};
use dragline_runtime::listen::ListenAddr;

/// The settings of the process.
#[derive(Debug, Args)]
#[command(next_help_heading = "Process")]
pub(crate) struct Process {
    /// Threads that parse [default: one per core]
    #[arg(long, env = "DRAGLINE_CRAWL_THREADS", value_name = "N", value_parser = count)]
    pub(crate) crawl_threads: Option<usize>,

    /// Time for the parse of one page; after it the page fails and its thread is replaced
    #[arg(long, env = "DRAGLINE_PARSE_TIMEOUT", value_name = "TIME", value_parser = duration, default_value = "300s")]
    pub(crate) parse_timeout: Duration,

    /// Memory for pages, outcomes and batches in hand [default: 256MiB, in a container at most a quarter of its limit]
    #[arg(long, env = "DRAGLINE_MEMORY_BUDGET", value_name = "BYTES", value_parser = bytes)]
    pub(crate) memory_budget: Option<usize>,

    /// Memory of the process above which fetching pauses, and where that does not help within 30 s the run stops with
    /// exit 75; 0 = no limit [default: 80 % of the container's limit, if there is one]
    #[arg(long, env = "DRAGLINE_MEMORY_LIMIT", value_name = "BYTES", value_parser = bytes_or_none)]
    pub(crate) memory_limit: Option<usize>,

    /// Time from a stop signal to the exit, at least `4s`
    #[arg(long, env = "SHUTDOWN_TIMEOUT_SECONDS", value_name = "TIME", value_parser = shutdown_timeout, default_value = "8s")]
    pub(crate) shutdown_timeout: Duration,

    /// Serve `/health`, `/ready`, `/status` and `/metrics` at this address [default: off; `0.0.0.0` in the image]
    ///
    /// Without a port, at that of the variable `PORT`, else 8080.
    #[arg(long, env = "DRAGLINE_LISTEN", value_name = "ADDR", value_parser = ListenAddr::parse)]
    pub(crate) listen: Option<ListenAddr>,

    /// Time without a sign of life from a loop, or in one parse, after which the crawl counts as stuck
    #[arg(long, env = "DRAGLINE_HEALTH_MAX_AGE", value_name = "TIME", value_parser = health_max_age, default_value = "60s")]
    pub(crate) health_max_age: Duration,

    /// File that the working loops write their heartbeat to, for `dragline healthcheck` [default: none; set in the image]
    #[arg(long, env = "DRAGLINE_HEARTBEAT_FILE", value_name = "FILE")]
    pub(crate) heartbeat_file: Option<PathBuf>,

    /// File that the crawl leaves its last metrics in when it ends, for the node exporter's textfile collector [default: none]
    ///
    /// Its name must end in `.prom` for that; each run needs one of its own.
    #[arg(long, env = "DRAGLINE_METRICS_TEXTFILE", value_name = "FILE")]
    pub(crate) metrics_textfile: Option<PathBuf>,
}
