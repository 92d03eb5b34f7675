//! What the downloader returns: an answer, or an answer with its details.

use std::time::Duration;

use bytes::Bytes;
use dragline_core::StoredCookie;
use dragline_core::budget::Charge;
use http::{HeaderMap, Version};

use super::errors::FetchError;
use super::wire::Response;
use crate::downloader::{Answer, AnswerBody, Proof};

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
    /// The first bytes of the body of an answer that is not a page, if the settings keep them.
    pub(crate) kept: Option<Bytes>,
    /// The changes to the cookie jars, for the store.
    pub(crate) cookies: Vec<StoredCookie>,
    /// Time until the headers arrived.
    pub(crate) latency: Duration,
    /// What it says about the way to the host.
    pub(crate) proof: Proof,
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
    pub(super) fn without_body(response: &mut Response, charge: Charge) -> Self {
        let status = response.status().as_u16();
        Self::bare(status, std::mem::take(response.headers_mut()), charge)
    }

    pub(super) fn bare(status: u16, headers: HeaderMap, charge: Charge) -> Self {
        Self {
            status,
            headers,
            body: None,
            unwanted: None,
            kept: None,
            charge,
            cookies: Vec::new(),
            latency: Duration::ZERO,
            proof: Proof::Nothing,
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
            kept: answer.kept,
            cookies: answer.cookies,
            latency: Some(answer.latency),
            proof: answer.proof,
            charge: Some(answer.charge),
            ..Self::new(answer.status)
        }
    }
}
