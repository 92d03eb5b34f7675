//! How long a fetch may take, and how large and of which type its answer may be.

use std::time::Duration;

use dragline_core::TypePattern;

use super::client_settings::ClientSettings;
use crate::error::EngineError;
use crate::setting_check::{at_least_one, longer_than_zero, require};

/// The limits on one fetch.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchSettings {
    /// Longest time for one fetch, from start to end.
    pub request_timeout: Duration,
    /// Longest time to connect, which includes name resolution, TCP and TLS.
    pub connect_timeout: Duration,
    /// Longest time from the connection to the headers of the answer.
    pub first_byte_timeout: Duration,
    /// Longest pause within the body.
    pub read_timeout: Duration,
    /// Fewest bytes of a body per second, over each stretch of `read_timeout`; 0 means no limit.
    pub min_bytes_per_second: u64,
    /// Largest body, decompressed.
    pub max_body_bytes: usize,
    /// Largest number of headers in an answer.
    pub max_headers: usize,
    /// Largest size of all headers together, names and values.
    pub max_header_bytes: usize,
    /// The types of pages whose bodies are read, in addition to those that the spider accepts.
    pub accept_types: Vec<TypePattern>,
}

/// The settings that the HTTP downloader needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HttpSettings<'a> {
    pub(crate) client: &'a ClientSettings,
    pub(crate) fetch: &'a FetchSettings,
    /// Idle connections to one host that stay open.
    pub(crate) idle_connections_per_host: usize,
}

/// The HTTP client can't hold larger headers (hyper's buffer for HTTP/1).
const MAX_HEADER_BYTES: usize = 400 << 10;

impl Default for FetchSettings {
    fn default() -> Self {
        // The types that a spider can read: text, HTML and other XML, JSON, and scripts that contain JSON.
        let types = ["text/*", "application/*xml", "application/*json", "application/*javascript"];
        Self {
            request_timeout: Duration::from_secs(180),
            connect_timeout: Duration::from_secs(10),
            // Proxy servers wait this long by default (nginx, proxy_read_timeout).
            first_byte_timeout: Duration::from_secs(60),
            read_timeout: Duration::from_secs(30),
            // Only a hostile or broken server is slower.
            min_bytes_per_second: 10,
            max_body_bytes: 64 << 20,
            max_headers: 256,
            max_header_bytes: 256 << 10,
            accept_types: types.iter().filter_map(|pattern| pattern.parse().ok()).collect(),
        }
    }
}

impl FetchSettings {
    pub(crate) fn validate(&self) -> Result<(), EngineError> {
        at_least_one([
            ("max_body_bytes", self.max_body_bytes),
            ("max_headers", self.max_headers),
            ("max_header_bytes", self.max_header_bytes),
        ])?;
        let fits = self.max_header_bytes <= MAX_HEADER_BYTES;
        require(fits, "max_header_bytes", &self.max_header_bytes, "it must be at most 409600 (400 KiB)")?;
        // The client holds such a list for each answer, and it has a limit of its own.
        require(self.max_headers <= 10_000, "max_headers", &self.max_headers, "it must be at most 10000")?;
        longer_than_zero([
            ("request_timeout", self.request_timeout),
            ("connect_timeout", self.connect_timeout),
            ("first_byte_timeout", self.first_byte_timeout),
            ("read_timeout", self.read_timeout),
        ])
    }
}
