//! Heartbeats, given by the working loops themselves: a port that answers proves nothing about them.

use std::time::Instant;

/// A loop whose heartbeat is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beating {
    /// The scheduler's loop on the download thread.
    Scheduler,
    /// The persistence thread's loop.
    Persistence,
}

/// Receives heartbeats. A beat comes at least once a second from a loop that works.
pub trait Pulse: Send + Sync {
    /// The loop has come round once more. Must not block.
    fn beat(&self, part: Beating);

    /// The crawl is alive and degraded: since this moment it waits for its store. `None` when it does not.
    /// Must not block.
    fn degraded(&self, since: Option<Instant>);
}

/// For runs that nobody watches.
#[derive(Debug)]
pub struct NoPulse;

impl Pulse for NoPulse {
    fn beat(&self, _part: Beating) {}

    fn degraded(&self, _since: Option<Instant>) {}
}
