//! The HTTP downloader sends a request and returns the complete answer, or an error.
//!
//! It makes no decisions. The scheduler decides whether to send a request, to retry it or to follow a redirect.

mod body;
mod client;
mod client_settings;
mod coding;
mod connecting;
mod connections;
mod cookies;
mod credentials;
mod descriptors;
mod errors;
mod gate;
mod http_answer;
mod networks;
mod post;
mod probe;
mod proxy;
mod sending;
mod settings;
mod wire;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use dragline_core::budget::{ByteBudget, Stage};
use dragline_core::worker::panic_message;
use dragline_core::{Request, StoredCookie, mime};
use futures_util::FutureExt;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, COOKIE, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use tokio::time::{Instant, timeout_at};
use url::Url;

use self::body::{Bounds, Excess, ReadBody};
use self::client::Recipe;
pub(crate) use self::client::check_headers;
pub use self::client::refused_header;
pub use self::client_settings::{ClientSettings, CookieMode};
pub use self::coding::decoded_body;
use self::connecting::{Connecting, Opened};
use self::connections::Connections;
use self::cookies::Jars;
pub use self::credentials::Credentials;
use self::credentials::credentials_for;
pub(crate) use self::descriptors::max_connections;
pub(crate) use self::errors::FetchError;
use self::gate::Gate;
pub(crate) use self::http_answer::{DetailedAnswer, HttpAnswer};
use self::networks::RefusedNetwork;
pub use self::post::{Posted, Poster};
pub use self::proxy::ProxySetting;
use self::proxy::{Route, RunProxy};
use self::sending::{Errand, OldServers, Sent};
pub use self::settings::FetchSettings;
pub(crate) use self::settings::HttpSettings;
use self::wire::Response;
use crate::downloader::{Answer, DownloadError, DownloadLimits, Downloader, Downloading, Proof};
use crate::error::EngineError;
use crate::redirect::location;

/// Sends HTTP requests. Clones share the connections.
#[derive(Clone)]
pub(crate) struct HttpDownloader {
    shared: Arc<HttpShared>,
}

struct HttpShared {
    recipe: Recipe,
    proxy: RunProxy,
    connections: Arc<Connections>,
    old_servers: OldServers,
    auth: Vec<Credentials>,
    jars: Jars,
    budget: ByteBudget,
    gate: Gate,
    settings: FetchSettings,
    keep_failed_bytes: Option<usize>,
    skipped_header_lines: AtomicUsize,
}

impl Downloader for HttpDownloader {
    fn download<'a>(&'a self, request: &'a Request, limits: &'a DownloadLimits) -> Downloading<'a> {
        Box::pin(async move {
            let answer = self.page(request, limits).await;
            answer.map(Answer::from).map_err(DownloadError::from)
        })
    }
}

impl HttpDownloader {
    /// A downloader with these headers of the spider and these cookies of an earlier process.
    pub(crate) fn new<'a>(
        settings: impl Into<HttpSettings<'a>>,
        headers: &[(String, String)],
        budget: ByteBudget,
        stored_cookies: &[StoredCookie],
    ) -> Result<Self, EngineError> {
        let settings = settings.into();
        let recipe = Recipe::new(settings, headers)?;
        let proxy = RunProxy::new(&settings.client.proxy, &settings.client.auth)?;
        // A setting that no client can have is an error at the start, and not one of each page.
        recipe.client(false, &Opened::default(), None, |builder| proxy.apply(builder))?;
        let shared = HttpShared {
            recipe,
            proxy,
            connections: Connections::new(settings.max_connections, settings.idle_connections_per_host),
            old_servers: OldServers::default(),
            auth: settings.client.auth.clone(),
            jars: Jars::new(settings.client.cookies, stored_cookies),
            budget,
            gate: Gate::new(),
            settings: settings.fetch.clone(),
            keep_failed_bytes: settings.keep_failed_bytes,
            skipped_header_lines: AtomicUsize::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Invalid header lines that were left out of all answers.
    pub(crate) fn skipped_header_lines(&self) -> usize {
        self.shared.skipped_header_lines.load(Ordering::Relaxed)
    }

    /// Why a request may not be sent, judged by its URL.
    pub(crate) fn refusal(&self, request: &Request) -> Option<String> {
        self.check(request.url()).err().map(|refused| refused.to_string())
    }

    /// Fetches a page.
    async fn page(&self, request: &Request, limits: &DownloadLimits) -> Result<HttpAnswer, FetchError> {
        let (begun, deadline) = (Instant::now(), self.deadline());
        let connecting = Connecting::default();
        let errand = self.errand(request)?;
        let sent = self.by(deadline, self.send(errand, &connecting)).await?;
        // The host is busy until the answer is complete.
        let Sent { response, lease: _lease, route } = sent;
        let latency = begun.elapsed();
        let status = response.status();
        let cookies = self.shared.jars.receive(request, response.headers());
        let answer = if !limits.accepts_status(status.as_u16()) {
            self.kept_answer(response, deadline).await
        } else if has_no_body(request, status) {
            self.answer(response, self.page_bounds(deadline), None).await?
        } else {
            let wants = |essence: &str| limits.accepts_type(essence);
            match mime::declared(response.headers()) {
                Some(essence) if wants(&essence) => {
                    self.answer(response, self.page_bounds(deadline), None).await?
                }
                Some(essence) => self.unwanted_answer(response, essence),
                None => self.answer(response, self.page_bounds(deadline), Some(&wants)).await?,
            }
        };
        let proof = proof(&connecting, &route, answer.status, &answer.headers);
        Ok(HttpAnswer { cookies, latency, proof, ..answer })
    }

    /// Fetches an answer of any status and type, for a person to look at.
    pub(crate) async fn look(&self, request: &Request) -> Result<DetailedAnswer, FetchError> {
        let fetch = AssertUnwindSafe(async {
            let (begun, deadline) = (Instant::now(), self.deadline());
            let connecting = Connecting::default();
            let errand = self.errand(request)?;
            let sent = self.by(deadline, self.send(errand, &connecting)).await?;
            let Sent { response, lease: _lease, .. } = sent;
            let connect = connecting.took();
            let (version, status) = (response.version(), response.status().as_u16());
            let (headers, first_byte) = (response.headers().clone(), begun.elapsed());
            // The next hop of this visit needs the cookies. They are not stored.
            self.shared.jars.receive(request, &headers);
            let answer = if location(status, &headers).is_some() {
                Ok(self.bare_answer(response).await)
            } else {
                self.answer(response, self.page_bounds(deadline), None).await
            };
            Ok(DetailedAnswer { version, status, headers, connect, first_byte, answer })
        });
        fetch.catch_unwind().await.unwrap_or_else(|panic| Err(FetchError::Panicked(panic_message(&*panic))))
    }

    /// Fetches a small file of a site (robots.txt) without cookies, and at most its first `max_bytes`. If the request
    /// `on_behalf_of` names a proxy, the file is fetched through it too.
    pub(crate) async fn file(
        &self,
        url: Url,
        max_bytes: usize,
        on_behalf_of: &Request,
    ) -> Result<HttpAnswer, FetchError> {
        self.check(&url)?;
        let deadline = self.deadline();
        let connecting = Connecting::default();
        let authorization = self.authorization(&url);
        let errand = Errand::get(url, authorization, on_behalf_of.proxy());
        let sent = self.by(deadline, self.send(errand, &connecting)).await?;
        let Sent { response, lease: _lease, route } = sent;
        let answer = if response.status().is_success() {
            self.answer(response, self.bounds(max_bytes, Excess::IsLeftOut, deadline), None).await?
        } else {
            self.bare_answer(response).await
        };
        let proof = proof(&connecting, &route, answer.status, &answer.headers);
        Ok(HttpAnswer { proof, ..answer })
    }

    /// How many connections may be open, and at most.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.open()
    }

    /// Closes all idle connections.
    pub(crate) fn close_idle_connections(&self) {
        self.shared.connections.close_idle();
    }

    /// The answer with its body, unless the first bytes show a type that `wants` rejects. Time spent waiting for memory does not
    /// count.
    async fn answer(
        &self,
        mut response: Response,
        bounds: Bounds,
        wants: Option<&(dyn Fn(&str) -> bool + Sync)>,
    ) -> Result<HttpAnswer, FetchError> {
        let mut charge = self.shared.budget.charge();
        let body = match body::read(&mut response, bounds, &self.shared.gate, &mut charge, wants).await? {
            ReadBody::Body(body) => body,
            ReadBody::Unwanted(essence) => return Ok(self.unwanted_answer(response, essence.to_owned())),
        };
        charge.enter(Stage::Waiting);
        Ok(HttpAnswer { body: Some(body), ..HttpAnswer::without_body(&mut response, charge) })
    }

    /// An answer of an unwanted type. Its connection is closed, because the body may be long.
    fn unwanted_answer(&self, mut response: Response, essence: String) -> HttpAnswer {
        let charge = self.shared.budget.charge();
        HttpAnswer { unwanted: Some(essence), ..HttpAnswer::without_body(&mut response, charge) }
    }

    /// An answer that is not a page, with the first bytes of its body if the settings keep them.
    async fn kept_answer(&self, response: Response, deadline: Instant) -> HttpAnswer {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let is_redirect = location(status, &headers).is_some();
        let Some(max_bytes) = self.shared.keep_failed_bytes.filter(|_| !is_redirect) else {
            return self.bare_answer(response).await;
        };
        let bounds = self.bounds(max_bytes, Excess::IsLeftOut, deadline);
        match self.answer(response, bounds, None).await {
            Ok(answer) => HttpAnswer { kept: answer.body, body: None, ..answer },
            // The status says enough. The body would only have been a help.
            Err(_) => HttpAnswer::bare(status, headers, self.shared.budget.charge()),
        }
    }

    /// An answer without its body.
    async fn bare_answer(&self, mut response: Response) -> HttpAnswer {
        body::drain(&mut response).await;
        HttpAnswer::without_body(&mut response, self.shared.budget.charge())
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.shared.settings.request_timeout
    }

    async fn by<T>(
        &self,
        deadline: Instant,
        work: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, FetchError> {
        let after = self.shared.settings.request_timeout;
        timeout_at(deadline, work)
            .await
            .unwrap_or(Err(FetchError::Timeout { after, doing: "fetching the page" }))
    }

    fn check(&self, url: &Url) -> Result<(), RefusedNetwork> {
        self.shared.recipe.guard.check(url)
    }

    fn errand<'a>(&self, request: &'a Request) -> Result<Errand<'a>, FetchError> {
        self.check(request.url())?;
        let mut headers = self.authorization(request.url());
        // The request's own header comes first.
        if request.headers().iter().any(|(name, _)| name.eq_ignore_ascii_case(AUTHORIZATION.as_str())) {
            headers.clear();
        }
        headers.extend(self.shared.jars.header(request).map(|cookies| (COOKIE, cookies)));
        for (name, value) in request.headers() {
            if name.eq_ignore_ascii_case(COOKIE.as_str()) {
                continue;
            }
            let unsendable = || FetchError::Unsendable(format!("the header {name:?} is invalid"));
            let key = HeaderName::try_from(name).map_err(|_| unsendable())?;
            headers.append(key, HeaderValue::try_from(value).map_err(|_| unsendable())?);
        }
        if headers.contains_key(RANGE) && !headers.contains_key(ACCEPT_ENCODING) {
            // A part of a compressed body cannot be decoded.
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        Ok(Errand {
            method: request.method().clone(),
            url: request.url().clone(),
            headers,
            body: request.body().map(Bytes::copy_from_slice),
            proxy: request.proxy(),
        })
    }

    /// The header `Authorization` for a URL, if there are credentials for its origin.
    fn authorization(&self, url: &Url) -> HeaderMap {
        let header = credentials_for(&self.shared.auth, url).and_then(Credentials::header);
        header.map(|header| (AUTHORIZATION, header)).into_iter().collect()
    }

    fn page_bounds(&self, deadline: Instant) -> Bounds {
        self.bounds(self.shared.settings.max_body_bytes, Excess::Fails, deadline)
    }

    fn bounds(&self, max_bytes: usize, excess: Excess, deadline: Instant) -> Bounds {
        let FetchSettings { read_timeout, min_bytes_per_second, request_timeout, .. } = self.shared.settings;
        Bounds { max_bytes, excess, silence: read_timeout, min_bytes_per_second, deadline, request_timeout }
    }
}

/// What an answer says about the way to its host. 502 to 504 may be those of the proxy, which has no way then. Squid marks its own
/// errors, and other proxies do so as RFC 9209 says.
fn proof(connecting: &Connecting, route: &Route, status: u16, headers: &HeaderMap) -> Proof {
    let is_error_of_proxy = || {
        let told = headers.get("proxy-status").and_then(|told| told.to_str().ok());
        headers.contains_key("x-squid-error") || told.is_some_and(|told| told.contains("error="))
    };
    if route.forwarder().is_some() && (matches!(status, 502..=504) || (status >= 400 && is_error_of_proxy()))
    {
        Proof::Doubt
    } else if connecting.took().is_some() {
        Proof::WayWorks
    } else {
        Proof::Nothing
    }
}

/// Whether an answer never has a body, whatever its headers say (RFC 9110 §6.4.1, §15.3.6).
fn has_no_body(request: &Request, status: StatusCode) -> bool {
    *request.method() == Method::HEAD
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED)
}

#[cfg(test)]
pub(crate) mod tests;
