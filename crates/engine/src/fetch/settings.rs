//! How long a fetch may take, and what and how much it may bring.

use std::time::Duration;

use dragline_core::TypePattern;

use super::client_settings::ClientSettings;
use crate::error::EngineError;
use crate::setting_check::{at_least_one, longer_than_zero, require};

/// The bounds of one fetch.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchSettings {
    /// Longest time for one fetch in all.
    pub request_timeout: Duration,
    /// Longest time until a connection stands: name, TCP and TLS.
    pub connect_timeout: Duration,
    /// Longest time from there until the headers of the answer have come.
    pub first_byte_timeout: Duration,
    /// Longest silence within the body.
    pub read_timeout: Duration,
    /// Fewest bytes of a body per second, over each stretch of `read_timeout`; 0 is no such bound.
    pub min_bytes_per_second: u64,
    /// Largest body, decompressed.
    pub max_body_bytes: usize,
    /// Most headers of an answer.
    pub max_headers: usize,
    /// Their largest size, names and values.
    pub max_header_bytes: usize,
    /// The types of pages that are read past the headers. Others are those that the spider accepts.
    pub accept_types: Vec<TypePattern>,
}

/// What the HTTP client is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HttpSettings<'a> {
    pub(crate) client: &'a ClientSettings,
    pub(crate) fetch: &'a FetchSettings,
    /// Connections to one host that stay open while nothing is sent on them.
    pub(crate) idle_connections_per_host: usize,
}

/// What the HTTP client holds of the headers of one answer (hyper's buffer for HTTP/1).
const MAX_HEADER_BYTES: usize = 400 << 10;

impl Default for FetchSettings {
    fn default() -> Self {
        // What a spider can read: text of all kinds, HTML and other XML, JSON, and scripts that hold JSON.
        let types = ["text/*", "application/*xml", "application/*json", "application/*javascript"];
        Self {
            request_timeout: Duration::from_secs(180),
            connect_timeout: Duration::from_secs(10),
            // What servers in front of others wait for these (nginx, proxy_read_timeout).
            first_byte_timeout: Duration::from_secs(60),
            read_timeout: Duration::from_secs(30),
            // Only who means harm, or sends nothing but signs of life, is slower.
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
        // Such a list is held for each answer, and there is room in the client for no more.
        require(self.max_headers <= 10_000, "max_headers", &self.max_headers, "it must be at most 10000")?;
        longer_than_zero([
            ("request_timeout", self.request_timeout),
            ("connect_timeout", self.connect_timeout),
            ("first_byte_timeout", self.first_byte_timeout),
            ("read_timeout", self.read_timeout),
        ])
    }
}
