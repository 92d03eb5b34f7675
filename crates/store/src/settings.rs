//! How stores are used: the limits that both of them keep. Each has a name and a default.

use std::time::Duration;

/// Limits of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    /// Sessions of the pool: two flushes, a refill and a heartbeat at once. The run's lock has one more.
    pub connections: usize,
    /// Until a session must be there, from name look-up to the server's greeting.
    pub connect_timeout: Duration,
    /// Until one statement must be done; the server ends it then.
    pub statement_timeout: Duration,
    /// Until a lock that another session holds must be free.
    pub lock_timeout: Duration,
    /// Until one of the pool's sessions must be free.
    pub wait_timeout: Duration,
    /// Until a holder of a run that gives no sign of life is taken for hung, and its run may be taken over;
    /// `None` never takes over. `SQLite` cannot: there the operating system holds the lock for it.
    pub take_over_after: Option<Duration>,
    /// Until sessions must have ended after [`close`](dragline_core::Store::close); then they are cut.
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
            // Twelve heartbeats, and twice what the server lets a transaction of it live.
            take_over_after: Some(Duration::from_secs(60)),
            close_timeout: Duration::from_secs(1),
        }
    }
}
