//! Sends a request with the client of its host. If the server says that it has not processed the request, it is sent again.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use dragline_core::Proxy;
use http::{HeaderMap, Method};
use tokio::time::{Instant, sleep, timeout_at};
use url::Url;

use super::HttpDownloader;
use super::connecting::{Connecting, Opened};
use super::connections::{ConnectionKey, Lease};
use super::errors::FetchError;
use super::proxy::{self, Route};
use super::wire::{Client, RequestBuilder, Response};
use crate::error::EngineError;

/// How often one fetch sends a request again that the server has not processed. A server that closes its connection needs one
/// more; one that wants HTTP/1.1 needs one more.
const RESENDS: u32 = 4;
/// The wait before the second of them. Each further one waits twice as long, because the server may be too busy.
const RESEND_PAUSE: Duration = Duration::from_millis(100);
/// How many servers that want HTTP/1.1 are remembered. The others are asked once more over HTTP/2.
const OLD_SERVERS: usize = 10_000;

/// What to send.
#[derive(Debug)]
pub(super) struct Errand<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
    /// The proxy that the request names.
    pub(super) proxy: Option<&'a Proxy>,
}

/// An answer whose body has not been read.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) response: Response,
    /// The host is busy until this is dropped.
    pub(super) lease: Lease,
    pub(super) route: Route,
}

/// The origins that want HTTP/1.1 although they offer HTTP/2.
#[derive(Debug, Default)]
pub(super) struct OldServers(Mutex<HashSet<String>>);

impl OldServers {
    fn has(&self, origin: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(origin)
    }

    fn add(&self, origin: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= OLD_SERVERS {
            known.clear();
        }
        known.insert(origin.to_owned());
    }
}

impl<'a> Errand<'a> {
    /// Asks for a file.
    pub(super) fn get(url: Url, headers: HeaderMap, proxy: Option<&'a Proxy>) -> Self {
        Self { method: Method::GET, url, headers, body: None, proxy }
    }

    /// The request, for this client.
    pub(super) fn with(&self, client: &Client) -> RequestBuilder {
        let request = client.request(self.method.clone(), self.url.clone()).headers(self.headers.clone());
        match &self.body {
            Some(body) => request.body(body.clone()),
            None => request,
        }
    }
}

impl HttpDownloader {
    /// Sends a request and waits for the headers of its answer.
    pub(super) async fn send(&self, errand: Errand<'_>, connecting: &Connecting) -> Result<Sent, FetchError> {
        let route = self.route(&errand);
        let origin = errand.url.origin().ascii_serialization();
        let mut resends = 0;
        loop {
            let lease = self.lease(&origin, errand.proxy)?;
            let begun = Instant::now();
            match self.send_once(errand.with(&lease.client), connecting, &route).await {
                Err(FetchError::NotProcessed { wants_http1, .. }) if resends < RESENDS => {
                    drop(lease);
                    if wants_http1 {
                        self.shared.old_servers.add(&origin);
                    } else if resends > 0 {
                        sleep(RESEND_PAUSE * (1 << (resends - 1))).await;
                    }
                    resends += 1;
                    tracing::debug!(
                        url = errand.url.as_str(),
                        wants_http1,
                        "the server did not process the request; it is sent again"
                    );
                }
                // A server that refuses a request may close the connection right after it. The request that is sent again can
                // still be given to that connection, and breaks with it.
                Err(error)
                    if (1..RESENDS).contains(&resends)
                        && error.is_broken_connection()
                        && errand.method.is_safe()
                        && !connecting.has_connected_since(begun) =>
                {
                    drop(lease);
                    resends += 1;
                    tracing::debug!(
                        url = errand.url.as_str(),
                        "the server closed the connection after it did not process the request; it is sent again"
                    );
                }
                sent => return Ok(Sent { response: sent?, lease, route }),
            }
        }
    }

    /// The time limit starts when the connection is ready.
    pub(super) async fn send_once(
        &self,
        request: RequestBuilder,
        connecting: &Connecting,
        route: &Route,
    ) -> Result<Response, FetchError> {
        let settings = &self.shared.settings;
        let after = settings.first_byte_timeout;
        let begun = Instant::now();
        let mut until = begun + after;
        let sending = connecting.watch(request.send());
        tokio::pin!(sending);
        let response = loop {
            if let Ok(sent) = timeout_at(until, &mut sending).await {
                break sent.map_err(|error| FetchError::of_send(&error, settings, route))?;
            }
            until = connecting.waits_since(begun, Instant::now()) + after;
            if until <= Instant::now() {
                return Err(FetchError::Timeout { after, doing: "waiting for the answer" });
            }
        };
        self.shared.skipped_header_lines.fetch_add(response.skipped_lines(), Ordering::Relaxed);
        // The client checks the size only for HTTP/2, and the number only for HTTP/1.
        let size: usize =
            response.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        let (bytes, count) = (settings.max_header_bytes, settings.max_headers);
        if size > bytes || response.headers().len() > count {
            return Err(FetchError::HeadersTooLarge { bytes, count });
        }
        if response.status().as_u16() == 407 && route.forwarder().is_some() {
            return Err(FetchError::proxy_wants_password(route));
        }
        Ok(response)
    }

    /// The way of a request to its host.
    pub(super) fn route(&self, errand: &Errand<'_>) -> Route {
        match errand.proxy {
            Some(proxy) => Route::through(proxy.url(), &errand.url, true),
            None => self.shared.proxy.route(&errand.url),
        }
    }

    fn lease(&self, origin: &str, proxy: Option<&Proxy>) -> Result<Lease, FetchError> {
        let only_http1 = self.shared.old_servers.has(origin);
        let key = ConnectionKey {
            proxy: proxy.map(|proxy| proxy.url().to_string()),
            origin: origin.to_owned(),
            only_http1,
        };
        let make = |opened: &Opened| self.client(proxy, only_http1, opened);
        let lease = self.shared.connections.lend(key, make);
        lease.map_err(|error| FetchError::Unsendable(error.to_string()))
    }

    /// A client for the proxy of the run, or for the one that the request names.
    pub(super) fn client(
        &self,
        proxy: Option<&Proxy>,
        only_http1: bool,
        opened: &Opened,
    ) -> Result<Client, EngineError> {
        let shared = &*self.shared;
        let Some(proxy) = proxy else {
            let run = &shared.proxy;
            return shared.recipe.client(only_http1, opened, run.matcher(), |builder| run.apply(builder));
        };
        let with_password = proxy::proxy(proxy.url(), &shared.auth)?;
        let matcher = Arc::new(proxy::matcher(proxy.url(), &shared.auth, None));
        shared.recipe.client(only_http1, opened, Some(matcher), |builder| {
            let builder = builder.no_proxy().proxy(with_password.clone());
            // This proxy may be in a private network.
            let guard = shared.recipe.guard.behind(proxy.url());
            builder.dns_resolver(guard.resolver(shared.recipe.time_to_resolve()))
        })
    }
}
