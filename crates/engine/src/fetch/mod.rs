//! One fetch: a request goes out, an answer comes back whole or an error says why not.
//!
//! There is no policy here. Whether to ask at all, to ask again or to follow a redirect is the scheduler's
//! decision.

mod body;
mod client;
mod coding;
mod errors;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dragline_core::budget::{ByteBudget, Charge};
use dragline_core::worker::panic_message;
use dragline_core::{Request, Spider};
use futures_util::FutureExt;
use http::header::{ACCEPT_ENCODING, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::Client;
use tokio::time::timeout;
use url::Url;

use self::body::{Bounds, Excess};
pub(crate) use self::errors::FetchError;
use crate::error::EngineError;
use crate::settings::EngineSettings;

/// Fetches. Clones share the connections.
#[derive(Clone)]
pub(crate) struct Fetcher {
    client: Client,
    shared: Arc<Shared>,
}

struct Shared {
    spider: Arc<dyn Spider>,
    budget: ByteBudget,
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

impl Fetcher {
    pub(crate) fn new(
        settings: &EngineSettings,
        spider: Arc<dyn Spider>,
        budget: ByteBudget,
    ) -> Result<Self, EngineError> {
        let shared = Shared {
            spider,
            budget,
            request_timeout: settings.request_timeout,
            connect_timeout: settings.connect_timeout,
            read_timeout: settings.read_timeout,
            max_body_bytes: settings.max_body_bytes,
        };
        Ok(Self { client: client::client(settings)?, shared: Arc::new(shared) })
    }

    /// Fetches a page. A panic on the way is an error like any other: it costs one page, not the crawl.
    pub(crate) async fn page(&self, request: &Request) -> Result<Answer, FetchError> {
        let fetch = AssertUnwindSafe(self.within_time(async {
            let mut response = self.send(self.prepare(request)?).await?;
            let status = response.status().as_u16();
            let bounds = self.bounds(self.shared.max_body_bytes, Excess::Fails);
            let mut charge = self.shared.budget.charge();
            let is_wanted = response.status().is_success() || self.shared.spider.accepts_status(status);
            let body = if is_wanted {
                Some(body::read(&mut response, bounds, &mut charge).await?)
            } else {
                body::drain(&mut response).await;
                None
            };
            Ok(Answer { status, headers: std::mem::take(response.headers_mut()), body, charge })
        }));
        fetch.catch_unwind().await.unwrap_or_else(|panic| Err(FetchError::Panicked(panic_message(&*panic))))
    }

    /// Fetches a small file of the site itself (robots.txt); of a large one the first `max_bytes`.
    pub(crate) async fn file(&self, url: Url, max_bytes: usize) -> Result<Answer, FetchError> {
        self.within_time(async {
            let mut response = self.send(self.client.get(url)).await?;
            let status = response.status().as_u16();
            let mut charge = self.shared.budget.charge();
            let bounds = self.bounds(max_bytes, Excess::IsLeftOut);
            let body = if response.status().is_success() {
                Some(body::read(&mut response, bounds, &mut charge).await?)
            } else {
                body::drain(&mut response).await;
                None
            };
            Ok(Answer { status, headers: std::mem::take(response.headers_mut()), body, charge })
        })
        .await
    }

    async fn within_time<T>(
        &self,
        fetch: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, FetchError> {
        let after = self.shared.request_timeout;
        timeout(after, fetch).await.unwrap_or(Err(FetchError::Timeout { after, doing: "fetching the page" }))
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response, FetchError> {
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

    fn bounds(&self, max_bytes: usize, excess: Excess) -> Bounds {
        Bounds { max_bytes, excess, silence: self.shared.read_timeout }
    }
}
