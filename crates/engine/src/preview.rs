//! A preview shows what a crawl would make of a page and what it would refuse. Nothing is stored.

use std::sync::Arc;

use dragline_core::{Args, ItemPipeline, ItemRecord, PageOutcome, Response, Spider};
use url::Url;

use crate::pack::Packer;
use crate::refusals::Refusals;
use crate::scope::{LinkRefusal, Scope};
use crate::settings::EngineSettings;

/// See the module.
#[derive(Debug)]
pub struct Preview {
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

/// Shows what `spider` and `pipelines` make of a page in a run with these arguments, as on a crawl thread.
pub fn preview(
    settings: &EngineSettings,
    spider: Arc<dyn Spider>,
    args: Args,
    pipelines: Arc<[Box<dyn ItemPipeline>]>,
    page: Response,
    scope: &Scope,
) -> Preview {
    let packer = Packer {
        run: None,
        same_request: settings.same_request(&*spider),
        items: spider.items(),
        args,
        routes: spider.routes(),
        spider,
        pipelines,
        max_depth: settings.links.max_depth,
        redirects: settings.redirects,
        robots: settings.robots.clone(),
        stats: Arc::default(),
        known: Arc::default(),
    };
    let mut refused = Refused::default();
    let outcome = packer.page_telling(page, scope, &mut refused);
    Preview { outcome, refused }
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
