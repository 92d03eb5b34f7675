//! Why a fetch brought no answer, in one line.

mod tls;

use std::error::Error;
use std::time::Duration;
use std::{io, iter};

use dragline_core::Reason;

use super::FetchSettings;
use super::networks::RefusedNetwork;
use crate::downloader::DownloadError;
use crate::size_text::size_text;

/// A fetch without an answer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchError {
    /// The spider's request cannot be put on the wire.
    #[error("the request cannot be sent: {0}")]
    Unsendable(String),
    /// The server could not be reached, the connection broke, or what came is not HTTP.
    #[error("{problem}")]
    Connection {
        /// How far it came.
        reason: Reason,
        /// What went wrong.
        problem: String,
    },
    /// The answer began and broke off.
    #[error("the body ended early: {0}")]
    Truncated(String),
    /// The server has no certificate that we trust.
    #[error("{0}")]
    Certificate(String),
    /// It is in a network that may not be reached.
    #[error(transparent)]
    RefusedNetwork(#[from] RefusedNetwork),
    /// It took too long.
    #[error("timed out after {} s while {doing}", after.as_secs_f64())]
    Timeout {
        /// The limit.
        after: Duration,
        /// What took so long.
        doing: &'static str,
    },
    /// It came, but too slowly.
    #[error("too slow: {bytes} bytes in {:.1} s while reading the body", over.as_secs_f64())]
    TooSlow {
        /// So much came.
        bytes: u64,
        /// In this time.
        over: Duration,
    },
    /// The headers are more than we take.
    #[error("headers larger than {}, or more than {count}", size_text(*bytes))]
    HeadersTooLarge {
        /// The limit of their size.
        bytes: usize,
        /// And of their number.
        count: usize,
    },
    /// The body is larger than we take.
    #[error("body larger than {}", size_text(*limit_bytes))]
    TooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// The body is not what its `Content-Encoding` says.
    #[error("the body cannot be decoded as {coding}: {problem}")]
    Undecodable {
        /// What it should be.
        coding: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The client's own code panicked.
    #[error("panic while fetching: {0}")]
    Panicked(String),
}

impl FetchError {
    /// Whether the same fetch may succeed a little later.
    pub(crate) fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Connection { .. } | Self::Truncated(_) | Self::Timeout { .. } | Self::TooSlow { .. }
        )
    }

    /// The reason of a request that fails with it.
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::Unsendable(_) => Reason::Unsendable,
            Self::Connection { reason, .. } => *reason,
            Self::Truncated(_) => Reason::BodyTruncated,
            Self::Certificate(_) => Reason::Tls,
            Self::RefusedNetwork(_) => Reason::PrivateNetwork,
            Self::Timeout { .. } => Reason::Timeout,
            Self::TooSlow { .. } => Reason::TooSlow,
            Self::HeadersTooLarge { .. } => Reason::HeadersTooLarge,
            Self::TooLarge { .. } => Reason::BodyTooLarge,
            Self::Undecodable { .. } => Reason::BodyUndecodable,
            Self::Panicked(_) => Reason::DownloaderPanic,
        }
    }

    /// The same for a request that went through a proxy of its own: no connection to it is the proxy's fault.
    pub(super) fn through_a_proxy(self) -> Self {
        match self {
            Self::Connection { reason: Reason::Dns | Reason::Connect, problem } => {
                Self::Connection { reason: Reason::Proxy, problem }
            }
            other => other,
        }
    }

    /// Whether the host did answer, and only the rest did not come.
    pub(crate) fn is_of_the_body(&self) -> bool {
        matches!(self, Self::Truncated(_) | Self::TooSlow { .. })
    }

    /// What went wrong before there was a status.
    pub(super) fn of_send(error: &reqwest::Error, settings: &FetchSettings) -> Self {
        if error.is_builder() {
            Self::Unsendable(explain(error))
        } else if let Some(refused) = refused_network(error) {
            Self::RefusedNetwork(refused)
        } else if error.is_timeout() && error.is_connect() {
            Self::Timeout { after: settings.connect_timeout, doing: "connecting" }
        } else if causes(error).any(|cause| cause.to_string() == HEAD_TOO_LARGE) {
            Self::HeadersTooLarge { bytes: settings.max_header_bytes, count: settings.max_headers }
        } else if causes(error)
            .any(|cause| matches!(of_tls(cause), Some(rustls::Error::InvalidCertificate(_))))
        {
            Self::Certificate(explain(error))
        } else {
            Self::Connection { reason: of_connection(error), problem: explain(error) }
        }
    }

    /// What went wrong within the body.
    pub(super) fn of_body(error: &reqwest::Error) -> Self {
        Self::Truncated(explain(error))
    }
}

impl From<FetchError> for DownloadError {
    fn from(error: FetchError) -> Self {
        Self {
            reason: error.reason(),
            detail: error.to_string(),
            is_retryable: error.is_retryable(),
            host_has_answered: error.is_of_the_body(),
        }
    }
}

/// How far a connection came that brought no answer. Some of these errors have no type that one could name, only a text.
fn of_connection(error: &reqwest::Error) -> Reason {
    let says = |is_so: fn(&str) -> bool| causes(error).any(|cause| is_so(&cause.to_string()));
    if says(|text| text.starts_with("tunnel error") || text.starts_with("SOCKS error")) {
        Reason::Proxy
    } else if error.is_dns() || says(|text| text == "dns error") {
        Reason::Dns
    } else if causes(error).any(|cause| of_tls(cause).is_some()) || says(|text| text == "tls handshake eof") {
        Reason::Tls
    } else if says(|text| text.ends_with(" parsed")) {
        // hyper: "invalid HTTP version parsed" and the like.
        Reason::InvalidAnswer
    } else if error.is_timeout() {
        Reason::Timeout
    } else if error.is_connect() {
        Reason::Connect
    } else {
        Reason::Connection
    }
}

/// As hyper says it.
const HEAD_TOO_LARGE: &str = "message head is too large";

/// Whether the connection ended without the farewell that TLS has for it.
pub(super) fn is_unannounced_end(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| {
            error.kind() == io::ErrorKind::UnexpectedEof && error.to_string().contains("close_notify")
        })
    })
}

/// An error and what it came from.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

/// The chain of causes in one line: without the layers that only say that something went wrong, without
/// repetition, and in plain words where the system has a number for them.
pub(crate) fn explain(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in causes(error) {
        let text = plain_words(cause).unwrap_or_else(|| cause.to_string());
        if !says_nothing(&text) && !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
    }
    if parts.is_empty() {
        // The first of them would name the URL.
        return causes(error).last().unwrap_or(error).to_string();
    }
    parts.join(": ")
}

fn plain_words(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = of_tls(error) {
        return Some(tls::plain_words(error));
    }
    let words = match innermost(error).downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => "connection refused",
        Some(io::ErrorKind::ConnectionReset) => "connection reset",
        Some(io::ErrorKind::ConnectionAborted) => "connection aborted",
        Some(io::ErrorKind::HostUnreachable) => "host unreachable",
        Some(io::ErrorKind::NetworkUnreachable) => "network unreachable",
        Some(io::ErrorKind::TimedOut) => "timed out",
        Some(io::ErrorKind::BrokenPipe) => "connection closed",
        // There are no names for these.
        _ => match error.to_string().as_str() {
            "connection closed before message completed" => {
                "the connection closed before the answer was complete"
            }
            "tls handshake eof" => "the server closed the connection in the TLS handshake",
            "invalid HTTP version parsed" => "the answer is not HTTP",
            "invalid HTTP status-code parsed" => "the answer's status is none",
            "invalid HTTP header parsed" => "a header of the answer is malformed",
            "invalid content-length parsed" => "the answer's Content-Length is no length",
            "unexpected transfer-encoding parsed" => "the answer's Transfer-Encoding has no place there",
            _ => return None,
        },
    };
    Some(words.to_owned())
}

fn of_tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    innermost(error).downcast_ref()
}

/// What an `io::Error` holds, be it another one: `source` skips it.
fn innermost<'a>(mut error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    while let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        error = inner;
    }
    error
}

/// The wrappers of reqwest and hyper.
fn says_nothing(text: &str) -> bool {
    [
        "error sending request",
        "error decoding response body",
        "error reading a body",
        "request or response body error",
        "client error (",
        "tcp connect error",
        "builder error",
        "http2 error",
    ]
    .iter()
    .any(|wrapper| text.starts_with(wrapper))
        || text == "connection error"
}

/// What the resolver says of a name that it may not give addresses of.
fn refused_network(error: &(dyn Error + 'static)) -> Option<RefusedNetwork> {
    causes(error).find_map(|cause| innermost(cause).downcast_ref::<RefusedNetwork>()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<dyn Error + Send + Sync>>,
    }

    fn layer(text: &'static str, source: Option<Box<dyn Error + Send + Sync>>) -> Layer {
        Layer { text, source }
    }

    #[test]
    fn the_chain_becomes_one_line_without_repetition() {
        let refused = Box::new(io::Error::from_raw_os_error(111));
        let tcp = layer("tcp connect error", Some(refused));
        let client = layer("client error (Connect)", Some(Box::new(tcp)));
        let sending = layer("error sending request for url (http://a/)", Some(Box::new(client)));
        assert_eq!(explain(&sending), "connection refused");
        let dns = layer("dns error", Some("failed to lookup address information".into()));
        assert_eq!(explain(&dns), "dns error: failed to lookup address information");
        let twice = layer("it broke", Some(Box::new(layer("it broke", None))));
        assert_eq!(explain(&twice), "it broke");
        assert_eq!(explain(&layer("connection error", None)), "connection error");
    }

    #[test]
    fn limits_are_told_in_readable_units() {
        assert_eq!(FetchError::TooLarge { limit_bytes: 64 << 20 }.to_string(), "body larger than 64 MiB");
        assert_eq!(FetchError::TooLarge { limit_bytes: 1000 }.to_string(), "body larger than 1000 bytes");
        let timeout = FetchError::Timeout { after: Duration::from_secs(30), doing: "reading the body" };
        assert_eq!(timeout.to_string(), "timed out after 30 s while reading the body");
        assert!(timeout.is_retryable());
    }
}
