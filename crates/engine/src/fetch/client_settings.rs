//! How a crawl identifies itself to sites, and through which proxy it reaches them.

use std::fmt;
use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};
use http::HeaderValue;

use super::{Credentials, ProxySetting};
use crate::error::EngineError;
use crate::setting_check::{as_debugged, require};

/// The settings of the HTTP client.
#[derive(Args, Clone, Debug, PartialEq)]
pub struct ClientSettings {
    /// The User-Agent header
    ///
    /// It should say who you are.
    #[arg(long, env = "DRAGLINE_USER_AGENT", value_name = "TEXT", default_value_t = Self::default().user_agent, help_heading = "Fetching")]
    pub user_agent: String,

    /// Headers that are sent with every request, unless the request has its own header of this name. They may be
    /// secrets, so the command line reads them without showing them in errors.
    #[arg(skip)]
    pub headers: Vec<(String, String)>,

    /// User names and passwords, each for one origin. They are secrets, too.
    #[arg(skip)]
    pub auth: Vec<Credentials>,

    /// The proxy of all requests that don't name their own. Its URL may hold a password.
    #[arg(skip)]
    pub proxy: ProxySetting,

    /// Where to keep cookies
    ///
    /// Stored cookies are secrets in the database. They keep a resumed run logged in.
    #[arg(long, env = "DRAGLINE_COOKIES", value_name = "WHERE", default_value_t = Self::default().cookies, help_heading = "Access", hide_short_help = true)]
    pub cookies: CookieMode,

    /// Also trust the certificates in this PEM file, in addition to those of the system
    #[arg(
        long,
        env = "DRAGLINE_CA_FILE",
        value_name = "FILE",
        help_heading = "Access",
        hide_short_help = true
    )]
    pub ca_file: Option<PathBuf>,

    /// Use HTTP/2 with servers that offer it
    #[arg(long, env = "DRAGLINE_HTTP2", value_name = "BOOL", action = ArgAction::Set, default_value_t = Self::default().http2, help_heading = "Access", hide_short_help = true)]
    pub http2: bool,

    /// Connect only to the public internet, and never to loopback, link-local, private or metadata addresses
    ///
    /// The address of each connection is checked, whether it comes from a link, a redirect, robots.txt or a
    /// name server. If a proxy resolves names, only URLs that contain an address can be checked.
    #[arg(
        long,
        env = "DRAGLINE_DENY_PRIVATE_NETWORKS",
        value_name = "BOOL",
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        default_value_t = Self::default().deny_private_networks,
        help_heading = "Links",
        hide_short_help = true
    )]
    pub deny_private_networks: bool,
}

/// Where cookies are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CookieMode {
    /// In the run's store, until the run ends
    #[default]
    #[value(alias = "true")]
    Stored,
    /// In memory, until the process ends
    Memory,
    /// Nowhere; cookies are ignored
    #[value(alias = "false")]
    Off,
}

/// As it is written on the command line.
impl fmt::Display for CookieMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stored => "stored",
            Self::Memory => "memory",
            Self::Off => "off",
        })
    }
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
