//! Stored pages, which let you test a spider without a network.

use bytes::Bytes;
use serde_json::Value as Json;

use crate::args::Args;
use crate::error::{Error, Result};
use crate::output::Output;
use crate::page::Page;
use crate::request::Request;
use crate::response::Response;
use crate::spider::{Spider, check_selectors};

/// A page from a file, to be parsed as a crawl thread would parse it.
///
/// ```
/// # extern crate dragline_spider as dragline;
/// use dragline::StoredPage;
/// use dragline::prelude::*;
///
/// #[derive(Item)]
/// #[item(key = "url")]
/// struct Heading { url: String, text: String }
///
/// struct Headings;
///
/// impl Spider for Headings {
///     fn name(&self) -> &str { "headings" }
///     fn items(&self) -> Vec<ItemType> { vec![Heading::item_type()] }
///     fn start(&self, _args: &Args) -> Result<Vec<Request>> {
///         Ok(vec![Request::get("https://example.com/")?])
///     }
///     fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
///         out.item(Heading { url: page.url().to_string(), text: page.text("h1")? });
///         out.follow_all(page, "a");
///         Ok(())
///     }
/// }
///
/// fn main() -> Result<()> {
///     let page = StoredPage::new("https://example.com/", "<h1>Hello</h1><a href=more>more</a>");
///     let out = page.parse(&Headings)?;
///     assert_eq!(out.items()[0].get("text"), Some(&"Hello".into()));
///     assert_eq!(out.requests()[0].url().as_str(), "https://example.com/more");
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct StoredPage {
    url: String,
    body: Bytes,
    tag: String,
    meta: serde_json::Map<String, Json>,
    status: u16,
    content_type: String,
    args: Args,
}

impl StoredPage {
    /// A page as if it had been fetched from `url`, as `text/html` in UTF-8 and with status 200.
    pub fn new(url: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self {
            url: url.into(),
            body: body.into(),
            tag: String::new(),
            meta: serde_json::Map::new(),
            status: 200,
            content_type: "text/html; charset=utf-8".to_owned(),
            args: Args::default(),
        }
    }

    /// The tag of its request.
    #[must_use]
    pub fn with_tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = tag.into();
        self
    }

    /// A value of its request's meta.
    #[must_use]
    pub fn with_meta(mut self, name: impl Into<String>, value: impl Into<Json>) -> Self {
        self.meta.insert(name.into(), value.into());
        self
    }

    /// Adds an argument of the run, as `-a NAME=VALUE` does.
    #[must_use]
    pub fn with_arg(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.args = self.args.with_value(name, value);
        self
    }

    /// Sets another status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Sets another `Content-Type`. An empty one means none.
    #[must_use]
    pub fn with_content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = content_type.into();
        self
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    /// The page itself.
    ///
    /// # Errors
    /// If its URL is invalid, or its content type is not a valid header.
    pub fn page(self) -> Result<Page> {
        let request = Request::get(&self.url)?.with_tag(self.tag).with_all_meta(self.meta);
        let mut response = Response::stored(request, self.body);
        response.status = self.status;
        response.headers.clear();
        if !self.content_type.is_empty() {
            response.headers.insert(http::header::CONTENT_TYPE, self.content_type.parse()?);
        }
        Ok(Page::new(response).with_args(self.args))
    }

    /// Lets `spider` parse the page, and returns its output.
    ///
    /// # Errors
    /// Whatever would fail the page in a crawl, or keep a crawl from starting: an error of the spider, an item type that it
    /// does not declare, a tag that it has no route for, and arguments that it does not declare.
    pub fn parse(self, spider: &dyn Spider) -> Result<Output> {
        check_selectors(spider)?;
        spider.arguments().check(&self.args)?;
        let page = self.page()?;
        let mut out = Output::new();
        spider.parse(&page, &mut out)?;
        spider.routes().check(out.requests())?;
        match out.undeclared(&spider.items()) {
            None => Ok(out),
            Some(name) => Err(Error::new(format!(
                "the spider {:?} emits the item type {name:?}, which its items() does not declare",
                spider.name()
            ))),
        }
    }
}
