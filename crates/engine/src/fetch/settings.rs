//! How long a fetch may take, and how large and of which type its answer may be.

use std::time::Duration;

use clap::Args;
use dragline_core::TypePattern;
use dragline_flags::{Limit, bytes, count, duration, limit, number, text};

use super::client_settings::ClientSettings;
use crate::error::EngineError;
use crate::setting_check::{at_least_one, longer_than_zero, require};

/// The limits on one fetch.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(next_help_heading = "Fetching")]
pub struct FetchSettings {
    /// Time for a whole request
    #[arg(long, env = "DRAGLINE_REQUEST_TIMEOUT", value_name = "TIME", value_parser = duration, default_value = text::duration(Self::default().request_timeout), hide_short_help = true)]
    pub request_timeout: Duration,

    /// Time to connect, including DNS and TLS
    #[arg(long, env = "DRAGLINE_CONNECT_TIMEOUT", value_name = "TIME", value_parser = duration, default_value = text::duration(Self::default().connect_timeout), hide_short_help = true)]
    pub connect_timeout: Duration,

    /// Time from the connection to complete headers
    #[arg(long, env = "DRAGLINE_FIRST_BYTE_TIMEOUT", value_name = "TIME", value_parser = duration, default_value = text::duration(Self::default().first_byte_timeout), hide_short_help = true)]
    pub first_byte_timeout: Duration,

    /// Longest silence within a body
    #[arg(long, env = "DRAGLINE_READ_TIMEOUT", value_name = "TIME", value_parser = duration, default_value = text::duration(Self::default().read_timeout), hide_short_help = true)]
    pub read_timeout: Duration,

    /// Lowest speed of a body in bytes per second, measured over each `--read-timeout`; 0 = no limit
    #[arg(id = "min_speed", long = "min-speed", env = "DRAGLINE_MIN_SPEED", value_name = "BYTES", value_parser = number::<u64>, default_value_t = Self::default().min_bytes_per_second, hide_short_help = true)]
    pub min_bytes_per_second: u64,

    /// Largest body after decompression
    #[arg(id = "max_body", long = "max-body", env = "DRAGLINE_MAX_BODY", value_name = "BYTES", value_parser = bytes, default_value = text::bytes(Self::default().max_body_bytes), hide_short_help = true)]
    pub max_body_bytes: usize,

    /// Largest number of headers in an answer
    #[arg(long, env = "DRAGLINE_MAX_HEADERS", value_name = "N", value_parser = count, default_value_t = Self::default().max_headers, hide_short_help = true)]
    pub max_headers: usize,

    /// Largest size of all headers in an answer, at most 400KiB
    #[arg(long, env = "DRAGLINE_MAX_HEADER_BYTES", value_name = "BYTES", value_parser = bytes, default_value = text::bytes(Self::default().max_header_bytes), hide_short_help = true)]
    pub max_header_bytes: usize,

    /// Largest number of connections to all hosts together, including idle ones; 0 = what the limit on open files
    /// allows
    ///
    /// When there are too many, Dragline closes the connections that have been idle longest. With 0, at most 1024
    /// (or twice --concurrency) are open, and some open files are left for everything else.
    #[arg(long, env = "DRAGLINE_MAX_CONNECTIONS", value_name = "N", value_parser = limit(number::<usize>), default_value = text::limit(Self::default().max_connections, text::number), hide_short_help = true)]
    pub max_connections: Limit<usize>,

    /// Types of pages to read, separated by commas; `*/*` = all
    ///
    /// A `*` in a type stands for anything. If a page has another type, Dragline reads only its headers, closes
    /// the connection and skips the page. If a page has no type, its first bytes decide. A spider can accept
    /// more types.
    #[arg(long, env = "DRAGLINE_ACCEPT_TYPES", value_name = "TYPES", value_delimiter = ',', default_value = text::list(&Self::default().accept_types), hide_short_help = true)]
    pub accept_types: Vec<TypePattern>,
}

/// The settings that the HTTP downloader needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HttpSettings<'a> {
    pub(crate) client: &'a ClientSettings,
    pub(crate) fetch: &'a FetchSettings,
    /// Idle connections to one host that stay open.
    pub(crate) idle_connections_per_host: usize,
    /// Connections to all hosts together.
    pub(crate) max_connections: usize,
    /// As much is kept of an answer that is not a page.
    pub(crate) keep_failed_bytes: Option<usize>,
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
            max_connections: None,
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
            ("max_connections", self.max_connections.unwrap_or(1)),
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
