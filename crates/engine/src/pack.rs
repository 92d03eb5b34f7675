//! Packing: from an answer to a page outcome, through the spider and the item pipelines.
//!
//! Whatever user code does here (errors, panics, items that nobody declared, rows that no store may take) is
//! the fate of this one page.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use dragline_core::canonical::{drop_userinfo, has_userinfo};
use dragline_core::value::json_has_nul;
use dragline_core::worker::panic_message;
use dragline_core::{
    DeadLetter, Failure, Fingerprint, ItemPipeline, ItemRecord, ItemType, Output, Page, PageOutcome,
    QueuedRequest, Reason, Request, Response, SameRequest, Spider, Verdict,
};
use url::Url;

use crate::item_counts::Fate;
use crate::known::KnownRequests;
use crate::page_robots::PageRobots;
use crate::redirect::refresh_target;
use crate::scope::{Found, LinkRefusal, Scope};
use crate::settings::{RedirectSettings, RobotsSettings};
use crate::stats::CrawlStats;

/// Makes page outcomes. One for all crawl threads.
pub(crate) struct Packer {
    pub(crate) spider: Arc<dyn Spider>,
    pub(crate) pipelines: Arc<[Box<dyn ItemPipeline>]>,
    /// What the spider declared.
    pub(crate) items: Vec<ItemType>,
    pub(crate) max_depth: Option<u32>,
    pub(crate) redirects: RedirectSettings,
    pub(crate) robots: RobotsSettings,
    pub(crate) same_request: SameRequest,
    pub(crate) stats: Arc<CrawlStats>,
    /// What the store is known to have.
    pub(crate) known: Arc<KnownRequests>,
}

/// Why a page failed, and what happened in this case.
type Fault = (Reason, String);

/// Hears of what a page yields and a crawl does not store.
pub(crate) trait Refusals {
    fn link(&mut self, reason: LinkRefusal, url: &Url);
    /// Links that are no http(s) URLs.
    fn unusable_links(&mut self, count: usize);
    /// A request that the page has yielded before, or that is its own.
    fn repeated(&mut self, url: &Url);
    /// A copy of an item, for who wants to see what was dropped: an item pipeline keeps the item itself.
    fn copy_of(&mut self, record: &ItemRecord) -> Option<ItemRecord>;
    fn item(&mut self, item_type: &str, copy: Option<ItemRecord>, reason: String);
}

/// A crawl counts them.
impl Refusals for &CrawlStats {
    fn link(&mut self, reason: LinkRefusal, _url: &Url) {
        self.refuse_links(reason, 1);
    }

    fn unusable_links(&mut self, count: usize) {
        self.refuse_links(LinkRefusal::Scheme, count as u64);
    }

    fn repeated(&mut self, _url: &Url) {}

    fn copy_of(&mut self, _record: &ItemRecord) -> Option<ItemRecord> {
        None
    }

    fn item(&mut self, item_type: &str, _copy: Option<ItemRecord>, reason: String) {
        self.drop_item(item_type, &reason);
    }
}

impl Packer {
    /// Parses a page and packs what it yields.
    pub(crate) fn page(&self, response: Response, scope: &Scope) -> PageOutcome {
        self.page_telling(response, scope, &mut &*self.stats)
    }

    /// The same; `refusals` hears of what is left out.
    pub(crate) fn page_telling(
        &self,
        response: Response,
        scope: &Scope,
        refusals: &mut impl Refusals,
    ) -> PageOutcome {
        let page = Page::new(response);
        if let Some(outcome) = self.sent_on(&page, scope, refusals) {
            return outcome;
        }
        let produced = self.produce(&page, scope, refusals);
        let Response { queued, status, attempts, .. } = page.into_response();
        let outcome = match produced {
            Ok(Produced { items, dead_letters, requests }) => {
                let refusal = items.iter().find_map(ItemRecord::refusal);
                let mut outcome = PageOutcome { items, dead_letters, requests, ..PageOutcome::done(&queued) };
                if let Some(detail) = refusal {
                    tracing::warn!(error = detail, "the page is dead: no store can hold one of its items");
                    outcome.kill(Reason::ItemRefused, &detail, None);
                }
                outcome
            }
            Err((reason, detail)) => {
                tracing::warn!(reason = reason.code(), error = detail, "the page failed");
                PageOutcome::failed(&queued, reason, &detail)
            }
        };
        outcome.with_answer(Some(status), attempts)
    }

    /// The outcome of a page that sends its reader on: it is no page to be parsed. One that sends him out of the run's
    /// scope is, for otherwise nothing would come of it.
    fn sent_on(&self, page: &Page, scope: &Scope, refusals: &mut impl Refusals) -> Option<PageOutcome> {
        let Response { queued, status, attempts, .. } = page.response();
        let target = match refresh_target(page, &self.redirects, &self.same_request)? {
            Ok(target) => target,
            Err(problem) => {
                let (reason, error) = (problem.reason(), problem.to_string());
                let (queued, status) = (queued.clone(), Some(*status));
                return Some(self.given_up(&Failure { queued, status, attempts: *attempts, reason, error }));
            }
        };
        let found = Found::redirect(queued.depth);
        if let Some(reason) = scope.refusal(target.request.url(), &target.host, found) {
            refusals.link(reason, target.request.url());
            return None;
        }
        self.stats.redirects.add(1);
        let detail = format!("redirected to {} (refresh)", target.request.url());
        let mut outcome = PageOutcome::skipped(queued, Reason::Redirected, &detail);
        outcome.requests.push(target);
        Some(outcome.with_answer(Some(*status), *attempts))
    }

    /// Tells the spider that a request was given up, and packs the failure.
    pub(crate) fn given_up(&self, failure: &Failure) -> PageOutcome {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.spider.failed(failure))) {
            tracing::warn!(error = panic_message(&*panic), "the spider's `failed` panicked");
        }
        let Failure { queued, status, attempts, reason, error } = failure;
        PageOutcome::failed(queued, *reason, error).with_answer(*status, *attempts)
    }

    fn produce(&self, page: &Page, scope: &Scope, refusals: &mut impl Refusals) -> Result<Produced, Fault> {
        let mut out = Output::new();
        guarded(Reason::ParsePanic, "parse", || {
            self.spider.parse(page, &mut out).map_err(|error| (Reason::ParseError, format!("parse: {error}")))
        })?;
        let (records, requests, unusable_links) = out.into_parts();
        refusals.unusable_links(unusable_links);
        if let Some(stray) = records.iter().find(|record| !self.items.contains(&record.item_type)) {
            let name = stray.item_type.name();
            let detail =
                format!("parse: item type {name} is not among those that the spider's items() declares");
            return Err((Reason::ItemUndeclared, detail));
        }
        let mut robots = PageRobots::default();
        guarded(Reason::PageUnreadable, "page", || {
            robots = PageRobots::of(page, &self.robots);
            Ok(())
        })?;
        let requests = robots.allowed(requests, refusals);
        let mut produced =
            Produced { requests: self.links(page, requests, scope, refusals)?, ..Produced::default() };
        let url = page.url().as_str();
        guarded(Reason::PipelinePanic, "item pipelines", || {
            for record in records {
                if robots.forbids_items() {
                    let copy = refusals.copy_of(&record);
                    refusals.item(record.item_type.name(), copy, "noindex".to_owned());
                    continue;
                }
                self.keep(record, url, &mut produced, refusals);
            }
            Ok(())
        })?;
        Ok(produced)
    }

    /// Sends an item through the pipelines.
    fn keep(&self, mut record: ItemRecord, url: &str, produced: &mut Produced, refusals: &mut impl Refusals) {
        let (copy, item_type) = (refusals.copy_of(&record), record.item_type.clone());
        let item_type = item_type.name();
        for pipeline in self.pipelines.iter() {
            match pipeline.process(record, url) {
                Verdict::Keep(next) => record = next,
                Verdict::Drop { reason } => {
                    return refusals.item(item_type, copy, format!("{}: {reason}", pipeline.name()));
                }
                Verdict::Quarantine { record, reason } => {
                    self.stats.item(item_type, Fate::Quarantined);
                    let error = format!("{}: {reason}", pipeline.name());
                    return produced.dead_letters.push(DeadLetter::of(&record, &error, None));
                }
            }
        }
        self.stats.item(item_type, Fate::Kept);
        produced.items.push(record);
    }

    /// The requests that are worth storing, each fingerprint once: those that the store is not known to have.
    fn links(
        &self,
        page: &Page,
        requests: Vec<Request>,
        scope: &Scope,
        refusals: &mut impl Refusals,
    ) -> Result<Vec<QueuedRequest>, Fault> {
        let parent = &page.response().queued;
        if self.max_depth.is_some_and(|max| parent.depth >= max) {
            for request in &requests {
                refusals.link(LinkRefusal::TooDeep, request.url());
            }
            return Ok(Vec::new());
        }
        let mut seen: HashSet<Fingerprint> = HashSet::new();
        // A page that links to itself says nothing new.
        seen.insert(parent.fingerprint);
        let mut kept = Vec::new();
        let known = self.known.now();
        for (ordinal, request) in requests.into_iter().enumerate() {
            if let Some(problem) = unstorable(&request) {
                let detail = format!("parse: the request for {} {problem}", request.url());
                return Err((Reason::InvalidRequest, detail));
            }
            let found = if request.is_link() { Found::Link } else { Found::Request };
            let request = without_extras(request);
            let fingerprint = parent.child_fingerprint(&self.same_request, &request, ordinal);
            // Most links of most pages. What the store has belongs to the run; it need not be asked again.
            if known.has(&fingerprint) {
                continue;
            }
            if let Some(reason) = scope.refusal(request.url(), request.host(), found) {
                tracing::debug!(link = request.url().as_str(), reason = reason.as_str(), "not followed");
                refusals.link(reason, request.url());
                continue;
            }
            if seen.insert(fingerprint) {
                kept.push(parent.child_named(fingerprint, request));
            } else {
                refusals.repeated(request.url());
            }
        }
        Ok(kept)
    }
}

/// What a page yields.
#[derive(Default)]
struct Produced {
    items: Vec<ItemRecord>,
    dead_letters: Vec<DeadLetter>,
    requests: Vec<QueuedRequest>,
}

/// A fragment never reaches the server, and links that differ in it alone are one request: without it, what
/// a spider stores of the page's URL does not depend on which of them came first. A password would be stored.
fn without_extras(request: Request) -> Request {
    if request.url().fragment().is_none() && !has_userinfo(request.url()) {
        return request;
    }
    let mut url = request.url().clone();
    url.set_fragment(None);
    drop_userinfo(&mut url);
    request.with_url(url)
}

/// Runs user code; a panic in it becomes a fault.
fn guarded(if_panic: Reason, what: &str, work: impl FnOnce() -> Result<(), Fault>) -> Result<(), Fault> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err((if_panic, format!("{what}: panicked: {}", panic_message(&*panic)))))
}

/// Why no store may take a request, if so: Postgres has no NUL in text.
fn unstorable(request: &Request) -> Option<&'static str> {
    if request.tag().contains('\0') {
        return Some("has a NUL character in its tag");
    }
    if request.session().is_some_and(|session| session.contains('\0')) {
        return Some("has a NUL character in the name of its session");
    }
    if request.headers().iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
        return Some("has a NUL character in a header");
    }
    let in_meta = request.meta().iter().any(|(name, value)| name.contains('\0') || json_has_nul(value));
    in_meta.then_some("has a NUL character in its meta")
}

#[cfg(test)]
mod tests;
