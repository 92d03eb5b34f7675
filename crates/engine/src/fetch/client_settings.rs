//! How a crawl identifies itself to sites, and through which proxy it reaches them.

use std::path::PathBuf;

use http::HeaderValue;

use super::{Credentials, ProxySetting};
use crate::error::EngineError;
use crate::setting_check::{as_debugged, require};

/// The settings of the HTTP client.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientSettings {
    /// The `User-Agent` header.
    pub user_agent: String,
    /// Headers that are sent with every request, unless the request has its own header of this name.
    pub headers: Vec<(String, String)>,
    /// User names and passwords, each for one origin.
    pub auth: Vec<Credentials>,
    /// How cookies are treated.
    pub cookies: CookieMode,
    /// The proxy of all requests that don't name their own.
    pub proxy: ProxySetting,
    /// A file of certificates (PEM) that are trusted in addition to those of the system.
    pub ca_file: Option<PathBuf>,
    /// Whether to use HTTP/2 if the server offers it.
    pub http2: bool,
    /// Whether only hosts on the public Internet may be reached.
    pub deny_private_networks: bool,
}

/// How cookies are treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CookieMode {
    /// Cookies are sent back, and the store keeps them until the run ends. So a resumed run is still logged in.
    #[default]
    Stored,
    /// Cookies are sent back while the process runs, and never stored.
    Memory,
    /// Cookies are ignored.
    Off,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            user_agent: concat!("dragline/", env!("CARGO_PKG_VERSION"), " (crawler)").to_owned(),
            headers: Vec::new(),
            auth: Vec::new(),
            cookies: CookieMode::Stored,
            proxy: ProxySetting::Environment,
            ca_file: None,
            http2: true,
            deny_private_networks: false,
        }
    }
}

impl ClientSettings {
    pub(crate) fn validate(&self) -> Result<(), EngineError> {
        let agent = &self.user_agent;
        require(
            !agent.is_empty(),
            "user_agent",
            &"\"\"",
            "it must not be empty, because a crawler should identify itself",
        )?;
        require(
            HeaderValue::from_str(agent).is_ok(),
            "user_agent",
            &as_debugged(agent),
            "it contains characters that a header cannot contain, such as a line break",
        )
    }
}
