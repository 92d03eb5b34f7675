//! A fetched response as a spider sees it. It is decoded and parsed when first asked for, once.

use std::borrow::Cow;
use std::cell::OnceCell;

use scraper::Html;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use url::Url;

use crate::encoding::decode;
use crate::request::{Request, RequestError};
use crate::response::Response;
use crate::selector::{Node, compiled, nothing};
use crate::spider::Result;

/// A page.
#[derive(Debug)]
pub struct Page {
    response: Response,
    html: OnceCell<Html>,
    base: OnceCell<Url>,
}

impl Page {
    /// A page of an answer.
    pub fn new(response: Response) -> Self {
        Self { response, html: OnceCell::new(), base: OnceCell::new() }
    }

    /// The answer, back again.
    pub fn into_response(self) -> Response {
        self.response
    }

    /// The answer as it came.
    pub fn response(&self) -> &Response {
        &self.response
    }

    /// Its URL; after redirects, for a redirect is a request of its own.
    pub fn url(&self) -> &Url {
        self.response.queued.request.url()
    }

    /// What relative links are relative to: `<base href>` if there is one, else the URL.
    pub fn base_url(&self) -> &Url {
        self.base.get_or_init(|| {
            let href = self.html().select(&compiled("base[href]")).next().and_then(|base| base.attr("href"));
            href.and_then(|href| self.url().join(href.trim()).ok()).unwrap_or_else(|| self.url().clone())
        })
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.response.status
    }

    /// A header of the answer.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.header(name)
    }

    /// Whether the answer says that it is HTML, or says nothing and looks like it.
    pub fn is_html(&self) -> bool {
        match self.header("content-type") {
            Some(kind) => {
                let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
                kind == "text/html" || kind == "application/xhtml+xml"
            }
            None => {
                let head = &self.body()[..self.body().len().min(256)];
                let head = String::from_utf8_lossy(head).trim_start().to_ascii_lowercase();
                head.starts_with("<!doctype html") || head.starts_with("<html")
            }
        }
    }

    /// The tag of its request.
    pub fn tag(&self) -> &str {
        self.response.queued.request.tag_str()
    }

    /// A value of its request's meta.
    pub fn meta(&self, name: &str) -> Option<&Json> {
        self.response.queued.request.meta_map().get(name)
    }

    /// Links followed from a start request.
    pub fn depth(&self) -> u32 {
        self.response.queued.depth
    }

    /// The body, decompressed.
    pub fn body(&self) -> &[u8] {
        &self.response.body
    }

    /// The body as text.
    pub fn body_text(&self) -> Cow<'_, str> {
        decode(self.body(), self.header("content-type"))
    }

    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        Ok(serde_json::from_slice(self.body())?)
    }

    /// The whole document as an element.
    pub fn root(&self) -> Node<'_> {
        Node(self.html().root_element())
    }

    /// The title of the document, white space folded; not that of a drawing in it.
    pub fn title(&self) -> Option<String> {
        let title = self.select("title").into_iter().find(Node::is_html)?;
        Some(title.own_text())
    }

    /// What a reader sees of the page; see [`Node::visible_text`].
    pub fn visible_text(&self) -> String {
        self.root().visible_text()
    }

    /// The elements that `selector` matches, in document order.
    ///
    /// # Panics
    /// When `selector` is no CSS selector, which fails the page.
    pub fn select(&self, selector: &str) -> Vec<Node<'_>> {
        self.html().select(&compiled(selector)).map(Node).collect()
    }

    /// The first of them.
    pub fn first(&self, selector: &str) -> Option<Node<'_>> {
        self.html().select(&compiled(selector)).next().map(Node)
    }

    /// The text of the first match, white space folded.
    ///
    /// # Errors
    /// When nothing matches.
    pub fn text(&self, selector: &str) -> Result<String> {
        self.first(selector).map(|node| node.own_text()).ok_or_else(|| nothing(selector))
    }

    /// The texts of all matches, white space folded.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        self.html().select(&compiled(selector)).map(|element| Node(element).own_text()).collect()
    }

    /// An attribute of the first match.
    ///
    /// # Errors
    /// When nothing matches, or the match has no such attribute.
    pub fn attr(&self, selector: &str, name: &str) -> Result<String> {
        self.first(selector).ok_or_else(|| nothing(selector))?.need_attr(selector, name)
    }

    /// An attribute of all matches that have it.
    ///
    /// # Panics
    /// When `selector` is no CSS selector, which fails the page.
    pub fn attrs(&self, selector: &str, name: &str) -> Vec<&str> {
        self.html().select(&compiled(selector)).filter_map(|element| element.attr(name)).collect()
    }

    /// Where `a[href]` and `area[href]` lead, http(s) only, in document order.
    pub fn links(&self) -> Vec<Url> {
        let links = compiled("a[href], area[href]");
        let nodes = self.html().select(&links);
        nodes.filter_map(|element| self.resolve(element.attr("href")?).ok()).collect()
    }

    /// A request for a link as found on this page.
    pub fn request(&self, href: &str) -> Result<Request, RequestError> {
        Request::from_url(self.resolve(href)?)
    }

    fn resolve(&self, href: &str) -> Result<Url, RequestError> {
        let url = self
            .base_url()
            .join(href.trim())
            .map_err(|source| RequestError::Url { text: href.to_owned(), source })?;
        if matches!(url.scheme(), "http" | "https") {
            Ok(url)
        } else {
            Err(RequestError::Scheme { scheme: url.scheme().to_owned(), url: url.into() })
        }
    }

    fn html(&self) -> &Html {
        self.html.get_or_init(|| Html::parse_document(&self.body_text()))
    }
}
