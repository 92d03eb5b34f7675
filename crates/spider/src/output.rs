//! The output of a spider for one page: items and new requests.

use serde_json::{Map, Value as Json, json};

use crate::compiled::AsSelector;
use crate::error::Result;
use crate::extract::Extract;
use crate::item::{Item, ItemRecord};
use crate::item_type::ItemType;
use crate::page::Page;
use crate::page_memory::PageMemory;
use crate::request::{Followed, Request};

/// Collects what [`Spider::parse`](crate::Spider::parse) emits.
#[derive(Debug, Default)]
pub struct Output {
    items: Vec<ItemRecord>,
    requests: Vec<Request>,
    unusable_links: usize,
    memory: PageMemory,
}

impl Output {
    /// An empty output.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty output that takes the memory of what it collects from here. After that is used up, it collects nothing more.
    #[doc(hidden)] // for the engine
    pub fn with_memory(memory: PageMemory) -> Self {
        Self { memory, ..Self::default() }
    }

    /// Emits an item.
    pub fn item(&mut self, item: impl Item) {
        self.record(item.into_record());
    }

    /// Emits an item whose type was made at run time.
    pub fn record(&mut self, record: ItemRecord) {
        if self.memory.has_room_for(record.size()) {
            self.items.push(record);
        }
    }

    /// Emits the item that `page` holds: see [`Page::extract`].
    ///
    /// # Errors
    /// Those of [`Page::extract`].
    pub fn extract<T: Item + Extract>(&mut self, page: &Page) -> Result<()> {
        self.item(page.extract::<T>()?);
        Ok(())
    }

    /// Emits every item that `page` holds: see [`Page::extract_all`].
    ///
    /// # Errors
    /// Those of [`Page::extract_all`].
    pub fn extract_all<T: Item + Extract>(&mut self, page: &Page) -> Result<()> {
        for item in page.extract_all::<T>()? {
            self.item(item);
        }
        Ok(())
    }

    /// Emits a request.
    pub fn request(&mut self, request: Request) {
        if self.memory.has_room_for(request.size()) {
            self.requests.push(request);
        }
    }

    /// Follows one link as found on `page`. A link that is not an http(s) URL is counted and left out.
    ///
    /// ```
    /// # let page = dragline_spider::StoredPage::new("https://example.com/", "").page()?;
    /// # let mut out = dragline_spider::Output::new();
    /// out.follow(&page, "/author/1").with_tag("author");
    /// assert_eq!(out.requests()[0].tag(), "author");
    /// # Ok::<(), dragline_spider::Error>(())
    /// ```
    pub fn follow(&mut self, page: &Page, href: &str) -> Followed<'_> {
        let first = self.requests.len();
        self.push_link(page, href);
        Followed::new(&mut self.requests[first..])
    }

    /// Follows every link that `selector` finds: the `href` of an element, or the values of `a::attr(href)`.
    ///
    /// # Panics
    /// When `selector` is not a CSS selector, which fails the page.
    pub fn follow_all(&mut self, page: &Page, selector: impl AsSelector) -> Followed<'_> {
        let first = self.requests.len();
        for href in page.hrefs(selector) {
            self.push_link(page, href);
        }
        Followed::new(&mut self.requests[first..])
    }

    fn push_link(&mut self, page: &Page, href: &str) {
        match page.request(href) {
            Ok(request) => self.request(request),
            Err(_) => self.unusable_links += 1,
        }
    }

    /// The items so far.
    pub fn items(&self) -> &[ItemRecord] {
        &self.items
    }

    /// The requests so far.
    pub fn requests(&self) -> &[Request] {
        &self.requests
    }

    /// The first item type that was emitted and is not among those that the spider declares.
    pub fn undeclared(&self, declared: &[ItemType]) -> Option<&str> {
        let undeclared = self.items.iter().find(|record| !declared.contains(&record.item_type));
        undeclared.map(|record| record.item_type.name())
    }

    /// Everything that was emitted, for snapshots and for people.
    pub fn to_json(&self) -> Json {
        let item = |record: &ItemRecord| json!({ record.item_type.name(): record.to_json() });
        let request = |request: &Request| {
            let mut shown = Map::from_iter([("url".to_owned(), Json::from(request.url().as_str()))]);
            if request.method() != http::Method::GET {
                shown.insert("method".to_owned(), Json::from(request.method().as_str()));
            }
            if !request.tag().is_empty() {
                shown.insert("tag".to_owned(), Json::from(request.tag()));
            }
            if !request.meta().is_empty() {
                shown.insert("meta".to_owned(), Json::from(request.meta().clone()));
            }
            if let Some(session) = request.session() {
                shown.insert("session".to_owned(), Json::from(session));
            }
            if request.priority() != 0 {
                shown.insert("priority".to_owned(), Json::from(request.priority()));
            }
            Json::Object(shown)
        };
        json!({
            "items": self.items.iter().map(item).collect::<Vec<_>>(),
            "requests": self.requests.iter().map(request).collect::<Vec<_>>(),
            "unusable_links": self.unusable_links,
        })
    }

    /// Items, requests, and the number of links that were not http(s) URLs.
    pub fn into_parts(self) -> (Vec<ItemRecord>, Vec<Request>, usize) {
        (self.items, self.requests, self.unusable_links)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stored_page::StoredPage;

    #[test]
    fn links_are_followed_tagged_and_counted() {
        let html = "<a href=x>x</a> <a href='mailto:me'>me</a> <a>none</a> <i href=y>y</i>";
        let page = StoredPage::new("http://a.example/dir/", html).page().unwrap();
        let mut out = Output::new();
        out.follow_all(&page, "a");
        out.follow_all(&page, "i::attr(href)").with_tag("odd");
        out.follow(&page, "http://[");
        out.request(Request::post("http://a.example/", "q").unwrap().with_meta("n", 1).with_priority(2));
        assert_eq!(
            out.to_json(),
            json!({
                "items": [],
                "requests": [
                    {"url": "http://a.example/dir/x"},
                    {"url": "http://a.example/dir/y", "tag": "odd"},
                    {"url": "http://a.example/", "method": "POST", "meta": {"n": 1}, "priority": 2},
                ],
                "unusable_links": 2,
            })
        );
        assert_eq!(out.requests().len(), 3);
        assert_eq!(out.into_parts().2, 2);
    }

    #[test]
    fn an_undeclared_item_type_is_told() {
        #[derive(crate::Item)]
        struct Word {
            word: String,
        }
        let mut out = Output::new();
        out.item(Word { word: "a".to_owned() });
        assert_eq!(out.undeclared(&[Word::item_type()]), None);
        assert_eq!(out.undeclared(&[]), Some("word"));
    }
}
