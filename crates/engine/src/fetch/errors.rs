//! Explains in one line why a fetch failed.

mod blame;
mod tls;

use dragline_core::counted::counted;
use std::error::Error;
use std::time::Duration;
use std::{io, iter};

use dragline_core::Reason;

use super::FetchSettings;
use super::networks::RefusedNetwork;
use super::proxy::Route;
use super::wire::{self, HeadProblem};
use crate::downloader::{DownloadError, Fault};
use crate::size_text::size_text;

/// Why a fetch failed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchError {
    /// The spider's request cannot be sent.
    #[error("the request cannot be sent: {0}")]
    Unsendable(String),
    /// The server could not be reached, the connection broke, or what came is not HTTP.
    #[error("{problem}")]
    Connection {
        /// At which point the connection failed.
        reason: Reason,
        /// What went wrong.
        problem: String,
        /// The party at fault.
        fault: Fault,
    },
    /// The server says that it has not processed the request.
    #[error("the server did not process the request: {problem}")]
    NotProcessed {
        /// What it said.
        problem: String,
        /// Whether it wants the request over HTTP/1.1.
        wants_http1: bool,
    },
    /// The answer is incomplete.
    #[error("the body ended early: {0}")]
    Truncated(String),
    /// The compressed body ends early. The transfer may have been complete all the same.
    #[error("{}", cut_off(coding, *is_as_sent))]
    CutOff {
        /// The coding.
        coding: &'static str,
        /// Whether all that the server sent has arrived, so it would send the same again.
        is_as_sent: bool,
    },
    /// The server's certificate is not trusted.
    #[error("{0}")]
    Certificate(String),
    /// The host is in a network that requests may not reach.
    #[error(transparent)]
    RefusedNetwork(#[from] RefusedNetwork),
    /// It took too long.
    #[error("timed out after {} s while {doing}", after.as_secs_f64())]
    Timeout {
        /// The limit.
        after: Duration,
        /// The step that took too long.
        doing: &'static str,
    },
    /// The body arrived too slowly.
    #[error("too slow: {} in {:.1} s while reading the body", counted(*bytes, "byte"), over.as_secs_f64())]
    TooSlow {
        /// Bytes that arrived.
        bytes: u64,
        /// The time in which they arrived.
        over: Duration,
    },
    /// The headers exceed a limit.
    #[error("headers larger than {}, or more than {count}", size_text(*bytes))]
    HeadersTooLarge {
        /// The limit on their size.
        bytes: usize,
        /// The limit on their number.
        count: usize,
    },
    /// The body exceeds the limit.
    #[error("body larger than {}", size_text(*limit_bytes))]
    TooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// The body does not match its `Content-Encoding`.
    #[error("the body cannot be decoded as {coding}: {problem}")]
    Undecodable {
        /// The coding that was tried.
        coding: &'static str,
        /// The problem.
        problem: String,
    },
    /// The client panicked.
    #[error("panic while fetching: {0}")]
    Panicked(String),
}

impl FetchError {
    /// Whether the same fetch may succeed later.
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            // The server would send the same again.
            Self::Connection { reason, .. } => *reason != Reason::InvalidAnswer,
            Self::CutOff { is_as_sent, .. } => !is_as_sent,
            Self::NotProcessed { .. } | Self::Truncated(_) | Self::Timeout { .. } | Self::TooSlow { .. } => {
                true
            }
            _ => false,
        }
    }

    /// Whether the connection broke before the answer came.
    pub(super) fn is_broken_connection(&self) -> bool {
        matches!(self, Self::Connection { reason: Reason::Connection, .. })
    }

    /// The party at fault.
    pub(crate) fn fault(&self) -> Fault {
        match self {
            Self::Connection { fault, .. } => *fault,
            Self::NotProcessed { .. } => Fault::Nobody,
            Self::Timeout { .. } => Fault::HostOrWay,
            Self::Truncated(_) | Self::TooSlow { .. } | Self::CutOff { is_as_sent: false, .. } => {
                Fault::BrokenOff
            }
            Self::Certificate(_)
            | Self::CutOff { .. }
            | Self::HeadersTooLarge { .. }
            | Self::TooLarge { .. }
            | Self::Undecodable { .. } => Fault::Host,
            Self::Unsendable(_) | Self::RefusedNetwork(_) | Self::Panicked(_) => Fault::Request,
        }
    }

    /// The reason that is stored with the failed request.
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Self::Unsendable(_) => Reason::Unsendable,
            Self::Connection { reason, .. } => *reason,
            Self::NotProcessed { .. } => Reason::Connection,
            Self::Truncated(_) | Self::CutOff { is_as_sent: false, .. } => Reason::BodyTruncated,
            Self::Certificate(_) => Reason::Tls,
            Self::RefusedNetwork(_) => Reason::PrivateNetwork,
            Self::Timeout { .. } => Reason::Timeout,
            Self::TooSlow { .. } => Reason::TooSlow,
            Self::HeadersTooLarge { .. } => Reason::HeadersTooLarge,
            Self::TooLarge { .. } => Reason::BodyTooLarge,
            Self::Undecodable { .. } | Self::CutOff { .. } => Reason::BodyUndecodable,
            Self::Panicked(_) => Reason::DownloaderPanic,
        }
    }

    /// Whether the host answered, and only the body failed.
    pub(crate) fn is_of_the_body(&self) -> bool {
        matches!(self, Self::Truncated(_) | Self::TooSlow { .. } | Self::CutOff { is_as_sent: false, .. })
    }

    /// An error that happened before the headers arrived.
    pub(super) fn of_send(error: &wire::Error, settings: &FetchSettings, route: &Route) -> Self {
        if error.is_of_request() {
            Self::Unsendable(explain(error))
        } else if let Some(refused) = refused_network(error) {
            Self::RefusedNetwork(refused)
        } else if error.is_timeout() && error.is_connect() {
            let timeout = Self::Timeout { after: settings.connect_timeout, doing: "connecting" };
            blame::of_connect_timeout(timeout, route)
        } else if let Some(not_processed) = blame::not_processed(error) {
            not_processed
        } else if causes(error).any(|cause| cause.to_string() == HEAD_TOO_LARGE) {
            Self::HeadersTooLarge { bytes: settings.max_header_bytes, count: settings.max_headers }
        } else if causes(error)
            .any(|cause| matches!(of_tls(cause), Some(rustls::Error::InvalidCertificate(_))))
        {
            Self::Certificate(explain(error))
        } else {
            blame::of_connection(error, of_connection(error), route)
        }
    }

    /// A proxy that is asked for a page wants a password.
    pub(super) fn proxy_wants_password(route: &Route) -> Self {
        blame::proxy_wants_password(route)
    }

    /// An error that happened while the body arrived.
    pub(super) fn of_body(error: &wire::Error) -> Self {
        Self::Truncated(explain(error))
    }
}

fn cut_off(coding: &str, is_as_sent: bool) -> String {
    if is_as_sent {
        format!(
            "the body cannot be decoded as {coding}: it is cut off, although all that the server sent has arrived"
        )
    } else {
        format!("the body ended early: its {coding} is not complete")
    }
}

impl From<FetchError> for DownloadError {
    fn from(error: FetchError) -> Self {
        Self {
            reason: error.reason(),
            detail: error.to_string(),
            is_retryable: error.is_retryable(),
            host_has_answered: error.is_of_the_body(),
            fault: error.fault(),
        }
    }
}

/// At which point a connection failed. Some of these errors have no public type, so their text is all there is to go by.
fn of_connection(error: &wire::Error) -> Reason {
    let says = |is_so: fn(&str) -> bool| causes(error).any(|cause| is_so(&cause.to_string()));
    if says(|text| text.starts_with("tunnel error") || text.starts_with("SOCKS error")) {
        Reason::Proxy
    } else if error.is_dns() || says(|text| text == "dns error") {
        Reason::Dns
    } else if causes(error).any(|cause| of_tls(cause).is_some()) || says(|text| text == "tls handshake eof") {
        Reason::Tls
    } else if says(|text| text.ends_with(" parsed") || HeadProblem::is_text(text)) {
        // hyper: "invalid HTTP version parsed" and the like. h2 keeps only the text of an error.
        Reason::InvalidAnswer
    } else if error.is_timeout() {
        Reason::Timeout
    } else if error.is_connect() {
        Reason::Connect
    } else {
        Reason::Connection
    }
}

/// The text of hyper's error.
const HEAD_TOO_LARGE: &str = "message head is too large";

/// Whether the connection ended without the closing message of TLS.
pub(super) fn is_unannounced_end(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| {
            error.kind() == io::ErrorKind::UnexpectedEof && error.to_string().contains("close_notify")
        })
    })
}

/// An error and its chain of causes.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

/// The chain of causes in one line. It leaves out repetitions and layers that only say that something failed, and it has plain
/// words instead of error numbers.
pub(crate) fn explain(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in causes(error) {
        let text = plain_words(cause).unwrap_or_else(|| cause.to_string());
        if !says_nothing(&text) && !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
    }
    if parts.is_empty() {
        // The first one would show the URL.
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
        // These errors can only be recognized by their text.
        _ => match error.to_string().as_str() {
            "connection closed before message completed" => {
                "the connection closed before the answer was complete"
            }
            "tls handshake eof" => "the server closed the connection in the TLS handshake",
            "invalid HTTP version parsed" => "the answer is not HTTP",
            "invalid HTTP status-code parsed" => "the answer's status is invalid",
            "invalid HTTP header parsed" => "a header of the answer is malformed",
            "invalid content-length parsed" => "the answer's Content-Length is invalid",
            "unexpected transfer-encoding parsed" => "the answer's Transfer-Encoding is not allowed there",
            _ => return None,
        },
    };
    Some(words.to_owned())
}

fn of_tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    innermost(error).downcast_ref()
}

/// The error inside an `io::Error`, at any depth. `source` skips it.
fn innermost<'a>(mut error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    while let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        error = inner;
    }
    error
}

/// Whether it is the text of a wrapper of reqwest or hyper.
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

/// The resolver's refusal of a name in a private network.
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
    fn limits_have_readable_units() {
        assert_eq!(FetchError::TooLarge { limit_bytes: 64 << 20 }.to_string(), "body larger than 64 MiB");
        assert_eq!(FetchError::TooLarge { limit_bytes: 1000 }.to_string(), "body larger than 1000 bytes");
        let timeout = FetchError::Timeout { after: Duration::from_secs(30), doing: "reading the body" };
        assert_eq!(timeout.to_string(), "timed out after 30 s while reading the body");
        assert!(timeout.is_retryable());
    }
}
