//! How outcomes are stored, and how long the store is waited for.

use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};

use crate::settings::parse::{bytes, count, duration, take_over_after};

/// The settings of the persistence pipeline and of the store.
#[derive(Debug, Args)]
#[command(next_help_heading = "Storing")]
pub(crate) struct Storing {
    /// Store U+FFFD where an item has a NUL character, instead of making its page `dead`
    ///
    /// No Postgres text can hold a NUL. A page that is `dead` keeps its items as dead letters.
    #[arg(long, env = "DRAGLINE_REPLACE_NUL", value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new(), default_value = "false")]
    pub(crate) replace_nul: bool,

    /// Rows that fill a batch
    #[arg(long, env = "DRAGLINE_FLUSH_ROWS", value_name = "N", value_parser = count, default_value = "1000")]
    pub(crate) flush_rows: usize,

    /// How many times its rows a batch may grow while no flush can take it; 1 = not at all
    ///
    /// Only while as many flushes are pending as may be: then the store is what the crawl waits for, and larger batches cost
    /// it less. Bytes stay within --flush-bytes.
    #[arg(long, env = "DRAGLINE_FLUSH_GROWTH", value_name = "N", value_parser = count, default_value = "4")]
    pub(crate) flush_growth: usize,

    /// Bytes that fill a batch
    #[arg(long, env = "DRAGLINE_FLUSH_BYTES", value_name = "BYTES", value_parser = bytes, default_value = "8MiB")]
    pub(crate) flush_bytes: usize,

    /// Age at which a batch is flushed though it is not full
    #[arg(long, env = "DRAGLINE_FLUSH_INTERVAL", value_name = "TIME", value_parser = duration, default_value = "1s")]
    pub(crate) flush_interval: Duration,

    /// Flushes that may be pending at once; SQLite has one
    #[arg(long, env = "DRAGLINE_MAX_PENDING_FLUSHES", value_name = "N", value_parser = count, default_value = "2")]
    pub(crate) max_pending_flushes: usize,

    /// End the run when the store is away for longer; 0 = wait for ever
    #[arg(long, env = "DRAGLINE_MAX_OUTAGE", value_name = "TIME", value_parser = duration, default_value = "0")]
    pub(crate) max_outage: Duration,

    /// Time for each start-up operation on the store
    #[arg(long, env = "DRAGLINE_OPERATION_TIMEOUT", value_name = "TIME", value_parser = duration, default_value = "5s")]
    pub(crate) operation_timeout: Duration,

    /// Time for the whole start-up on the store
    #[arg(long, env = "DRAGLINE_STARTUP_TIMEOUT", value_name = "TIME", value_parser = duration, default_value = "20s")]
    pub(crate) startup_timeout: Duration,

    /// Take over a run whose process gave no sign of life for so long, at least `10s`; 0 = never
    ///
    /// Such a process still holds the run's lock. Postgres alone: of a SQLite file the operating system knows who is gone.
    #[arg(long, env = "DRAGLINE_TAKE_OVER_AFTER", value_name = "TIME", value_parser = take_over_after, default_value = "60s")]
    pub(crate) take_over_after: Duration,
}
