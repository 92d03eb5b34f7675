//! Packing makes a page outcome from an answer, through the spider and the item pipelines.
//!
//! Whatever user code does wrong here (errors, panics, undeclared items, rows that no store can hold) affects only this page.

mod barren;
mod keep;
mod links;
mod look_up;
mod passing;
mod produced;
mod sitemap;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use dragline_core::fetched::Arrival;
use dragline_core::outcome::request_size;
use dragline_core::page_memory::{MemoryExcess, PageMemory};
use dragline_core::worker::panic_message;
use dragline_core::{
    Args, DeadLetter, Failure, ItemLimits, ItemOrigin, ItemPipeline, ItemRecord, ItemType, Output, Page,
    PageOutcome, QueuedRequest, Reason, Request, Response, Router, RuleTally, SameRequest, SitemapRole,
    Spider,
};
use url::Url;

use self::passing::Passing;
use self::produced::Produced;
use crate::job::AsBefore;
use crate::known::KnownRequests;
use crate::look_ups::LookUps;
use crate::page_robots::PageRobots;
use crate::parts::EngineParts;
use crate::redirect::{RedirectSettings, refresh_target};
use crate::refusals::Refusals;
use crate::revisit::{Revisits, is_recorded};
use crate::robots::RobotsSettings;
use crate::scope::{RequestOrigin, Scope};
use crate::settings::{KeepSettings, LimitSettings};
use crate::sitemaps::SitemapSettings;
use crate::stats::CrawlStats;

/// The run whose pages are parsed, as item pipelines see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunLabel {
    /// Its id.
    pub run_id: i64,
    /// Its name.
    pub name: String,
}

/// Why an item was dropped whose page asks robots not to index it. No item pipeline decided this.
pub const NOINDEX: &str = "noindex";

/// Makes page outcomes. All crawl threads share one.
pub(crate) struct Packer {
    /// `None` for a preview, which belongs to no run.
    pub(crate) run: Option<RunLabel>,
    pub(crate) args: Args,
    pub(crate) spider: Arc<dyn Spider>,
    /// Which tags the spider knows.
    pub(crate) routes: Router,
    pub(crate) pipelines: Arc<[Box<dyn ItemPipeline>]>,
    /// The item types that the spider declared.
    pub(crate) items: Vec<ItemType>,
    pub(crate) item_limits: ItemLimits,
    pub(crate) max_page_memory: usize,
    pub(crate) max_depth: Option<u32>,
    /// What is kept of answers.
    pub(crate) keep: KeepSettings,
    pub(crate) limits: LimitSettings,
    pub(crate) redirects: RedirectSettings,
    pub(crate) robots: RobotsSettings,
    pub(crate) sitemaps: SitemapSettings,
    /// The largest body, and the largest sitemap after it was unpacked.
    pub(crate) max_body_bytes: usize,
    pub(crate) same_request: SameRequest,
    pub(crate) stats: Arc<CrawlStats>,
    /// The rules of an incremental crawl.
    pub(crate) revisits: Option<Arc<Revisits>>,
    /// The requests that the store is known to have.
    pub(crate) known: Arc<KnownRequests>,
    pub(crate) look_ups: Arc<LookUps>,
}

/// The page needs more memory than it can have while other pages hold so much. Nothing of it was kept.
pub(crate) struct NotNow {
    /// It has probably enough if it can have this much altogether.
    pub(crate) needed_bytes: usize,
    pub(crate) response: Box<Response>,
}

/// Why a page failed, and what happened in this case.
type ParseFault = (Reason, String);

impl Packer {
    pub(crate) fn new(
        parts: &EngineParts,
        run: RunLabel,
        pipelines: Arc<[Box<dyn ItemPipeline>]>,
        items: Vec<ItemType>,
    ) -> Self {
        let settings = &parts.settings;
        Self {
            run: Some(run),
            args: parts.args.clone(),
            routes: parts.spider.routes(),
            spider: Arc::clone(&parts.spider),
            pipelines,
            items,
            item_limits: settings.items,
            max_page_memory: settings.max_page_memory_bytes,
            max_depth: settings.links.max_depth,
            keep: settings.keep,
            limits: settings.limits,
            redirects: settings.redirects,
            robots: settings.robots.clone(),
            sitemaps: settings.sitemaps.clone(),
            max_body_bytes: settings.fetch.max_body_bytes,
            same_request: parts.same_request.clone(),
            stats: Arc::clone(&parts.stats),
            revisits: parts.revisits.clone(),
            known: Arc::clone(&parts.known),
            look_ups: Arc::clone(&parts.look_ups),
        }
    }

    /// Parses a page, and packs its items and new requests.
    pub(crate) fn page(
        &self,
        response: Response,
        arrival: Arrival,
        scope: &Scope,
        memory: &PageMemory,
    ) -> Result<PageOutcome, NotNow> {
        self.page_telling(response, arrival, scope, memory, &mut &*self.stats)
    }

    /// Packs a page that is as an earlier run found it, with the links that it had then. The rules of this run decide which of
    /// them are followed.
    pub(crate) fn as_before(&self, page: AsBefore, scope: &Scope) -> PageOutcome {
        let AsBefore { queued, reason, record, links, status, attempts, .. } = page;
        let outcome = match self.links(&queued, links, scope, &mut &*self.stats) {
            Ok(requests) => PageOutcome { requests, ..PageOutcome::as_before(&queued, reason, record) },
            Err((reason, detail)) => PageOutcome::failed(&queued, reason, &detail),
        };
        outcome.with_answer(status, attempts)
    }

    /// The same as [`page`](Self::page), and `refusals` hears about everything that is left out.
    pub(crate) fn page_telling(
        &self,
        response: Response,
        arrival: Arrival,
        scope: &Scope,
        memory: &PageMemory,
        refusals: &mut impl Refusals,
    ) -> Result<PageOutcome, NotNow> {
        let (outcome, response) = self.parsed(response, arrival, scope, memory, refusals)?;
        // The page's tree is gone, so there is memory for what is kept.
        Ok(self.with_kept(outcome, &response, arrival))
    }

    fn parsed(
        &self,
        response: Response,
        arrival: Arrival,
        scope: &Scope,
        memory: &PageMemory,
        refusals: &mut impl Refusals,
    ) -> Result<(PageOutcome, Response), NotNow> {
        let page = Page::new(response).with_args(self.args.clone()).with_memory(memory.clone());
        let mut links = None;
        let is_look_up = page.response().request().look_up().is_some();
        let is_recorded = arrival.body_hash.is_some() && is_recorded(page.status());
        if is_recorded && self.revisits.is_some() {
            links = Some(Vec::new());
        }
        let sitemap = page.response().request().sitemap_role().filter(|role| role.is_for_the_crawl());
        let produced = match (memory.take(page.body().len()), sitemap) {
            (Err(excess), _) => Err(too_large(excess)),
            (Ok(()), Some(role)) => match self.sitemap_outcome(&page, role, scope, memory, refusals) {
                Ok(outcome) => return Ok((outcome, page.into_response())),
                Err(fault) => Err(fault),
            },
            (Ok(()), None) if is_look_up => {
                self.answer(&page, arrival.from_memory, scope, memory, links.as_mut(), refusals)
            }
            (Ok(()), None) => match self.sent_on(&page, scope, refusals) {
                Some(outcome) => return Ok((outcome, page.into_response())),
                None => self.produce(&page, memory, scope, links.as_mut(), refusals),
            },
        };
        if let Some(MemoryExcess::NotNow(needed_bytes)) = memory.excess() {
            return Err(NotNow { needed_bytes, response: Box::new(page.into_response()) });
        }
        let response = page.into_response();
        let Response { queued, status, attempts, headers, .. } = &response;
        let outcome = match produced {
            Ok(produced) => {
                let record = self.revisits.as_ref().zip(links).zip(arrival.body_hash).map(
                    |((revisits, links), hash)| {
                        Box::new(revisits.record(&queued.request, headers, hash, links))
                    },
                );
                let outcome = PageOutcome { record, ..PageOutcome::done(queued) };
                produced.put_into(outcome, &self.item_limits)
            }
            Err((reason, detail)) => {
                if is_look_up {
                    tracing::warn!(reason = reason.code(), error = detail, "the look-up failed");
                    self.unanswered(queued, reason, &detail, scope, refusals)
                } else {
                    tracing::warn!(reason = reason.code(), error = detail, "the page failed");
                    PageOutcome::failed(queued, reason, &detail)
                }
            }
        };
        Ok((outcome.with_answer(Some(*status), *attempts), response))
    }

    /// The outcome of a sitemap. A panic in a parser fails only the sitemap.
    fn sitemap_outcome(
        &self,
        page: &Page,
        role: SitemapRole,
        scope: &Scope,
        memory: &PageMemory,
        refusals: &mut impl Refusals,
    ) -> Result<PageOutcome, ParseFault> {
        let mut outcome = None;
        guarded(Reason::SitemapUnreadable, "sitemap", || {
            outcome = Some(self.sitemap(page, role, scope, memory, refusals)?);
            Ok(())
        })?;
        outcome.ok_or_else(|| (Reason::SitemapUnreadable, "nothing was read".to_owned()))
    }

    /// The outcome of a page with a refresh to another page. Such a page is not parsed, unless its target is outside the
    /// scope of the run, because otherwise the page would yield nothing.
    fn sent_on(&self, page: &Page, scope: &Scope, refusals: &mut impl Refusals) -> Option<PageOutcome> {
        let Response { queued, status, attempts, .. } = page.response();
        let target = match refresh_target(page, &self.redirects, &self.same_request)? {
            Ok(target) => target,
            Err(problem) => {
                let (reason, error) = (problem.reason(), problem.to_string());
                let failure = Failure::of_queued(queued.clone(), reason, error)
                    .with_status(*status)
                    .with_attempts(*attempts)
                    .with_args(self.args.clone());
                return Some(self.failure_telling(&failure, scope, refusals));
            }
        };
        let found = RequestOrigin::redirect(queued);
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

    /// Tells the spider that a request was given up, and packs the failure with what the spider emits because of it.
    pub(crate) fn failure(&self, failure: &Failure, scope: &Scope) -> PageOutcome {
        self.failure_telling(failure, scope, &mut &*self.stats)
    }

    pub(crate) fn failure_telling(
        &self,
        failure: &Failure,
        scope: &Scope,
        refusals: &mut impl Refusals,
    ) -> PageOutcome {
        if failure.request().is_sitemap() {
            return self.failed_sitemap(failure, scope, refusals);
        }
        if failure.request().look_up().is_some() {
            let outcome =
                self.unanswered(failure.queued(), failure.reason(), failure.error(), scope, refusals);
            return outcome.with_answer(failure.status(), failure.attempts());
        }
        let outcome = PageOutcome::failed(failure.queued(), failure.reason(), failure.error())
            .with_answer(failure.status(), failure.attempts());
        match self.produce_of_failure(failure, scope, refusals) {
            Ok(produced) => produced.put_into(outcome, &self.item_limits),
            Err((_, detail)) => {
                let url = outcome.url.as_str();
                tracing::warn!(
                    url,
                    error = detail,
                    "nothing of what the spider made of this failure is stored"
                );
                outcome
            }
        }
    }

    fn produce_of_failure(
        &self,
        failure: &Failure,
        scope: &Scope,
        refusals: &mut impl Refusals,
    ) -> Result<Produced, ParseFault> {
        let memory = PageMemory::up_to(self.max_page_memory);
        let failed = |out: &mut Output| self.spider.failed(failure, out);
        let (records, requests) = self.emitted("failed", &memory, refusals, failed)?;
        let requests = self.links(failure.queued(), requests, scope, refusals)?;
        let mut produced = Produced { requests, ..Produced::default() };
        let tally = RuleTally::default();
        let origin = self.origin(failure.queued(), failure.request().url()).with_tally(&tally);
        guarded(Reason::PipelinePanic, "item pipelines", || {
            for record in records {
                let passing = Passing::new(record, failure.queued());
                self.pass(passing, &origin, &mut produced, refusals);
            }
            Ok(())
        })?;
        self.ask_all(failure.queued(), &mut produced, scope, &memory, None, refusals)?;
        self.count_rules(tally, &mut produced);
        Ok(produced)
    }

    /// The items and requests that a function of the spider emits. `name` is the name of the function.
    fn emitted(
        &self,
        name: &str,
        memory: &PageMemory,
        refusals: &mut impl Refusals,
        emit: impl FnOnce(&mut Output) -> dragline_core::Result<()>,
    ) -> Result<(Vec<ItemRecord>, Vec<Request>), ParseFault> {
        let mut out = Output::with_memory(memory.clone());
        let emitted = guarded(Reason::ParsePanic, name, || {
            emit(&mut out).map_err(|error| (Reason::ParseError, format!("{name}: {error}")))
        });
        // An error or a panic may be its consequence.
        if let Some(excess) = memory.excess() {
            return Err(too_large(excess));
        }
        emitted?;
        if let Err(error) = self.routes.check(out.requests()) {
            return Err((Reason::UnknownTag, format!("{name}: {error}")));
        }
        let (records, requests, unusable_links) = out.into_parts();
        refusals.unusable_links(unusable_links);
        if let Some(max) = self.limits.items_per_page.filter(|max| records.len() > *max) {
            let detail = format!(
                "{name}: emitted {} items, and a page may have {max} (--max-items-per-page)",
                records.len()
            );
            return Err((Reason::TooManyItems, detail));
        }
        if let Some(stray) = records.iter().find(|record| !self.items.contains(&record.item_type)) {
            let detail = format!(
                "{name}: the spider's items() does not declare the item type {}",
                stray.item_type.name()
            );
            return Err((Reason::ItemUndeclared, detail));
        }
        Ok((records, requests))
    }

    fn produce(
        &self,
        page: &Page,
        memory: &PageMemory,
        scope: &Scope,
        mut all_links: Option<&mut Vec<Request>>,
        refusals: &mut impl Refusals,
    ) -> Result<Produced, ParseFault> {
        // The search for a refresh may have parsed the page.
        if let Some(excess) = memory.excess() {
            return Err(too_large(excess));
        }
        if let Err(error) = self.routes.check([&page.response().queued.request]) {
            return Err((Reason::UnknownTag, format!("parse: {error}")));
        }
        let parse = |out: &mut Output| self.spider.parse(page, out);
        let (records, requests) = self.emitted("parse", memory, refusals, parse)?;
        let mut robots = PageRobots::default();
        guarded(Reason::PageUnreadable, "page", || {
            robots = PageRobots::of(page, &self.robots);
            Ok(())
        })?;
        let is_barren = match records.as_slice() {
            [] => barren::is_barren(page, !requests.is_empty()),
            _ => robots.forbids_items(),
        };
        let requests = robots.allowed(requests, refusals);
        if let Some(all_links) = all_links.as_deref_mut() {
            // The record holds them once more.
            memory.take(requests.iter().map(request_size).sum()).map_err(too_large)?;
            all_links.extend(requests.iter().cloned().map(links::without_extras));
        }
        let requests = self.links(&page.response().queued, requests, scope, refusals)?;
        let mut produced = Produced { requests, is_barren, ..Produced::default() };
        let tally = RuleTally::default();
        let origin = self.origin(&page.response().queued, page.url()).with_tally(&tally);
        guarded(Reason::PipelinePanic, "item pipelines", || {
            for record in records {
                if robots.forbids_items() {
                    let copy = refusals.copy_of(&record);
                    refusals.item(record.item_type.name(), copy, NOINDEX.to_owned());
                    continue;
                }
                let passing = Passing::new(record, &page.response().queued);
                self.pass(passing, &origin, &mut produced, refusals);
            }
            Ok(())
        })?;
        self.ask_all(&page.response().queued, &mut produced, scope, memory, all_links, refusals)?;
        self.count_rules(tally, &mut produced);
        Ok(produced)
    }

    /// The rules that the items of a page broke.
    fn count_rules(&self, tally: RuleTally, produced: &mut Produced) {
        let counts = tally.into_counts();
        if !counts.is_empty() {
            self.stats.count_rules(&counts);
            produced.rules = counts;
        }
    }

    /// Where the items of the page at `url` come from.
    fn origin<'a>(&'a self, queued: &'a QueuedRequest, url: &'a Url) -> ItemOrigin<'a> {
        let origin = ItemOrigin::new(url.as_str())
            .with_tag(queued.request.tag())
            .with_depth(queued.depth)
            .with_spider(self.spider.name());
        self.of_run(origin)
    }

    /// The same, in this run.
    fn of_run<'a>(&'a self, origin: ItemOrigin<'a>) -> ItemOrigin<'a> {
        match &self.run {
            Some(run) => origin.with_run(run.run_id, &run.name),
            None => origin,
        }
    }

    /// An item as a dead letter. Of one that is too large, the letter holds the beginning.
    fn letter(&self, item: ItemRecord, error: &str) -> DeadLetter {
        match self.item_limits.refusal(&item) {
            Some(size) => DeadLetter::shortened(item, &format!("{error}; {size}")),
            None => DeadLetter::of(item, error, None),
        }
    }
}

fn too_large(excess: MemoryExcess) -> ParseFault {
    (Reason::PageTooLarge, excess.to_string())
}

/// Runs user code. A panic in it becomes a fault.
fn guarded(
    if_panic: Reason,
    what: &str,
    work: impl FnOnce() -> Result<(), ParseFault>,
) -> Result<(), ParseFault> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err((if_panic, format!("{what}: panicked: {}", panic_message(&*panic)))))
}

#[cfg(test)]
mod tests;
