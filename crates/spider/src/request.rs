//! A request as a spider writes it.

mod followed;
pub(crate) mod sql;

use std::sync::Arc;

use http::Method;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};
use url::Url;

pub use self::followed::Followed;
pub use self::sql::SqlQuestion;
use crate::link::Link;
use crate::look_up_ticket::LookUpTicket;
use crate::meta;
use crate::options::{RequestOptions, SitemapRole};
use crate::proxy::Proxy;
use crate::value::json_size;

/// What to fetch, and how to recognise the page when it comes.
///
/// ```
/// use dragline_spider::Request;
///
/// let request = Request::get("https://example.com/author/1")?.with_tag("author").with_priority(10);
/// assert_eq!(request.url().host_str(), Some("example.com"));
/// assert_eq!((request.tag(), request.priority()), ("author", 10));
/// # Ok::<(), dragline_spider::RequestError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Request {
    link: Arc<Link>,
    method: Method,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    tag: String,
    meta: Map<String, Json>,
    priority: i32,
    is_unfiltered: bool,
    options: RequestOptions,
}

/// A longer text is not read as a URL. Parsing takes several times its memory. (`max_url_bytes` is a limit on what is followed.)
pub(crate) const MAX_LINK_BYTES: usize = 1 << 20;

/// The longest name that DNS knows has 253 bytes, and may end with a dot. A longer host does not exist, and an index could not
/// hold it.
pub const MAX_HOST_BYTES: usize = 254;

/// Why a request is invalid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The text is not an absolute URL.
    #[error("{text:?} is not an absolute URL")]
    Url {
        /// What was given.
        text: String,
        /// What the parser says.
        source: url::ParseError,
    },
    /// The URL of a start request holds a user name or a password. It would be stored and logged.
    #[error("the start URL for {host} holds a user name or a password; send an Authorization header instead")]
    Userinfo {
        /// Its host.
        host: String,
    },
    /// Dragline fetches only http and https.
    #[error("{url} has the scheme {scheme:?}; only http and https can be fetched")]
    Scheme {
        /// The URL.
        url: String,
        /// Its scheme.
        scheme: String,
    },
    /// The name of a database, or of one of its statements, is invalid.
    #[error(
        "{name:?} is not the name of a database or a statement: use small letters, digits, - and _, at most 60 of them"
    )]
    SqlName {
        /// The name.
        name: String,
    },
    /// No host has such a long name.
    #[error("a host name of {bytes} bytes is longer than the {MAX_HOST_BYTES} bytes that DNS allows")]
    Host {
        /// Its length.
        bytes: usize,
    },
    /// The text is longer than any URL.
    #[error("a link of {bytes} bytes is longer than the {MAX_LINK_BYTES} bytes that are read as a URL")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The text is not the URL of a proxy.
    #[error(
        "{url:?} is not a proxy: write a URL with http, https, socks4, socks5 or socks5h, a host and nothing more"
    )]
    Proxy {
        /// What was given, unless it may hold a password.
        url: String,
    },
    /// The URL of a proxy holds a user name or a password. It would be stored with the request.
    #[error(
        "the URL of the proxy {host} holds a user name or a password, which would be stored; use --auth instead"
    )]
    ProxyUserinfo {
        /// Its host.
        host: String,
    },
}

impl Request {
    /// A GET request.
    ///
    /// # Errors
    /// [`RequestError::Url`] and [`RequestError::Scheme`] when `url` is not an absolute http or https URL.
    pub fn get(url: impl AsRef<str>) -> Result<Self, RequestError> {
        Self::parse(Method::GET, url.as_ref())
    }

    /// A POST request with a body. Set the `Content-Type` with [`Request::with_header`].
    ///
    /// # Errors
    /// [`RequestError::Url`] and [`RequestError::Scheme`] when `url` is not an absolute http or https URL.
    pub fn post(url: impl AsRef<str>, body: impl Into<Vec<u8>>) -> Result<Self, RequestError> {
        Ok(Self::parse(Method::POST, url.as_ref())?.with_body(body))
    }

    /// A GET request for a parsed URL.
    ///
    /// # Errors
    /// [`RequestError::Scheme`] for anything but http and https, and [`RequestError::Host`] for a host that cannot exist.
    pub fn from_url(url: Url) -> Result<Self, RequestError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(RequestError::Scheme { scheme: url.scheme().to_owned(), url: url.into() });
        }
        match url.host_str().map_or(0, str::len) {
            bytes if bytes > MAX_HOST_BYTES => Err(RequestError::Host { bytes }),
            _ => Ok(Self::from_link(Link::new(url))),
        }
    }

    /// A GET request for an http(s) link.
    pub(crate) fn from_link(link: Arc<Link>) -> Self {
        Self {
            link,
            method: Method::GET,
            headers: Vec::new(),
            body: None,
            tag: String::new(),
            meta: Map::new(),
            priority: 0,
            is_unfiltered: false,
            options: RequestOptions::default(),
        }
    }

    fn parse(method: Method, text: &str) -> Result<Self, RequestError> {
        let url = Url::parse(text).map_err(|source| RequestError::Url { text: text.to_owned(), source })?;
        Ok(Self::from_url(url)?.with_method(method))
    }

    /// Sets the method.
    #[must_use]
    pub fn with_method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Sets the body, which is part of the fingerprint.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Adds a header, which is not part of the fingerprint.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Says which kind of page this will be. The tag is stored with the request, so a resumed run knows it too.
    #[must_use]
    pub fn with_tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = tag.into();
        self
    }

    /// Adds a value for the page's parse. It is stored with the request.
    #[must_use]
    pub fn with_meta(mut self, name: impl Into<String>, value: impl Into<Json>) -> Self {
        self.meta.insert(name.into(), value.into());
        self
    }

    /// Replaces all values for the page's parse.
    #[must_use]
    pub fn with_all_meta(mut self, meta: Map<String, Json>) -> Self {
        self.meta = meta;
        self
    }

    /// Sets the priority. Of the requests of one host, the one with the highest priority comes first. The default is 0.
    #[must_use]
    pub fn with_priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Fetches this request even if the run knows the same request already. Its fingerprint then also covers the parent's
    /// fingerprint and the place on the parent's page.
    #[must_use]
    pub fn without_filter(mut self) -> Self {
        self.is_unfiltered = true;
        self
    }

    /// Uses the cookie jar of this session. Each session has its own jar, and all requests without a session share the
    /// jar of the run. Links of the page belong to the same session.
    ///
    /// The session is part of the fingerprint, because two sessions may see different pages.
    #[must_use]
    pub fn with_session(mut self, name: impl Into<String>) -> Self {
        self.options.session = Some(name.into());
        self
    }

    /// Sends no cookies of the jar, and keeps none that the answer sets.
    #[must_use]
    pub fn without_cookies(mut self) -> Self {
        self.options.cookies = false;
        self
    }

    /// Uses this proxy instead of the one of the run. Links of the page use the same proxy.
    #[must_use]
    pub fn with_proxy(mut self, proxy: Proxy) -> Self {
        self.options.proxy = Some(proxy);
        self
    }

    /// Uses this downloader instead of the built-in one, which sends one HTTP request. The program that runs the spider adds
    /// downloaders by name. A redirect's target uses the same one; links of the page do not.
    #[must_use]
    pub fn with_downloader(mut self, name: impl Into<String>) -> Self {
        self.options.downloader = Some(name.into());
        self
    }

    /// Allows at most this many attempts after the first one, whatever the setting `retries` says.
    #[must_use]
    pub fn with_max_retries(mut self, retries: u32) -> Self {
        self.options.max_retries = Some(retries);
        self
    }

    /// Allows only one attempt.
    #[must_use]
    pub fn without_retries(self) -> Self {
        self.with_max_retries(0)
    }

    /// Replaces all options.
    #[must_use]
    pub fn with_options(mut self, options: RequestOptions) -> Self {
        self.options = options;
        self
    }

    /// The URL, as found.
    pub fn url(&self) -> &Url {
        self.link.url()
    }

    /// `host:port` of the URL, the unit of politeness.
    pub fn host(&self) -> &str {
        self.link.host()
    }

    /// Where it leads, with everything that was computed from the URL.
    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// The same request for another URL (a redirect's target).
    #[must_use]
    pub fn with_url(mut self, url: Url) -> Self {
        self.link = Link::new(url);
        self
    }

    /// The HTTP method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The headers that the spider added.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The body, if there is one.
    pub fn body(&self) -> Option<&[u8]> {
        self.body.as_deref()
    }

    /// See [`Request::with_tag`].
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// See [`Request::with_meta`].
    pub fn meta(&self) -> &Map<String, Json> {
        &self.meta
    }

    /// All values of its meta as one type.
    ///
    /// ```
    /// use dragline_spider::Request;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Listing { shelf: String, page: u32 }
    ///
    /// let request = Request::get("https://books.example/")?.with_meta("shelf", "rope").with_meta("page", 2);
    /// let listing: Listing = request.meta_as()?;
    /// assert_eq!((listing.shelf.as_str(), listing.page), ("rope", 2));
    /// assert_eq!(request.meta_value::<u32>("page")?, 2);
    /// # Ok::<(), dragline_spider::Error>(())
    /// ```
    ///
    /// # Errors
    /// When a value is missing or does not fit. The error names it.
    pub fn meta_as<T: DeserializeOwned>(&self) -> crate::Result<T> {
        meta::all_as(&self.meta)
    }

    /// A value of its meta as a type. A value that is absent is an error, unless the type is an `Option`.
    ///
    /// # Errors
    /// When the value is absent or does not fit. The error names it.
    pub fn meta_value<T: DeserializeOwned>(&self, name: &str) -> crate::Result<T> {
        meta::value_as(&self.meta, name)
    }

    /// See [`Request::with_priority`].
    pub fn priority(&self) -> i32 {
        self.priority
    }

    /// See [`Request::without_filter`].
    pub fn is_unfiltered(&self) -> bool {
        self.is_unfiltered
    }

    /// How the request is sent.
    pub fn options(&self) -> &RequestOptions {
        &self.options
    }

    /// See [`Request::with_session`].
    pub fn session(&self) -> Option<&str> {
        self.options.session.as_deref()
    }

    /// See [`Request::with_proxy`].
    pub fn proxy(&self) -> Option<&Proxy> {
        self.options.proxy.as_ref()
    }

    /// See [`Request::with_downloader`].
    pub fn downloader(&self) -> Option<&str> {
        self.options.downloader.as_deref()
    }

    /// See [`Request::without_cookies`].
    pub fn has_cookies(&self) -> bool {
        self.options.cookies
    }

    /// About how much memory it takes, until it is stored. The engine makes a queued request from it, with digests and a host.
    #[doc(hidden)] // for the engine
    pub fn size(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len() + 48).sum();
        let meta: usize = self.meta.iter().map(|(name, value)| name.len() + 48 + json_size(value)).sum();
        let body = self.body.as_ref().map_or(0, Vec::len);
        3 * size_of::<Self>() + size_of::<Link>() + self.url().as_str().len() + headers + meta + body
    }

    /// What it has to do with sitemaps, if it has.
    pub fn sitemap_role(&self) -> Option<SitemapRole> {
        self.options.sitemap
    }

    /// Gives it a role among sitemaps.
    #[doc(hidden)] // for the engine
    #[must_use]
    pub fn with_sitemap_role(mut self, role: SitemapRole) -> Self {
        self.options.sitemap = Some(role);
        self
    }

    /// What marks it as a look-up, if it is one.
    #[doc(hidden)] // for the engine
    pub fn look_up(&self) -> Option<&LookUpTicket> {
        self.options.look_up.as_ref()
    }

    /// Marks it as a look-up.
    #[doc(hidden)] // for the engine
    #[must_use]
    pub fn with_look_up(mut self, ticket: LookUpTicket) -> Self {
        self.options.look_up = Some(ticket);
        self
    }

    /// Whether the crawl reads its answer as a sitemap, so that no spider sees it.
    pub fn is_sitemap(&self) -> bool {
        self.options.sitemap.is_some_and(SitemapRole::is_for_the_crawl)
    }

    /// Whether it is a link of a page, and not one that the spider made up.
    pub fn is_link(&self) -> bool {
        self.options.is_link
    }

    /// See [`Request::with_max_retries`].
    pub fn max_retries(&self) -> Option<u32> {
        self.options.max_retries
    }

    /// Found on the page that `parent` asked for: it keeps the session and the proxy.
    #[must_use]
    pub(crate) fn found_on(mut self, parent: &Self) -> Self {
        self.options.session.clone_from(&parent.options.session);
        self.options.proxy.clone_from(&parent.options.proxy);
        self
    }

    /// A link of the page that `parent` asked for.
    #[must_use]
    pub(crate) fn linked_from(mut self, parent: &Self) -> Self {
        self.options.is_link = true;
        self.found_on(parent)
    }

    /// Drops body and method for a redirect that turns into GET (RFC 9110 §15.4).
    #[must_use]
    pub fn into_get(mut self) -> Self {
        self.method = Method::GET;
        self.body = None;
        self.headers.retain(|(name, _)| !name.to_ascii_lowercase().starts_with("content-"));
        self
    }

    /// Drops the headers of a name.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
        self
    }
}

impl PartialEq for Request {
    fn eq(&self, other: &Self) -> bool {
        let Self { link, method, headers, body, tag, meta, priority, is_unfiltered, options } = self;
        link.url() == other.url()
            && (method, headers, body) == (&other.method, &other.headers, &other.body)
            && (tag, meta, priority) == (&other.tag, &other.meta, &other.priority)
            && (is_unfiltered, options) == (&other.is_unfiltered, &other.options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_stays_in_the_session_and_behind_the_proxy_of_its_page() {
        let proxy: Proxy = "socks5://p.example:1".parse().unwrap();
        let parent = Request::get("http://a.example/").unwrap().with_proxy(proxy).with_session("ann");
        let link = Request::get("http://a.example/x").unwrap().linked_from(&parent);
        assert_eq!((link.session(), link.proxy()), (Some("ann"), parent.proxy()));
        assert!(link.is_link() && !parent.is_link());
    }

    #[test]
    fn a_host_that_cannot_exist_is_refused() {
        let url = |bytes: usize| format!("http://{}:81/x", "h".repeat(bytes));
        assert!(Request::get(url(MAX_HOST_BYTES)).is_ok());
        let refused = Request::get(url(MAX_HOST_BYTES + 1)).unwrap_err();
        assert!(matches!(refused, RequestError::Host { bytes: 255 }), "{refused}");
    }
}
