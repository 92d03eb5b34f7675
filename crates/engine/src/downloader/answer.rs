//! The answer to a download.

use std::time::Duration;

use bytes::Bytes;
use dragline_core::StoredCookie;
use dragline_core::budget::Charge;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The answer of a downloader.
#[derive(Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The HTTP status. A downloader that does not speak HTTP chooses the one that fits.
    pub status: u16,
    /// The headers. `Content-Type`, `Location` and `Retry-After` mean the same from every downloader.
    pub headers: HeaderMap,
    /// The body.
    pub body: AnswerBody,
    /// The answer's changes to the run's cookie jars. They are stored with the page.
    pub(crate) cookies: Vec<StoredCookie>,
    /// The time until the headers were there. The whole time is taken if a downloader does not know it.
    pub latency: Option<Duration>,
    /// The memory that the body holds. Dragline charges the body itself if a downloader has not.
    pub(crate) charge: Option<Charge>,
}

/// The body of an answer.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerBody {
    /// The whole body, decoded.
    Whole(Bytes),
    /// It was not read, because the status says that this is not a page.
    Unread,
    /// It was not read, because nobody accepts pages of this type.
    Unwanted(String),
}

impl Answer {
    /// An answer with this status, without headers and with an empty body.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: AnswerBody::Whole(Bytes::new()),
            cookies: Vec::new(),
            latency: None,
            charge: None,
        }
    }

    /// Replaces the body.
    #[must_use]
    pub fn with_body(self, body: impl Into<Bytes>) -> Self {
        Self { body: AnswerBody::Whole(body.into()), ..self }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }
}
