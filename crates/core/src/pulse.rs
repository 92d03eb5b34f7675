//! Heartbeats, given by the working loops themselves: a port that answers proves nothing about them.

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
}

/// For runs that nobody watches.
#[derive(Debug)]
pub struct NoPulse;

impl Pulse for NoPulse {
    fn beat(&self, _part: Beating) {}
}
