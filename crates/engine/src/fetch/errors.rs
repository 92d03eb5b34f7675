//! Why a fetch brought no answer, in one line.

use std::error::Error;
use std::io;
use std::time::Duration;

use super::networks::Refused;

/// A fetch without an answer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FetchError {
    /// The spider's request cannot be put on the wire.
    #[error("the request cannot be sent: {0}")]
    Unsendable(String),
    /// The server could not be reached, or the connection broke.
    #[error("{0}")]
    Connection(String),
    /// The server has no certificate that we trust.
    #[error("{0}")]
    Certificate(String),
    /// It is in a network that may not be reached.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It took too long.
    #[error("timed out after {} s while {doing}", after.as_secs_f64())]
    Timeout {
        /// The limit.
        after: Duration,
        /// What took so long.
        doing: &'static str,
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
    /// The spider's `accepts_status` or the client's own code panicked.
    #[error("panic while fetching: {0}")]
    Panicked(String),
}

impl FetchError {
    /// Whether the same fetch may succeed a little later.
    pub(crate) fn is_retryable(&self) -> bool {
        matches!(self, Self::Connection(_) | Self::Timeout { .. })
    }

    /// What went wrong before there was a status.
    pub(super) fn of_send(error: &reqwest::Error, connect_timeout: Duration) -> Self {
        if error.is_builder() {
            Self::Unsendable(explain(error))
        } else if let Some(refused) = refused_network(error) {
            Self::Refused(refused)
        } else if error.is_timeout() && error.is_connect() {
            Self::Timeout { after: connect_timeout, doing: "connecting" }
        } else if is_certificate_problem(error) {
            Self::Certificate(explain(error))
        } else {
            Self::Connection(explain(error))
        }
    }

    /// What went wrong within the body.
    pub(super) fn of_body(error: &reqwest::Error) -> Self {
        Self::Connection(format!("the body ended early: {}", explain(error)))
    }
}

/// The chain of causes in one line: without the layers that only say that something went wrong, without
/// repetition, and in plain words where the system has a number for them.
pub(crate) fn explain(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut at = Some(error);
    while let Some(cause) = at {
        let text = plain_words(cause).unwrap_or_else(|| cause.to_string());
        if !says_nothing(&text) && !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        at = cause.source();
    }
    if parts.is_empty() { error.to_string() } else { parts.join(": ") }
}

fn plain_words(error: &(dyn Error + 'static)) -> Option<String> {
    let words = match error.downcast_ref::<io::Error>()?.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused",
        io::ErrorKind::ConnectionReset => "connection reset",
        io::ErrorKind::ConnectionAborted => "connection aborted",
        io::ErrorKind::HostUnreachable => "host unreachable",
        io::ErrorKind::NetworkUnreachable => "network unreachable",
        io::ErrorKind::TimedOut => "timed out",
        io::ErrorKind::BrokenPipe => "connection closed",
        _ => return None,
    };
    Some(words.to_owned())
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
        "connection error",
        "builder error",
    ]
    .iter()
    .any(|wrapper| text.starts_with(wrapper))
}

/// What the resolver says of a name that it may not give addresses of.
fn refused_network(error: &(dyn Error + 'static)) -> Option<Refused> {
    let mut at = Some(error);
    while let Some(cause) = at {
        if let Some(refused) = cause.downcast_ref::<Refused>() {
            return Some(refused.clone());
        }
        at = cause.source();
    }
    None
}

fn is_certificate_problem(error: &(dyn Error + 'static)) -> bool {
    let mut at = Some(error);
    while let Some(cause) = at {
        // tokio-rustls hides rustls' error within an io::Error, whose source() skips it.
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let inner = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let found = inner.or_else(|| cause.downcast_ref());
        if matches!(found, Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        at = cause.source();
    }
    false
}

fn size_text(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..0x10_0000 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
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
