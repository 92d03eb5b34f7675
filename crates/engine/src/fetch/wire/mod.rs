//! The HTTP client. It is hyper's, over connections that this module watches: it leaves invalid header lines out and counts them,
//! and it limits interim answers. reqwest only opens the connections ([`dial`]).

mod connection;
mod dial;
mod frames;
mod head;
mod heads;
mod sent;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, Entry, HeaderMap, HeaderValue, PROXY_AUTHORIZATION};
use http::uri::Scheme;
use http::{Method, Request, StatusCode, Uri, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body as _, Incoming};
use hyper_util::client::legacy::{self, Client as Hyper};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use percent_encoding::percent_decode_str;
use url::Url;

use self::connection::SkippedLines;
use self::dial::Dialer;
pub(super) use self::dial::HandOver;
pub(super) use self::heads::HeadProblem;

/// How a client uses its connections.
#[derive(Clone)]
pub(super) struct Wiring {
    /// Headers of every request, unless it has its own.
    pub(super) headers: Arc<HeaderMap>,
    /// Idle connections to one host that stay open.
    pub(super) idle_per_host: usize,
    /// How long they stay open.
    pub(super) idle_time: Duration,
    /// Most headers of an answer over HTTP/1.
    pub(super) max_headers: usize,
    /// Largest size of them over HTTP/2.
    pub(super) max_header_bytes: u32,
    /// Which proxy reads a request, because it may want a password.
    pub(super) proxy: Option<Arc<Matcher>>,
}

/// A client. Clones share the connections.
#[derive(Clone)]
pub(super) struct Client {
    hyper: Hyper<Dialer, Full<Bytes>>,
    headers: Arc<HeaderMap>,
    proxy: Option<Arc<Matcher>>,
}

/// A request to be sent.
pub(super) struct RequestBuilder {
    client: Client,
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
}

/// An answer whose body has not been read.
#[derive(Debug)]
pub(super) struct Response(http::Response<Incoming>);

/// Why no answer came, or why its body ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("the URL cannot be sent")]
    Unsendable(#[source] http::uri::InvalidUri),
    #[error("error sending request")]
    Sending(#[source] legacy::Error),
    #[error("error reading a body")]
    Body(#[source] hyper::Error),
}

impl Client {
    /// A client over the connections of `dialing`, which must have the layer [`HandOver`] and no idle connections.
    pub(super) fn new(dialing: reqwest::Client, wiring: Wiring) -> Self {
        let mut builder = Hyper::builder(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(wiring.idle_time)
            .pool_max_idle_per_host(wiring.idle_per_host)
            .http1_max_headers(wiring.max_headers)
            .http2_max_header_list_size(wiring.max_header_bytes);
        Self { hyper: builder.build(Dialer(dialing)), headers: wiring.headers, proxy: wiring.proxy }
    }

    /// A request.
    pub(super) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let client = self.clone();
        RequestBuilder { client, method, url, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// The password for a proxy that reads the request. For https, the tunnel's own request has it.
    fn proxy_password(&self, to: &Uri) -> Option<HeaderValue> {
        let proxy = self.proxy.as_ref().filter(|_| to.scheme() == Some(&Scheme::HTTP))?.intercept(to)?;
        proxy.basic_auth().cloned()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

impl RequestBuilder {
    /// Sets headers.
    pub(super) fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers = headers;
        self
    }

    /// Sets the body.
    pub(super) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it, and waits for the headers of the answer.
    pub(super) async fn send(self) -> Result<Response, Error> {
        let Self { client, method, mut url, mut headers, body } = self;
        if let Some(password) = take_password(&mut url)
            && let Entry::Vacant(entry) = headers.entry(AUTHORIZATION)
        {
            entry.insert(password);
        }
        let uri: Uri = url.as_str().parse().map_err(Error::Unsendable)?;
        for (name, value) in &*client.headers {
            if let Entry::Vacant(entry) = headers.entry(name) {
                entry.insert(value.clone());
            }
        }
        if let Some(password) = client.proxy_password(&uri)
            && let Entry::Vacant(entry) = headers.entry(PROXY_AUTHORIZATION)
        {
            entry.insert(password);
        }
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        let response = client.hyper.request(request).await.map(Response).map_err(Error::Sending)?;
        let lines = response.skipped_lines();
        if lines > 0 {
            tracing::debug!(%url, lines, "left out invalid header lines of the answer");
        }
        Ok(response)
    }
}

/// Takes user and password out of a URL, as `Authorization` (RFC 7617).
fn take_password(url: &mut Url) -> Option<HeaderValue> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let mut pair: Vec<u8> = percent_decode_str(url.username()).collect();
    pair.push(b':');
    pair.extend(percent_decode_str(url.password().unwrap_or_default()));
    // These cannot fail, because such a URL has a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let mut value = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(pair))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl Response {
    /// The status.
    pub(super) fn status(&self) -> StatusCode {
        self.0.status()
    }

    /// The version of HTTP.
    pub(super) fn version(&self) -> Version {
        self.0.version()
    }

    /// The headers.
    pub(super) fn headers(&self) -> &HeaderMap {
        self.0.headers()
    }

    /// The headers.
    pub(super) fn headers_mut(&mut self) -> &mut HeaderMap {
        self.0.headers_mut()
    }

    /// Invalid header lines that were left out.
    pub(super) fn skipped_lines(&self) -> usize {
        self.0.extensions().get::<SkippedLines>().map_or(0, SkippedLines::count)
    }

    /// The length of the body, if it was announced.
    pub(super) fn content_length(&self) -> Option<u64> {
        self.0.body().size_hint().exact()
    }

    /// The next piece of the body.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        while let Some(frame) = self.0.body_mut().frame().await {
            // Trailers mean nothing here.
            if let Ok(bytes) = frame.map_err(Error::Body)?.into_data() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}

impl Error {
    /// Whether the request itself is at fault.
    pub(super) fn is_of_request(&self) -> bool {
        matches!(self, Self::Unsendable(_)) || self.of_dialing().is_some_and(reqwest::Error::is_builder)
    }

    /// Whether the time for connecting was over.
    pub(super) fn is_timeout(&self) -> bool {
        self.of_dialing().is_some_and(reqwest::Error::is_timeout)
    }

    /// Whether no connection could be opened.
    pub(super) fn is_connect(&self) -> bool {
        matches!(self, Self::Sending(error) if error.is_connect())
    }

    /// Whether a name could not be resolved.
    pub(super) fn is_dns(&self) -> bool {
        self.of_dialing().is_some_and(reqwest::Error::is_dns)
    }

    fn of_dialing(&self) -> Option<&reqwest::Error> {
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref() {
                return Some(error);
            }
            cause = error.source();
        }
        None
    }
}
