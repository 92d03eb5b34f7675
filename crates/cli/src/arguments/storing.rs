//! How outcomes are stored, and how long a crawl waits for the store.

use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};

use crate::parse::{bytes, count, duration, take_over_after};

/// The settings of the persistence pipeline and of the store.
#[derive(Debug, Args)]
#[command(next_help_heading = "Storing")]
pub(crate) struct Storing {
    /// Replace a NUL character in an item with U+FFFD, instead of making its page `dead`
    ///
    /// Text in Postgres can't contain a NUL. The items of a `dead` page become dead letters.
    #[arg(long, env = "DRAGLINE_REPLACE_NUL", value_name = "BOOL", action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = BoolishValueParser::new(), default_value = "false", hide_short_help = true)]
    pub(crate) replace_nul: bool,

    /// Rows at which a batch is full
    #[arg(long, env = "DRAGLINE_FLUSH_ROWS", value_name = "N", value_parser = count, default_value = "1000", hide_short_help = true)]
    pub(crate) flush_rows: usize,

    /// How large a batch may grow while it waits for a flush, as a multiple of --flush-rows; 1 = no growth
    ///
    /// A batch grows only while `--max-pending-flushes` flushes are pending. The crawl is then waiting for the
    /// store, and larger batches cost the store less. --flush-bytes still applies.
    #[arg(long, env = "DRAGLINE_FLUSH_GROWTH", value_name = "N", value_parser = count, default_value = "4", hide_short_help = true)]
    pub(crate) flush_growth: usize,

    /// Size at which a batch is full
    #[arg(long, env = "DRAGLINE_FLUSH_BYTES", value_name = "BYTES", value_parser = bytes, default_value = "8MiB", hide_short_help = true)]
    pub(crate) flush_bytes: usize,

    /// Age at which a batch is flushed even if it isn't full
    #[arg(long, env = "DRAGLINE_FLUSH_INTERVAL", value_name = "TIME", value_parser = duration, default_value = "1s", hide_short_help = true)]
    pub(crate) flush_interval: Duration,

    /// Flushes that may be pending at once; SQLite always has one
    #[arg(long, env = "DRAGLINE_MAX_PENDING_FLUSHES", value_name = "N", value_parser = count, default_value = "2", hide_short_help = true)]
    pub(crate) max_pending_flushes: usize,

    /// Stop with exit 1 if the store is away for longer than this; 0 = wait forever
    #[arg(long, env = "DRAGLINE_MAX_OUTAGE", value_name = "TIME", value_parser = duration, default_value = "0", hide_short_help = true)]
    pub(crate) max_outage: Duration,

    /// Time for each operation on the store during start-up
    #[arg(long, env = "DRAGLINE_OPERATION_TIMEOUT", value_name = "TIME", value_parser = duration, default_value = "5s", hide_short_help = true)]
    pub(crate) operation_timeout: Duration,

    /// Time for all operations on the store during start-up
    #[arg(long, env = "DRAGLINE_STARTUP_TIMEOUT", value_name = "TIME", value_parser = duration, default_value = "20s", hide_short_help = true)]
    pub(crate) startup_timeout: Duration,

    /// Take over a run whose process has sent no heartbeat for this long, at least `10s`; 0 = never
    ///
    /// The silent process still holds the run's lock. This flag is only for Postgres. With SQLite, the
    /// operating system frees the lock of a process that has ended.
    #[arg(long, env = "DRAGLINE_TAKE_OVER_AFTER", value_name = "TIME", value_parser = take_over_after, default_value = "60s", hide_short_help = true)]
    pub(crate) take_over_after: Duration,
}
