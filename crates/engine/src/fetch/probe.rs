//! Asks a host whether the way to it works, for `crate::outage`.

use std::time::Duration;

use dragline_core::Request;
use http::HeaderMap;
use tokio::time::timeout;
use url::Url;

use super::connecting::{Connecting, Opened};
use super::errors::FetchError;
use super::sending::Errand;
use super::{HttpDownloader, Proof, proof};
use crate::downloader::{DownloadError, Fault};

/// Longest time for a probe. A link that is slower does not carry a crawl.
const PROBE_TIMEOUT: Duration = Duration::from_secs(20);

impl HttpDownloader {
    /// Asks the host of a request for its robots.txt, which crawlers may always ask for. The connection is a new one, because an
    /// open connection says nothing about the way. Every answer is a good one, unless a proxy has given it.
    pub(crate) async fn probe(&self, like: &Request) -> Result<(), DownloadError> {
        let Ok(url) = like.url().join("/robots.txt") else { return Ok(()) };
        timeout(PROBE_TIMEOUT, self.probe_url(url, like)).await.unwrap_or_else(|_| {
            let doing = "asking whether the network works";
            Err(FetchError::Timeout { after: PROBE_TIMEOUT, doing }.into())
        })
    }

    async fn probe_url(&self, url: Url, like: &Request) -> Result<(), DownloadError> {
        let errand = Errand::get(url, HeaderMap::new(), like.proxy());
        let route = self.route(&errand);
        let client = self
            .client(like.proxy(), false, &Opened::default())
            .map_err(|error| FetchError::Unsendable(error.to_string()))?;
        let connecting = Connecting::default();
        let asked = self.send_once(errand.with(&client), &connecting, &route).await;
        match asked.map_err(DownloadError::from) {
            Ok(answer)
                if proof(&connecting, &route, answer.status().as_u16(), answer.headers()) == Proof::Doubt =>
            {
                let detail = format!("HTTP {} of the proxy", answer.status().as_u16());
                Err(DownloadError::new(dragline_core::Reason::Proxy, detail).retryable())
            }
            Ok(_) => Ok(()),
            // The host has answered.
            Err(error) if matches!(error.fault, Fault::Host | Fault::BrokenOff | Fault::Nobody) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
