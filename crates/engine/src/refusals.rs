//! Collects what a crawl leaves out of a page.

use dragline_core::ItemRecord;
use url::Url;

use crate::scope::LinkRefusal;
use crate::stats::CrawlStats;

/// Hears about everything of a page that a crawl does not store.
pub(crate) trait Refusals {
    fn link(&mut self, reason: LinkRefusal, url: &Url);
    /// Links that are not http(s) URLs.
    fn unusable_links(&mut self, count: usize);
    /// A request that the page has yielded before, or that is its own.
    fn repeated(&mut self, url: &Url);
    /// A copy of an item, so that a person can see what was dropped. The item itself goes to the item pipeline.
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
