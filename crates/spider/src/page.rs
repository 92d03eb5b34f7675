//! A fetched response as a spider sees it. It is decoded and parsed once, when its content is first needed.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;

use encoding_rs::{Encoding, UTF_8};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use url::{EncodingOverride, Url};

use crate::args::Args;
use crate::canonical::drop_userinfo;
use crate::compiled::AsSelector;
use crate::elements::Document;
use crate::encoding::PIECE_BYTES;
use crate::encoding::{detect, is_stated};
use crate::error::Result;
use crate::form::Form;
use crate::found::{Found, Scope};
use crate::link::{self, Link};
use crate::node::{Node, nothing};
use crate::page_memory::PageMemory;
use crate::pattern::AsPattern;
use crate::refresh::{self, Refresh};
use crate::request::{MAX_LINK_BYTES, Request, RequestError};
use crate::resolve::resolve;
use crate::response::Response;
use crate::sitemap::{self, Sitemap, SitemapDocument, SitemapError};
use crate::{document, json, mime, sniff};

/// A page.
///
/// ```
/// use dragline_spider::StoredPage;
///
/// let html = "<title>Offers</title> <p class=price>5,00 €</p> <a href=more>more</a> <a href=mailto:us>us</a>";
/// let page = StoredPage::new("https://shop.example/offers/", html).page()?;
/// assert_eq!(page.title().as_deref(), Some("Offers"));
/// assert_eq!(page.text("p.price")?, "5,00 €");
/// assert_eq!(page.attr("a", "href")?, "more");
/// assert_eq!(page.links()[0].as_str(), "https://shop.example/offers/more");
/// assert_eq!(page.text("p.name").unwrap_err().to_string(), "nothing on the page matches \"p.name\"");
/// # Ok::<(), dragline_spider::Error>(())
/// ```
///
/// # Panics
/// Each method that selects panics in two cases: when it is given text that is not a selector (see [`AsSelector`]),
/// and when the page is too large to be parsed (some 15,000 elements deep, or a tree of some 200 MiB). The panic fails
/// the page, and its message is the page's error.
pub struct Page {
    response: Response,
    args: Args,
    memory: PageMemory,
    encoding: OnceCell<&'static Encoding>,
    document: OnceCell<Document>,
    base: OnceCell<Url>,
    links: OnceCell<Vec<Url>>,
    /// The target of links to parts of the page itself.
    own: OnceCell<Option<Arc<Link>>>,
}

impl Page {
    /// A page of an answer.
    pub fn new(response: Response) -> Self {
        Self {
            response,
            args: Args::default(),
            memory: PageMemory::default(),
            encoding: OnceCell::new(),
            document: OnceCell::new(),
            base: OnceCell::new(),
            links: OnceCell::new(),
            own: OnceCell::new(),
        }
    }

    /// The same page in a run with these arguments.
    #[must_use]
    pub fn with_args(mut self, args: Args) -> Self {
        self.args = args;
        self
    }

    /// The same page with this memory, from which its body was taken already.
    #[doc(hidden)] // for the engine
    #[must_use]
    pub fn with_memory(mut self, memory: PageMemory) -> Self {
        self.memory = memory;
        self
    }

    /// Gives the answer back.
    pub fn into_response(self) -> Response {
        self.response
    }

    /// The answer as it came.
    pub fn response(&self) -> &Response {
        &self.response
    }

    /// Its URL. A redirect is a request of its own, so this is the URL that it led to.
    pub fn url(&self) -> &Url {
        self.response.queued.request.url()
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
        match mime::declared(&self.response.headers) {
            None => sniff::looks_like_html(self.body()),
            Some(essence) => sniff::is_html(&essence),
        }
    }

    /// The tag of its request.
    pub fn tag(&self) -> &str {
        self.response.queued.request.tag()
    }

    /// A value of its request's meta.
    pub fn meta(&self, name: &str) -> Option<&Json> {
        self.response.queued.request.meta().get(name)
    }

    /// All values of its request's meta as one type; see [`Request::meta_as`].
    ///
    /// # Errors
    /// When a value is missing or does not fit. The error names it.
    pub fn meta_as<T: DeserializeOwned>(&self) -> Result<T> {
        self.response.queued.request.meta_as()
    }

    /// A value of its request's meta as a type: `page.meta_value::<u32>("page")?`. A value that is absent is an error,
    /// unless the type is an `Option`.
    ///
    /// # Errors
    /// When the value is absent or does not fit. The error names it.
    pub fn meta_value<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        self.response.queued.request.meta_value(name)
    }

    /// The arguments of the run; see [`Args::typed`] for how to read them as a struct.
    ///
    /// ```
    /// use dragline_spider::StoredPage;
    ///
    /// let page = StoredPage::new("https://shop.example/", "<h1>Shop").with_arg("category", "poetry").page()?;
    /// assert_eq!(page.args().get("category"), Some("poetry"));
    /// # Ok::<(), dragline_spider::Error>(())
    /// ```
    pub fn args(&self) -> &Args {
        &self.args
    }

    /// Links followed from a start request.
    pub fn depth(&self) -> u32 {
        self.response.queued.depth
    }

    /// The URLs that redirected here, first to last.
    pub fn redirects(&self) -> &[String] {
        &self.response.queued.redirects
    }

    /// Where the page sends its reader after a while, if it does. A crawl follows this by itself like a redirect, unless the delay
    /// is longer than the setting `max_refresh_delay` or refreshes are switched off.
    pub fn refresh(&self) -> Option<Refresh> {
        refresh::of(self)
    }

    /// The body, decompressed.
    pub fn body(&self) -> &[u8] {
        &self.response.body
    }

    /// The body as text. Bytes that do not fit its encoding become U+FFFD.
    pub fn body_text(&self) -> Cow<'_, str> {
        self.encoding().decode(self.body()).0
    }

    /// The body as JSON. It is decoded as [`Page::body_text`] decodes it, but a `<meta charset>` in a text of the JSON says nothing.
    ///
    /// Half a surrogate pair in a text (`\ud83d`) becomes U+FFFD. A number that 64 bits cannot hold exactly stays exact: in a
    /// [`Json`] it becomes a text, as a `Decimal` does, and a field of type `f64` gets the nearest number.
    ///
    /// ```
    /// use dragline_spider::StoredPage;
    /// use dragline_spider::prelude::*;
    ///
    /// let page = StoredPage::new("https://shop.example/api", r#"{"price": 19.90, "id": 123456789012345678901}"#).page()?;
    /// let book = page.json::<Json>()?;
    /// assert_eq!((book["price"].as_f64(), book["id"].as_str()), (Some(19.9), Some("123456789012345678901")));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// When the body is not JSON, or does not have the shape of `T`. The error says where. When the values would take more memory
    /// than a page may.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        let text = match std::str::from_utf8(self.body()) {
            Ok(text) if !self.states_encoding() => Cow::Borrowed(text),
            _ => self.body_text(),
        };
        if text.len() > PIECE_BYTES {
            self.memory.take(json::expected_bytes(&text))?;
        }
        Ok(json::read(&text)?)
    }

    /// The body as a sitemap: a list of pages, an index of other sitemaps, a feed, or a text with one URL per line. It may be a
    /// gzip file. A spider needs this only for what `--sitemaps` does not do, because a crawl can read sitemaps itself.
    ///
    /// ```
    /// use dragline_spider::StoredPage;
    ///
    /// let xml = "<urlset><url><loc>/offers</loc></url></urlset>";
    /// let sitemap = StoredPage::new("https://shop.example/sitemap.xml", xml).page()?.sitemap()?;
    /// assert_eq!(sitemap.entries[0].url.as_str(), "https://shop.example/offers");
    /// # Ok::<(), dragline_spider::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Sitemap::read`]. When its entries would take more memory than a page may.
    pub fn sitemap(&self) -> Result<Sitemap> {
        let document = self.sitemap_document(sitemap::MAX_BYTES)?;
        Ok(Sitemap::of(&document, self.url(), &self.memory)?)
    }

    /// The same for a sitemap of at most `max_bytes` after unpacking, to read its entries one by one.
    ///
    /// # Errors
    /// When the body is not a sitemap, or is too large.
    pub fn sitemap_document(&self, max_bytes: usize) -> Result<SitemapDocument<'_>, SitemapError> {
        SitemapDocument::open(self.body(), self.header("content-type"), max_bytes, &self.memory)
    }

    /// The whole document as an element.
    pub fn root(&self) -> Node<'_> {
        Node::new(self.document().root(), self)
    }

    /// The title of the document with white space folded. The title of a drawing in it does not count.
    pub fn title(&self) -> Option<String> {
        self.select("title").iter().find(|title| title.is_html()).map(Node::full_text)
    }

    /// What a reader sees of the page; see [`Node::visible_text`].
    pub fn visible_text(&self) -> String {
        self.root().visible_text()
    }

    /// The elements that `selector` matches, in document order.
    pub fn select(&self, selector: impl AsSelector) -> Vec<Node<'_>> {
        self.scope().elements(&selector.compiled()).map(|element| Node::new(element, self)).collect()
    }

    /// The first of them.
    pub fn first(&self, selector: impl AsSelector) -> Option<Node<'_>> {
        self.scope().elements(&selector.compiled()).next().map(|element| Node::new(element, self))
    }

    /// The first text that `selector` finds, white space folded: see [`Node::texts`].
    ///
    /// # Errors
    /// When nothing matches.
    pub fn text(&self, selector: impl AsSelector) -> Result<String> {
        self.scope().text(&selector.compiled())
    }

    /// The texts that `selector` finds, white space folded, in document order: see [`Node::texts`].
    pub fn texts(&self, selector: impl AsSelector) -> Vec<String> {
        self.scope().texts(&selector.compiled())
    }

    /// The parts of the texts that `pattern` matches: see [`Node::re`].
    pub fn re(&self, selector: impl AsSelector, pattern: impl AsPattern) -> Vec<String> {
        self.scope().re(&selector.compiled(), &pattern.pattern())
    }

    /// The first of these.
    ///
    /// # Errors
    /// When no text of a match matches `pattern`.
    pub fn re_first(&self, selector: impl AsSelector, pattern: impl AsPattern) -> Result<String> {
        self.scope().re_first(&selector.compiled(), &pattern.pattern())
    }

    /// An attribute of the first match.
    ///
    /// # Errors
    /// When nothing matches, or the match does not have the attribute.
    pub fn attr(&self, selector: impl AsSelector, name: &str) -> Result<String> {
        self.scope().attr(&selector.compiled(), name)
    }

    /// An attribute of all matches that have it.
    pub fn attrs(&self, selector: impl AsSelector, name: &str) -> Vec<&str> {
        self.scope().attrs(&selector.compiled(), name)
    }

    /// The links that `selector` finds, as they stand: the `href` of each element that has one, and each text or
    /// value that it selects with `::text` and `::attr(name)`.
    pub(crate) fn hrefs(&self, selector: impl AsSelector) -> Vec<&str> {
        self.scope().find(&selector.compiled()).filter_map(Found::href).collect()
    }

    /// The URL that relative links are relative to: the first `<base href>` that is a URL, or the URL of the page.
    pub fn base_url(&self) -> &Url {
        self.base.get_or_init(|| {
            let base = self
                .first("base[href]")
                .and_then(|base| base.own_attr("href").filter(|href| short_enough(href).is_ok()))
                .and_then(|href| resolve(self.url(), href, None).ok());
            base.filter(|base| !base.cannot_be_a_base()).unwrap_or_else(|| self.url().clone())
        })
    }

    /// Where `a[href]` and `area[href]` lead, http(s) only, without fragments and passwords, in document order.
    pub fn links(&self) -> &[Url] {
        self.links.get_or_init(|| {
            let hrefs = self.attrs("a[href], area[href]", "href");
            hrefs.into_iter().filter_map(|href| Some(self.link(href).ok()?.url().clone())).collect()
        })
    }

    /// A request for a link as found on this page. It has no fragment, because a fragment is never sent. It uses the
    /// session and the proxy of this page.
    ///
    /// # Errors
    /// [`RequestError`] when the link is not an http or https URL.
    pub fn request(&self, href: &str) -> Result<Request, RequestError> {
        Ok(Request::from_link(self.link(href)?).linked_from(&self.response.queued.request))
    }

    /// The first form that `selector` matches, as the page fills it: see [`Form`].
    ///
    /// # Errors
    /// When nothing matches, or the match is not a form.
    pub fn form(&self, selector: impl AsSelector) -> Result<Form> {
        let selector = selector.compiled();
        Form::on(self, self.first(&*selector).ok_or_else(|| nothing(&selector))?, selector.css())
    }

    /// The session of its request.
    pub fn session(&self) -> Option<&str> {
        self.response.queued.request.session()
    }

    /// A link as found. Its query is written in the encoding of the page, as a browser would send it (URL
    /// standard, section 4.4; the path is always UTF-8).
    pub(crate) fn link(&self, href: &str) -> Result<Arc<Link>, RequestError> {
        short_enough(href)?;
        if self.encoding().output_encoding() != UTF_8 {
            let encode: &dyn Fn(&str) -> Cow<'_, [u8]> = &|query| self.encoding().encode(query).0;
            return self.resolve(href, Some(encode));
        }
        // The first `#` begins the fragment, whatever comes before.
        let address = href.split('#').next().unwrap_or(href);
        let own = || self.own.get_or_init(|| self.resolve("", None).ok()).clone();
        if address.is_empty()
            && let Some(own) = own()
        {
            return Ok(own);
        }
        link::remembered(self.base_url(), address, || self.resolve(href, None))
    }

    /// A link as the page means it: relative to its base URL, of any scheme and with its fragment, but without a
    /// password.
    ///
    /// # Errors
    /// [`RequestError::Url`] when it is not a URL, and [`RequestError::TooLong`] when it is longer than any URL.
    pub fn absolute(&self, href: &str) -> Result<Url, RequestError> {
        short_enough(href)?;
        let encode: &dyn Fn(&str) -> Cow<'_, [u8]> = &|query| self.encoding().encode(query).0;
        let options = Url::options().base_url(Some(self.base_url())).encoding_override(Some(encode));
        let parsed = options.parse(href);
        let mut url = parsed.map_err(|source| RequestError::Url { text: href.to_owned(), source })?;
        drop_userinfo(&mut url);
        Ok(url)
    }

    /// A header as text, whatever its bytes are.
    pub(crate) fn header_text(&self, name: &str) -> Option<Cow<'_, str>> {
        Some(String::from_utf8_lossy(self.response.headers.get(name)?.as_bytes()))
    }

    fn resolve(&self, href: &str, encode: EncodingOverride<'_>) -> Result<Arc<Link>, RequestError> {
        let mut url = resolve(self.base_url(), href, encode)
            .map_err(|source| RequestError::Url { text: href.to_owned(), source })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(RequestError::Scheme { scheme: url.scheme().to_owned(), url: url.into() });
        }
        url.set_fragment(None);
        drop_userinfo(&mut url);
        Ok(Link::new(url))
    }

    pub(crate) fn encoding(&self) -> &'static Encoding {
        self.encoding.get_or_init(|| detect(self.body(), self.header("content-type")))
    }

    /// Whether something outside the text names its encoding.
    fn states_encoding(&self) -> bool {
        is_stated(self.body(), self.header("content-type"))
    }

    fn scope(&self) -> Scope<'_> {
        Scope::Page(self.document())
    }

    fn document(&self) -> &Document {
        let parse = if self.is_xml() { document::parse_xml } else { document::parse };
        self.document.get_or_init(|| match parse(self.body(), self.encoding(), &self.memory) {
            Ok(html) => Document::new(html),
            Err(excess) => panic!("{excess}"),
        })
    }

    fn is_xml(&self) -> bool {
        match mime::declared(&self.response.headers) {
            None => sniff::looks_like_xml(self.body()),
            Some(essence) => sniff::is_xml(&essence),
        }
    }
}

fn short_enough(href: &str) -> Result<(), RequestError> {
    let bytes = href.len();
    if bytes > MAX_LINK_BYTES { Err(RequestError::TooLong { bytes }) } else { Ok(()) }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Page({}, status {}, {} bytes)", self.url(), self.status(), self.body().len())
    }
}

#[cfg(test)]
mod tests;
