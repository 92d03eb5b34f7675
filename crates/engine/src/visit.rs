//! A visit fetches one request as a crawl would fetch it, with every redirect on the way, for a person to look at.
//!
//! The downloader, its limits and robots.txt are those of a crawl. There are three differences. Nothing is tried again,
//! because the person wants to see this answer. A visit has no pace, because it is a handful of requests. The body of an
//! error page is kept.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

use dragline_core::budget::ByteBudget;
use dragline_core::{Page, QueuedRequest, Reason, Request, Response, SameRequest};
use http::{HeaderMap, Version};
use tokio::runtime::Builder;
use url::Origin;

use crate::error::EngineError;
use crate::fetch::{DetailedAnswer, FetchError, HttpDownloader};
use crate::redirect;
use crate::robots::{DecidingLine, RobotsAnswer, RobotsLine, ask};
use crate::settings::EngineSettings;

/// How long the runtime may take to end. Only a name resolution that nobody waits for can still run then.
const RUNTIME_END: Duration = Duration::from_millis(100);

/// The result of a visit.
#[derive(Debug)]
pub struct Visit {
    /// The requests, in order. The answer to each of them except the last was a redirect.
    pub hops: Vec<Hop>,
    /// The page at the end, whatever its status, or why it could not be fetched.
    pub end: Result<Response, VisitProblem>,
}

/// Why a page could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisitProblem {
    /// The reason for which a crawl would give the request up. `None` if it would skip it.
    pub reason: Option<Reason>,
    /// What happened, for people.
    pub text: String,
}

impl fmt::Display for VisitProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl VisitProblem {
    fn failed(reason: Reason, problem: impl fmt::Display) -> Self {
        Self { reason: Some(reason), text: problem.to_string() }
    }

    fn skipped(text: String) -> Self {
        Self { reason: None, text }
    }
}

/// One request of a visit.
#[derive(Debug)]
pub struct Hop {
    /// The request.
    pub queued: QueuedRequest,
    /// What robots.txt says about it.
    pub robots: RobotsRule,
    /// The answer, if one came.
    pub answer: Option<HopAnswer>,
}

/// An answer, without its body.
#[derive(Debug)]
pub struct HopAnswer {
    /// The version of HTTP.
    pub version: Version,
    /// The status.
    pub status: u16,
    /// The headers as they were sent, including those that say how the body is coded.
    pub headers: HeaderMap,
    /// The time until the connection was there. `None` for an existing connection.
    pub connect: Option<Duration>,
    /// The time until the headers were there.
    pub first_byte: Duration,
    /// The time until the body was there.
    pub total: Duration,
}

/// What robots.txt says about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RobotsRule {
    /// It was not asked, because the settings do not obey it.
    NotAsked,
    /// The request may be made.
    Allowed(RobotsTxt),
    /// The request may not be made, and was not.
    Denied(RobotsTxt),
    /// Nobody knows what it would say, so the request was not made.
    Unreachable(String),
}

/// The content of a robots.txt, as far as it matters to the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RobotsTxt {
    /// The line that decided about the request. Without one, the request is allowed.
    pub decided_by: Option<DecidingLine>,
    /// The wait between requests that it asks for.
    pub crawl_delay: Option<Duration>,
    /// The part of that wait that a crawl would honour.
    pub honoured_delay: Option<Duration>,
    /// The sitemaps that it names, as they are written there.
    pub sitemaps: Vec<String>,
}

/// Makes a visit on this thread.
///
/// # Errors
/// If a setting is invalid, or the HTTP client or its runtime cannot be made. Errors of the site are in [`Visit::end`].
pub fn visit(settings: &EngineSettings, request: Request) -> Result<Visit, EngineError> {
    settings.validate()?;
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| EngineError::Thread { thread: "visit", source })?;
    let budget = ByteBudget::new(settings.memory_budget_bytes, || {});
    let http = HttpDownloader::new(settings, &[], budget, &[])?;
    let visitor = Visitor { settings, http, robots: HashMap::new(), hops: Vec::new() };
    let visit = runtime.block_on(visitor.go(QueuedRequest::start(request, 0)));
    runtime.shutdown_timeout(RUNTIME_END);
    Ok(visit)
}

struct Visitor<'a> {
    settings: &'a EngineSettings,
    http: HttpDownloader,
    robots: HashMap<Origin, RobotsAnswer>,
    hops: Vec<Hop>,
}

impl Visitor<'_> {
    async fn go(mut self, mut queued: QueuedRequest) -> Visit {
        let end = loop {
            match self.hop(queued).await {
                Ok(NextHop::Hop(target)) => queued = *target,
                Ok(NextHop::Page(page)) => break Ok(*page),
                Err(problem) => break Err(problem),
            }
        };
        Visit { hops: self.hops, end }
    }

    async fn hop(&mut self, queued: QueuedRequest) -> Result<NextHop, VisitProblem> {
        let unreachable = self.http.refusal(&queued.request);
        let robots = if unreachable.is_some() { RobotsRule::NotAsked } else { self.robots(&queued).await };
        let refusal = match &robots {
            RobotsRule::Denied(RobotsTxt { decided_by: Some(line), .. }) => {
                Some(VisitProblem::skipped(format!("robots.txt forbids this page: {line}")))
            }
            RobotsRule::Denied(_) => Some(VisitProblem::skipped("robots.txt forbids this page".to_owned())),
            RobotsRule::Unreachable(reason) => {
                let text = format!("robots.txt unreachable: {reason}");
                Some(VisitProblem::failed(Reason::RobotsUnreachable, text))
            }
            RobotsRule::NotAsked | RobotsRule::Allowed(_) => {
                unreachable.map(|refusal| VisitProblem::failed(Reason::PrivateNetwork, refusal))
            }
        };
        let at = self.hops.len();
        self.hops.push(Hop { queued: queued.clone(), robots, answer: None });
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        let begun = Instant::now();
        let failed = |error: FetchError| VisitProblem::failed(error.reason(), error);
        let seen = self.http.look(&queued.request).await.map_err(failed)?;
        let DetailedAnswer { version, status, headers, connect, first_byte, answer } = seen;
        let location = redirect::location(status, &headers);
        let total = begun.elapsed();
        self.hops[at].answer = Some(HopAnswer { version, status, headers, connect, first_byte, total });
        if let Some(location) = location {
            let target = redirect::follow(
                &queued,
                status,
                &location,
                self.settings.redirects.max_hops,
                &SameRequest::canonical(),
            );
            let target = target.map_err(|problem| VisitProblem::failed(problem.reason(), problem))?;
            let longest = self.settings.links.max_url_bytes;
            if target.request.url().as_str().len() > longest {
                let text = format!("redirected to a URL that is longer than {longest} bytes");
                return Err(VisitProblem::skipped(text));
            }
            return Ok(NextHop::Hop(Box::new(target)));
        }
        let answer = answer.map_err(failed)?;
        let body = answer.body.unwrap_or_default();
        let mut response = Response::of_queued(queued, status, answer.headers, body);
        response.elapsed = total;
        let page = Page::new(response);
        match redirect::refresh_target(&page, &self.settings.redirects, &SameRequest::canonical()) {
            Some(Ok(target)) => Ok(NextHop::Hop(Box::new(target))),
            Some(Err(problem)) => Err(VisitProblem::failed(problem.reason(), problem)),
            None => Ok(NextHop::Page(Box::new(page.into_response()))),
        }
    }

    async fn robots(&mut self, queued: &QueuedRequest) -> RobotsRule {
        if !self.settings.robots.obey {
            return RobotsRule::NotAsked;
        }
        let url = queued.request.url();
        let origin = url.origin();
        if !self.robots.contains_key(&origin) {
            let answer = ask(&self.http, &queued.request, &self.settings.robots).await.answer;
            self.robots.insert(origin.clone(), answer);
        }
        match self.robots.get(&origin) {
            Some(RobotsAnswer::NotNow(failure)) if !failure.is_unavailable => {
                RobotsRule::Unreachable(failure.reason.clone())
            }
            Some(RobotsAnswer::Rules(rules)) => {
                let rule = rules.rule_for(url);
                let told = RobotsTxt {
                    decided_by: rule.map(RobotsLine::told),
                    crawl_delay: rules.crawl_delay(),
                    honoured_delay: rules.honoured_delay(&self.settings.robots),
                    sitemaps: rules.sitemaps().to_vec(),
                };
                if rule.is_none_or(RobotsLine::allows) {
                    RobotsRule::Allowed(told)
                } else {
                    RobotsRule::Denied(told)
                }
            }
            Some(RobotsAnswer::NotNow(_)) | None => RobotsRule::Allowed(RobotsTxt::default()),
        }
    }
}

enum NextHop {
    Hop(Box<QueuedRequest>),
    Page(Box<Response>),
}
