//! An answer that is kept with its page: whole, or its first bytes, so that a person can see what the spider saw.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use dragline_spider::queued_request::QueuedRequest;
use dragline_spider::secrets::is_secret_name;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;

use crate::kept_body::{KeptBody, KeptBodyError};

/// A kept answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptPage {
    /// The URL that gave it.
    pub url: String,
    /// Its HTTP status.
    pub status: u16,
    /// Its headers, without those that have a secret name: cookies, tokens …
    pub headers: Vec<(String, String)>,
    /// When it came.
    pub fetched_at: DateTime<Utc>,
    /// Its body.
    pub body: KeptPart,
}

/// How much of a body is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptPart {
    /// The first bytes.
    Beginning {
        /// The bytes, decompressed.
        bytes: Vec<u8>,
        /// The length of the whole body, if it is known.
        body_bytes: Option<u64>,
    },
    /// All of it.
    Whole(KeptBody),
}

/// A kept page with the request that led to it.
#[derive(Debug)]
pub struct KeptRequest {
    /// The request, as the frontier keeps it.
    pub request: QueuedRequest,
    /// The answer.
    pub page: KeptPage,
}

/// Counts of the kept pages that a flush has stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptCounts {
    /// Pages whose answer was kept.
    pub pages: u64,
    /// Bodies that the store did not have before.
    pub bodies: u64,
    /// Bytes of these bodies as they are stored.
    pub bytes: u64,
}

impl KeptCounts {
    /// Adds other counts.
    pub fn add(&mut self, other: Self) {
        self.pages += other.pages;
        self.bodies += other.bodies;
        self.bytes += other.bytes;
    }
}

impl KeptPage {
    /// An answer that came at this moment, with as much of its body as is kept.
    pub fn of(
        url: &str,
        status: u16,
        headers: &HeaderMap,
        fetched_at: DateTime<Utc>,
        body: KeptPart,
    ) -> Self {
        let is_kept = |name: &str| !is_secret_name(name);
        let headers = headers.iter().filter(|(name, _)| is_kept(name.as_str()));
        Self {
            url: url.to_owned(),
            status,
            headers: headers
                .map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()).into_owned()))
                .collect(),
            fetched_at,
            body,
        }
    }

    /// About how much memory it holds.
    pub fn size(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        let body = match &self.body {
            KeptPart::Beginning { bytes, .. } => bytes.len(),
            KeptPart::Whole(body) => body.frame().len(),
        };
        size_of::<Self>() + self.url.len() + headers + body
    }
}

impl KeptPart {
    /// The first `max_bytes` of a body. If `is_whole` is not set, the body was not read to its end.
    pub fn beginning(headers: &HeaderMap, body: &[u8], max_bytes: usize, is_whole: bool) -> Self {
        let promised = || headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
        Self::Beginning {
            bytes: body[..body.len().min(max_bytes)].to_vec(),
            body_bytes: if is_whole { Some(body.len() as u64) } else { promised() },
        }
    }

    /// As much of the body as is kept, unpacked, if that is no more than `max_bytes`.
    ///
    /// # Errors
    /// If it is more, or if the whole body is damaged.
    pub fn read(&self, max_bytes: usize) -> Result<Cow<'_, [u8]>, KeptBodyError> {
        match self {
            Self::Beginning { bytes, .. } => Ok(Cow::Borrowed(bytes)),
            Self::Whole(body) => body.read(max_bytes).map(Cow::Owned),
        }
    }

    /// Whether nothing of the body is missing.
    pub fn is_whole(&self) -> bool {
        match self {
            Self::Beginning { bytes, body_bytes } => *body_bytes == Some(bytes.len() as u64),
            Self::Whole(_) => true,
        }
    }

    /// The length of the whole body, if it is known.
    pub fn body_bytes(&self) -> Option<u64> {
        match self {
            Self::Beginning { body_bytes, .. } => *body_bytes,
            Self::Whole(body) => Some(body.body_bytes()),
        }
    }
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn headers_with_secrets_are_not_kept() {
        let mut headers = HeaderMap::new();
        for name in ["content-type", "set-cookie", "x-auth-token", "etag", "www-authenticate"] {
            headers.append(name, HeaderValue::from_static("value"));
        }
        let body = KeptPart::beginning(&headers, b"abc", 2, true);
        assert_eq!(body.body_bytes(), Some(3));
        let page = KeptPage::of("http://a.example/", 200, &headers, DateTime::UNIX_EPOCH, body);
        let names: Vec<&str> = page.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["content-type", "etag", "www-authenticate"]);
    }
}
