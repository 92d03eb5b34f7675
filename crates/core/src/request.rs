//! A request as a spider writes it.

use std::sync::Arc;

use http::Method;
use serde_json::{Map, Value as Json};
use url::Url;

use crate::canonical::has_userinfo;
use crate::link::Link;

/// What to fetch and how to recognise the page when it comes.
///
/// ```
/// use dragline_core::Request;
///
/// let request = Request::get("https://example.com/author/1")?.tag("author").priority(10);
/// assert_eq!(request.url().host_str(), Some("example.com"));
/// # Ok::<(), dragline_core::RequestError>(())
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
    dont_filter: bool,
    session: Option<String>,
    proxy: Option<Url>,
    has_cookies: bool,
    is_link: bool,
    max_retries: Option<u32>,
}

/// A request that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The text is no absolute URL.
    #[error("{text:?} is not an absolute URL")]
    Url {
        /// What was given.
        text: String,
        /// What the parser says.
        source: url::ParseError,
    },
    /// The URL of a start request holds a user name or a password: it would be stored and logged.
    #[error("the start URL for {host} holds a user name or a password; send an Authorization header instead")]
    Userinfo {
        /// Its host.
        host: String,
    },
    /// Only http and https can be fetched.
    #[error("{url} has the scheme {scheme:?}; only http and https can be fetched")]
    Scheme {
        /// The URL.
        url: String,
        /// Its scheme.
        scheme: String,
    },
    /// No proxy can be reached at this URL.
    #[error(
        "{url:?} is no proxy: it takes a URL with http, https, socks4, socks5 or socks5h, a host and nothing more"
    )]
    Proxy {
        /// What was given, unless it may hold a password.
        url: String,
    },
    /// The URL of a proxy holds a user name or a password: it would be stored with the request.
    #[error(
        "the proxy {host} is given with a user name or a password, which would be stored; name them with --auth"
    )]
    ProxyUserinfo {
        /// Its host.
        host: String,
    },
}

impl Request {
    /// A GET request.
    pub fn get(url: impl AsRef<str>) -> Result<Self, RequestError> {
        Self::parse(Method::GET, url.as_ref())
    }

    /// A POST request with a body. Set the `Content-Type` with [`Request::header`].
    pub fn post(url: impl AsRef<str>, body: impl Into<Vec<u8>>) -> Result<Self, RequestError> {
        Ok(Self::parse(Method::POST, url.as_ref())?.with_body(body))
    }

    /// A GET request for a URL that is parsed already.
    ///
    /// # Errors
    /// [`RequestError::Scheme`] for anything but http and https.
    pub fn from_url(url: Url) -> Result<Self, RequestError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(RequestError::Scheme { scheme: url.scheme().to_owned(), url: url.into() });
        }
        Ok(Self::from_link(Link::new(url)))
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
            dont_filter: false,
            session: None,
            proxy: None,
            has_cookies: true,
            is_link: false,
            max_retries: None,
        }
    }

    fn parse(method: Method, text: &str) -> Result<Self, RequestError> {
        let url = Url::parse(text).map_err(|source| RequestError::Url { text: text.to_owned(), source })?;
        Ok(Self::from_url(url)?.method_is(method))
    }

    fn method_is(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// Another method than GET.
    #[must_use]
    pub fn with_method(self, method: Method) -> Self {
        self.method_is(method)
    }

    /// A body; part of the fingerprint.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// One more header. Not part of the fingerprint.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Which kind of page this will be. Stored with the request, so that a resumed run knows it too.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = tag.into();
        self
    }

    /// A value for the page's parse, stored with the request.
    #[must_use]
    pub fn meta(mut self, name: impl Into<String>, value: impl Into<Json>) -> Self {
        self.meta.insert(name.into(), value.into());
        self
    }

    /// All of the meta at once.
    #[must_use]
    pub fn with_meta(mut self, meta: Map<String, Json>) -> Self {
        self.meta = meta;
        self
    }

    /// Higher comes first; the default is 0.
    #[must_use]
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Fetch it even if the same request is known already. The fingerprint then covers the parent's
    /// fingerprint and the place on the parent's page too.
    #[must_use]
    pub fn dont_filter(mut self) -> Self {
        self.dont_filter = true;
        self
    }

    /// The cookies that it is sent with and that its answer sets: those of this session. Each session has a jar of its own;
    /// requests that name none share the run's. What is followed from its page belongs to the same session.
    ///
    /// Part of the fingerprint: what one session may see is another page than what another may see.
    #[must_use]
    pub fn session(mut self, name: impl Into<String>) -> Self {
        self.session = Some(name.into());
        self
    }

    /// Sends it without cookies of the jar, and keeps none that its answer sets.
    #[must_use]
    pub fn without_cookies(mut self) -> Self {
        self.has_cookies = false;
        self
    }

    /// The proxy for this request, in place of the run's: `http://host:port`, `https://…`, `socks5://…`, or
    /// `socks5h://…`, which has the proxy resolve names. What is followed from its page takes the same proxy.
    ///
    /// # Errors
    /// When it is no such URL, or one with a password: it is stored with the request. The setting `auth` has the
    /// place for that.
    pub fn proxy(mut self, url: impl AsRef<str>) -> Result<Self, RequestError> {
        self.proxy = Some(proxy_url(url.as_ref())?);
        Ok(self)
    }

    /// Tries it at most so often after a first attempt that failed, whatever the setting `retries` says.
    #[must_use]
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = Some(retries);
        self
    }

    /// Does not try it again.
    #[must_use]
    pub fn dont_retry(self) -> Self {
        self.max_retries(0)
    }

    /// The URL, as found.
    pub fn url(&self) -> &Url {
        self.link.url()
    }

    /// `host:port` of the URL, the unit of politeness.
    pub fn host(&self) -> &str {
        self.link.host()
    }

    /// Where it leads, with what is known of that.
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

    /// The headers beside those that Dragline sends by itself.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The body, if there is one.
    pub fn body(&self) -> Option<&[u8]> {
        self.body.as_deref()
    }

    /// See [`Request::tag`].
    pub fn tag_str(&self) -> &str {
        &self.tag
    }

    /// See [`Request::meta`].
    pub fn meta_map(&self) -> &Map<String, Json> {
        &self.meta
    }

    /// See [`Request::priority`].
    pub fn priority_value(&self) -> i32 {
        self.priority
    }

    /// See [`Request::dont_filter`].
    pub fn is_unfiltered(&self) -> bool {
        self.dont_filter
    }

    /// See [`Request::session`].
    pub fn session_name(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// See [`Request::proxy`].
    pub fn proxy_url(&self) -> Option<&Url> {
        self.proxy.as_ref()
    }

    /// See [`Request::without_cookies`].
    pub fn has_cookies(&self) -> bool {
        self.has_cookies
    }

    /// Whether it was followed as a link (`Output::follow` and the like), and not made by the spider: a link to what is no
    /// page is not followed. Known until it is stored.
    pub fn is_link(&self) -> bool {
        self.is_link
    }

    /// Followed as a link.
    #[must_use]
    pub(crate) fn followed(mut self) -> Self {
        self.is_link = true;
        self
    }

    /// See [`Request::max_retries`].
    pub fn max_retries_value(&self) -> Option<u32> {
        self.max_retries
    }

    /// In the session and through the proxy of `other`, on whose page it was found.
    #[must_use]
    pub(crate) fn found_by(mut self, other: &Self) -> Self {
        self.session.clone_from(&other.session);
        self.proxy.clone_from(&other.proxy);
        self
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
        let Self {
            link,
            method,
            headers,
            body,
            tag,
            meta,
            priority,
            dont_filter,
            session,
            proxy,
            has_cookies,
            // How it was found is no part of what it asks for.
            is_link: _,
            max_retries,
        } = self;
        link.url() == other.url()
            && (method, headers, body) == (&other.method, &other.headers, &other.body)
            && (tag, meta, priority) == (&other.tag, &other.meta, &other.priority)
            && (session, proxy) == (&other.session, &other.proxy)
            && (dont_filter, has_cookies) == (&other.dont_filter, &other.has_cookies)
            && *max_retries == other.max_retries
    }
}

/// The schemes of proxies.
const PROXY_SCHEMES: [&str; 5] = ["http", "https", "socks4", "socks5", "socks5h"];

/// The URL of a proxy, without a password.
fn proxy_url(text: &str) -> Result<Url, RequestError> {
    // A password could stand where the parser sees none.
    let shown = if text.contains('@') { "…" } else { text };
    let refused = || RequestError::Proxy { url: shown.to_owned() };
    let url = Url::parse(text).map_err(|_| refused())?;
    if has_userinfo(&url) {
        return Err(RequestError::ProxyUserinfo { host: url.host_str().unwrap_or_default().to_owned() });
    }
    let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    if !is_bare || !PROXY_SCHEMES.contains(&url.scheme()) || url.host_str().is_none_or(str::is_empty) {
        return Err(refused());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxied(url: &str) -> Result<Request, RequestError> {
        Request::get("http://a.example/").unwrap().proxy(url)
    }

    #[test]
    fn a_proxy_is_a_scheme_a_host_and_nothing_more() {
        for url in ["http://p.example:3128", "https://p.example/", "socks5://127.0.0.1:1080", "socks5h://p"] {
            assert!(proxied(url).is_ok(), "{url}");
        }
        for url in
            ["p.example:3128", "ftp://p.example", "http://p.example/path", "http://p.example?x", "socks5://"]
        {
            let told = proxied(url).unwrap_err().to_string();
            assert!(told.contains("socks5h") && told.contains(url), "{told}");
        }
    }

    #[test]
    fn a_proxy_with_a_password_is_refused_without_showing_it() {
        for url in [
            "http://me:hunter2@p.example",
            "socks5://me:hunter2@p.example:1",
            "me:hunter2@p.example",
            "http://me:hunter2@p:p",
        ] {
            let told = proxied(url).unwrap_err().to_string();
            assert!(!told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn what_is_found_stays_in_the_session_and_behind_the_proxy() {
        let from = proxied("socks5://p.example:1").unwrap().session("ann");
        let found = Request::get("http://a.example/x").unwrap().found_by(&from);
        assert_eq!((found.session_name(), found.proxy_url()), (Some("ann"), from.proxy_url()));
    }
}
