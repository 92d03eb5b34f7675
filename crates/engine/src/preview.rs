//! A preview shows what a crawl would make of a page and what it would refuse. Nothing is stored.

use std::sync::Arc;

use dragline_core::fetched::Arrival;
use dragline_core::kept_answer::KeptAnswer;
use dragline_core::page_memory::PageMemory;
use dragline_core::{
    Args, Failure, ItemPipeline, ItemRecord, PageKey, PageOutcome, QueuedRequest, Reason, Response, Spider,
};
use url::Url;

use crate::crawl::Unpacked;
use crate::downloads::{download_limits, look_up_limits, sitemap_limits};
use crate::error::EngineError;
use crate::job::KeptPageJob;
use crate::pack::Packer;
use crate::refusals::Refusals;
use crate::scope::{LinkRefusal, Scope};
use crate::settings::{EngineSettings, KeepSettings};

/// See the module.
#[derive(Debug)]
pub struct Preview {
    /// The function of the spider that was called: `parse` or `failed`.
    pub calls: &'static str,
    /// The outcome, which a crawl would store.
    pub outcome: PageOutcome,
    /// Everything that a crawl would refuse.
    pub refused: Refused,
}

/// Everything that a crawl would refuse.
#[derive(Debug, Default)]
pub struct Refused {
    /// Links, each with the reason.
    pub links: Vec<(LinkRefusal, Url)>,
    /// How many links are not http(s) URLs.
    pub unusable_links: u64,
    /// Requests that the page yields more than once, or that are the page's own.
    pub repeated: Vec<Url>,
    /// Items that an item pipeline drops, as they were before it, each with the reason.
    pub items: Vec<(ItemRecord, String)>,
}

/// What a preview needs besides the page.
pub struct Previewer<'a> {
    /// The settings of the crawl.
    pub settings: &'a EngineSettings,
    /// The spider.
    pub spider: Arc<dyn Spider>,
    /// The arguments of the run.
    pub args: Args,
    /// The item pipelines.
    pub pipelines: Arc<[Box<dyn ItemPipeline>]>,
    /// The hosts that links may lead to.
    pub scope: &'a Scope,
}

impl Previewer<'_> {
    /// Shows what the spider and the pipelines make of a page, as on a crawl thread.
    pub fn page(self, page: Response) -> Preview {
        let (mut refused, scope) = (Refused::default(), self.scope);
        let key = PageKey::from(&page.queued);
        let memory = PageMemory::up_to(self.settings.max_page_memory_bytes);
        let outcome = self.packer().page_telling(page, Arrival::default(), scope, &memory, &mut refused);
        // There are no other pages, so the limit is all that can be refused.
        let outcome = outcome.unwrap_or_else(|_| {
            PageOutcome::failed(key, Reason::PageTooLarge, "nothing more can be reserved")
        });
        Preview { calls: "parse", outcome, refused }
    }

    /// Shows what they make of a kept answer, under the limits of these settings.
    ///
    /// # Errors
    /// [`EngineError::Unusable`] if a status or a type of the spider is invalid.
    pub fn kept(self, queued: QueuedRequest, answer: KeptAnswer) -> Result<Preview, EngineError> {
        let fetch = &self.settings.fetch;
        let limits = if queued.request.is_sitemap() {
            sitemap_limits(fetch)
        } else if queued.request.look_up().is_some() {
            look_up_limits(fetch)
        } else {
            download_limits(fetch, &*self.spider)
        };
        let job = KeptPageJob { queued, answer, limits: Arc::new(limits?), credit: None, charge: None };
        Ok(match job.unpacked(&self.args) {
            Unpacked::Page(fetched) => self.page(fetched.response),
            Unpacked::GivenUp(given_up) => self.failure(given_up.failure),
            Unpacked::Unwanted(outcome) => {
                Preview { calls: "parse", outcome: *outcome, refused: Refused::default() }
            }
        })
    }

    /// Shows what they make of a request that was given up.
    pub fn failure(self, failure: Failure) -> Preview {
        let (mut refused, scope) = (Refused::default(), self.scope);
        let failure = failure.with_args(self.args.clone());
        let outcome = self.packer().failure_telling(&failure, scope, &mut refused);
        Preview { calls: "failed", outcome, refused }
    }

    fn packer(self) -> Packer {
        let Self { settings, spider, args, pipelines, .. } = self;
        Packer {
            run: None,
            same_request: settings.same_request(&*spider),
            items: spider.items(),
            args,
            routes: spider.routes(),
            spider,
            pipelines,
            item_limits: settings.items,
            max_page_memory: settings.max_page_memory_bytes,
            max_depth: settings.links.max_depth,
            keep: KeepSettings::default(),
            limits: settings.limits,
            redirects: settings.redirects,
            robots: settings.robots.clone(),
            sitemaps: settings.sitemaps.clone(),
            max_body_bytes: settings.fetch.max_body_bytes,
            stats: Arc::default(),
            revisits: None,
            known: Arc::default(),
            look_ups: Arc::default(),
        }
    }
}

impl Refusals for Refused {
    fn link(&mut self, reason: LinkRefusal, url: &Url) {
        self.links.push((reason, url.clone()));
    }

    fn unusable_links(&mut self, count: usize) {
        self.unusable_links += count as u64;
    }

    fn repeated(&mut self, url: &Url) {
        self.repeated.push(url.clone());
    }

    fn copy_of(&mut self, record: &ItemRecord) -> Option<ItemRecord> {
        Some(record.clone())
    }

    fn item(&mut self, _item_type: &str, copy: Option<ItemRecord>, reason: String) {
        self.items.extend(copy.map(|record| (record, reason)));
    }
}
