//! One host in the window: its queue, and what decides whether it may be asked.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use dragline_core::{Fingerprint, QueuedRequest};

use super::told::Told;
use crate::busy_hosts::RestReason;
use crate::pace::Pace;
use crate::robots::HostRobots;

/// A host's place in the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct HostId(pub(super) u32);

/// [`QueuedRequest::fetch_order`] as a value: the least is fetched first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FetchKey(Reverse<i32>, u32, Fingerprint);

/// A request in the window.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) queued: QueuedRequest,
    /// How often it was sent already.
    pub(crate) attempts: u32,
    /// How often of these it failed because its host did: that is not held against it.
    pub(crate) excused: u32,
}

/// A host.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) name: Arc<str>,
    pub(crate) pace: Pace,
    pub(crate) robots: HostRobots,
    /// What is told in the log once, not once a page.
    pub(crate) told: Told,
    pub(super) queue: BTreeMap<FetchKey, Waiting>,
    /// Requests that wait for their next attempt; they have their places in the window.
    pub(super) delayed: usize,
    /// Fetches in flight.
    pub(super) active: usize,
    /// Requests taken out of the window whose receipt has not come.
    pub(super) out: usize,
    /// Nothing more is asked of it until one of these has come back.
    pub(super) awaits_receipt: bool,
    pub(super) rests_until: Option<Instant>,
    pub(super) rests_because: RestReason,
    /// It rests for long, has given most of its places away, and wants none back until then.
    pub(super) trimmed_until: Option<Instant>,
    /// Whether the store holds requests of this host that the window does not.
    pub(super) more_in_store: bool,
    /// The key under which it stands among the ready hosts.
    pub(super) ready_key: Option<FetchKey>,
    /// Whether it counts as a host that needs places in the window.
    pub(super) is_busy: bool,
}

impl FetchKey {
    pub(crate) fn of(queued: &QueuedRequest) -> Self {
        Self(Reverse(queued.request.priority()), queued.depth, queued.fingerprint)
    }
}

impl Waiting {
    pub(crate) fn new(queued: QueuedRequest) -> Self {
        Self { queued, attempts: 0, excused: 0 }
    }

    /// Attempts that are held against it.
    pub(crate) fn counted(&self) -> u32 {
        self.attempts.saturating_sub(self.excused)
    }
}

impl Host {
    pub(super) fn new(name: Arc<str>, pace: Pace, robots: HostRobots) -> Self {
        Self {
            name,
            pace,
            robots,
            told: Told::default(),
            queue: BTreeMap::new(),
            delayed: 0,
            active: 0,
            out: 0,
            awaits_receipt: false,
            rests_until: None,
            rests_because: RestReason::Pace,
            trimmed_until: None,
            more_in_store: false,
            ready_key: None,
            is_busy: false,
        }
    }

    /// Its best request.
    pub(crate) fn best(&self) -> Option<&QueuedRequest> {
        self.queue.first_key_value().map(|(_, waiting)| &waiting.queued)
    }

    /// Until when it is to be left alone, if more than its pace says so.
    pub(crate) fn is_told_to_wait_until(&self) -> Option<Instant> {
        let is_told = matches!(self.rests_because, RestReason::Asked | RestReason::Failing);
        self.rests_until.filter(|_| is_told)
    }

    /// Places that it takes in the window.
    pub(super) fn held(&self) -> usize {
        self.queue.len() + self.delayed
    }

    /// The key of its best request, if it may be asked as far as the window can tell.
    pub(super) fn key_if_ready(&self) -> Option<FetchKey> {
        let may_be_asked = self.active < self.pace.slots()
            && self.rests_until.is_none()
            && !self.awaits_receipt
            && !self.robots.is_being_fetched();
        self.queue.first_key_value().filter(|_| may_be_asked).map(|(key, _)| *key)
    }

    /// Whether forgetting it would change nothing but that its robots.txt is fetched again.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        self.held() == 0
            && self.active == 0
            && self.out == 0
            && !self.more_in_store
            && self.rests_until.is_none()
            && !self.robots.is_being_fetched()
            && self.pace.is_rested(now)
    }
}
