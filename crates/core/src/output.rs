//! What a spider makes of one page: items and new requests.

use crate::item::{Item, ItemRecord};
use crate::page::Page;
use crate::request::Request;

/// Collects what [`Spider::parse`](crate::Spider::parse) emits.
#[derive(Debug, Default)]
pub struct Output {
    items: Vec<ItemRecord>,
    requests: Vec<Request>,
    unusable_links: usize,
}

impl Output {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Emits an item.
    pub fn item(&mut self, item: impl Item) {
        self.items.push(item.into_record());
    }

    /// Emits a request.
    pub fn request(&mut self, request: Request) {
        self.requests.push(request);
    }

    /// Follows one link as found on `page`. A link that is no http(s) URL is counted and left out.
    pub fn follow(&mut self, page: &Page, href: &str) {
        self.follow_tagged(page, href, "");
    }

    /// Follows one link; its page will carry `tag`.
    pub fn follow_tagged(&mut self, page: &Page, href: &str, tag: &str) {
        match page.request(href) {
            Ok(request) => self.requests.push(request.tag(tag)),
            Err(_) => self.unusable_links += 1,
        }
    }

    /// Follows the `href` of every element that `selector` matches.
    ///
    /// # Panics
    /// When `selector` is no CSS selector, which fails the page.
    pub fn follow_all(&mut self, page: &Page, selector: &str) {
        self.follow_all_tagged(page, selector, "");
    }

    /// Like [`Output::follow_all`]; the pages will carry `tag`.
    ///
    /// # Panics
    /// When `selector` is no CSS selector, which fails the page.
    pub fn follow_all_tagged(&mut self, page: &Page, selector: &str, tag: &str) {
        for node in page.select(selector) {
            if let Some(href) = node.own_attr("href") {
                self.follow_tagged(page, href, tag);
            }
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

    /// Items, requests, and the number of links that were no http(s) URLs.
    pub fn into_parts(self) -> (Vec<ItemRecord>, Vec<Request>, usize) {
        (self.items, self.requests, self.unusable_links)
    }
}
