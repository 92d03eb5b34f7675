//! Reads a sitemap in place of the spider: what it names becomes new requests, in the same outcome.

use std::fmt::Write as _;

use dragline_core::chrono::{DateTime, Utc};
use dragline_core::counted::counted;
use dragline_core::page_memory::PageMemory;
use dragline_core::sitemap::SitemapFaults;
use dragline_core::{
    Failure, Page, PageOutcome, QueuedRequest, Reason, Request, RequestOptions, SitemapEntry, SitemapError,
    SitemapKind, SitemapRole,
};
use url::Url;

use super::links::Sieve;
use super::{Packer, ParseFault, too_large};
use crate::refusals::Refusals;
use crate::robots;
use crate::scope::{LinkRefusal, RequestOrigin, Scope};
use crate::sitemaps::{at_root, may_be_missing};

/// Where a sitemap is if robots.txt names none.
const USUAL_PLACE: &str = "/sitemap.xml";

/// What is made of a sitemap's entries.
struct Reading<'a, R> {
    packer: &'a Packer,
    scope: &'a Scope,
    memory: &'a PageMemory,
    refusals: &'a mut R,
    parent: &'a QueuedRequest,
    /// The options of each new request, without its role.
    options: RequestOptions,
    sieve: Sieve<'a>,
    /// How many entries with a URL there are.
    entries: usize,
    /// How many of them are new.
    pages: usize,
    sitemaps: usize,
    /// Whether the sitemaps of this index are not read, because too many indexes lead to them.
    is_deepest: bool,
}

impl Packer {
    /// The outcome of a sitemap, or of the robots.txt that names them.
    pub(super) fn sitemap(
        &self,
        page: &Page,
        role: SitemapRole,
        scope: &Scope,
        memory: &PageMemory,
        refusals: &mut impl Refusals,
    ) -> Result<PageOutcome, ParseFault> {
        let response = page.response();
        let queued = &response.queued;
        let answered = |outcome: PageOutcome| outcome.with_answer(Some(response.status), response.attempts);
        if role == SitemapRole::Robots {
            return self.robots_txt(page, scope, memory, refusals).map(answered);
        }
        let document = match page.sitemap_document(self.max_body_bytes) {
            Ok(document) => document,
            Err(SitemapError::Memory(excess)) => return Err(too_large(excess)),
            Err(error @ (SitemapError::Element(_) | SitemapError::NoSitemap | SitemapError::Empty))
                if role == SitemapRole::Guessed =>
            {
                return Ok(answered(missing(queued, &error.to_string())));
            }
            Err(SitemapError::TooLarge(bytes)) => {
                let detail = format!("the sitemap is larger than {bytes} bytes unpacked (--max-body)");
                return Err((Reason::BodyTooLarge, detail));
            }
            Err(error) => return Err((Reason::SitemapUnreadable, format!("not a sitemap: {error}"))),
        };
        let kind = document.kind();
        let mut reading = Reading::new(self, queued, scope, memory, refusals);
        let mut entries = document.entries(page.url());
        let mut has_alternates = false;
        for entry in entries.by_ref() {
            has_alternates |= !entry.alternates.is_empty();
            reading.entry(entry, kind, role)?;
        }
        let faults = entries.into_faults();
        if has_alternates {
            // After all others, because a page in another language mostly has an entry of its own, with its date.
            for url in document.entries(page.url()).flat_map(|entry| entry.alternates) {
                reading.page(url, None)?;
            }
        }
        if let (0, Some(broken)) = (reading.entries, &faults.broken) {
            return Err((Reason::SitemapUnreadable, format!("not a sitemap: {broken}")));
        }
        Ok(answered(reading.finish(kind, &faults)))
    }

    /// The outcome of a robots.txt: the sitemaps that it names, or the usual place of one.
    fn robots_txt(
        &self,
        page: &Page,
        scope: &Scope,
        memory: &PageMemory,
        refusals: &mut impl Refusals,
    ) -> Result<PageOutcome, ParseFault> {
        let queued = &page.response().queued;
        let mut reading = Reading::new(self, queued, scope, memory, refusals);
        for text in robots::read_text(&self.robots, page.body()).sitemaps() {
            match page.url().join(text) {
                Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
                    reading.entries += 1;
                    reading.sitemap(url, SitemapRole::Found(0), None)?;
                }
                _ => {
                    tracing::warn!(sitemap = text, "robots.txt names a sitemap that is not a URL");
                    reading.refusals.unusable_links(1);
                }
            }
        }
        if reading.entries == 0 {
            reading.sitemap(at_root(page.url(), USUAL_PLACE), SitemapRole::Guessed, None)?;
        }
        let detail = format!("robots.txt names {}", counted(reading.entries, "sitemap"));
        Ok(reading.outcome(&detail))
    }

    /// The outcome of a sitemap that was given up. The spider does not hear about it.
    pub(super) fn failed_sitemap(
        &self,
        failure: &Failure,
        scope: &Scope,
        refusals: &mut impl Refusals,
    ) -> PageOutcome {
        let (queued, request) = (failure.queued(), failure.request());
        let outcome = if !may_be_missing(request, failure.status()) {
            PageOutcome::failed(queued, failure.reason(), failure.error())
        } else if request.sitemap_role() == Some(SitemapRole::Robots) {
            let memory = PageMemory::up_to(self.max_page_memory);
            let mut reading = Reading::new(self, queued, scope, &memory, refusals);
            let guess = at_root(request.url(), USUAL_PLACE);
            match reading.sitemap(guess, SitemapRole::Guessed, None) {
                Ok(()) => reading.outcome(&format!("robots.txt is missing: {}", failure.error())),
                Err((reason, detail)) => PageOutcome::failed(queued, reason, &detail),
            }
        } else {
            missing(queued, failure.error())
        };
        outcome.with_answer(failure.status(), failure.attempts())
    }
}

/// The outcome of a sitemap that nobody named, and that is not there.
fn missing(queued: &QueuedRequest, problem: &str) -> PageOutcome {
    tracing::warn!(
        url = queued.request.url().as_str(),
        problem,
        "robots.txt names no sitemap, and the usual place does not have one; name one with --sitemaps=URL"
    );
    PageOutcome::skipped(queued, Reason::SitemapMissing, &format!("no sitemap: {problem}"))
}

impl<'a, R: Refusals> Reading<'a, R> {
    fn new(
        packer: &'a Packer,
        parent: &'a QueuedRequest,
        scope: &'a Scope,
        memory: &'a PageMemory,
        refusals: &'a mut R,
    ) -> Self {
        let mut options = RequestOptions::default();
        options.session = parent.request.session().map(str::to_owned);
        options.proxy = parent.request.proxy().cloned();
        let sieve = Sieve::new(packer, parent);
        Self {
            packer,
            scope,
            memory,
            refusals,
            parent,
            options,
            sieve,
            entries: 0,
            pages: 0,
            sitemaps: 0,
            is_deepest: false,
        }
    }

    fn entry(&mut self, entry: SitemapEntry, kind: SitemapKind, role: SitemapRole) -> Result<(), ParseFault> {
        self.entries += 1;
        if kind != SitemapKind::Index {
            return self.page(entry.url, entry.lastmod);
        }
        let level = role.level() + 1;
        self.is_deepest = level > self.packer.sitemaps.max_depth;
        self.sitemap(entry.url, SitemapRole::Found(level), Some(&self.parent.host))
    }

    /// A page that the sitemap lists.
    fn page(&mut self, url: Url, lastmod: Option<DateTime<Utc>>) -> Result<(), ParseFault> {
        let mut options = self.options.clone();
        options.sitemap = Some(SitemapRole::Page);
        options.is_link = true;
        options.lastmod = lastmod;
        let (scope, tag) = (self.scope, self.packer.sitemaps.tag().to_owned());
        let is_new =
            self.request(url, options, tag, |url, host| scope.refusal(url, host, RequestOrigin::Link))?;
        self.pages += usize::from(is_new);
        Ok(())
    }

    /// Another sitemap. One that an index names must be on the host of the index, or on a host of the run.
    fn sitemap(&mut self, url: Url, role: SitemapRole, index_host: Option<&str>) -> Result<(), ParseFault> {
        let mut options = self.options.clone();
        options.sitemap = Some(role);
        let (scope, is_deepest) = (self.scope, self.is_deepest);
        let is_new = self.request(url, options, String::new(), |url, host| {
            if is_deepest {
                return Some(LinkRefusal::TooDeep);
            }
            let found = match index_host {
                Some(own) if own != host => RequestOrigin::SitemapOfAnotherHost,
                _ => RequestOrigin::Sitemap,
            };
            scope.refusal(url, host, found)
        })?;
        self.sitemaps += usize::from(is_new);
        Ok(())
    }

    /// Keeps a request, if it is new and belongs to the run.
    fn request(
        &mut self,
        url: Url,
        options: RequestOptions,
        tag: String,
        refusal: impl FnOnce(&Url, &str) -> Option<LinkRefusal>,
    ) -> Result<bool, ParseFault> {
        let Ok(request) = Request::from_url(url) else {
            self.refusals.unusable_links(1);
            return Ok(false);
        };
        let request = request.with_options(options).with_tag(tag);
        let Some((fingerprint, request)) = self.sieve.new_request(request, 0, self.refusals, refusal)? else {
            return Ok(false);
        };
        self.memory.take(request.size()).map_err(too_large)?;
        self.sieve.keep(self.parent.listed_named(fingerprint, request));
        Ok(true)
    }

    /// The outcome of a sitemap that was read.
    fn finish(self, kind: SitemapKind, faults: &SitemapFaults) -> PageOutcome {
        let url = self.parent.request.url().as_str();
        let SitemapFaults { unusable_urls, invalid_dates, broken, .. } = faults;
        let (entries, pages, sitemaps) = (self.entries, self.pages, self.sitemaps);
        tracing::info!(
            url,
            kind = kind.as_str(),
            entries,
            new_pages = pages,
            new_sitemaps = sitemaps,
            unusable_urls,
            invalid_dates,
            "a sitemap was read"
        );
        // The same text, whatever was stored before: a run that was killed ends with the same rows.
        let mut detail = match kind {
            SitemapKind::Index => format!("an index of {}", counted(entries, "sitemap")),
            _ => format!("a sitemap of {}", counted(entries, "page")),
        };
        if *unusable_urls > 0 {
            self.refusals.unusable_links(usize::try_from(*unusable_urls).unwrap_or(usize::MAX));
            let _ = write!(detail, "; {unusable_urls} without a usable URL");
        }
        if self.is_deepest {
            tracing::warn!(
                url,
                "the sitemaps of this index are not read, because too many indexes lead to them (see the setting `max_sitemap_depth`)"
            );
            detail.push_str("; they are too deep");
        }
        if let Some(broken) = broken {
            tracing::warn!(url, problem = broken, "only a part of this sitemap could be read");
            let _ = write!(detail, "; the rest could not be read: {broken}");
        }
        self.outcome(&detail)
    }

    fn outcome(self, detail: &str) -> PageOutcome {
        let outcome = PageOutcome::skipped(self.parent, Reason::Sitemap, detail);
        PageOutcome { requests: self.sieve.into_kept(), ..outcome }
    }
}
