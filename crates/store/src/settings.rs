//! The limits of a store. Both stores obey them, and each limit has a default.

use std::time::Duration;

use clap::Args;
use dragline_flags::{Limit, limit, take_over_after, text};

/// Limits of a store.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(next_help_heading = "Storing")]
pub struct StoreSettings {
    /// Sessions of the pool: two flushes, a refill and a heartbeat at once. The run's lock has one more.
    #[arg(skip = Self::default().connections)]
    pub connections: usize,

    /// The time to open a session, from the name look-up to the server's greeting.
    #[arg(skip = Self::default().connect_timeout)]
    pub connect_timeout: Duration,

    /// The time for one statement. The server then ends it.
    #[arg(skip = Self::default().statement_timeout)]
    pub statement_timeout: Duration,

    /// The time to wait for a lock that another session holds.
    #[arg(skip = Self::default().lock_timeout)]
    pub lock_timeout: Duration,

    /// The time to wait for a free session of the pool.
    #[arg(skip = Self::default().wait_timeout)]
    pub wait_timeout: Duration,

    /// Take over a run whose process has sent no heartbeat for this long, at least `10s`; 0 = never
    ///
    /// The silent process still holds the run's lock. This flag is only for Postgres. With SQLite, the
    /// operating system frees the lock of a process that has ended.
    #[arg(long, env = "DRAGLINE_TAKE_OVER_AFTER", value_name = "TIME", value_parser = limit(take_over_after), default_value = text::limit(Self::default().take_over_after, text::duration), hide_short_help = true)]
    pub take_over_after: Limit<Duration>,

    /// The time for sessions to end after [`close`](dragline_core::Store::close). Then they are cut.
    #[arg(skip = Self::default().close_timeout)]
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
