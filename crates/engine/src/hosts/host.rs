//! One host: how fast it may be asked, what its robots.txt says, and how long it rests.

use std::sync::Arc;
use std::time::Instant;

use super::log_memory::HostLogMemory;
use crate::busy_hosts::RestReason;
use crate::pace::Pace;
use crate::robots::HostRobots;

/// A host's number in the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct HostId(u32);

/// A host.
#[derive(Debug)]
pub(crate) struct Host {
    /// `host:port`.
    pub(crate) name: Arc<str>,
    pub(crate) pace: Pace,
    pub(crate) robots: HostRobots,
    pub(crate) log_memory: HostLogMemory,
    /// Whether it failed while others answered, and has not answered since. So its failures say nothing about the network.
    pub(crate) fails_alone: bool,
    /// Fetches in flight.
    pub(super) active: usize,
    pub(super) rests_until: Option<Instant>,
    pub(super) rests_because: RestReason,
    /// Whether it is among the hosts that [`Hosts::take_changed`](super::Hosts::take_changed) names next.
    pub(super) is_changed: bool,
}

impl HostId {
    pub(crate) fn at(index: usize) -> Option<Self> {
        u32::try_from(index).ok().map(Self)
    }

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

impl Host {
    pub(super) fn new(name: Arc<str>, pace: Pace, robots: HostRobots) -> Self {
        Self {
            name,
            pace,
            robots,
            log_memory: HostLogMemory::default(),
            fails_alone: false,
            active: 0,
            rests_until: None,
            rests_because: RestReason::Pace,
            is_changed: false,
        }
    }

    /// Whether it may be asked now. Its pace may still say that it must rest first.
    pub(crate) fn may_be_asked(&self) -> bool {
        self.active < self.pace.slots() && !self.rests() && !self.robots.is_being_fetched()
    }

    /// Whether it rests.
    pub(crate) fn rests(&self) -> bool {
        self.rests_until.is_some()
    }

    /// Until when it rests, unless the rest is only a matter of its pace.
    pub(crate) fn waits_until(&self) -> Option<Instant> {
        let is_for_pace = matches!(self.rests_because, RestReason::Pace | RestReason::Robots);
        self.rests_until.filter(|_| !is_for_pace)
    }

    /// Whether forgetting it changes nothing, except that its robots.txt is fetched again.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        self.active == 0 && !self.rests() && !self.robots.is_being_fetched() && self.pace.is_rested(now)
    }
}
