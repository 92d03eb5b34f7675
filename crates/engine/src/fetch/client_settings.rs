//! How a crawl presents itself to sites, and through whom it reaches them.

use std::path::PathBuf;

use http::HeaderValue;

use super::{Credentials, ProxySetting};
use crate::error::EngineError;
use crate::setting_check::{as_debugged, require};

/// The settings of the HTTP client.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientSettings {
    /// The `User-Agent` that is sent.
    pub user_agent: String,
    /// Headers that every request is sent with, unless it has its own of that name.
    pub headers: Vec<(String, String)>,
    /// User names and passwords, each for one origin.
    pub auth: Vec<Credentials>,
    /// What is done with cookies.
    pub cookies: CookieMode,
    /// What requests go through that name no proxy of their own.
    pub proxy: ProxySetting,
    /// Certificates (PEM) that are trusted beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// Whether HTTP/2 is spoken with servers that offer it.
    pub http2: bool,
    /// Whether nothing may be reached that is not on the public Internet.
    pub deny_private_networks: bool,
}

/// What is done with cookies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CookieMode {
    /// They are sent back, and kept in the store until the run ends: a resumed run is still logged in.
    #[default]
    Stored,
    /// They are sent back as long as the process lives, and never written anywhere.
    Memory,
    /// They are ignored.
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
        require(!agent.is_empty(), "user_agent", &"\"\"", "a crawler says who it is")?;
        require(
            HeaderValue::from_str(agent).is_ok(),
            "user_agent",
            &as_debugged(agent),
            "it holds characters that no header may hold, such as a line break",
        )
    }
}
