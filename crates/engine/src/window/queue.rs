//! The requests of one host that are in the window.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use dragline_core::{EarlierPage, Fingerprint, QueuedRequest};

/// [`QueuedRequest::fetch_order`] as a value: the least is fetched first. A request that goes before all others has the first place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FetchKey(Reverse<bool>, Reverse<i32>, u32, Fingerprint);

/// A request in the window.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) queued: QueuedRequest,
    /// What earlier runs know about its page.
    pub(crate) earlier: Option<Box<EarlierPage>>,
    /// Whether the store was asked for its page, and keeps nothing of it.
    pub(crate) is_not_kept: bool,
    /// How often it was sent already.
    pub(crate) attempts: u32,
    /// How many of these attempts failed because the host did. They do not count against the request.
    pub(crate) excused: u32,
    /// How many of the excused attempts failed because of us, or were not processed by the server.
    pub(crate) ours: u32,
    /// In how many outages it has failed. There is a limit, in case the outage is not ours after all.
    pub(crate) outages: u32,
    /// Whether it is tried with nothing else in hand, and therefore before all others of its host.
    pub(crate) goes_first: bool,
}

/// The requests of one host.
#[allow(clippy::struct_excessive_bools)] // facts that change independently of each other
#[derive(Debug, Default)]
pub(super) struct HostQueue {
    pub(super) waiting: BTreeMap<FetchKey, Waiting>,
    /// Requests that wait for their next attempt, or for the answer to another request. They have their places in the window.
    pub(super) delayed: usize,
    /// Requests that were taken out of the window and have no receipt yet.
    pub(super) out: usize,
    /// The host gets no further request until one of these has come back.
    pub(super) awaits_receipt: bool,
    /// Whether the host may be asked, as far as the registry of hosts knows.
    pub(super) is_open: bool,
    /// The host rests for long and has given most of its places away. It gets them back when the rest is over.
    pub(super) is_trimmed: bool,
    /// Whether the store holds requests of this host that the window does not.
    pub(super) more_in_store: bool,
    /// The key under which the host stands among those that are ready.
    pub(super) ready_key: Option<FetchKey>,
    /// Whether the host counts as one that needs places in the window.
    pub(super) is_busy: bool,
}

impl FetchKey {
    pub(super) fn of(waiting: &Waiting) -> Self {
        let Waiting { queued, goes_first, .. } = waiting;
        Self(Reverse(*goes_first), Reverse(queued.request.priority()), queued.depth, queued.fingerprint)
    }
}

impl Waiting {
    pub(crate) fn new(queued: QueuedRequest, earlier: Option<Box<EarlierPage>>) -> Self {
        Self {
            queued,
            earlier,
            is_not_kept: false,
            attempts: 0,
            excused: 0,
            ours: 0,
            outages: 0,
            goes_first: false,
        }
    }

    /// A request that is tried with nothing else in hand.
    pub(crate) fn first(queued: QueuedRequest) -> Self {
        Self { goes_first: true, ..Self::new(queued, None) }
    }

    /// Whether its last attempt was the first that reached the host, as far as we know.
    pub(crate) fn is_first(&self) -> bool {
        self.attempts.saturating_sub(self.ours) == 1
    }

    /// Attempts that count against it.
    pub(crate) fn counted(&self) -> u32 {
        self.attempts.saturating_sub(self.excused)
    }
}

impl HostQueue {
    /// The best request.
    pub(super) fn best(&self) -> Option<&Waiting> {
        self.waiting.first_key_value().map(|(_, waiting)| waiting)
    }

    /// Places that it takes in the window.
    pub(super) fn held(&self) -> usize {
        self.waiting.len() + self.delayed
    }

    /// Whether the window, or whoever took a request out of it, still needs the host.
    pub(super) fn is_needed(&self) -> bool {
        self.held() > 0 || self.out > 0 || self.more_in_store
    }

    /// The key of the best request, if it may be fetched now.
    pub(super) fn key_if_ready(&self) -> Option<FetchKey> {
        let may_be_asked = self.is_open && !self.awaits_receipt;
        self.waiting.first_key_value().filter(|_| may_be_asked).map(|(key, _)| *key)
    }
}
