//! Compares the window with a simple model: lists that are searched from end to end.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use dragline_core::{Fingerprint, QueuedRequest, Request};
use proptest::prelude::*;

use super::*;
use crate::hosts::RestReason;

const HOSTS: u8 = 4;

/// What can happen to a window. Numbers choose among what is there.
#[derive(Clone, Debug)]
enum Step {
    Offer { host: u8, page: u16, priority: i32 },
    Claim,
    EndFetch { which: u8 },
    Retry { which: u8, after_ms: u16 },
    Rest { host: u8, for_ms: u16 },
    Trim { host: u8 },
    Pass { ms: u16 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..HOSTS, 0..500_u16, -1..2_i32)
            .prop_map(|(host, page, priority)| Step::Offer { host, page, priority }),
        4 => Just(Step::Claim),
        2 => any::<u8>().prop_map(|which| Step::EndFetch { which }),
        1 => (any::<u8>(), 0..50_u16).prop_map(|(which, after_ms)| Step::Retry { which, after_ms }),
        1 => (0..HOSTS, 0..50_u16).prop_map(|(host, for_ms)| Step::Rest { host, for_ms }),
        1 => (0..HOSTS).prop_map(|host| Step::Trim { host }),
        2 => (0..40_u16).prop_map(|ms| Step::Pass { ms }),
    ]
}

fn request(host: u8, page: u16, priority: i32) -> QueuedRequest {
    let url = format!("http://h{host}.example/{page}");
    QueuedRequest::start(Request::get(url).unwrap().with_priority(priority), 0)
}

/// A request that is in the window or was taken out of it.
struct Known {
    queued: QueuedRequest,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Queued,
    Delayed(Instant),
    InFlight,
}

/// A window and its model, which must agree.
struct Both {
    hosts: Hosts,
    window: Window,
    known: Vec<Known>,
    rests_until: [Option<Instant>; HOSTS as usize],
    /// Hosts with a request that the window did not take, or gave away.
    left_to_store: BTreeSet<String>,
    now: Instant,
    concurrency: usize,
}

impl Both {
    fn new(settings: &EngineSettings) -> Self {
        Self {
            hosts: Hosts::new(settings, &[]),
            window: Window::new(settings),
            known: Vec::new(),
            rests_until: [None; HOSTS as usize],
            left_to_store: BTreeSet::new(),
            now: Instant::now(),
            concurrency: settings.pace.host_concurrency,
        }
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Offer { host, page, priority } => self.offer(request(*host, *page, *priority))?,
            Step::Claim => self.claim()?,
            Step::EndFetch { which } => {
                if let Some(at) = self.in_flight(*which) {
                    let ended = self.known.swap_remove(at);
                    let id = self.host(&ended.queued.host);
                    self.hosts.end_fetch(id);
                    self.window.settle(id);
                }
            }
            Step::Retry { which, after_ms } => {
                if let Some(at) = self.in_flight(*which) {
                    let until = self.after(*after_ms);
                    let queued = self.known[at].queued.clone();
                    let id = self.host(&queued.host);
                    self.hosts.end_fetch(id);
                    self.window.delay(id, Waiting { attempts: 1, ..Waiting::new(queued, None) }, until);
                    self.known[at].place = Place::Delayed(until);
                }
            }
            Step::Rest { host, for_ms } => {
                let until = self.after(*for_ms);
                let id = self.host(&request(*host, 0, 0).host);
                self.hosts.rest(id, until, RestReason::Asked);
                let rest = &mut self.rests_until[usize::from(*host)];
                *rest = Some(rest.map_or(until, |earlier| earlier.max(until)));
            }
            Step::Trim { host } => {
                let id = self.host(&request(*host, 0, 0).host);
                self.window.trim(id, &self.hosts);
                self.let_go();
            }
            Step::Pass { ms } => self.now = self.after(*ms),
        }
        self.wake();
        Ok(())
    }

    fn offer(&mut self, queued: QueuedRequest) -> Result<(), TestCaseError> {
        if self.position(queued.fingerprint).is_some() {
            return Ok(());
        }
        let id = self.host(&queued.host);
        let admission = self.window.admit(id, queued.clone(), None);
        for worse in self.let_go() {
            prop_assert!(worse.host != queued.host || worse.fetch_order(&queued).is_gt());
        }
        match admission {
            Admission::Taken => self.known.push(Known { queued, place: Place::Queued }),
            Admission::NoPlace => {
                self.left_to_store.insert(queued.host);
            }
        }
        Ok(())
    }

    fn claim(&mut self) -> Result<(), TestCaseError> {
        let best = self.best();
        if let (Some(id), Some(best)) = (self.window.ready(&mut self.hosts), best) {
            prop_assert_eq!(self.window.take(id).map(|waiting| waiting.queued.fingerprint), Some(best));
            self.hosts.begin_fetch(id);
            let at = self.position(best).expect("known");
            self.known[at].place = Place::InFlight;
        }
        Ok(())
    }

    fn wake(&mut self) {
        self.hosts.wake(self.now);
        self.window.wake(self.now);
        for known in &mut self.known {
            if matches!(known.place, Place::Delayed(until) if until <= self.now) {
                known.place = Place::Queued;
            }
        }
    }

    fn agree(&mut self) -> Result<(), TestCaseError> {
        let ready = self.window.ready(&mut self.hosts);
        let offered = ready.and_then(|id| self.window.best(id)).map(|best| best.queued.fingerprint);
        prop_assert_eq!(offered, self.best());
        let waiting = self.known.iter().filter(|known| known.place != Place::InFlight).count();
        prop_assert_eq!(self.window.len(), waiting);
        // A host that had to leave something to the store knows it, and asks for it before it runs dry.
        for host in self.left_to_store.clone() {
            let id = self.host(&host);
            prop_assert!(self.window.queue(id).more_in_store);
            // While the host rests, there is time.
            if self.window.held_by(id) == 0 && !self.hosts.get(id).rests() {
                prop_assert!(self.window.hungry(&mut self.hosts, usize::MAX).contains(&id));
            }
        }
        Ok(())
    }

    /// The requests that the window gave away.
    fn let_go(&mut self) -> Vec<QueuedRequest> {
        let mut gone = Vec::new();
        for fingerprint in self.window.given_away() {
            let at = self.position(fingerprint).expect("what is given away was in the window");
            let queued = self.known.swap_remove(at).queued;
            self.left_to_store.insert(queued.host.clone());
            gone.push(queued);
        }
        gone
    }

    /// The best request that may be fetched, by looking at all of them.
    fn best(&self) -> Option<Fingerprint> {
        let waiting = self.known.iter().filter(|known| known.place == Place::Queued);
        let ready = waiting.map(|known| &known.queued).filter(|queued| self.is_ready(queued));
        ready.min_by(|a, b| a.fetch_order(b)).map(|queued| queued.fingerprint)
    }

    fn is_ready(&self, queued: &QueuedRequest) -> bool {
        let same_host = self.known.iter().filter(|other| other.queued.host == queued.host);
        let active = same_host.filter(|other| other.place == Place::InFlight).count();
        let host = usize::from(queued.host.as_bytes()[1] - b'0');
        active < self.concurrency && self.rests_until[host].is_none_or(|until| until <= self.now)
    }

    fn host(&mut self, name: &str) -> HostId {
        self.hosts.named(name, self.now, |id| self.window.needs(id)).expect("there is room for four hosts")
    }

    fn after(&self, ms: u16) -> Instant {
        self.now + Duration::from_millis(ms.into())
    }

    fn position(&self, fingerprint: Fingerprint) -> Option<usize> {
        self.known.iter().position(|known| known.queued.fingerprint == fingerprint)
    }

    fn in_flight(&self, which: u8) -> Option<usize> {
        let flying: Vec<usize> =
            (0..self.known.len()).filter(|at| self.known[*at].place == Place::InFlight).collect();
        flying.get(usize::from(which) % flying.len().max(1)).copied()
    }
}

fn check(settings: &EngineSettings, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut both = Both::new(settings);
    for step in steps {
        both.take(step)?;
        both.agree()?;
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_roomy_window_gives_the_best_request_of_a_host_that_may_be_asked(
        steps in prop::collection::vec(step(), 1..200)
    ) {
        check(&EngineSettings::default().but(|it| it.pace.host_concurrency = 2), &steps)?;
    }

    #[test]
    fn a_tight_window_keeps_the_best_and_knows_what_it_left_to_the_store(
        steps in prop::collection::vec(step(), 1..200)
    ) {
        let settings = EngineSettings::default().but(|it| { it.pace.host_concurrency = 1; it.window.requests = 12; it.window.per_host = 5; });
        check(&settings, &steps)?;
    }
}

#[test]
fn hosts_that_the_window_needs_no_more_make_room_for_others() {
    let settings = EngineSettings::default().but(|it| {
        it.window.requests = 2;
        it.pace.rate_per_second = None;
    });
    let mut both = Both::new(&settings);
    for host in 0..100 {
        both.now += Duration::from_secs(2);
        let queued = request(host % 10, u16::from(host), 0);
        let id = both.host(&queued.host);
        assert_eq!(both.window.admit(id, queued, None), Admission::Taken, "{host}");
        both.window.take(id);
        both.window.settle(id);
    }
    assert!(both.window.queues.len() <= 4, "{}", both.window.queues.len());
    for host in 0..4 {
        let queued = request(host, 1000, 0);
        let id = both.host(&queued.host);
        both.window.admit(id, queued, None);
    }
    let later = both.now + Duration::from_secs(2);
    assert_eq!(both.hosts.named("h9.example:80", later, |id| both.window.needs(id)), None);
}

#[test]
fn a_busy_host_leaves_places_to_others() {
    let settings = EngineSettings::default().but(|it| {
        it.window.requests = 100;
        it.window.per_host = 80;
    });
    let mut window = Window::new(&settings);
    for host in 0..4 {
        for page in 0..100 {
            window.admit(HostId::at(host.into()).unwrap(), request(host, page, 0), None);
        }
    }
    // The first took 80 before the others were known, and gave back what exceeds its share now.
    let held: Vec<usize> = window.queues.iter().map(HostQueue::held).collect();
    assert_eq!(held, [25, 25, 25, 25]);
    assert_eq!(window.len(), 100);
}
