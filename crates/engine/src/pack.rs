//! Packing: from an answer to a page outcome, through the spider and the item pipelines.
//!
//! Whatever user code does here (errors, panics, items that nobody declared, rows that no store may take) is
//! the fate of this one page.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use dragline_core::outcome::clean;
use dragline_core::value::json_has_nul;
use dragline_core::worker::panic_message;
use dragline_core::{
    DeadLetter, Fingerprint, ItemPipeline, ItemRecord, ItemType, Output, Page, PageOutcome, PageState,
    QueuedRequest, Request, Response, Spider, Verdict,
};

use crate::job::GivenUp;
use crate::scope::{LinkRefusal, Scope};
use crate::stats::CrawlStats;

/// Makes page outcomes. One for all crawl threads.
pub(crate) struct Packer {
    pub(crate) spider: Arc<dyn Spider>,
    pub(crate) pipelines: Arc<[Box<dyn ItemPipeline>]>,
    /// What the spider declared.
    pub(crate) items: Vec<ItemType>,
    pub(crate) max_depth: Option<u32>,
    pub(crate) max_url_bytes: usize,
    pub(crate) stats: Arc<CrawlStats>,
}

/// Why a page failed, as it is stored.
type Fault = String;

impl Packer {
    /// Parses a page and packs what it yields.
    pub(crate) fn page(&self, response: Response, scope: &Scope) -> PageOutcome {
        let page = Page::new(response);
        let produced = self.produce(&page, scope);
        let Response { queued, status, attempts, credit, charge, .. } = page.into_response();
        let mut outcome =
            PageOutcome::new(queued.fingerprint, queued.request.url().as_str(), PageState::Done);
        (outcome.status, outcome.attempts) = (Some(status), attempts);
        match produced {
            Ok(Produced { items, dead_letters, requests }) => {
                let refusal = items.iter().find_map(ItemRecord::refusal);
                (outcome.items, outcome.dead_letters, outcome.requests) = (items, dead_letters, requests);
                if let Some(reason) = refusal {
                    tracing::warn!(error = reason, "the page is dead: no store may take one of its items");
                    outcome.kill(&reason, None);
                }
            }
            Err(fault) => {
                tracing::warn!(error = fault, "the page failed");
                outcome.state = PageState::Failed;
                outcome.error = Some(clean(&fault));
            }
        }
        // The body is gone, the outcome is what is held from here on.
        (outcome.credit, outcome.charge) = (credit, charge);
        let bytes = outcome.size();
        if let Some(charge) = &mut outcome.charge {
            charge.set(bytes);
        }
        outcome
    }

    /// Tells the spider that a request was given up, and packs the failure.
    pub(crate) fn given_up(&self, given_up: GivenUp) -> PageOutcome {
        let GivenUp { failure, credit } = given_up;
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.spider.failed(&failure))) {
            tracing::warn!(error = panic_message(&*panic), "the spider's `failed` panicked");
        }
        let url = failure.queued.request.url().as_str();
        let mut outcome = PageOutcome::new(failure.queued.fingerprint, url, PageState::Failed);
        (outcome.status, outcome.attempts) = (failure.status, failure.attempts);
        outcome.error = Some(clean(&failure.error));
        outcome.credit = Some(credit);
        outcome
    }

    fn produce(&self, page: &Page, scope: &Scope) -> Result<Produced, Fault> {
        let mut out = Output::new();
        guarded("parse", || self.spider.parse(page, &mut out).map_err(|error| format!("parse: {error}")))?;
        let (records, requests, unusable_links) = out.into_parts();
        self.stats.refuse_links(LinkRefusal::Scheme, unusable_links as u64);
        if let Some(stray) = records.iter().find(|record| !self.items.contains(&record.item_type)) {
            let name = stray.item_type.name;
            return Err(format!(
                "parse: item type {name} is not among those that the spider's items() declares"
            ));
        }
        let mut produced = Produced { requests: self.links(page, requests, scope)?, ..Produced::default() };
        let url = page.url().as_str();
        guarded("item pipelines", || {
            for record in records {
                self.keep(record, url, &mut produced);
            }
            Ok(())
        })?;
        Ok(produced)
    }

    /// Sends an item through the pipelines.
    fn keep(&self, mut record: ItemRecord, url: &str, produced: &mut Produced) {
        for pipeline in self.pipelines.iter() {
            match pipeline.process(record, url) {
                Verdict::Keep(next) => record = next,
                Verdict::Drop { reason } => {
                    return self.stats.drop_item(format!("{}: {reason}", pipeline.name()));
                }
                Verdict::Quarantine { record, reason } => {
                    self.stats.items_quarantined.add(1);
                    let error = format!("{}: {reason}", pipeline.name());
                    return produced.dead_letters.push(DeadLetter::of(&record, &error, None));
                }
            }
        }
        self.stats.items_kept.add(1);
        produced.items.push(record);
    }

    /// The requests that are worth storing, each fingerprint once.
    fn links(&self, page: &Page, requests: Vec<Request>, scope: &Scope) -> Result<Vec<QueuedRequest>, Fault> {
        let parent = &page.response().queued;
        if self.max_depth.is_some_and(|max| parent.depth >= max) {
            self.stats.refuse_links(LinkRefusal::TooDeep, requests.len() as u64);
            return Ok(Vec::new());
        }
        let mut seen: HashSet<Fingerprint> = HashSet::with_capacity(requests.len() + 1);
        // A page that links to itself says nothing new.
        seen.insert(parent.fingerprint);
        let mut kept = Vec::new();
        for (ordinal, request) in requests.into_iter().enumerate() {
            if let Some(problem) = unstorable(&request) {
                return Err(format!("parse: the request for {} {problem}", request.url()));
            }
            if request.url().as_str().len() > self.max_url_bytes {
                self.stats.refuse_links(LinkRefusal::TooLong, 1);
                continue;
            }
            let child = parent.child(without_fragment(request), ordinal);
            if !scope.contains(&child.host) {
                self.stats.refuse_links(LinkRefusal::OffSite, 1);
            } else if seen.insert(child.fingerprint) {
                kept.push(child);
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
/// a spider stores of the page's URL does not depend on which of them came first.
fn without_fragment(request: Request) -> Request {
    if request.url().fragment().is_none() {
        return request;
    }
    let mut url = request.url().clone();
    url.set_fragment(None);
    request.with_url(url)
}

/// Runs user code; a panic in it becomes a fault.
fn guarded(what: &str, work: impl FnOnce() -> Result<(), Fault>) -> Result<(), Fault> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(format!("{what}: panicked: {}", panic_message(&*panic))))
}

/// Why no store may take a request, if so: Postgres has no NUL in text.
fn unstorable(request: &Request) -> Option<&'static str> {
    if request.tag_str().contains('\0') {
        return Some("has a NUL character in its tag");
    }
    if request.headers().iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
        return Some("has a NUL character in a header");
    }
    let in_meta = request.meta_map().iter().any(|(name, value)| name.contains('\0') || json_has_nul(value));
    in_meta.then_some("has a NUL character in its meta")
}
