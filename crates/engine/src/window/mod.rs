//! The window: the part of the frontier that is in memory, as one queue for each host.
//!
//! It answers one question quickly: which is the best request whose host may be asked now? Every operation costs a
//! logarithm. It knows places and moments. Whether a host may be asked comes from the registry of [`Hosts`]; the window knows
//! nothing about credits, limits and the network.
//!
//! Places are shared out. A host gets an equal share of them, within bounds, and gives the worst of its requests away for
//! better ones. A request without a place is not lost, because it is in the store. The host remembers that there is more to ask for;
//! for a host that is not registered, the caller remembers it.

#[cfg(test)]
mod model_tests;
mod parked;
mod places;
mod queue;
mod retries;

use std::collections::{BTreeSet, HashSet};
use std::time::Instant;

use dragline_core::{EarlierPage, Fingerprint, QueuedRequest};

use self::parked::Parked;
use self::places::Places;
use self::queue::FetchKey;
use self::queue::HostQueue;
pub(crate) use self::queue::Waiting;
use self::retries::Retries;
use crate::hosts::{HostId, Hosts};
use crate::settings::EngineSettings;

/// See the module.
#[derive(Debug)]
pub(crate) struct Window {
    /// By the host's number.
    queues: Vec<HostQueue>,
    ready: BTreeSet<(FetchKey, HostId)>,
    /// Hosts that have less than half of their share while the store has more.
    hungry: BTreeSet<HostId>,
    retries: Retries,
    parked: Parked,
    places: Places,
    len: usize,
    busy_hosts: usize,
    /// The largest share that a host was given since all were cut down to their shares.
    largest_share_given: usize,
    given_away: Vec<Fingerprint>,
}

/// The fate of a request that was offered to the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It has a place.
    Taken,
    /// It has no place. Its host is known to have more in the store.
    NoPlace,
}

impl Window {
    pub(crate) fn new(settings: &EngineSettings) -> Self {
        Self {
            queues: Vec::new(),
            ready: BTreeSet::new(),
            hungry: BTreeSet::new(),
            retries: Retries::default(),
            parked: Parked::default(),
            places: Places::new(settings),
            len: 0,
            busy_hosts: 0,
            largest_share_given: 0,
            given_away: Vec::new(),
        }
    }

    /// Offers a request of this host that is not in hand. Others may have to go for it: see [`Window::given_away`].
    pub(crate) fn admit(
        &mut self,
        id: HostId,
        queued: QueuedRequest,
        earlier: Option<Box<EarlierPage>>,
    ) -> Admission {
        let share = self.share();
        let has_share = self.held_by(id) < share;
        if has_share && self.room() == 0 {
            self.shrink_to(share);
        }
        let waiting = Waiting::new(queued, earlier);
        let key = FetchKey::of(&waiting);
        let has_place = has_share && self.room() > 0;
        let queue = self.queue(id);
        let is_better = || queue.waiting.last_key_value().is_some_and(|(worst, _)| key < *worst);
        let admission = if has_place || is_better() { Admission::Taken } else { Admission::NoPlace };
        if admission == Admission::NoPlace {
            queue.more_in_store = true;
        } else {
            queue.waiting.insert(key, waiting);
            self.len += 1;
            self.largest_share_given = self.largest_share_given.max(share);
            if !has_place {
                self.give_away(id, 1);
            }
        }
        self.refresh(id);
        admission
    }

    /// Puts a request before all others of its host. It may go beyond the places of the window by one.
    pub(crate) fn put_first(&mut self, id: HostId, queued: QueuedRequest) {
        let waiting = Waiting::first(queued);
        self.queue(id).waiting.insert(FetchKey::of(&waiting), waiting);
        self.len += 1;
        self.refresh(id);
    }

    /// Whether a host may be asked now for its best request.
    pub(crate) fn is_ready(&mut self, hosts: &mut Hosts, id: HostId) -> bool {
        self.look_at(hosts);
        self.queue(id).ready_key.is_some()
    }

    /// Requests that had to go since the last call. Now only the store has them.
    pub(crate) fn given_away(&mut self) -> Vec<Fingerprint> {
        std::mem::take(&mut self.given_away)
    }

    /// Takes up what has changed about hosts. Until then, a host counts as it was.
    pub(crate) fn look_at(&mut self, hosts: &mut Hosts) {
        while let Some(id) = hosts.take_changed() {
            let host = hosts.get(id);
            let queue = self.queue(id);
            queue.is_open = host.may_be_asked();
            queue.is_trimmed &= host.rests();
            self.refresh(id);
        }
    }

    /// The host of the best request that may be fetched now.
    pub(crate) fn ready(&mut self, hosts: &mut Hosts) -> Option<HostId> {
        self.look_at(hosts);
        self.ready.first().map(|(_, id)| *id)
    }

    /// The same, but of a host that is not among these.
    pub(crate) fn ready_other_than(&mut self, hosts: &mut Hosts, tried: &HashSet<HostId>) -> Option<HostId> {
        self.look_at(hosts);
        self.ready.iter().map(|(_, id)| *id).find(|id| !tried.contains(id))
    }

    /// The best request of a host.
    pub(crate) fn best(&self, id: HostId) -> Option<&Waiting> {
        self.queues.get(id.index())?.best()
    }

    /// Takes a host's best request out. It is out until [`Window::settle`].
    pub(crate) fn take(&mut self, id: HostId) -> Option<Waiting> {
        let queue = self.queue(id);
        let (_, waiting) = queue.waiting.pop_first()?;
        queue.out += 1;
        self.len -= 1;
        self.refresh(id);
        Some(waiting)
    }

    /// A request that was taken out has its receipt, or is given back to the store.
    pub(crate) fn settle(&mut self, id: HostId) {
        self.update(id, |queue| {
            queue.out -= 1;
            queue.awaits_receipt = false;
        });
    }

    /// Whether a host may be asked again depends on a page of it that is out.
    pub(crate) fn await_receipt(&mut self, id: HostId) {
        self.update(id, |queue| queue.awaits_receipt = queue.out > 0);
    }

    /// Takes back a request that was out. It will be tried again at this later moment.
    pub(crate) fn delay(&mut self, id: HostId, waiting: Waiting, until: Instant) {
        self.retries.add(until, id, waiting);
        self.len += 1;
        self.update(id, |queue| {
            queue.out -= 1;
            queue.awaits_receipt = false;
            queue.delayed += 1;
        });
    }

    /// The best request of a host waits until the answer to this question has come to another request.
    pub(crate) fn park(&mut self, id: HostId, question: Fingerprint) {
        let Some((_, waiting)) = self.queue(id).waiting.pop_first() else { return };
        self.parked.add(question, id, waiting);
        self.update(id, |queue| queue.delayed += 1);
    }

    /// The request that others waited for has ended.
    pub(crate) fn unpark(&mut self, question: &Fingerprint) {
        for (id, waiting) in self.parked.take(question) {
            self.update(id, |queue| {
                queue.delayed -= 1;
                queue.waiting.insert(FetchKey::of(&waiting), waiting);
            });
        }
    }

    /// A host that rests for long keeps a few requests and gives its other places away until the rest is over.
    pub(crate) fn trim(&mut self, id: HostId, hosts: &Hosts) {
        let excess = self.queue(id).waiting.len().saturating_sub(self.places.smallest_share());
        self.give_away(id, excess);
        self.update(id, |queue| queue.is_trimmed = hosts.get(id).rests());
    }

    /// Puts requests whose wait is over back into their queues.
    pub(crate) fn wake(&mut self, now: Instant) {
        while let Some((id, waiting)) = self.retries.take_due(now) {
            self.update(id, |queue| {
                queue.delayed -= 1;
                queue.waiting.insert(FetchKey::of(&waiting), waiting);
            });
        }
    }

    /// When [`Window::wake`] has something to do again.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.retries.next()
    }

    /// Requests in the window, including those that wait for a further attempt or for the answer to another request.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether a request waits only for its host's turn.
    pub(crate) fn has_queued(&self) -> bool {
        self.len > self.retries.len() + self.parked.len()
    }

    /// Free places.
    pub(crate) fn room(&self) -> usize {
        self.places.total().saturating_sub(self.len)
    }

    /// Requests of this host that are in the window.
    pub(crate) fn held_by(&self, id: HostId) -> usize {
        self.queues.get(id.index()).map_or(0, HostQueue::held)
    }

    /// Whether a host has requests in the window, out of it, or known to be in the store.
    pub(crate) fn needs(&self, id: HostId) -> bool {
        self.queues.get(id.index()).is_some_and(HostQueue::is_needed)
    }

    /// Places that one host may have at present.
    pub(crate) fn share(&self) -> usize {
        self.places.share(self.busy_hosts)
    }

    /// Requests for each host that a scan over all hosts should bring.
    pub(crate) fn scan_share(&self) -> usize {
        self.places.scan_share()
    }

    /// Whether the store holds requests of this host that the window does not.
    pub(crate) fn set_more_in_store(&mut self, id: HostId, more: bool) {
        self.update(id, |queue| queue.more_in_store = more);
    }

    /// Hosts that run low while the store has more, at most `limit` of them.
    pub(crate) fn hungry(&mut self, hosts: &mut Hosts, limit: usize) -> Vec<HostId> {
        self.look_at(hosts);
        self.hungry.iter().take(limit).copied().collect()
    }

    /// The queue of a host.
    fn queue(&mut self, id: HostId) -> &mut HostQueue {
        if id.index() >= self.queues.len() {
            self.queues.resize_with(id.index() + 1, HostQueue::default);
        }
        &mut self.queues[id.index()]
    }

    fn update(&mut self, id: HostId, change: impl FnOnce(&mut HostQueue)) {
        change(self.queue(id));
        self.refresh(id);
    }

    /// Makes hosts that took their share when it was larger give back what exceeds it now.
    fn shrink_to(&mut self, share: usize) {
        if self.largest_share_given <= share {
            return;
        }
        self.largest_share_given = share;
        let excess = |queue: &HostQueue| queue.held().saturating_sub(share);
        let too_large: Vec<(HostId, usize)> = self
            .queues
            .iter()
            .enumerate()
            .filter_map(|(index, queue)| Some((HostId::at(index)?, excess(queue))))
            .filter(|(_, excess)| *excess > 0)
            .collect();
        for (id, excess) in too_large {
            self.give_away(id, excess);
            self.refresh(id);
        }
    }

    /// Takes the places of a host's `count` worst requests away.
    fn give_away(&mut self, id: HostId, count: usize) {
        for _ in 0..count {
            let queue = self.queue(id);
            let Some((_, worst)) = queue.waiting.pop_last() else { return };
            queue.more_in_store = true;
            self.given_away.push(worst.queued.fingerprint);
            self.len -= 1;
        }
    }

    /// Brings a host's place among the ready and the hungry up to date.
    fn refresh(&mut self, id: HostId) {
        let queue = &mut self.queues[id.index()];
        let is_busy = queue.held() > 0 || queue.more_in_store;
        if is_busy != queue.is_busy {
            queue.is_busy = is_busy;
            if is_busy { self.busy_hosts += 1 } else { self.busy_hosts -= 1 }
        }
        let key = queue.key_if_ready();
        if key != queue.ready_key {
            if let Some(old) = queue.ready_key {
                self.ready.remove(&(old, id));
            }
            if let Some(new) = key {
                self.ready.insert((new, id));
            }
            queue.ready_key = key;
        }
        let may_be_fed = queue.more_in_store && !queue.is_trimmed;
        if may_be_fed && queue.held() <= self.places.share(self.busy_hosts) / 2 {
            self.hungry.insert(id);
        } else {
            self.hungry.remove(&id);
        }
    }
}
