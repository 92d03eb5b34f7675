//! Does what `crate::outage` decides: holds failures until they can be judged, pauses the crawl while nobody can be reached, and
//! asks whether that is over.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dragline_core::Request;
use dragline_core::back_off::BackOff;
use dragline_core::stop::StopReason;

use super::landing::{EndedFetch, EndedRobots, Landed};
use super::{CrawlPhase, Scheduler};
use crate::crawl_end::CrawlEnd;
use crate::downloader::{AnswerBody, DownloadError, Fault, Proof};
use crate::hosts::HostId;
use crate::outage::{Failed, Judgement, Link, News, OutageSettings, Step};
use crate::robots::RobotsAnswer;

/// How often a request may fail in an outage of ours. After that, its failures count, because the outage may be about only this
/// request: a proxy may want a password for only one host.
const MAX_OUTAGES: u32 = 10;
/// How often it may come back because the server has not processed it.
const MAX_NOT_PROCESSED: u32 = 5;
/// How many hosts with requests a doubt needs to know. More do not change anything.
const HOSTS_NAMED: usize = 4;
/// How many hosts are looked at for one request to try. Others may be skipped or forbidden.
const MOST_TRIES: usize = 20;
/// The first and the longest wait before a request is sent again that the server has not processed.
const NOT_PROCESSED: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// See the module.
pub(super) struct NetworkWatch {
    pub(super) link: Link,
    /// Failures that cannot be judged yet. They keep their credits, so there are not many.
    held: Vec<Held>,
    /// Probes in flight.
    pub(super) probes: usize,
    /// Whether a request is tried, to see whether the outage is over.
    is_trying: bool,
    /// Hosts whose turn to be tried has been.
    tried: HashSet<HostId>,
    is_out: bool,
}

enum Held {
    Page(Box<EndedFetch>),
    Robots(Box<EndedRobots>),
}

impl NetworkWatch {
    pub(super) fn new(settings: &OutageSettings) -> Self {
        Self {
            link: Link::new(settings),
            held: Vec::new(),
            probes: 0,
            is_trying: false,
            tried: HashSet::new(),
            is_out: false,
        }
    }
}

impl Scheduler {
    /// Takes note of how a page's fetch ended. Gives it back if it must be judged now.
    pub(super) fn weigh_page(&mut self, fetch: EndedFetch) -> Option<EndedFetch> {
        self.try_has_ended();
        if self.was_interrupted(&fetch) {
            let error = fetch.result.as_ref().err().map(ToString::to_string).unwrap_or_default();
            self.excuse(fetch, Duration::ZERO, &error);
            return None;
        }
        let (host, begun) = (fetch.host, fetch.begun);
        let request = &fetch.waiting.queued.request;
        let (fault, error) = match &fetch.result {
            Ok(answer) if answer.proof == Proof::Doubt && answer.body == AnswerBody::Unread => {
                (Fault::HostOrWay, format!("HTTP {} of the proxy", answer.status))
            }
            Ok(answer) => {
                self.hears(host, request, answer.proof, begun);
                return Some(fetch);
            }
            Err(error) if error.fault == Fault::Nobody => return self.send_again(fetch),
            Err(error) if error.fault == Fault::Host => {
                let name = &self.hosts.get(host).name;
                let news = self.network.link.answered_badly(name, request, begun, Instant::now());
                self.on_news(news);
                return Some(fetch);
            }
            Err(error) => (error.fault, error.to_string()),
        };
        let proxy = request.proxy().map(|proxy| proxy.url().as_str().into());
        match self.suspects(host, fault, proxy, &error) {
            Judgement::Now => return Some(fetch),
            Judgement::Later => self.network.held.push(Held::Page(Box::new(fetch))),
            Judgement::Excused => {
                self.follow_link();
                self.excuse_page(fetch);
            }
        }
        None
    }

    /// The same for a robots.txt.
    pub(super) fn weigh_robots(&mut self, ended: EndedRobots) -> Option<EndedRobots> {
        self.try_has_ended();
        if self.robots_were_interrupted(&ended) {
            self.excuse_robots(ended);
            return None;
        }
        let reason = match &ended.fetch.answer {
            RobotsAnswer::NotNow(failure) => Some(failure.reason.clone()),
            RobotsAnswer::Rules(_) => None,
        };
        let (fault, error) = match (ended.fetch.heard, reason) {
            (Ok(Proof::Doubt), Some(reason)) => (Fault::HostOrWay, format!("{reason} of the proxy")),
            (Ok(proof), _) => {
                self.hears(ended.host, &ended.page, proof, ended.begun);
                return Some(ended);
            }
            (Err(Fault::Host), _) => {
                let name = &self.hosts.get(ended.host).name;
                let news = self.network.link.answered_badly(name, &ended.page, ended.begun, Instant::now());
                self.on_news(news);
                return Some(ended);
            }
            (Err(fault), reason) => (fault, reason.unwrap_or_default()),
        };
        let proxy = ended.page.proxy().map(|proxy| proxy.url().as_str().into());
        match self.suspects(ended.host, fault, proxy, &error) {
            Judgement::Now => return Some(ended),
            Judgement::Later => self.network.held.push(Held::Robots(Box::new(ended))),
            Judgement::Excused => {
                self.follow_link();
                self.excuse_robots(ended);
            }
        }
        None
    }

    /// Looks whether there is something to ask, and whether an outage begins or has lasted for too long.
    pub(super) fn watch_network(&mut self, now: Instant) {
        if matches!(self.phase, CrawlPhase::Stopping { .. }) {
            return;
        }
        let in_flight = self.fetches.len() - self.network.probes;
        match self.network.link.step(in_flight, now) {
            // An outage that begins is followed below.
            Step::Nothing | Step::Pause => {}
            Step::Ask(host, like) => {
                let downloads = self.downloads.clone();
                self.network.probes += 1;
                self.fetches.spawn(async move {
                    let result = downloads.http().probe(&like).await;
                    Landed::Probe { host, result }
                });
            }
            Step::Try => self.try_one(now),
            Step::Judge => self.judge_held(false),
            Step::GiveUp(reason) => self.end = Some(CrawlEnd::Stopped(StopReason::NetworkOutage(reason))),
        }
        self.follow_link();
    }

    /// A host that was asked has answered, or not.
    pub(super) fn on_probe(&mut self, host: Arc<str>, result: Result<(), DownloadError>) {
        self.network.probes -= 1;
        let now = Instant::now();
        match result {
            Ok(()) => {
                let news = self.network.link.probe_answered(now);
                self.on_news(news);
            }
            Err(error) => {
                tracing::debug!(host = %host, %error, "the network still fails");
                self.network.link.probe_failed(host, error.fault, &error.to_string(), now);
            }
        }
    }

    /// A host has answered.
    fn hears(&mut self, host: HostId, request: &Request, proof: Proof, begun: Instant) {
        if self.hosts.get(host).fails_alone {
            self.hosts.update(host, |host| host.fails_alone = false);
        }
        let name = &self.hosts.get(host).name;
        let news = self.network.link.answered(name, request, proof, begun, Instant::now());
        self.on_news(news);
    }

    /// A host has not answered.
    fn suspects(&mut self, host: HostId, fault: Fault, proxy: Option<Arc<str>>, error: &str) -> Judgement {
        let known = self.hosts.get(host);
        let is_known_to_fail = known.fails_alone || !known.pace.is_well();
        let who = proxy.filter(|_| fault == Fault::NamedProxy).unwrap_or_else(|| Arc::clone(&known.name));
        let others = self.hosts.needed(|id| self.window.needs(id), HOSTS_NAMED);
        let failed = Failed { who, fault, error, is_known_to_fail };
        self.network.link.failed(failed, &others, Instant::now())
    }

    fn on_news(&mut self, news: News) {
        match news {
            News::Nothing => {}
            News::Cleared => self.judge_held(true),
            News::Over => self.follow_link(),
        }
    }

    /// Judges the failures that were held. If other hosts have answered, these hosts fail by themselves.
    fn judge_held(&mut self, others_answered: bool) {
        for held in std::mem::take(&mut self.network.held) {
            let charged = if others_answered { self.excuse_missing_name(held) } else { Some(held) };
            let Some(held) = charged else { continue };
            let host = match &held {
                Held::Page(fetch) => fetch.host,
                Held::Robots(ended) => ended.host,
            };
            if others_answered {
                self.hosts.update(host, |host| host.fails_alone = true);
            }
            match held {
                Held::Page(fetch) => self.on_page(*fetch),
                Held::Robots(ended) => self.on_robots(*ended),
            }
        }
    }

    /// Does what the beginning and the end of an outage ask for.
    fn follow_link(&mut self) {
        let outage = self.network.link.outage();
        if outage.is_none() && !self.network.is_out {
            return;
        }
        self.parts.stats.set_network_outage(outage);
        self.pulse.offline(outage.map(|(since, _)| since));
        let is_out = outage.is_some();
        if std::mem::replace(&mut self.network.is_out, is_out) == is_out {
            return;
        }
        self.network.tried.clear();
        if !is_out {
            return;
        }
        // They may lead nowhere now, and they may be the descriptors that are missing.
        self.downloads.http().close_idle_connections();
        for held in std::mem::take(&mut self.network.held) {
            match held {
                Held::Page(fetch) => self.excuse_page(*fetch),
                Held::Robots(ended) => self.excuse_robots(*ended),
            }
        }
    }

    /// A request failed because of us. It goes back into the window, and the attempt does not count.
    fn excuse_page(&mut self, mut fetch: EndedFetch) {
        // A request that only tried whether the outage is over says nothing new.
        let is_a_try = self.network.link.outage().is_some_and(|(since, _)| since <= fetch.begun);
        fetch.waiting.outages += u32::from(!is_a_try);
        if fetch.waiting.outages > MAX_OUTAGES {
            return self.on_page(fetch);
        }
        let error = match &fetch.result {
            Ok(answer) => format!("HTTP {}", answer.status),
            Err(error) => error.to_string(),
        };
        self.excuse(fetch, Duration::ZERO, &error);
    }

    /// The name servers did not answer, and a moment later they do. That was a short outage. It excuses a request only once,
    /// because the name servers of only its host may be broken.
    fn excuse_missing_name(&mut self, held: Held) -> Option<Held> {
        match held {
            Held::Page(fetch)
                if fetch.waiting.outages == 0
                    && fetch.result.as_ref().is_err_and(|error| error.fault == Fault::Names) =>
            {
                self.excuse_page(*fetch);
                None
            }
            Held::Robots(ended)
                if matches!(ended.fetch.heard, Err(Fault::Names))
                    && self.hosts.update(ended.host, |host| host.robots.excuse(1)) =>
            {
                None
            }
            held => Some(held),
        }
    }

    fn excuse(&mut self, fetch: EndedFetch, delay: Duration, error: &str) {
        let EndedFetch { host, mut waiting, .. } = fetch;
        waiting.excused += 1;
        waiting.ours += 1;
        self.parts.stats.excused.add(1);
        self.put_back(host, waiting, delay, error);
    }

    fn excuse_robots(&mut self, ended: EndedRobots) {
        if !self.hosts.update(ended.host, |host| host.robots.excuse(MAX_OUTAGES)) {
            self.on_robots(ended);
        }
    }

    /// The server has not processed a request, so it doesn't count as an attempt.
    fn send_again(&mut self, mut fetch: EndedFetch) -> Option<EndedFetch> {
        fetch.waiting.outages += 1;
        if fetch.waiting.outages > MAX_NOT_PROCESSED {
            return Some(fetch);
        }
        let delay = BackOff::new(NOT_PROCESSED.0, NOT_PROCESSED.1).pause_after(fetch.waiting.outages);
        let error = fetch.result.as_ref().err().map(ToString::to_string).unwrap_or_default();
        self.excuse(fetch, delay, &error);
        None
    }

    /// Sends one request, to see whether the outage is over.
    fn try_one(&mut self, now: Instant) {
        for _ in 0..MOST_TRIES {
            let Some(host) = self.window.ready_other_than(&mut self.hosts, &self.network.tried) else {
                // The next time, all of them have their turn again.
                self.network.tried.clear();
                break;
            };
            if !self.may_fetch() {
                break;
            }
            self.network.tried.insert(host);
            let before = self.fetches.len();
            self.step(host, now);
            if self.fetches.len() > before {
                self.network.is_trying = true;
                return;
            }
        }
        self.network.link.probe_ended(now);
    }

    /// A fetch has ended. During an outage, it may be the one that was tried.
    fn try_has_ended(&mut self) {
        if std::mem::take(&mut self.network.is_trying) {
            self.network.link.probe_ended(Instant::now());
        }
    }
}
