//! The limits of the persistence thread: every wait, batch, queue and retry has one here.

use std::time::Duration;

use clap::Args;
use dragline_core::back_off::BackOff;
use dragline_flags::{Limit, bytes, count, duration, limit, text};

/// The limits of the persistence thread. `Default` gives the values that the design names.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(next_help_heading = "Storing")]
pub struct PersistenceSettings {
    /// Rows at which a batch is full
    #[arg(long, env = "DRAGLINE_FLUSH_ROWS", value_name = "N", value_parser = count, default_value_t = Self::default().flush_rows, hide_short_help = true)]
    pub flush_rows: usize,

    /// How large a batch may grow while it waits for a flush, as a multiple of --flush-rows; 1 = no growth
    ///
    /// A batch grows only while `--max-pending-flushes` flushes are pending. The crawl is then waiting for the
    /// store, and larger batches cost the store less. --flush-bytes still applies.
    #[arg(long, env = "DRAGLINE_FLUSH_GROWTH", value_name = "N", value_parser = count, default_value_t = Self::default().flush_growth, hide_short_help = true)]
    pub flush_growth: usize,

    /// Size at which a batch is full
    #[arg(long, env = "DRAGLINE_FLUSH_BYTES", value_name = "BYTES", value_parser = bytes, default_value = text::bytes(Self::default().flush_bytes), hide_short_help = true)]
    pub flush_bytes: usize,

    /// Age at which a batch is flushed even if it isn't full
    #[arg(long, env = "DRAGLINE_FLUSH_INTERVAL", value_name = "TIME", value_parser = duration, default_value = text::duration(Self::default().flush_interval), hide_short_help = true)]
    pub flush_interval: Duration,

    /// Flushes that may be pending at once; SQLite always has one
    #[arg(long, env = "DRAGLINE_MAX_PENDING_FLUSHES", value_name = "N", value_parser = count, default_value_t = Self::default().max_pending_flushes, hide_short_help = true)]
    pub max_pending_flushes: usize,

    /// Stop with exit 1 if the store is away for longer than this; 0 = wait forever
    #[arg(long, env = "DRAGLINE_MAX_OUTAGE", value_name = "TIME", value_parser = limit(duration), default_value = text::limit(Self::default().max_outage, text::duration), hide_short_help = true)]
    pub max_outage: Limit<Duration>,

    /// Time for each operation on the store during start-up
    #[arg(long, env = "DRAGLINE_OPERATION_TIMEOUT", value_name = "TIME", value_parser = duration, default_value = text::duration(Self::default().operation_timeout), hide_short_help = true)]
    pub operation_timeout: Duration,

    /// Time for all operations on the store during start-up
    #[arg(long, env = "DRAGLINE_STARTUP_TIMEOUT", value_name = "TIME", value_parser = duration, default_value = text::duration(Self::default().startup_timeout), hide_short_help = true)]
    pub startup_timeout: Duration,

    /// How long to try for the run's lock. This is added to the operation's limit, so that the error names the holder of
    /// the lock and not a timeout.
    #[arg(skip = Self::default().lock_patience)]
    pub lock_patience: Duration,

    /// How many outcomes may wait to be taken. If this is at least the number of credits, `submit` never waits while the
    /// thread works.
    #[arg(skip = Self::default().inbox_capacity)]
    pub inbox_capacity: usize,

    /// How often the run's figures and sign of life are written.
    #[arg(skip = Self::default().heartbeat_interval)]
    pub heartbeat_interval: Duration,

    /// The limit of the first pause before something is tried again. It doubles with each further pause.
    #[arg(skip = Self::default().retry_base_delay)]
    pub retry_base_delay: Duration,

    /// The longest pause before something is tried again.
    #[arg(skip = Self::default().retry_max_delay)]
    pub retry_max_delay: Duration,

    /// How often in a row the store may fail at a page on its own, while it does other work, until the page is dead. A time limit
    /// that the page exceeds counts three times.
    #[arg(skip = Self::default().max_lone_failures)]
    pub max_lone_failures: u32,

    /// How long these failures must have lasted, unless the page exceeds a limit of the server: a connection may break often for
    /// a while.
    #[arg(skip = Self::default().lone_failures_last)]
    pub lone_failures_last: Duration,

    /// How often a lasting outage is logged again.
    #[arg(skip = Self::default().outage_log_interval)]
    pub outage_log_interval: Duration,

    /// How long to wait for cancelled tasks. Design §6 reserves 2.5 s for this and for closing the store.
    #[arg(skip = Self::default().cancel_timeout)]
    pub cancel_timeout: Duration,
}

impl PersistenceSettings {
    /// The pauses of one series of attempts.
    pub(super) fn back_off(&self) -> BackOff {
        BackOff::new(self.retry_base_delay, self.retry_max_delay)
    }
}

impl Default for PersistenceSettings {
    fn default() -> Self {
        Self {
            flush_rows: 1_000,
            // This raises the rows per second from 64 to 72 % of a bare COPY (docs/benchmarks.md).
            flush_growth: 4,
            flush_bytes: 8 * 1024 * 1024,
            flush_interval: Duration::from_secs(1),
            max_pending_flushes: 2,
            operation_timeout: Duration::from_secs(5),
            startup_timeout: Duration::from_secs(20),
            lock_patience: Duration::from_secs(5),
            max_outage: None,
            // The default concurrency is 32. The rest is for skipped and redirected requests.
            inbox_capacity: 64,
            heartbeat_interval: Duration::from_secs(5),
            retry_base_delay: Duration::from_millis(100),
            // Short enough to notice, within a stop's limit, that the store has come back.
            retry_max_delay: Duration::from_secs(2),
            // About 15 s of quick failures, and four times the limit of a statement.
            max_lone_failures: 12,
            lone_failures_last: Duration::from_secs(20),
            outage_log_interval: Duration::from_secs(30),
            cancel_timeout: Duration::from_secs(2),
        }
    }
}
