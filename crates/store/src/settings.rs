//! The limits of a store. Both stores obey them, and each limit has a default.

use std::time::Duration;

/// Limits of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    /// Sessions of the pool: two flushes, a refill and a heartbeat at once. The run's lock has one more.
    pub connections: usize,
    /// The time to open a session, from the name look-up to the server's greeting.
    pub connect_timeout: Duration,
    /// The time for one statement. The server then ends it.
    pub statement_timeout: Duration,
    /// The time to wait for a lock that another session holds.
    pub lock_timeout: Duration,
    /// The time to wait for a free session of the pool.
    pub wait_timeout: Duration,
    /// How long the holder of a run may give no sign of life. After that, it counts as hung, and its run may be
    /// taken over. `None` means never. `SQLite` cannot take over a run, because the operating system holds the
    /// lock.
    pub take_over_after: Option<Duration>,
    /// The time for sessions to end after [`close`](dragline_core::Store::close). Then they are cut.
    pub close_timeout: Duration,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            connections: 4,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(10),
            wait_timeout: Duration::from_secs(30),
            // This is twelve heartbeats, and twice the time that the server allows a transaction.
            take_over_after: Some(Duration::from_secs(60)),
            close_timeout: Duration::from_secs(1),
        }
    }
}
