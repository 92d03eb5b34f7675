//! The limits of the persistence thread: every wait, batch, queue and retry has one here.

use std::time::Duration;

use dragline_core::back_off::BackOff;

/// The limits of the persistence thread. `Default` gives the values that the design names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersistenceSettings {
    /// The number of rows that fills a batch. 0 means no limit.
    pub flush_rows: usize,
    /// The factor by which a batch may outgrow its rows while no flush can take it, within `flush_bytes`. 1 means no growth.
    pub flush_growth: usize,
    /// The number of bytes that fills a batch. 0 means no limit.
    pub flush_bytes: usize,
    /// The age at which a batch is flushed even if it is not full, counted from its first page.
    pub flush_interval: Duration,
    /// How many flush tasks may be pending at once. The store may allow fewer.
    pub max_pending_flushes: usize,
    /// The limit of one start-up operation including its retries, and of writing the run's end.
    pub operation_timeout: Duration,
    /// The limit of the whole start-up.
    pub startup_timeout: Duration,
    /// How long to try for the run's lock. This is added to the operation's limit, so that the error names the holder of
    /// the lock and not a timeout.
    pub lock_patience: Duration,
    /// How long an outage of the store may last before the run gives up. `None` means for ever.
    pub max_outage: Option<Duration>,
    /// How many outcomes may wait to be taken. If this is at least the number of credits, `submit` never waits while the
    /// thread works.
    pub inbox_capacity: usize,
    /// How often the run's figures and sign of life are written.
    pub heartbeat_interval: Duration,
    /// The limit of the first pause before something is tried again. It doubles with each further pause.
    pub retry_base_delay: Duration,
    /// The longest pause before something is tried again.
    pub retry_max_delay: Duration,
    /// How often a lasting outage is logged again.
    pub outage_log_interval: Duration,
    /// How long to wait for cancelled tasks. Design §6 reserves 2.5 s for this and for closing the store.
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
            outage_log_interval: Duration::from_secs(30),
            cancel_timeout: Duration::from_secs(2),
        }
    }
}
