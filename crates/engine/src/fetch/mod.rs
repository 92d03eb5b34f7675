//! One fetch: a request goes out, an answer comes back whole or an error says why not.
//!
//! There is no policy here. Whether to ask at all, to ask again or to follow a redirect is the scheduler's
//! decision.

mod body;
mod client;
mod clock;
mod coding;
mod errors;
mod gate;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dragline_core::budget::{ByteBudget, Charge, Stage};
use dragline_core::worker::panic_message;
use dragline_core::{Request, Spider};
use futures_util::FutureExt;
use http::header::{ACCEPT_ENCODING, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue, Version};
use reqwest::{Client, Response};
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use self::body::{Bounds, Excess};
pub(crate) use self::clock::ConnectClock;
pub(crate) use self::errors::FetchError;
use self::gate::Gate;
use crate::error::EngineError;
use crate::redirect::location;
use crate::settings::EngineSettings;

/// Fetches. Clones share the connections.
#[derive(Clone)]
pub(crate) struct Fetcher {
    client: Client,
    shared: Arc<Shared>,
}

struct Shared {
    /// Who says which statuses beside 2xx are wanted.
    spider: Option<Arc<dyn Spider>>,
    budget: ByteBudget,
    gate: Gate,
    request_timeout: Duration,
    connect_timeout: Duration,
    read_timeout: Duration,
    max_body_bytes: usize,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// The body, if a spider should see it.
    pub(crate) body: Option<Bytes>,
    /// The memory that it holds.
    pub(crate) charge: Charge,
}

/// An answer with all that can be told of it.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) version: Version,
    pub(crate) status: u16,
    /// As they were sent.
    pub(crate) headers: HeaderMap,
    /// Until these were there.
    pub(crate) first_byte: Duration,
    /// With its body whatever the status, but for that of a redirect; or why the body is not there.
    pub(crate) answer: Result<Answer, FetchError>,
}

impl Fetcher {
    pub(crate) fn new(
        settings: &EngineSettings,
        spider: Arc<dyn Spider>,
        budget: ByteBudget,
    ) -> Result<Self, EngineError> {
        Ok(Self::with(client::client(settings, None)?, settings, Some(spider), budget))
    }

    /// One that serves no spider, and whose connections `clock` times.
    pub(crate) fn timed(
        settings: &EngineSettings,
        budget: ByteBudget,
        clock: &ConnectClock,
    ) -> Result<Self, EngineError> {
        Ok(Self::with(client::client(settings, Some(clock))?, settings, None, budget))
    }

    fn with(
        client: Client,
        settings: &EngineSettings,
        spider: Option<Arc<dyn Spider>>,
        budget: ByteBudget,
    ) -> Self {
        let shared = Shared {
            spider,
            budget,
            gate: Gate::new(),
            request_timeout: settings.request_timeout,
            connect_timeout: settings.connect_timeout,
            read_timeout: settings.read_timeout,
            max_body_bytes: settings.max_body_bytes,
        };
        Self { client, shared: Arc::new(shared) }
    }

    /// Fetches a page. A panic on the way is an error like any other: it costs one page, not the crawl.
    pub(crate) async fn page(&self, request: &Request) -> Result<Answer, FetchError> {
        let fetch = AssertUnwindSafe(async {
            let deadline = self.deadline();
            let response = self.by(deadline, self.send(self.prepare(request)?)).await?;
            let status = response.status().as_u16();
            let bounds = self.bounds(self.shared.max_body_bytes, Excess::Fails, deadline);
            let is_accepted = |spider: &Arc<dyn Spider>| spider.accepts_status(status);
            let is_wanted =
                response.status().is_success() || self.shared.spider.as_ref().is_some_and(is_accepted);
            if is_wanted { self.answer(response, bounds).await } else { Ok(self.bare_answer(response).await) }
        });
        fetch.catch_unwind().await.unwrap_or_else(|panic| Err(FetchError::Panicked(panic_message(&*panic))))
    }

    /// Fetches whatever is there, for a person to look at.
    pub(crate) async fn look(&self, request: &Request) -> Result<Seen, FetchError> {
        let fetch = AssertUnwindSafe(async {
            let (begun, deadline) = (Instant::now(), self.deadline());
            let response = self.by(deadline, self.send(self.prepare(request)?)).await?;
            let (version, status) = (response.version(), response.status().as_u16());
            let (headers, first_byte) = (response.headers().clone(), begun.elapsed());
            let answer = if location(status, &headers).is_some() {
                Ok(self.bare_answer(response).await)
            } else {
                let bounds = self.bounds(self.shared.max_body_bytes, Excess::Fails, deadline);
                self.answer(response, bounds).await
            };
            Ok(Seen { version, status, headers, first_byte, answer })
        });
        fetch.catch_unwind().await.unwrap_or_else(|panic| Err(FetchError::Panicked(panic_message(&*panic))))
    }

    /// Fetches a small file of the site itself (robots.txt); of a large one the first `max_bytes`.
    pub(crate) async fn file(&self, url: Url, max_bytes: usize) -> Result<Answer, FetchError> {
        let deadline = self.deadline();
        let response = self.by(deadline, self.send(self.client.get(url))).await?;
        if response.status().is_success() {
            self.answer(response, self.bounds(max_bytes, Excess::IsLeftOut, deadline)).await
        } else {
            Ok(self.bare_answer(response).await)
        }
    }

    /// With its body. The time that it waits for memory is not counted.
    async fn answer(&self, mut response: Response, bounds: Bounds) -> Result<Answer, FetchError> {
        let mut charge = self.shared.budget.charge();
        let body = body::read(&mut response, bounds, &self.shared.gate, &mut charge).await?;
        charge.enter(Stage::Parsing);
        let status = response.status().as_u16();
        Ok(Answer { status, headers: std::mem::take(response.headers_mut()), body: Some(body), charge })
    }

    /// Without its body, which nobody wants.
    async fn bare_answer(&self, mut response: Response) -> Answer {
        body::drain(&mut response).await;
        let charge = self.shared.budget.charge();
        let status = response.status().as_u16();
        Answer { status, headers: std::mem::take(response.headers_mut()), body: None, charge }
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.shared.request_timeout
    }

    async fn by<T>(
        &self,
        deadline: Instant,
        work: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, FetchError> {
        let after = self.shared.request_timeout;
        timeout_at(deadline, work)
            .await
            .unwrap_or(Err(FetchError::Timeout { after, doing: "fetching the page" }))
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Response, FetchError> {
        let Shared { connect_timeout, read_timeout, .. } = *self.shared;
        let after = connect_timeout + read_timeout;
        match timeout(after, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(FetchError::of_send(&error, connect_timeout)),
            Err(_) => Err(FetchError::Timeout { after, doing: "waiting for the answer" }),
        }
    }

    fn prepare(&self, request: &Request) -> Result<reqwest::RequestBuilder, FetchError> {
        let mut headers = HeaderMap::with_capacity(request.headers().len());
        for (name, value) in request.headers() {
            let unsendable = || FetchError::Unsendable(format!("{name:?} is no header that can be sent"));
            let key = HeaderName::try_from(name).map_err(|_| unsendable())?;
            headers.append(key, HeaderValue::try_from(value).map_err(|_| unsendable())?);
        }
        if headers.contains_key(RANGE) && !headers.contains_key(ACCEPT_ENCODING) {
            // A part of a coded body is nothing that can be decoded.
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        let prepared = self.client.request(request.method().clone(), request.url().clone()).headers(headers);
        Ok(match request.body() {
            Some(body) => prepared.body(body.to_vec()),
            None => prepared,
        })
    }

    fn bounds(&self, max_bytes: usize, excess: Excess, deadline: Instant) -> Bounds {
        let Shared { read_timeout, request_timeout, .. } = *self.shared;
        Bounds { max_bytes, excess, silence: read_timeout, deadline, request_timeout }
    }
}
