//! Claiming takes the best request whose host may be asked now, if there is a credit, memory and room within the limits.

use std::time::Instant;

use dragline_core::budget::Stage;
use dragline_core::credit::Credit;
use dragline_core::{Failure, PageOutcome, Reason};

use super::budgets::BudgetRoom;
use super::landing::{EndedFetch, Landed, RequestFailure};
use super::{CrawlPhase, Scheduler};
use crate::hosts::{HostId, RestReason};
use crate::job::{GivenUp, Job, WaitingJob, WaitingWork};
use crate::robots::RobotsVerdict;
use crate::scope::LinkRefusal;
use crate::window::Waiting;

impl Scheduler {
    /// Claims as much as possible. It ends, because each step either takes a credit or makes the host less ready.
    pub(super) fn claim(&mut self, now: Instant) {
        while self.end.is_none()
            && self.may_claim()
            && let Some(host) = self.window.ready(&mut self.hosts)
        {
            self.step(host, now);
        }
    }

    /// Whether something new may be claimed at all.
    pub(super) fn may_claim(&self) -> bool {
        self.network.link.may_send() && self.may_fetch()
    }

    /// The same, if the network works.
    pub(super) fn may_fetch(&self) -> bool {
        matches!(self.phase, CrawlPhase::Running)
            && !self.hold.is_put()
            && self.limits.have_room()
            && self.budget.has_room()
            && self.credits.in_use() < self.parts.settings.concurrency
    }

    /// Brings the best request of a ready host one step further.
    pub(super) fn step(&mut self, host: HostId, now: Instant) {
        if self.window.best(host).is_some_and(|best| self.is_fresh(best)) {
            return self.take_unasked(host, Self::keep_fresh);
        }
        if let Some(question) = self.question_of_best(host) {
            if self.knows_answer(&question) {
                return self.take_unasked(host, |scheduler, host, waiting, credit| {
                    scheduler.answer_from_memory(&question, host, waiting, credit);
                });
            }
            if self.asked.contains(&question) {
                return self.window.park(host, question);
            }
        }
        if self.window.best(host).is_some_and(|best| self.may_be_kept(best)) {
            return self.take_unasked(host, Self::look_for_answer);
        }
        if let Some(error) = self.hosts.get(host).pace.is_down(now) {
            return self.with_credit(host, |scheduler, waiting, credit| {
                scheduler.parts.stats.host_down.add(1);
                scheduler.parts.stats.given_up.add(1);
                scheduler.give_up(
                    waiting,
                    RequestFailure::of(Reason::HostDown, format!("host-down: {error}")),
                    credit,
                );
            });
        }
        let Some(best) = self.window.best(host).map(|best| &best.queued) else { return };
        if let Some((reason, refusal)) = self.downloads.refusal(&best.request) {
            return self.with_credit(host, |scheduler, waiting, credit| {
                tracing::debug!(url = waiting.queued.request.url().as_str(), refusal, "not asked for");
                scheduler.parts.stats.given_up.add(1);
                scheduler.give_up(waiting, RequestFailure::of(reason, refusal), credit);
            });
        }
        match self.budgets.room_for(best) {
            BudgetRoom::Now => {}
            BudgetRoom::NotNow => return self.window.await_receipt(host),
            BudgetRoom::Never(reason) => {
                return self.with_credit(host, |scheduler, waiting, credit| {
                    scheduler.skip_full(waiting, reason, credit);
                });
            }
        }
        match self.hosts.get(host).robots.verdict(&best.request, now) {
            RobotsVerdict::Allowed => {
                if self.keeps_pace(host, now) {
                    self.with_credit(host, |scheduler, waiting, credit| {
                        scheduler.fetch(host, waiting, credit);
                    });
                }
            }
            RobotsVerdict::Ask => {
                if self.keeps_pace(host, now) {
                    self.ask_robots(host);
                }
            }
            RobotsVerdict::Denied(line) => {
                self.with_credit(host, |scheduler, waiting, credit| {
                    scheduler.skip_denied(host, waiting, &line, credit);
                });
            }
            RobotsVerdict::Unreachable(reason) => self.with_credit(host, |scheduler, waiting, credit| {
                scheduler.parts.stats.given_up.add(1);
                let ended = RequestFailure::of(
                    Reason::RobotsUnreachable,
                    format!("robots.txt unreachable: {reason}"),
                );
                scheduler.give_up(waiting, ended, credit);
            }),
        }
    }

    /// The best request of a host may need no fetch, so neither pace nor robots.txt matter yet.
    fn take_unasked(&mut self, host: HostId, work: impl FnOnce(&mut Self, HostId, Waiting, Credit)) {
        let Some(best) = self.window.best(host).map(|best| &best.queued) else { return };
        match self.budgets.room_for(best) {
            BudgetRoom::Now => {
                self.with_credit(host, |scheduler, waiting, credit| work(scheduler, host, waiting, credit));
            }
            BudgetRoom::NotNow => self.window.await_receipt(host),
            BudgetRoom::Never(reason) => self.with_credit(host, |scheduler, waiting, credit| {
                scheduler.skip_full(waiting, reason, credit);
            }),
        }
    }

    /// Takes the right to ask the host now. If that must wait, the host rests until then.
    fn keeps_pace(&mut self, host: HostId, now: Instant) -> bool {
        match self.hosts.update(host, |host| host.pace.take(now, rand::random())) {
            Ok(()) => true,
            Err(until) => {
                self.hosts.rest(host, until, RestReason::Pace);
                false
            }
        }
    }

    /// Takes the host's best request out of the window, reserves a page of the limits for it, and works with it.
    pub(super) fn with_credit(&mut self, host: HostId, work: impl FnOnce(&mut Self, Waiting, Credit)) {
        let Some(credit) = self.credits.try_take() else { return };
        let Some(waiting) = self.window.take(host) else { return };
        self.in_hand.set_out(&waiting.queued.fingerprint, true);
        self.limits.reserve();
        work(self, waiting, credit);
    }

    fn fetch(&mut self, host: HostId, mut waiting: Waiting, credit: Credit) {
        waiting.attempts += 1;
        self.begin_question(&waiting);
        self.budgets.reserve(&waiting.queued, &self.hosts.get(host).name);
        self.hosts.begin_fetch(host);
        let (downloads, marker) = (self.downloads.clone(), self.careful.marker(&waiting.queued));
        self.fetches.spawn(async move {
            let begun = Instant::now();
            let download = downloads.page(&waiting.queued.request, waiting.earlier.as_deref());
            let result = match marker {
                Some(marker) => marker.watch(download).await,
                None => download.await,
            };
            Landed::Page(Box::new(EndedFetch {
                host,
                waiting,
                credit,
                result,
                begun,
                elapsed: begun.elapsed(),
            }))
        });
    }

    /// Skips a request because the limit of its host or of its URL pattern is reached.
    fn skip_full(&mut self, waiting: Waiting, reason: LinkRefusal, credit: Credit) {
        self.parts.stats.refuse_links(reason, 1);
        let url = waiting.queued.request.url().as_str();
        let (setting, limit) = match reason {
            LinkRefusal::HostFull => ("max_pages_per_host", Reason::HostLimit),
            _ => ("max_pages_per_pattern", Reason::PatternLimit),
        };
        if self.budgets.is_news(reason) {
            tracing::warn!(url, setting, "this limit is reached, so further pages of this kind are skipped");
        } else {
            tracing::debug!(url, setting, "skipped");
        }
        let detail = format!("{}: as many pages as {setting} allows are done", reason.as_str());
        if waiting.queued.request.look_up().is_some() {
            return self.give_up(waiting, RequestFailure::of(limit, detail), credit);
        }
        let outcome = PageOutcome::skipped(&waiting.queued, limit, &detail);
        self.submit(outcome.with_answer(None, waiting.attempts).with_credit(credit));
    }

    /// A request will not be tried again. A crawl thread tells the spider and packs the failure.
    pub(super) fn give_up(&mut self, waiting: Waiting, ended: RequestFailure, credit: Credit) {
        let RequestFailure { status, reason, error, cookies, kept } = ended;
        let Waiting { queued, attempts, .. } = waiting;
        tracing::debug!(
            url = queued.request.url().as_str(),
            attempts,
            reason = reason.code(),
            error,
            "given up"
        );
        let mut charge = self.budget.charge();
        charge.enter(Stage::Waiting);
        let given_up = GivenUp {
            failure: Failure::of_queued(queued, reason, error)
                .with_status(status)
                .with_attempts(attempts)
                .with_args(self.parts.args.clone()),
            credit: Some(credit),
            charge: Some(charge),
            cookies,
            kept,
            kept_by: None,
        };
        self.hand_on(Job::GivenUp(given_up, self.scope.clone()));
    }

    /// Hands a job to the crawl threads.
    pub(super) fn hand_on(&mut self, job: Job) {
        self.hand_over(WaitingWork::Ready(job));
    }

    /// Hands work to the crawl threads, as soon as its page is marked if it has to be.
    pub(super) fn hand_over(&mut self, work: WaitingWork) {
        if let Some(work) = self.careful.marked(work) {
            self.hand_over_now(work);
        }
    }

    /// The channel holds as much work as there are credits.
    pub(super) fn hand_over_now(&mut self, work: WaitingWork) {
        if let Err(refused) = self.pages.try_send(WaitingJob::new(work)) {
            self.fail(if refused.is_full() {
                "the channel of pages holds fewer jobs than there are credits"
            } else {
                "all crawl threads have ended"
            });
        }
    }
}
