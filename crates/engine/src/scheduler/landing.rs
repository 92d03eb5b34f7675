//! Landing decides what becomes of a fetch that has ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use dragline_core::budget::{Charge, Stage};
use dragline_core::credit::Credit;
use dragline_core::fetched::Arrival;
use dragline_core::kept_page::{KeptPage, KeptPart};
use dragline_core::{Fetched, PageOutcome, PageRecord, Reason, Request, Response, StoredCookie};
use tokio::task::JoinError;

use super::revisits::AwaitingLinks;
use super::{CrawlPhase, Scheduler};
use crate::answer_class::AnswerClass;
use crate::downloader::{Answer, AnswerBody, DownloadError, Fault};
use crate::hosts::{FailureLog, HostId};
use crate::job::Job;
use crate::look_ups::KnownAnswer;
use crate::pace::Answered;
use crate::redirect;
use crate::retry;
use crate::robots::RobotsFetch;
use crate::scope::RequestOrigin;
use crate::sitemaps::may_be_missing;
use crate::window::Waiting;

/// A fetch that has ended.
pub(super) enum Landed {
    /// The fetch of a page.
    Page(Box<EndedFetch>),
    /// The fetch of a robots.txt.
    Robots(Box<EndedRobots>),
    /// A question whether the way to this host works.
    Probe { host: Arc<str>, result: Result<(), DownloadError> },
}

/// The end of a page's fetch.
pub(super) struct EndedFetch {
    pub(super) host: HostId,
    pub(super) waiting: Waiting,
    pub(super) credit: Credit,
    pub(super) result: Result<Answer, DownloadError>,
    pub(super) begun: Instant,
    pub(super) elapsed: Duration,
}

/// The end of a fetch of robots.txt.
pub(super) struct EndedRobots {
    pub(super) host: HostId,
    /// The request for which it was fetched.
    pub(super) page: Request,
    pub(super) fetch: RobotsFetch,
    pub(super) begun: Instant,
}

/// Why a request is given up.
pub(super) struct RequestFailure {
    pub(super) status: Option<u16>,
    pub(super) reason: Reason,
    pub(super) error: String,
    pub(super) cookies: Vec<StoredCookie>,
    /// The first bytes of the answer, if the settings keep them.
    pub(super) kept: Option<Box<KeptPage>>,
}

impl RequestFailure {
    /// A request that has no answer.
    pub(super) fn of(reason: Reason, error: String) -> Self {
        Self { status: None, reason, error, cookies: Vec::new(), kept: None }
    }
}

impl Scheduler {
    pub(super) fn on_landed(&mut self, landed: Result<Landed, JoinError>) {
        self.parts.stats.skipped_header_lines.set(self.downloads.http().skipped_header_lines());
        match landed {
            Ok(Landed::Page(fetch)) => {
                self.hosts.end_fetch(fetch.host);
                self.end_question(&fetch.waiting);
                let class = fetch.result.as_ref().map(|answer| AnswerClass::of(answer.status));
                self.parts.stats.fetched(class.unwrap_or(AnswerClass::None), fetch.elapsed);
                if let Some(fetch) = self.weigh_page(*fetch) {
                    self.on_page(fetch);
                }
            }
            Ok(Landed::Robots(ended)) => {
                self.robots_fetches -= 1;
                self.hosts.end_fetch(ended.host);
                if let Some(ended) = self.weigh_robots(*ended) {
                    self.on_robots(ended);
                }
            }
            Ok(Landed::Probe { host, result }) => self.on_probe(host, result),
            // Panics within the fetch are caught there. Any other panic would leave its request in hand for ever.
            Err(problem) => self.fail(&format!("a fetch was lost: {problem}")),
        }
    }

    pub(super) fn on_page(&mut self, fetch: EndedFetch) {
        let EndedFetch { host, mut waiting, credit, result, begun, elapsed } = fetch;
        let answer = match result {
            Ok(answer) => answer,
            Err(error) => {
                if error.is_retryable {
                    if error.host_has_answered {
                        self.host_is_back(host);
                    } else if !matches!(error.fault, Fault::Ours | Fault::NamedProxy) {
                        let requests = u32::from(waiting.is_first());
                        self.host_failed(host, begun, requests, &error.to_string());
                    }
                    if self.may_retry(host, &mut waiting) {
                        return self.retry(host, waiting, None, &error.to_string());
                    }
                }
                return self.fail_page(
                    host,
                    waiting,
                    RequestFailure::of(error.reason(), error.to_string()),
                    credit,
                );
            }
        };
        let (status, latency) = (answer.status, answer.latency.unwrap_or(elapsed));
        self.host_answered(host, Answered { status, is_first: waiting.is_first(), sent_at: begun, latency });
        let bytes = answer.charge.as_ref().map_or(0, Charge::bytes);
        let request = &waiting.queued.request;
        tracing::debug!(
            method = request.method().as_str(),
            url = request.url().as_str(),
            status,
            bytes,
            elapsed_ms = elapsed.as_millis(),
            "fetched"
        );
        self.parts.stats.pages_fetched.add(1);
        self.parts.stats.bytes_fetched.add(bytes as u64);
        if let Some(validators) = self.unchanged(&waiting, &answer) {
            self.hosts.update(host, |host| host.log_memory.page_came());
            let (reason, record) = (Reason::Unchanged, PageRecord::Unchanged(validators));
            let (status, cookies) = (Some(status), answer.cookies);
            return self.await_links(AwaitingLinks {
                host,
                waiting,
                credit,
                reason,
                record,
                status,
                cookies,
            });
        }
        // A redirect with a body is a page that the spider accepts.
        let location =
            redirect::location(answer.status, &answer.headers).filter(|_| answer.body == AnswerBody::Unread);
        if let Some(location) = location {
            return self.redirect(host, waiting, answer, &location, credit);
        }
        if self.parts.settings.retry.has_status(status) && self.may_retry(host, &mut waiting) {
            let asked = retry::retry_after(&answer.headers);
            drop(answer);
            return self.put_off(host, waiting, status, asked);
        }
        let Answer { headers, body, charge, cookies, kept, body_hash, .. } = answer;
        let body = match body {
            AnswerBody::Whole(body) => body,
            AnswerBody::Unwanted(essence) => {
                let outcome = self.unwanted(host, &waiting, &essence);
                let outcome = outcome.with_answer(Some(status), waiting.attempts).with_cookies(cookies);
                return self.submit(outcome.with_credit(credit));
            }
            AnswerBody::Unread => {
                let (reason, error) = (Reason::HttpStatus, format!("HTTP {status}"));
                let max_bytes = self.parts.settings.keep.failed_bytes;
                let url = waiting.queued.request.url().as_str();
                let kept = max_bytes.zip(kept).map(|(max, body)| {
                    let part = KeptPart::beginning(&headers, &body, max, body.len() < max);
                    Box::new(KeptPage::of(url, status, &headers, Utc::now(), part))
                });
                let ended = RequestFailure { status: Some(status), reason, error, cookies, kept };
                return self.fail_page(host, waiting, ended, credit);
            }
        };
        self.hosts.update(host, |host| host.log_memory.page_came());
        let (question, fetched_at) = (self.question_of(&waiting), Utc::now());
        let Waiting { queued, attempts, .. } = waiting;
        let mut response = Response::of_queued(queued, status, headers, body);
        (response.attempts, response.elapsed) = (attempts, elapsed);
        if let (Some(question), Some(answers)) = (question, self.parts.look_ups.answers()) {
            answers.keep(question, KnownAnswer::of(&response, body_hash, fetched_at));
        }
        let arrival = Arrival { body_hash, fetched_at: Some(fetched_at), ..Arrival::default() };
        let fetched = Fetched { response, credit: Some(credit), charge, cookies, arrival };
        self.hand_on(Job::Parse(fetched, self.scope.clone()));
    }

    /// The outcome of a request whose page is of a type that nobody accepts.
    fn unwanted(&mut self, host: HostId, waiting: &Waiting, essence: &str) -> PageOutcome {
        self.hosts.update(host, |host| host.log_memory.page_came());
        let is_first = self.parts.stats.unwanted_types.get() == 0;
        self.parts.stats.unwanted_types.add(1);
        let url = waiting.queued.request.url().as_str();
        let reason = format!("unwanted type {essence}");
        if waiting.queued.is_start() {
            tracing::warn!(
                url,
                reason,
                "the body of this start page is not read (see the setting `accept_types`)"
            );
        } else if is_first {
            tracing::info!(
                url,
                reason,
                "such pages are skipped (see the setting `accept_types`); further ones are logged at debug level"
            );
        } else {
            tracing::debug!(url, reason, "skipped");
        }
        PageOutcome::skipped(&waiting.queued, Reason::UnwantedType, &reason)
    }

    /// While its host is not well, a failure does not count against the request.
    fn may_retry(&self, host: HostId, waiting: &mut Waiting) -> bool {
        if !self.hosts.get(host).pace.is_well() {
            waiting.excused += 1;
        }
        let own = waiting.queued.request.max_retries();
        waiting.counted() <= own.unwrap_or(self.parts.settings.retry.retries)
    }

    /// A server that is too busy gets a rest from all requests, not only from this one.
    fn put_off(&mut self, host: HostId, waiting: Waiting, status: u16, asked: Option<Duration>) {
        if status == 429 || (status == 503 && asked.is_some()) {
            let rest = retry::delay(&self.parts.settings.retry, waiting.counted(), asked);
            self.rest_as_asked(host, rest, status);
        }
        self.retry(host, waiting, asked, &format!("HTTP {status}"));
    }

    /// Puts a request back into the window, to be tried again later. It holds no credit, slot or reservation then.
    fn retry(&mut self, host: HostId, waiting: Waiting, asked: Option<Duration>, error: &str) {
        let delay = if self.hosts.get(host).pace.is_well() {
            retry::delay(&self.parts.settings.retry, waiting.counted(), asked)
        } else {
            // Its host rests, and that is wait enough.
            Duration::ZERO
        };
        self.put_back(host, waiting, delay, error);
    }

    /// The same after a wait that was chosen already.
    pub(super) fn put_back(&mut self, host: HostId, mut waiting: Waiting, delay: Duration, error: &str) {
        waiting.goes_first = false;
        self.careful.goes_back(&waiting.queued.fingerprint);
        if matches!(self.phase, CrawlPhase::Running) {
            let url = waiting.queued.request.url().as_str();
            tracing::debug!(
                url,
                attempts = waiting.attempts,
                delay_ms = delay.as_millis(),
                error,
                "it will be tried again"
            );
            self.parts.stats.retries.add(1);
        }
        self.return_to_window(host, waiting, delay);
    }

    /// A request that was taken out of the window waits there again. It holds no credit, slot or reservation then.
    pub(super) fn return_to_window(&mut self, host: HostId, waiting: Waiting, delay: Duration) {
        self.limits.release();
        let fingerprint = waiting.queued.fingerprint;
        self.budgets.end(&fingerprint, false);
        if !matches!(self.phase, CrawlPhase::Running) {
            // This process will not try again. The request stays queued in the store.
            self.in_hand.leave(&fingerprint);
            return self.window.settle(host);
        }
        self.in_hand.set_out(&fingerprint, false);
        self.window.delay(host, waiting, Instant::now() + delay);
    }

    pub(super) fn fail_page(
        &mut self,
        host: HostId,
        waiting: Waiting,
        ended: RequestFailure,
        credit: Credit,
    ) {
        if may_be_missing(&waiting.queued.request, ended.status) {
            return self.give_up(waiting, ended, credit);
        }
        self.parts.stats.given_up.add(1);
        // A missing page is normal, unless somebody named it. A server that fails again and again is worth a look.
        if waiting.queued.is_start() || ended.status.is_none_or(|status| status >= 500) {
            let log = self.hosts.update(host, |host| host.log_memory.failed());
            if log != FailureLog::Nothing {
                let url = waiting.queued.request.url().as_str();
                tracing::warn!(url, attempts = waiting.attempts, error = ended.error, "given up");
            }
            if log == FailureLog::LastLine {
                let name = &self.hosts.get(host).name;
                tracing::warn!(host = %name, "further failures of this host are not logged until a page comes; their requests keep them in `error`");
            }
        }
        self.give_up(waiting, ended, credit);
    }

    /// Ends a request as `skipped`, with its target in its place.
    fn redirect(&mut self, host: HostId, waiting: Waiting, answer: Answer, location: &str, credit: Credit) {
        let asked = retry::wait_asked(&self.parts.settings.retry, &answer.headers);
        let Answer { status, cookies, .. } = answer;
        let from = &waiting.queued;
        let target = match redirect::follow(
            from,
            status,
            location,
            self.parts.settings.redirects.max_hops,
            &self.parts.same_request,
        ) {
            Ok(target) => target,
            Err(problem) => {
                let (reason, error) = (problem.reason(), problem.to_string());
                let ended = RequestFailure { status: Some(status), reason, error, cookies, kept: None };
                return self.fail_page(host, waiting, ended, credit);
            }
        };
        self.parts.stats.redirects.add(1);
        let url = target.request.url();
        let found = RequestOrigin::redirect(from);
        let outcome = if let Some(refusal) = self.scope.refusal(url, &target.host, found) {
            self.parts.stats.refuse_links(refusal, 1);
            let detail = format!("redirected to {url}, which {}", refusal.of_target());
            if from.request.look_up().is_some() {
                let reason = Reason::RedirectOutOfScope;
                let ended =
                    RequestFailure { status: Some(status), reason, error: detail, cookies, kept: None };
                return self.give_up(waiting, ended, credit);
            }
            PageOutcome::skipped(from, Reason::RedirectOutOfScope, &detail)
        } else {
            let mut outcome = PageOutcome::skipped(from, Reason::Redirected, &format!("redirected to {url}"));
            if let Some(asked) = asked
                && let Some(host) = self.host_named(&target.host, Instant::now())
            {
                // RFC 9110 §10.2.3: the redirected request is the one that must wait.
                self.rest_as_asked(host, asked, status);
            }
            outcome.requests.push(target);
            outcome
        };
        tracing::debug!(url = outcome.url, detail = outcome.error, "redirected");
        let mut outcome =
            outcome.with_answer(Some(status), waiting.attempts).with_credit(credit).with_cookies(cookies);
        let mut charge = self.budget.charge();
        charge.enter(Stage::Storing);
        charge.set(outcome.size());
        outcome.charge = Some(charge);
        self.submit(outcome);
    }
}
