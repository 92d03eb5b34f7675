//! Sends a message to an address that a person gave, such as the webhook of a chat.
//!
//! The way to it is that of the crawl: the same certificates are trusted, and it goes through the same proxy. Nothing else of
//! the crawl goes along: no header, no cookie, no credentials of a site. `--deny-private-networks` is for what sites link to, and
//! doesn't apply either.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use url::Url;

use super::client::{authorities, trusting};
use super::client_settings::ClientSettings;
use super::errors::explain;
use super::proxy::{ProxySetting, RunProxy};
use crate::error::EngineError;
use crate::retry::{is_retryable_status, retry_after};

/// Sends messages. Clones share the client.
#[derive(Clone)]
pub struct Poster {
    client: reqwest::Client,
}

/// The answer to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The HTTP status.
    pub status: u16,
    /// Whether the same message may be taken later.
    pub is_retryable: bool,
    /// How long the server asks to wait before that.
    pub retry_after: Option<Duration>,
}

impl Poster {
    /// A client like that of the crawl.
    ///
    /// # Errors
    /// When no client can be made with these settings.
    pub fn new(settings: &ClientSettings) -> Result<Self, EngineError> {
        let own = settings.ca_file.as_deref().map_or(Ok(Vec::new()), authorities)?;
        let user_agent = HeaderValue::try_from(&settings.user_agent).map_err(|_| EngineError::Unusable {
            name: "user_agent",
            problem: "a header cannot contain it".to_owned(),
        })?;
        let builder = reqwest::Client::builder()
            .user_agent(user_agent)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .http1_only()
            .tls_backend_preconfigured(trusting(&own)?);
        let builder = RunProxy::new(&settings.proxy, &settings.auth)?.apply(builder);
        Ok(Self { client: builder.build().map_err(EngineError::Client)? })
    }

    /// A client for messages to a service of the operator's own. It does not go through the proxy of the crawl, but through
    /// one that the environment names.
    ///
    /// # Errors
    /// When no client can be made with these settings.
    pub fn for_operator(settings: &ClientSettings) -> Result<Self, EngineError> {
        let proxy = ProxySetting::Environment;
        Self::new(&ClientSettings { proxy, auth: Vec::new(), ..settings.clone() })
    }

    /// Sends JSON. The address doesn't appear in the error, because someone who knows it may send there, too.
    ///
    /// # Errors
    /// A description of what went wrong on the way.
    pub async fn post_json(&self, url: &Url, json: String) -> Result<Posted, String> {
        let json_type = HeaderValue::from_static("application/json");
        self.post(url, HeaderMap::from_iter([(CONTENT_TYPE, json_type)]), json.into()).await
    }

    /// Sends a body with these headers. The address doesn't appear in the error.
    ///
    /// # Errors
    /// A description of what went wrong on the way.
    pub async fn post(&self, url: &Url, headers: HeaderMap, body: Vec<u8>) -> Result<Posted, String> {
        let request = self.client.post(url.clone()).headers(headers).body(body);
        let answer = request.send().await.map_err(|error| explain(&error.without_url()))?;
        let status = answer.status().as_u16();
        Ok(Posted {
            status,
            is_retryable: is_retryable_status(status),
            retry_after: retry_after(answer.headers()),
        })
    }
}
