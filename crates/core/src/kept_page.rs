//! The first bytes of an answer whose page failed, kept so that a person can see what the spider saw.

use std::borrow::Cow;

use dragline_spider::queued_request::QueuedRequest;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, SET_COOKIE};

/// A failed page's answer, or its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptPage {
    /// The URL that gave it.
    pub url: String,
    /// Its HTTP status.
    pub status: u16,
    /// Its headers, without cookies, which are secrets.
    pub headers: Vec<(String, String)>,
    /// The first bytes of its body, decompressed.
    pub body: Vec<u8>,
    /// The length of the whole body, if it is known.
    pub body_bytes: Option<u64>,
}

/// A kept page with the request that led to it.
#[derive(Debug)]
pub struct KeptRequest {
    /// The request, as the frontier keeps it.
    pub request: QueuedRequest,
    /// The answer.
    pub page: KeptPage,
}

impl KeptPage {
    /// The first `max_bytes` of a body. If `is_whole` is not set, the body was not read to its end.
    pub fn of(
        url: &str,
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
        max_bytes: usize,
        is_whole: bool,
    ) -> Self {
        let promised = || headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
        Self {
            url: url.to_owned(),
            status,
            headers: headers
                .iter()
                .filter(|(name, _)| *name != SET_COOKIE)
                .map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()).into_owned()))
                .collect(),
            body: body[..body.len().min(max_bytes)].to_vec(),
            body_bytes: if is_whole { Some(body.len() as u64) } else { promised() },
        }
    }

    /// Whether the whole body was kept.
    pub fn is_whole(&self) -> bool {
        self.body_bytes == Some(self.body.len() as u64)
    }

    /// About how much memory it holds.
    pub fn size(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        size_of::<Self>() + self.url.len() + headers + self.body.len()
    }
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}
