//! Decides from failures and answers whether the link to the world works.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dragline_core::Request;
use dragline_core::back_off::BackOff;
use url::Host;

use super::canaries::Canaries;
use super::log::OutageLog;
use super::settings::OutageSettings;
use crate::downloader::{Fault, Proof};

/// If this many hosts fail and nobody answers, it is not the hosts.
const ENOUGH_HOSTS: usize = 3;
/// A doubt that has lasted this long without an answer is settled by asking.
const DOUBT_FOR: Duration = Duration::from_secs(1);
/// How long a doubt waits for requests in flight, if there is no host to ask.
const WAIT_FOR_OTHERS: Duration = Duration::from_secs(5);
/// How many hosts are asked to settle a doubt. If it is serious, fewer are enough.
const MOST_ASKED: usize = 3;
const ENOUGH_ASKED: usize = 2;
/// The first wait between two probes. Each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest of them.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub(crate) struct Link {
    max: Option<Duration>,
    state: LinkState,
    canaries: Canaries,
    /// Whether a probe is in flight.
    is_asking: bool,
    log: OutageLog,
}

#[derive(Debug)]
enum LinkState {
    Up,
    Doubted(Doubt),
    Out(Ongoing),
}

/// Failures without an answer in between.
#[derive(Debug)]
struct Doubt {
    since: Instant,
    /// The hosts that failed, and proxies that were named.
    failing: BTreeSet<Arc<str>>,
    /// Whether one of the failures is probably not the host's.
    is_of_the_way: bool,
    /// Whether name servers did not answer. Then hosts without a name say nothing.
    is_of_names: bool,
    error: String,
    asked: Vec<Arc<str>>,
}

#[derive(Debug)]
struct Ongoing {
    since: Instant,
    error: String,
    is_of_names: bool,
    next_probe: Instant,
    pauses: u32,
}

/// A request that got no answer.
#[derive(Debug)]
pub(crate) struct Failed<'a> {
    /// The host, or the proxy that the request names.
    pub(crate) who: Arc<str>,
    pub(crate) fault: Fault,
    pub(crate) error: &'a str,
    /// Whether it failed before while others answered.
    pub(crate) is_known_to_fail: bool,
}

/// What to do with a request that got no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It is the host's or the request's own failure.
    Now,
    /// Nobody knows yet.
    Later,
    /// It is our failure. The request is queued again.
    Excused,
}

/// What an answer changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    Nothing,
    /// The link works, so what failed is judged now.
    Cleared,
    /// An outage is over.
    Over,
}

/// What is to be done now.
#[derive(Debug)]
pub(crate) enum Step {
    Nothing,
    /// Ask this host whether the way to it works.
    Ask(Arc<str>, Box<Request>),
    /// Nobody has answered before: send one request, whichever it is.
    Try,
    /// Nobody can tell. The failed requests are judged now.
    Judge,
    /// An outage begins. The failed requests are queued again.
    Pause,
    /// An outage lasts for too long. This is what happened.
    GiveUp(String),
}

impl Link {
    pub(crate) fn new(settings: &OutageSettings) -> Self {
        Self {
            max: settings.max_network_outage,
            state: LinkState::Up,
            canaries: Canaries::default(),
            is_asking: false,
            log: OutageLog::new(settings.log_interval),
        }
    }

    /// Since when the outage lasts, and why.
    pub(crate) fn outage(&self) -> Option<(Instant, &str)> {
        match &self.state {
            LinkState::Out(ongoing) => Some((ongoing.since, &ongoing.error)),
            _ => None,
        }
    }

    /// Whether requests may be sent. If the number of failing hosts suggests an outage, no others are tried until that is settled.
    pub(crate) fn may_send(&self) -> bool {
        match &self.state {
            LinkState::Up => true,
            // A single host may have no route. If somebody can be asked, nobody else has to wait for that.
            LinkState::Doubted(doubt) => {
                let can_ask = !doubt.is_of_the_way || self.canaries.have_one(doubt.is_of_names);
                can_ask && doubt.failing.len() < ENOUGH_HOSTS
            }
            LinkState::Out(_) => false,
        }
    }

    /// A request got no answer. `others` names hosts that have requests.
    pub(crate) fn failed(&mut self, failed: Failed<'_>, others: &[Arc<str>], now: Instant) -> Judgement {
        match failed.fault {
            Fault::Request | Fault::Host | Fault::Nobody => return Judgement::Now,
            Fault::Ours => {
                self.begin_outage(now, failed.error, false, now);
                return Judgement::Excused;
            }
            Fault::BrokenOff | Fault::HostOrWay | Fault::Names | Fault::Way | Fault::NamedProxy => {}
        }
        if let LinkState::Out(ongoing) = &mut self.state {
            failed.error.clone_into(&mut ongoing.error);
            return Judgement::Excused;
        }
        if failed.is_known_to_fail {
            return Judgement::Now;
        }
        if !is_of_the_way(failed.fault) && !self.could_tell(&failed.who, others) {
            return Judgement::Now;
        }
        if let LinkState::Up = self.state {
            self.state = LinkState::Doubted(Doubt {
                since: now,
                failing: BTreeSet::new(),
                is_of_the_way: false,
                is_of_names: false,
                error: String::new(),
                asked: Vec::new(),
            });
        }
        if let LinkState::Doubted(doubt) = &mut self.state {
            doubt.grows(failed.who, failed.fault, failed.error);
        }
        Judgement::Later
    }

    /// A request that was sent at `begun` got an answer from this host.
    pub(crate) fn answered(
        &mut self,
        host: &Arc<str>,
        request: &Request,
        proof: Proof,
        begun: Instant,
        now: Instant,
    ) -> News {
        if proof != Proof::WayWorks {
            return News::Nothing;
        }
        self.canaries.note(host, request, now);
        let is_named = has_name(request);
        match &self.state {
            LinkState::Up => News::Nothing,
            LinkState::Doubted(doubt) if doubt.is_of_names && !is_named => News::Nothing,
            LinkState::Out(ongoing) if ongoing.is_of_names && !is_named => News::Nothing,
            // It may have been answered before the link broke.
            LinkState::Doubted(doubt) if begun < doubt.since => News::Nothing,
            LinkState::Out(ongoing) if begun < ongoing.since => News::Nothing,
            LinkState::Doubted(_) | LinkState::Out(_) => self.is_up(now),
        }
    }

    /// A request that was sent at `begun` failed, but its host has answered something.
    pub(crate) fn answered_badly(
        &mut self,
        host: &Arc<str>,
        request: &Request,
        begun: Instant,
        now: Instant,
    ) -> News {
        self.canaries.note(host, request, now);
        match &self.state {
            LinkState::Up => News::Nothing,
            LinkState::Doubted(doubt) if begun < doubt.since => News::Nothing,
            LinkState::Out(ongoing) if begun < ongoing.since => News::Nothing,
            LinkState::Doubted(_) | LinkState::Out(_) => self.is_up(now),
        }
    }

    /// What is to be done now, with this many fetches in flight.
    pub(crate) fn step(&mut self, in_flight: usize, now: Instant) -> Step {
        match &mut self.state {
            LinkState::Up => Step::Nothing,
            LinkState::Doubted(_) => self.settle(in_flight, now),
            LinkState::Out(ongoing) => {
                self.log.lasts(ongoing.since, &ongoing.error, now);
                let lasted = now.saturating_duration_since(ongoing.since);
                if self.max.is_some_and(|max| lasted >= max) {
                    return Step::GiveUp(format!("{} for {} s", ongoing.error, lasted.as_secs()));
                }
                if self.is_asking || now < ongoing.next_probe {
                    return Step::Nothing;
                }
                self.is_asking = true;
                match self.canaries.take_turn(ongoing.is_of_names) {
                    Some((host, request)) => Step::Ask(host, Box::new(request)),
                    None => Step::Try,
                }
            }
        }
    }

    /// When [`Link::step`] has something to do again.
    pub(crate) fn next_step(&self) -> Option<Instant> {
        match &self.state {
            LinkState::Out(ongoing) if !self.is_asking => Some(ongoing.next_probe),
            _ => None,
        }
    }

    /// A host that was asked has answered.
    pub(crate) fn probe_answered(&mut self, now: Instant) -> News {
        self.is_asking = false;
        match self.state {
            LinkState::Up => News::Nothing,
            LinkState::Doubted(_) | LinkState::Out(_) => self.is_up(now),
        }
    }

    /// A host that was asked has not answered. It answered before, so a failure of the way to it is not its own.
    pub(crate) fn probe_failed(&mut self, host: Arc<str>, fault: Fault, error: &str, now: Instant) {
        match &mut self.state {
            LinkState::Up => {}
            LinkState::Doubted(doubt) => doubt.grows(host, fault, error),
            LinkState::Out(ongoing) => error.clone_into(&mut ongoing.error),
        }
        self.probe_ended(now);
    }

    /// A probe, or the request that was tried, has ended, however that was. If the outage lasts, the next one must wait.
    pub(crate) fn probe_ended(&mut self, now: Instant) {
        self.is_asking = false;
        if let LinkState::Out(ongoing) = &mut self.state {
            ongoing.pauses = ongoing.pauses.saturating_add(1);
            ongoing.next_probe = now + BackOff::new(FIRST_PAUSE, LONGEST_PAUSE).pause_after(ongoing.pauses);
        }
    }

    /// So much time has passed while this process did not run. That time is not part of an outage.
    pub(crate) fn slept(&mut self, time: Duration) {
        match &mut self.state {
            LinkState::Up => {}
            LinkState::Doubted(doubt) => doubt.since += time,
            LinkState::Out(ongoing) => ongoing.since += time,
        }
    }

    fn settle(&mut self, in_flight: usize, now: Instant) -> Step {
        let LinkState::Doubted(doubt) = &mut self.state else { return Step::Nothing };
        let lasts = now.saturating_duration_since(doubt.since);
        if self.is_asking || !(doubt.is_serious() || lasts >= DOUBT_FOR) {
            return Step::Nothing;
        }
        let enough = if doubt.is_serious() { ENOUGH_ASKED } else { MOST_ASKED };
        if doubt.asked.len() < enough
            && let Some((host, request)) =
                self.canaries.other_than(&doubt.asked, &doubt.failing, doubt.is_of_names)
        {
            doubt.asked.push(Arc::clone(&host));
            self.is_asking = true;
            return Step::Ask(host, Box::new(request));
        }
        if doubt.is_serious() {
            let has_asked = !doubt.asked.is_empty();
            if !has_asked && in_flight > 0 && lasts < WAIT_FOR_OTHERS {
                return Step::Nothing;
            }
            let (since, error, is_of_names) = (doubt.since, doubt.error.clone(), doubt.is_of_names);
            self.begin_outage(since, &error, is_of_names, now);
            return Step::Pause;
        }
        if doubt.asked.is_empty() {
            // Others may still fail, so the hosts are remembered.
            doubt.since = now;
        } else {
            self.state = LinkState::Up;
        }
        Step::Judge
    }

    /// Whether enough hosts are known that their failures would show an outage.
    fn could_tell(&self, who: &Arc<str>, others: &[Arc<str>]) -> bool {
        let mut hosts: BTreeSet<&Arc<str>> = others.iter().chain(self.canaries.names()).collect();
        if let LinkState::Doubted(doubt) = &self.state {
            hosts.extend(&doubt.failing);
        }
        hosts.insert(who);
        hosts.len() >= ENOUGH_HOSTS
    }

    fn begin_outage(&mut self, since: Instant, error: &str, is_of_names: bool, now: Instant) {
        if let LinkState::Out(ongoing) = &mut self.state {
            error.clone_into(&mut ongoing.error);
            return;
        }
        let next_probe = now + BackOff::new(FIRST_PAUSE, LONGEST_PAUSE).pause_after(1);
        let error = error.to_owned();
        self.state = LinkState::Out(Ongoing { since, error, is_of_names, next_probe, pauses: 1 });
    }

    fn is_up(&mut self, now: Instant) -> News {
        match std::mem::replace(&mut self.state, LinkState::Up) {
            LinkState::Out(ongoing) => {
                self.log.is_over(now.saturating_duration_since(ongoing.since));
                News::Over
            }
            _ => News::Cleared,
        }
    }
}

impl Doubt {
    /// One more failure.
    fn grows(&mut self, who: Arc<str>, fault: Fault, error: &str) {
        if fault != Fault::BrokenOff {
            self.failing.insert(who);
        }
        if is_of_the_way(fault) || !self.is_of_the_way {
            error.clone_into(&mut self.error);
        }
        self.is_of_the_way |= is_of_the_way(fault);
        self.is_of_names |= fault == Fault::Names;
    }

    /// Whether it would be an outage if nobody answers.
    fn is_serious(&self) -> bool {
        self.is_of_the_way || self.failing.len() >= ENOUGH_HOSTS
    }
}

/// Whether a failure is probably not the host's.
fn is_of_the_way(fault: Fault) -> bool {
    matches!(fault, Fault::Names | Fault::Way)
}

/// Whether the host of a request has a name that must be resolved.
pub(super) fn has_name(request: &Request) -> bool {
    matches!(request.url().host(), Some(Host::Domain(_)))
}

#[cfg(test)]
mod tests;
