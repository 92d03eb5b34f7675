//! How the scheduler obeys robots.txt: it asks for the file, applies it, and skips what it forbids.

use std::sync::Arc;
use std::time::Instant;

use dragline_core::credit::Credit;
use dragline_core::{PageOutcome, Reason, Request};

use super::Scheduler;
use super::landing::{EndedRobots, Landed, RequestFailure};
use crate::hosts::{HostId, RestReason};
use crate::retry;
use crate::robots::{AfterFailedFetch, DecidingLine, RobotsAnswer, RobotsFault, RobotsFile, ask};
use crate::window::Waiting;

impl Scheduler {
    /// Fetches the host's robots.txt. That takes a credit, so that a frontier of many hosts does not ask all of them at once.
    pub(super) fn ask_robots(&mut self, host: HostId) {
        let Some(credit) = self.credits.try_take() else { return };
        let Some(page) = self.window.best(host).map(|best| best.queued.request.clone()) else { return };
        self.hosts.update(host, |host| host.robots.begin_fetch(&page));
        self.hosts.begin_fetch(host);
        self.robots_fetches += 1;
        let (downloads, settings) = (self.downloads.clone(), Arc::clone(&self.parts.settings));
        self.fetches.spawn(async move {
            let begun = Instant::now();
            let fetch = ask(downloads.http(), &page, &settings.robots).await;
            drop(credit);
            Landed::Robots(Box::new(EndedRobots { host, page, fetch, begun }))
        });
    }

    pub(super) fn skip_denied(
        &mut self,
        host: HostId,
        waiting: Waiting,
        line: &DecidingLine,
        credit: Credit,
    ) {
        self.parts.stats.robots_denied.add(1);
        let url = waiting.queued.request.url().as_str();
        // Without this line, nobody would know why the crawl ends at once and without an error.
        if waiting.queued.is_start() && self.hosts.update(host, |host| host.log_memory.denies_a_start()) {
            tracing::warn!(
                url,
                %line,
                "robots.txt forbids this start page, so it is skipped (see the setting `robots`)"
            );
        } else {
            tracing::debug!(url, %line, "robots.txt forbids this page");
        }
        let detail = format!("robots: {line}");
        if waiting.queued.request.look_up().is_some() {
            // Its item may have other look-ups, and a crawl thread knows them.
            return self.give_up(waiting, RequestFailure::of(Reason::RobotsDenied, detail), credit);
        }
        let outcome = PageOutcome::skipped(&waiting.queued, Reason::RobotsDenied, &detail);
        self.submit(outcome.with_answer(None, waiting.attempts).with_credit(credit));
    }

    pub(super) fn on_robots(&mut self, ended: EndedRobots) {
        let (host, now) = (ended.host, Instant::now());
        match ended.fetch.answer {
            RobotsAnswer::Rules(rules) => self.take_rules(host, rules, now),
            RobotsAnswer::NotNow(failure) => {
                let settings = Arc::clone(&self.parts.settings);
                match failure.fault {
                    RobotsFault::Host => {
                        // All requests that wait for the file have met the same failure.
                        let is_first = self.hosts.get(host).robots.is_untried();
                        let requests = if is_first { self.window.held_by(host) } else { 0 };
                        let requests = u32::try_from(requests).unwrap_or(u32::MAX);
                        self.host_failed(host, now, requests, &failure.reason);
                    }
                    RobotsFault::File => self.host_is_back(host),
                    RobotsFault::Proxy | RobotsFault::Nobody => {}
                }
                let is_the_proxys = failure.fault == RobotsFault::Proxy;
                if is_the_proxys && self.hosts.get(host).robots.attempts() >= settings.retry.retries {
                    return self.give_up_behind_proxy(host, &ended.page, &failure.reason);
                }
                // A host that rests is asked again afterwards, however many attempts there were before.
                let retries = match failure.fault {
                    RobotsFault::Nobody => 0,
                    _ if self.hosts.get(host).pace.is_well() => settings.retry.retries,
                    _ => u32::MAX,
                };
                let robots = &settings.robots;
                let failed =
                    self.hosts.update(host, |host| host.robots.fetch_failed(&failure, retries, robots, now));
                let (name, error) = (&self.hosts.get(host).name, &failure.reason);
                match failed {
                    AfterFailedFetch::TriedAgain { attempts } => {
                        tracing::debug!(host = %name, error, attempts, "robots.txt will be asked for again");
                        // A host that rests needs no back-off as well. One that outlasts the rest would hide from its
                        // requests that the host is down.
                        if self.hosts.get(host).pace.is_well() {
                            let delay =
                                retry::delay(&self.parts.settings.retry, attempts, failure.retry_after);
                            self.hosts.rest(host, now + delay, RestReason::Robots);
                        }
                    }
                    AfterFailedFetch::TakenAsEmpty => {
                        tracing::debug!(host = %name, error, "robots.txt is taken as empty");
                    }
                    AfterFailedFetch::CopyKept { attempts } => tracing::warn!(
                        host = %name,
                        error,
                        attempts,
                        "robots.txt cannot be fetched again, so the earlier copy stays in use"
                    ),
                    AfterFailedFetch::GivenUp { attempts } => tracing::warn!(
                        host = %name,
                        error,
                        attempts,
                        "robots.txt cannot be fetched, so the requests of this host fail; check the name of the host and whether it is up"
                    ),
                }
            }
        }
    }

    /// The proxy that a request names does not lead to the robots.txt of its host. Only this request fails.
    fn give_up_behind_proxy(&mut self, host: HostId, page: &Request, problem: &str) {
        self.hosts.update(host, |host| host.robots.abandon_fetch());
        let is_same = self.window.best(host).is_some_and(|best| best.queued.request.proxy() == page.proxy());
        if !is_same {
            return;
        }
        self.with_credit(host, |scheduler, waiting, credit| {
            let ended = RequestFailure::of(Reason::Proxy, format!("robots.txt: {problem}"));
            scheduler.fail_page(host, waiting, ended, credit);
        });
    }

    fn take_rules(&mut self, host: HostId, rules: RobotsFile, now: Instant) {
        let name = &self.hosts.get(host).name;
        tracing::debug!(host = %name, sitemaps = ?rules.sitemaps(), "robots.txt is there");
        if let Some(delay) = rules.honoured_delay(&self.parts.settings.robots) {
            let asked = rules.crawl_delay().unwrap_or_default();
            tracing::info!(
                host = %name,
                delay_ms = delay.as_millis(),
                asked_ms = asked.as_millis(),
                "robots.txt asks for a delay"
            );
            self.hosts.update(host, |host| host.pace.slow_to(delay, now));
        }
        let settings = &self.parts.settings.robots;
        self.hosts.update(host, |host| host.robots.fetched(rules, settings, now));
        self.host_is_back(host);
    }
}
