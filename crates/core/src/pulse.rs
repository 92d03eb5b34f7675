//! Heartbeats. The working loops give them themselves, because a port that answers proves nothing about the loops.

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
    /// Says that the loop has completed another round. Must not block.
    fn beat(&self, part: Beating);

    /// Says since when the crawl has been waiting for its store: it is alive but degraded. `None` when it does not wait.
    /// Must not block.
    fn degraded(&self, since: Option<Instant>);

    /// Says since when no host can be reached: the crawl is alive but waits. `None` when one can be. Must not block.
    fn offline(&self, since: Option<Instant>);
}

/// For runs that nobody watches.
#[derive(Debug)]
pub struct NoPulse;

impl Pulse for NoPulse {
    fn beat(&self, _part: Beating) {}

    fn degraded(&self, _since: Option<Instant>) {}

    fn offline(&self, _since: Option<Instant>) {}
}
