//! The HTTP downloader sends a request and returns the complete answer, or an error.
//!
//! It makes no decisions. The scheduler decides whether to send a request, to retry it or to follow a redirect.

mod body;
mod client;
mod client_settings;
mod coding;
mod connecting;
mod cookies;
mod credentials;
mod errors;
mod gate;
mod networks;
mod proxy;
mod settings;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dragline_core::budget::{ByteBudget, Charge, Stage};
use dragline_core::worker::panic_message;
use dragline_core::{Proxy, Request, StoredCookie, mime};
use futures_util::FutureExt;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION, COOKIE, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use reqwest::{Client, Response};
use tokio::time::{Instant, timeout_at};
use url::Url;

use self::body::{Bounds, Excess, ReadBody};
use self::client::Recipe;
pub(crate) use self::client::check_headers;
pub use self::client::refused_header;
pub use self::client_settings::{ClientSettings, CookieMode};
use self::connecting::Connecting;
use self::cookies::Jars;
pub use self::credentials::Credentials;
use self::credentials::credentials_for;
pub(crate) use self::errors::FetchError;
use self::gate::Gate;
use self::networks::RefusedNetwork;
use self::proxy::ProxyClients;
pub use self::proxy::ProxySetting;
pub use self::settings::FetchSettings;
pub(crate) use self::settings::HttpSettings;
use crate::downloader::{Answer, AnswerBody, DownloadError, DownloadLimits, Downloader, Downloading};
use crate::error::EngineError;
use crate::redirect::location;

/// Sends HTTP requests. Clones share the connections.
#[derive(Clone)]
pub(crate) struct HttpDownloader {
    client: Client,
    shared: Arc<HttpShared>,
}

struct HttpShared {
    recipe: Recipe,
    proxies: ProxyClients,
    auth: Vec<Credentials>,
    jars: Jars,
    budget: ByteBudget,
    gate: Gate,
    settings: FetchSettings,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// The body, if a spider should see it.
    pub(crate) body: Option<Bytes>,
    /// The type of a body that was not read because nobody wants this type.
    pub(crate) unwanted: Option<String>,
    /// The memory that the body takes up.
    pub(crate) charge: Charge,
    /// The changes to the cookie jars, for the store.
    pub(crate) cookies: Vec<StoredCookie>,
    /// Time until the headers arrived.
    pub(crate) latency: Duration,
}

/// An answer with its details, for a person to look at.
#[derive(Debug)]
pub(crate) struct DetailedAnswer {
    pub(crate) version: Version,
    pub(crate) status: u16,
    /// The headers as they were sent.
    pub(crate) headers: HeaderMap,
    /// Time to connect; `None` if the connection was already open.
    pub(crate) connect: Option<Duration>,
    /// Time until the headers arrived.
    pub(crate) first_byte: Duration,
    /// The answer with its body, for every status except that of a redirect, or why the body could not be read.
    pub(crate) answer: Result<HttpAnswer, FetchError>,
}

impl HttpAnswer {
    fn without_body(response: &mut Response, charge: Charge) -> Self {
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        Self {
            status,
            headers,
            body: None,
            unwanted: None,
            charge,
            cookies: Vec::new(),
            latency: Duration::ZERO,
        }
    }
}

impl From<HttpAnswer> for Answer {
    fn from(answer: HttpAnswer) -> Self {
        let body = match (answer.body, answer.unwanted) {
            (Some(body), _) => AnswerBody::Whole(body),
            (None, Some(essence)) => AnswerBody::Unwanted(essence),
            (None, None) => AnswerBody::Unread,
        };
        Self {
            headers: answer.headers,
            body,
            cookies: answer.cookies,
            latency: Some(answer.latency),
            charge: Some(answer.charge),
            ..Self::new(answer.status)
        }
    }
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
        let client = recipe.client(|builder| settings.client.proxy.apply(builder, &settings.client.auth))?;
        let shared = HttpShared {
            recipe,
            proxies: ProxyClients::default(),
            auth: settings.client.auth.clone(),
            jars: Jars::new(settings.client.cookies, stored_cookies),
            budget,
            gate: Gate::new(),
            settings: settings.fetch.clone(),
        };
        Ok(Self { client, shared: Arc::new(shared) })
    }

    /// Why a request may not be sent, judged by its URL.
    pub(crate) fn refusal(&self, request: &Request) -> Option<String> {
        self.check(request.url()).err().map(|refused| refused.to_string())
    }

    /// Fetches a page.
    async fn page(&self, request: &Request, limits: &DownloadLimits) -> Result<HttpAnswer, FetchError> {
        let (begun, deadline) = (Instant::now(), self.deadline());
        let connecting = Connecting::default();
        let sent = self.by(deadline, self.send(self.prepare(request)?, &connecting)).await;
        let response = match sent {
            Err(error) if request.proxy().is_some() => return Err(error.through_a_proxy()),
            sent => sent?,
        };
        let latency = begun.elapsed();
        let status = response.status();
        let cookies = self.shared.jars.receive(request, response.headers());
        let answer = if !limits.accepts_status(status.as_u16()) {
            self.bare_answer(response).await
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
        Ok(HttpAnswer { cookies, latency, ..answer })
    }

    /// Fetches an answer of any status and type, for a person to look at.
    pub(crate) async fn look(&self, request: &Request) -> Result<DetailedAnswer, FetchError> {
        let fetch = AssertUnwindSafe(async {
            let (begun, deadline) = (Instant::now(), self.deadline());
            let connecting = Connecting::default();
            let response = self.by(deadline, self.send(self.prepare(request)?, &connecting)).await?;
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
        let client = self.client_for(on_behalf_of)?;
        let authorization = self.authorization(&url);
        let request = client.get(url).headers(authorization);
        let response = self.by(deadline, self.send(request, &Connecting::default())).await?;
        if response.status().is_success() {
            self.answer(response, self.bounds(max_bytes, Excess::IsLeftOut, deadline), None).await
        } else {
            Ok(self.bare_answer(response).await)
        }
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
        charge.enter(Stage::Parsing);
        Ok(HttpAnswer { body: Some(body), ..HttpAnswer::without_body(&mut response, charge) })
    }

    /// An answer of an unwanted type. Its connection is closed, because the body may be long.
    fn unwanted_answer(&self, mut response: Response, essence: String) -> HttpAnswer {
        let charge = self.shared.budget.charge();
        HttpAnswer { unwanted: Some(essence), ..HttpAnswer::without_body(&mut response, charge) }
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

    /// Sends a request and waits for the headers of its answer. The time limit starts when the connection is ready.
    async fn send(
        &self,
        request: reqwest::RequestBuilder,
        connecting: &Connecting,
    ) -> Result<Response, FetchError> {
        let settings = &self.shared.settings;
        let after = settings.first_byte_timeout;
        let begun = Instant::now();
        let mut until = begun + after;
        let sending = connecting.watch(request.send());
        tokio::pin!(sending);
        let response = loop {
            if let Ok(sent) = timeout_at(until, &mut sending).await {
                break sent.map_err(|error| FetchError::of_send(&error, settings))?;
            }
            until = connecting.waits_since(begun, Instant::now()) + after;
            if until <= Instant::now() {
                return Err(FetchError::Timeout { after, doing: "waiting for the answer" });
            }
        };
        // The client checks the size only for HTTP/2, and the number only for HTTP/1.
        let size: usize =
            response.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        let (bytes, count) = (settings.max_header_bytes, settings.max_headers);
        if size > bytes || response.headers().len() > count {
            return Err(FetchError::HeadersTooLarge { bytes, count });
        }
        Ok(response)
    }

    fn check(&self, url: &Url) -> Result<(), RefusedNetwork> {
        self.shared.recipe.guard.check(url)
    }

    fn prepare(&self, request: &Request) -> Result<reqwest::RequestBuilder, FetchError> {
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
        let client = self.client_for(request)?;
        let prepared = client.request(request.method().clone(), request.url().clone()).headers(headers);
        Ok(match request.body() {
            Some(body) => prepared.body(body.to_vec()),
            None => prepared,
        })
    }

    /// The header `Authorization` for a URL, if there are credentials for its origin.
    fn authorization(&self, url: &Url) -> HeaderMap {
        let header = credentials_for(&self.shared.auth, url).and_then(Credentials::header);
        header.map(|header| (AUTHORIZATION, header)).into_iter().collect()
    }

    /// The client of the run, or of the proxy that the request names.
    fn client_for(&self, request: &Request) -> Result<Client, FetchError> {
        let Some(url) = request.proxy().map(Proxy::url) else { return Ok(self.client.clone()) };
        let HttpShared { proxies, recipe, auth, .. } = &*self.shared;
        let make = |proxy: reqwest::Proxy| {
            recipe.client(|builder| {
                let builder = builder.no_proxy().proxy(proxy.clone());
                // This proxy may be in a private network.
                Ok(match recipe.guard.behind(url).resolver() {
                    Some(resolver) => builder.dns_resolver(resolver),
                    None => builder,
                })
            })
        };
        proxies.client(url, auth, make).map_err(|error| FetchError::Unsendable(error.to_string()))
    }

    fn page_bounds(&self, deadline: Instant) -> Bounds {
        self.bounds(self.shared.settings.max_body_bytes, Excess::Fails, deadline)
    }

    fn bounds(&self, max_bytes: usize, excess: Excess, deadline: Instant) -> Bounds {
        let FetchSettings { read_timeout, min_bytes_per_second, request_timeout, .. } = self.shared.settings;
        Bounds { max_bytes, excess, silence: read_timeout, min_bytes_per_second, deadline, request_timeout }
    }
}

/// Whether an answer never has a body, whatever its headers say (RFC 9110 §6.4.1, §15.3.6).
fn has_no_body(request: &Request, status: StatusCode) -> bool {
    *request.method() == Method::HEAD
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED)
}

#[cfg(test)]
pub(crate) mod tests;
