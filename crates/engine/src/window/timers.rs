//! Moments at which a host or a request may go on.

use std::collections::BTreeMap;
use std::time::Instant;

use super::host::{HostId, Waiting};

/// Timers by their moment; those of one moment in the order in which they were set.
#[derive(Debug, Default)]
pub(super) struct Timers {
    by_moment: BTreeMap<(Instant, u64), Timer>,
    set: u64,
}

/// What happens at a moment.
#[derive(Debug)]
pub(super) enum Timer {
    /// A host has rested.
    Wake(HostId),
    /// A request may be tried again.
    Retry(HostId, Box<Waiting>),
}

impl Timers {
    pub(super) fn set(&mut self, at: Instant, timer: Timer) {
        self.set += 1;
        self.by_moment.insert((at, self.set), timer);
    }

    pub(super) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        let first = self.by_moment.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(first.remove())
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.by_moment.first_key_value().map(|((at, _), _)| *at)
    }
}
