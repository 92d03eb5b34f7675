//! The answer to a download.

use std::time::Duration;

use bytes::Bytes;
use dragline_core::StoredCookie;
use dragline_core::budget::Charge;
use dragline_core::earlier::BodyHash;
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
    /// The first bytes of a body that is not a page, if the settings keep them.
    pub(crate) kept: Option<Bytes>,
    /// The answer's changes to the run's cookie jars. They are stored with the page.
    pub(crate) cookies: Vec<StoredCookie>,
    /// The time until the headers were there. The whole time is taken if a downloader does not know it.
    pub latency: Option<Duration>,
    /// What the answer says about the way to the host.
    pub(crate) proof: Proof,
    /// The hash of the body, if the crawl is incremental.
    pub(crate) body_hash: Option<BodyHash>,
    /// The memory that the body holds. Dragline charges the body itself if a downloader has not.
    pub(crate) charge: Option<Charge>,
}

/// What an answer says about the way to its host. See [`crate::outage`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The way works: the answer came over a new connection.
    #[default]
    WayWorks,
    /// Nothing: the connection was open before, so new ones may still be impossible.
    Nothing,
    /// The way may not work: a proxy answered with an error of its own (502 to 504), unless the host itself said so.
    Doubt,
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
            kept: None,
            cookies: Vec::new(),
            latency: None,
            proof: Proof::WayWorks,
            body_hash: None,
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
