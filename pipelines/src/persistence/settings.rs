//! The limits of the persistence thread: every wait, batch, queue and retry has one here.

use std::time::Duration;

use dragline_core::back_off::BackOff;

/// What bounds the persistence thread. `Default` gives the values that the design names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersistenceSettings {
    /// Rows that fill a batch; 0 means that rows alone never fill one.
    pub flush_rows: usize,
    /// How many times its rows a batch may grow while no flush can take it, within `flush_bytes`; 1 is not at all.
    pub flush_growth: usize,
    /// Bytes that fill a batch; 0 means that bytes alone never fill one.
    pub flush_bytes: usize,
    /// Age at which a batch is flushed though it is not full, counted from its first page.
    pub flush_interval: Duration,
    /// Flush tasks that may be pending at once; the store may allow fewer.
    pub max_pending_flushes: usize,
    /// Limit of one start-up operation, its retries included, and of writing the run's end.
    pub operation_timeout: Duration,
    /// Limit of the whole start-up.
    pub startup_timeout: Duration,
    /// How long the run's lock is tried for. It comes on top of that operation's limit, so that the error
    /// names the holder and not a timeout.
    pub lock_patience: Duration,
    /// How long an outage of the store may last before the run is given up; `None` waits for ever.
    pub max_outage: Option<Duration>,
    /// Outcomes that may wait to be taken. With at least as many as there are credits `submit` never waits
    /// on a thread that works.
    pub inbox_capacity: usize,
    /// How often the run's figures and sign of life are written.
    pub heartbeat_interval: Duration,
    /// The first pause before something is tried again; each further one is twice as long.
    pub retry_base_delay: Duration,
    /// The longest pause before something is tried again.
    pub retry_max_delay: Duration,
    /// How often a lasting outage is told again.
    pub outage_log_interval: Duration,
    /// How long cancelled tasks are waited for. Design §6 reserves 2.5 s for this and the closing of the store.
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
            // Rows a second go from 64 to 72 % of a bare COPY's (docs/benchmarks.md).
            flush_growth: 4,
            flush_bytes: 8 * 1024 * 1024,
            flush_interval: Duration::from_secs(1),
            max_pending_flushes: 2,
            operation_timeout: Duration::from_secs(5),
            startup_timeout: Duration::from_secs(20),
            lock_patience: Duration::from_secs(5),
            max_outage: None,
            // The default concurrency is 32; the rest is for skipped and redirected requests.
            inbox_capacity: 64,
            heartbeat_interval: Duration::from_secs(5),
            retry_base_delay: Duration::from_millis(100),
            // Short enough that a store which comes back during a stop is met before the stop's limit.
            retry_max_delay: Duration::from_secs(2),
            outage_log_interval: Duration::from_secs(30),
            cancel_timeout: Duration::from_secs(2),
        }
    }
}
