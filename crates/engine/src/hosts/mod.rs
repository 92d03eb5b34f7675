//! The registry of hosts: everything that is known about a host, apart from its requests. The window holds the requests, and
//! it asks here which hosts may be asked.
//!
//! | part of a host | where |
//! |---|---|
//! | its pace | [`crate::pace`] |
//! | its robots.txt | [`crate::robots`] |
//! | its rests | here |
//! | what was logged about it | `log_memory` |

mod host;
mod log_memory;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dragline_core::HostNote;
use dragline_core::queued_request::is_database;

pub(crate) use self::host::{Host, HostId};
pub(crate) use self::log_memory::FailureLog;
use crate::busy_hosts::BusyHost;
pub(crate) use crate::busy_hosts::RestReason;
use crate::pace::{HostOverride, Pace};
use crate::robots::HostRobots;
use crate::settings::{EngineSettings, PaceSettings};

/// Shortest time between two searches for idle hosts. A search looks at all hosts.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// How many hosts are remembered for each place in the window: the one that has the place, and one more.
const HOSTS_PER_PLACE: usize = 2;

/// See the module.
#[derive(Debug)]
pub(crate) struct Hosts {
    /// By their numbers.
    registered: Vec<Host>,
    by_name: HashMap<Arc<str>, HostId>,
    /// Numbers of forgotten hosts.
    free: Vec<HostId>,
    /// The ends of rests. A rest that was prolonged leaves its earlier end here.
    rest_ends: BTreeSet<(Instant, HostId)>,
    resting: usize,
    /// Hosts that changed since the window last looked.
    changed: Vec<HostId>,
    swept_at: Option<Instant>,
    capacity: usize,
    pace: Arc<PaceSettings>,
    obey_robots: bool,
    /// Notes of an earlier process about hosts that are not registered yet.
    noted: HashMap<String, HostNote>,
}

impl Hosts {
    /// No hosts. `notes` are those of an earlier process.
    pub(crate) fn new(settings: &EngineSettings, notes: &[HostNote]) -> Self {
        Self {
            registered: Vec::new(),
            by_name: HashMap::new(),
            free: Vec::new(),
            rest_ends: BTreeSet::new(),
            resting: 0,
            changed: Vec::new(),
            swept_at: None,
            capacity: settings.window.requests.saturating_mul(HOSTS_PER_PLACE),
            pace: Arc::new(settings.pace.clone()),
            obey_robots: settings.robots.obey,
            noted: notes.iter().map(|note| (note.host.clone(), note.clone())).collect(),
        }
    }

    pub(crate) fn get(&self, id: HostId) -> &Host {
        &self.registered[id.index()]
    }

    /// Changes a host.
    pub(crate) fn update<T>(&mut self, id: HostId, change: impl FnOnce(&mut Host) -> T) -> T {
        let host = &mut self.registered[id.index()];
        if !std::mem::replace(&mut host.is_changed, true) {
            self.changed.push(id);
        }
        change(host)
    }

    /// The next host that has changed. Each change is named once.
    pub(crate) fn take_changed(&mut self) -> Option<HostId> {
        let id = self.changed.pop()?;
        self.registered[id.index()].is_changed = false;
        Some(id)
    }

    /// The host of this name, which is registered if it is new. `None` if the registry is full and all of its hosts are needed.
    /// `has_requests` says which hosts have requests.
    pub(crate) fn named(
        &mut self,
        name: &str,
        now: Instant,
        has_requests: impl Fn(HostId) -> bool,
    ) -> Option<HostId> {
        if let Some(id) = self.by_name.get(name) {
            return Some(*id);
        }
        if self.by_name.len() >= self.capacity {
            self.sweep(now, has_requests);
        }
        if self.by_name.len() >= self.capacity {
            return None;
        }
        self.register(name, now)
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

    /// Lets a host rest until then, or until a later moment that it already rests for.
    pub(crate) fn rest(&mut self, id: HostId, until: Instant, because: RestReason) {
        let earlier = self.get(id).rests_until;
        if earlier.is_none() {
            self.resting += 1;
        }
        if earlier.is_none_or(|earlier| earlier < until) {
            self.rest_ends.insert((until, id));
            self.update(id, |host| (host.rests_until, host.rests_because) = (Some(until), because));
        }
    }

    /// Ends rests that are over.
    pub(crate) fn wake(&mut self, now: Instant) {
        while let Some((until, id)) = self.rest_ends.first().copied().filter(|(until, _)| *until <= now) {
            self.rest_ends.remove(&(until, id));
            // Unless the rest was prolonged, or another host had this number before.
            if self.get(id).rests_until.is_some_and(|until| until <= now) {
                self.resting -= 1;
                self.update(id, |host| host.rests_until = None);
            }
        }
    }

    /// This process did not run for this time. The time doesn't count towards giving up a host.
    pub(crate) fn slept(&mut self, time: Duration) {
        for id in self.by_name.values() {
            self.registered[id.index()].pace.slept(time);
        }
    }

    /// When [`Hosts::wake`] has something to do again.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.rest_ends.first().map(|(until, _)| *until)
    }

    /// How many hosts rest.
    pub(crate) fn resting(&self) -> usize {
        self.resting
    }

    /// At most `limit` hosts that have something in flight or requests.
    pub(crate) fn needed(&self, has_requests: impl Fn(HostId) -> bool, limit: usize) -> Vec<Arc<str>> {
        let is_needed = |id: &HostId| self.get(*id).active > 0 || has_requests(*id);
        let needed = self.by_name.iter().filter(|(_, id)| is_needed(id));
        needed.map(|(name, _)| Arc::clone(name)).take(limit).collect()
    }

    /// The hosts that have something in flight or in the window. `held` says how many requests a host has in the window. This
    /// looks at all hosts.
    pub(crate) fn busy(&self, now: Instant, held: impl Fn(HostId) -> usize) -> Vec<BusyHost> {
        let busy = self.by_name.values().filter_map(|id| {
            let (host, held) = (self.get(*id), held(*id));
            let rests_for = |until: Instant| (until.saturating_duration_since(now), host.rests_because);
            (host.active > 0 || held > 0).then(|| BusyHost {
                name: Arc::clone(&host.name),
                in_flight: host.active,
                queued: held as u64,
                pace: host.pace.period(),
                slots: host.pace.slots(),
                rests_for: host.rests_until.map(rests_for),
            })
        });
        busy.collect()
    }

    fn register(&mut self, name: &str, now: Instant) -> Option<HostId> {
        let name: Arc<str> = name.into();
        let own = HostOverride::of(&name, &self.pace.hosts);
        let obey_robots = own.as_ref().and_then(|own| own.robots).unwrap_or(self.obey_robots);
        let robots = HostRobots::new(obey_robots && !is_database(&name));
        let mut pace = if is_database(&name) {
            Pace::of_database(&self.pace, own.as_ref(), now)
        } else {
            Pace::new(&self.pace, own.as_ref(), now)
        };
        let note = self.noted.remove(&*name);
        if let Some(note) = &note {
            pace.resume(note, now);
        }
        let host = Host::new(Arc::clone(&name), pace, robots);
        let id = match self.free.pop() {
            Some(id) => {
                self.registered[id.index()] = host;
                id
            }
            None => {
                let id = HostId::at(self.registered.len())?;
                self.registered.push(host);
                id
            }
        };
        self.by_name.insert(name, id);
        self.update(id, |_| {});
        if let Some(note) = note
            && let Some(until) = note.waits_until.filter(|until| *until > now)
        {
            let failing = note.paused_since.is_some();
            self.rest(id, until, if failing { RestReason::Failing } else { RestReason::Asked });
        }
        Some(id)
    }

    /// Forgets idle hosts.
    fn sweep(&mut self, now: Instant, has_requests: impl Fn(HostId) -> bool) {
        if self.swept_at.is_some_and(|at| now < at + SWEEP_EVERY) {
            return;
        }
        self.swept_at = Some(now);
        let Self { registered, free, by_name, .. } = self;
        by_name.retain(|_, id| {
            let is_kept = has_requests(*id) || !registered[id.index()].is_idle(now);
            if !is_kept {
                free.push(*id);
            }
            is_kept
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(max_hosts: usize) -> Hosts {
        let settings = EngineSettings::default().but(|it| {
            it.window.requests = max_hosts / HOSTS_PER_PLACE;
            it.pace.rate_per_second = None;
        });
        Hosts::new(&settings, &[])
    }

    #[test]
    fn idle_hosts_without_requests_are_forgotten_when_there_are_too_many() {
        let (mut hosts, begun) = (hosts(4), Instant::now());
        let names = ["a:80", "b:80", "c:80", "d:80"];
        let ids = names.map(|name| hosts.named(name, begun, |_| true).unwrap());
        assert_eq!(hosts.named("b:80", begun, |_| true), Some(ids[1]));
        assert_eq!(hosts.named("e:80", begun, |_| true), None);
        let later = begun + 2 * SWEEP_EVERY;
        hosts.begin_fetch(ids[0]);
        hosts.rest(ids[1], later + SWEEP_EVERY, RestReason::Asked);
        assert_eq!(hosts.named("e:80", later, |id| id == ids[2]), Some(ids[3]));
        assert_eq!(&*hosts.get(ids[3]).name, "e:80");
        assert_eq!(hosts.named("f:80", later, |_| false), None, "it was just looked for idle ones");
    }

    #[test]
    fn a_rest_lasts_until_its_latest_end() {
        let (mut hosts, begun) = (hosts(4), Instant::now());
        let id = hosts.named("a:80", begun, |_| true).unwrap();
        let second = Duration::from_secs(1);
        hosts.rest(id, begun + 2 * second, RestReason::Asked);
        hosts.rest(id, begun + second, RestReason::Pace);
        hosts.rest(id, begun + 3 * second, RestReason::Failing);
        for (seconds, rests) in [(1, true), (2, true), (3, false)] {
            hosts.wake(begun + seconds * second);
            assert_eq!(hosts.get(id).rests(), rests, "{seconds}");
            assert_eq!(
                (hosts.resting(), hosts.next_wake().is_some()),
                (usize::from(rests), rests),
                "{seconds}"
            );
        }
    }

    #[test]
    fn each_change_is_named_once() {
        let (mut hosts, begun) = (hosts(4), Instant::now());
        let id = hosts.named("a:80", begun, |_| true).unwrap();
        hosts.begin_fetch(id);
        assert_eq!((hosts.take_changed(), hosts.take_changed()), (Some(id), None));
        hosts.end_fetch(id);
        assert_eq!((hosts.take_changed(), hosts.take_changed()), (Some(id), None));
    }
}
