//! Requests that wait for their next attempt.

use std::collections::BTreeMap;
use std::time::Instant;

use super::queue::Waiting;
use crate::hosts::HostId;

/// Requests by the moment at which they may be tried again. Of one moment, the one that was added first comes first.
#[derive(Debug, Default)]
pub(super) struct Retries {
    by_moment: BTreeMap<(Instant, u64), (HostId, Waiting)>,
    added: u64,
}

impl Retries {
    pub(super) fn add(&mut self, at: Instant, host: HostId, waiting: Waiting) {
        self.added += 1;
        self.by_moment.insert((at, self.added), (host, waiting));
    }

    pub(super) fn take_due(&mut self, now: Instant) -> Option<(HostId, Waiting)> {
        let first = self.by_moment.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(first.remove())
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.by_moment.first_key_value().map(|((at, _), _)| *at)
    }

    pub(super) fn len(&self) -> usize {
        self.by_moment.len()
    }
}
