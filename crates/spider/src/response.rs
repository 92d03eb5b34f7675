//! An answer as it was fetched, before anything is parsed. A [`Page`](crate::Page) is made from it.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

use crate::queued_request::QueuedRequest;
use crate::request::Request;

/// An answer, with the request that it belongs to.
#[derive(Debug)]
#[non_exhaustive]
pub struct Response {
    /// The request as the frontier keeps it.
    #[doc(hidden)]
    pub queued: QueuedRequest,
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, decompressed.
    pub body: Bytes,
    /// How often the request was sent.
    pub attempts: u32,
    /// The time from dispatch to the last byte.
    pub elapsed: Duration,
}

impl Response {
    /// A stored page, for tests of spiders: `html` as if fetched with `request`.
    pub fn stored(request: Request, html: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers
            .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("text/html; charset=utf-8"));
        Self::of_queued(QueuedRequest::start(request, 0), 200, headers, html.into())
    }

    /// The answer to the first attempt of a request in the frontier.
    #[doc(hidden)]
    pub fn of_queued(queued: QueuedRequest, status: u16, headers: HeaderMap, body: Bytes) -> Self {
        Self { queued, status, headers, body, attempts: 1, elapsed: Duration::ZERO }
    }

    /// The request.
    pub fn request(&self) -> &Request {
        &self.queued.request
    }

    /// A header's value, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}
