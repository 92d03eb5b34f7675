//! The window: the part of the frontier that is in memory, ordered by host.
//!
//! It answers one question quickly: which is the best request whose host may be asked now? Every operation
//! costs a logarithm. It knows places and moments, not credits, limits or the network.
//!
//! Places are shared out: a host gets an equal share of them, within bounds, and gives the worst of its
//! requests away for better ones. What has no place is not lost, it is in the store; the host (or, for a host
//! that has no place itself, the caller) remembers that there is more to ask for.

mod host;
#[cfg(test)]
mod model_tests;
mod places;
mod timers;
mod told;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dragline_core::{Fingerprint, HostNote, QueuedRequest};

pub(crate) use self::host::{FetchKey, Host, HostId, Waiting};
use self::places::Places;
use self::timers::{Timer, Timers};
pub(crate) use self::told::Telling;
use crate::busy_hosts::BusyHost;
pub(crate) use crate::busy_hosts::RestReason;
use crate::pace::{HostOverride, Pace};
use crate::robots::HostRobots;
use crate::settings::{EngineSettings, PaceSettings};

/// See the module.
#[derive(Debug)]
pub(crate) struct Window {
    hosts: Vec<Host>,
    by_name: HashMap<Arc<str>, HostId>,
    /// Slots of forgotten hosts.
    free: Vec<HostId>,
    ready: BTreeSet<(FetchKey, HostId)>,
    /// Hosts that have less than half of their share while the store has more.
    hungry: BTreeSet<HostId>,
    timers: Timers,
    places: Places,
    len: usize,
    delayed: usize,
    busy_hosts: usize,
    resting_hosts: usize,
    /// The largest share that a host was given since all were held against it.
    largest_share_given: usize,
    given_away: Vec<Fingerprint>,
    swept_at: Option<Instant>,
    pace: Arc<PaceSettings>,
    /// What an earlier process had noted of hosts that are not here yet.
    noted: HashMap<String, HostNote>,
    obey_robots: bool,
}

/// What became of a request that was offered to the window.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It has a place.
    Taken(HostId),
    /// No place; its host is known to have more in the store.
    NoPlace,
    /// No place, not even for its host: only a scan over all hosts will find it again.
    NoPlaceForHost,
}

impl Window {
    pub(crate) fn new(settings: &EngineSettings) -> Self {
        Self {
            hosts: Vec::new(),
            by_name: HashMap::new(),
            free: Vec::new(),
            ready: BTreeSet::new(),
            hungry: BTreeSet::new(),
            timers: Timers::default(),
            places: Places::new(settings),
            len: 0,
            delayed: 0,
            busy_hosts: 0,
            resting_hosts: 0,
            largest_share_given: 0,
            given_away: Vec::new(),
            swept_at: None,
            pace: Arc::new(settings.pace.clone()),
            noted: HashMap::new(),
            obey_robots: settings.robots.obey,
        }
    }

    /// Takes up what an earlier process had noted of hosts.
    pub(crate) fn remember(&mut self, notes: &[HostNote]) {
        self.noted = notes.iter().map(|note| (note.host.clone(), note.clone())).collect();
    }

    /// Offers a request that is not in hand. Others may have to go for it: see [`Window::given_away`].
    pub(crate) fn admit(&mut self, queued: QueuedRequest, now: Instant) -> Admission {
        let Some(id) = self.host_named(&queued.host, now) else { return Admission::NoPlaceForHost };
        let share = self.share();
        let has_share = self.hosts[id.index()].held() < share;
        if has_share && self.room() == 0 {
            self.shrink_to(share);
        }
        let key = FetchKey::of(&queued);
        let has_place = has_share && self.room() > 0;
        let host = &mut self.hosts[id.index()];
        let is_better = || host.queue.last_key_value().is_some_and(|(worst, _)| key < *worst);
        let admission = if has_place || is_better() { Admission::Taken(id) } else { Admission::NoPlace };
        if admission == Admission::NoPlace {
            host.more_in_store = true;
        } else {
            host.queue.insert(key, Waiting::new(queued));
            self.len += 1;
            self.largest_share_given = self.largest_share_given.max(share);
            if !has_place {
                self.give_away(id, 1);
            }
        }
        self.refresh(id);
        admission
    }

    /// Requests that had to go since the last call: they are in the store alone now.
    pub(crate) fn given_away(&mut self) -> Vec<Fingerprint> {
        std::mem::take(&mut self.given_away)
    }

    /// The host of the best request that may be fetched now.
    pub(crate) fn ready(&self) -> Option<HostId> {
        self.ready.first().map(|(_, id)| *id)
    }

    pub(crate) fn host(&self, id: HostId) -> &Host {
        &self.hosts[id.index()]
    }

    /// Changes a host.
    pub(crate) fn update<T>(&mut self, id: HostId, change: impl FnOnce(&mut Host) -> T) -> T {
        let value = change(&mut self.hosts[id.index()]);
        self.refresh(id);
        value
    }

    /// Takes a host's best request out. It is out until [`Window::settle`].
    pub(crate) fn take(&mut self, id: HostId) -> Option<Waiting> {
        let waiting = self.hosts[id.index()].queue.pop_first().map(|(_, waiting)| waiting)?;
        self.len -= 1;
        self.update(id, |host| host.out += 1);
        Some(waiting)
    }

    /// A request that was taken out has its receipt, or is given back to the store.
    pub(crate) fn settle(&mut self, id: HostId) {
        self.update(id, |host| {
            host.out -= 1;
            host.awaits_receipt = false;
        });
    }

    /// Whether a host may be asked again depends on a page of it that is out.
    pub(crate) fn await_receipt(&mut self, id: HostId) {
        self.update(id, |host| host.awaits_receipt = host.out > 0);
    }

    /// A fetch from this host begins: it takes one of the host's slots.
    pub(crate) fn begin_fetch(&mut self, id: HostId) {
        self.update(id, |host| {
            host.active += 1;
            host.robots.are_used();
        });
    }

    /// A fetch has ended.
    pub(crate) fn end_fetch(&mut self, id: HostId) {
        self.update(id, |host| host.active -= 1);
    }

    /// Lets a host rest until then, or until a later moment that it rests for already.
    pub(crate) fn rest(&mut self, id: HostId, until: Instant, because: RestReason) {
        let host = &mut self.hosts[id.index()];
        if host.rests_until.is_none() {
            self.resting_hosts += 1;
        }
        if host.rests_until.is_none_or(|earlier| earlier < until) {
            (host.rests_until, host.rests_because) = (Some(until), because);
            self.timers.set(until, Timer::Wake(id));
        }
        self.refresh(id);
    }

    /// Takes a request that was out back in, to be tried again at a later moment.
    pub(crate) fn delay(&mut self, id: HostId, waiting: Waiting, until: Instant) {
        self.timers.set(until, Timer::Retry(id, Box::new(waiting)));
        self.len += 1;
        self.delayed += 1;
        self.update(id, |host| {
            host.out -= 1;
            host.awaits_receipt = false;
            host.delayed += 1;
        });
    }

    /// A host that will rest for long keeps a few requests and gives its other places away.
    pub(crate) fn trim(&mut self, id: HostId) {
        let excess = self.hosts[id.index()].queue.len().saturating_sub(self.places.smallest_share());
        self.give_away(id, excess);
        let host = &mut self.hosts[id.index()];
        host.trimmed_until = host.rests_until;
        self.refresh(id);
    }

    /// Ends rests and waits that are over.
    pub(crate) fn wake(&mut self, now: Instant) {
        while let Some(timer) = self.timers.take_due(now) {
            match timer {
                Timer::Wake(id) => {
                    let host = &mut self.hosts[id.index()];
                    // An earlier timer of a rest that was prolonged, or of a host that had this slot before.
                    if host.rests_until.is_none_or(|until| until > now) {
                        continue;
                    }
                    (host.rests_until, host.trimmed_until) = (None, None);
                    self.resting_hosts -= 1;
                    self.refresh(id);
                }
                Timer::Retry(id, waiting) => {
                    self.delayed -= 1;
                    self.update(id, |host| {
                        host.delayed -= 1;
                        host.queue.insert(FetchKey::of(&waiting.queued), *waiting);
                    });
                }
            }
        }
    }

    /// When [`Window::wake`] has something to do again.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Requests in the window, those that wait for a further attempt included.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether a request waits for nothing but its host's turn.
    pub(crate) fn has_queued(&self) -> bool {
        self.len > self.delayed
    }

    /// Free places.
    pub(crate) fn room(&self) -> usize {
        self.places.total().saturating_sub(self.len)
    }

    pub(crate) fn resting_hosts(&self) -> usize {
        self.resting_hosts
    }

    /// The hosts that have something in flight or in the window. Looks at all of them.
    pub(crate) fn busy_hosts(&self, now: Instant) -> Vec<BusyHost> {
        let busy = self.hosts.iter().filter(|host| host.active > 0 || host.held() > 0);
        busy.map(|host| BusyHost {
            name: Arc::clone(&host.name),
            in_flight: host.active,
            queued: host.held() as u64,
            rests_for: host
                .rests_until
                .map(|until| (until.saturating_duration_since(now), host.rests_because)),
        })
        .collect()
    }

    /// Requests of this host that are in the window.
    pub(crate) fn held_by(&self, id: HostId) -> usize {
        self.hosts[id.index()].held()
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
        self.update(id, |host| host.more_in_store = more);
    }

    /// Hosts that run low while the store has more, at most `limit` of them.
    pub(crate) fn hungry(&self, limit: usize) -> Vec<HostId> {
        self.hungry.iter().take(limit).copied().collect()
    }

    /// The host of this name, which gets a place if it has none; `None` when all places for hosts are taken.
    pub(crate) fn host_named(&mut self, name: &str, now: Instant) -> Option<HostId> {
        if let Some(id) = self.by_name.get(name) {
            return Some(*id);
        }
        if self.by_name.len() >= self.places.hosts() {
            self.sweep(now);
        }
        if self.by_name.len() >= self.places.hosts() {
            return None;
        }
        let name: Arc<str> = name.into();
        let own = HostOverride::of(&name, &self.pace.hosts);
        let robots = HostRobots::new(own.as_ref().and_then(|own| own.robots).unwrap_or(self.obey_robots));
        let mut pace = Pace::new(&self.pace, own.as_ref(), now);
        let note = self.noted.remove(&*name);
        if let Some(note) = &note {
            pace.resume(note, now);
        }
        let host = Host::new(Arc::clone(&name), pace, robots);
        let id = match self.free.pop() {
            Some(id) => {
                self.hosts[id.index()] = host;
                id
            }
            None => {
                let id = HostId::at(self.hosts.len())?;
                self.hosts.push(host);
                id
            }
        };
        self.by_name.insert(name, id);
        if let Some(note) = note
            && let Some(until) = note.waits_until.filter(|until| *until > now)
        {
            let failing = note.paused_since.is_some();
            self.rest(id, until, if failing { RestReason::Failing } else { RestReason::Asked });
        }
        Some(id)
    }

    /// Hosts that took their share when it was larger give back what exceeds it now.
    fn shrink_to(&mut self, share: usize) {
        if self.largest_share_given <= share {
            return;
        }
        self.largest_share_given = share;
        for index in 0..self.hosts.len() {
            let excess = self.hosts[index].held().saturating_sub(share);
            if excess > 0
                && let Some(id) = HostId::at(index)
            {
                self.give_away(id, excess);
                self.refresh(id);
            }
        }
    }

    /// Takes the places of a host's `count` worst requests away.
    fn give_away(&mut self, id: HostId, count: usize) {
        let host = &mut self.hosts[id.index()];
        for _ in 0..count {
            let Some((_, worst)) = host.queue.pop_last() else { return };
            self.given_away.push(worst.queued.fingerprint);
            self.len -= 1;
            host.more_in_store = true;
        }
    }

    /// Forgets idle hosts, at most once a second: it looks at all of them.
    fn sweep(&mut self, now: Instant) {
        if self.swept_at.is_some_and(|at| now < at + Duration::from_secs(1)) {
            return;
        }
        self.swept_at = Some(now);
        let hosts = &self.hosts;
        let free = &mut self.free;
        self.by_name.retain(|_, id| {
            let keep = !hosts[id.index()].is_idle(now);
            if !keep {
                free.push(*id);
            }
            keep
        });
    }

    /// Brings a host's place among the ready and the hungry up to date.
    fn refresh(&mut self, id: HostId) {
        let host = &mut self.hosts[id.index()];
        let is_busy = host.held() > 0 || host.more_in_store;
        if is_busy != host.is_busy {
            host.is_busy = is_busy;
            if is_busy { self.busy_hosts += 1 } else { self.busy_hosts -= 1 }
        }
        let key = host.key_if_ready();
        if key != host.ready_key {
            if let Some(old) = host.ready_key {
                self.ready.remove(&(old, id));
            }
            if let Some(new) = key {
                self.ready.insert((new, id));
            }
            host.ready_key = key;
        }
        let may_be_fed = host.more_in_store && host.trimmed_until.is_none();
        if may_be_fed && host.held() <= self.places.share(self.busy_hosts) / 2 {
            self.hungry.insert(id);
        } else {
            self.hungry.remove(&id);
        }
    }
}

impl HostId {
    fn at(index: usize) -> Option<Self> {
        u32::try_from(index).ok().map(Self)
    }

    fn index(self) -> usize {
        self.0 as usize
    }
}
