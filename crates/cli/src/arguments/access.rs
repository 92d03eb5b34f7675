//! How a crawl presents itself to sites, and through whom it reaches them.

use std::fmt;
use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

/// The settings of the HTTP client beyond pace and limits.
#[derive(Debug, Args)]
#[command(next_help_heading = "Access")]
pub(crate) struct Access {
    /// Where cookies are kept
    ///
    /// Stored ones are secrets in the database, and keep a resumed run logged in.
    #[arg(long, env = "DRAGLINE_COOKIES", value_name = "WHERE", default_value = "stored")]
    pub(crate) cookies: Cookies,

    /// A header of every request, `NAME: VALUE`; repeatable
    ///
    /// One per line in the variable, a list in the file. A request with a header of that name keeps its own.
    #[arg(
        long = "header",
        env = "DRAGLINE_HEADER",
        hide_env_values = true,
        value_name = "HEADER",
        value_delimiter = '\n'
    )]
    pub(crate) header: Vec<Hidden>,

    /// Credentials for one origin, `ORIGIN=USER:PASSWORD` or `ORIGIN=Bearer TOKEN`; repeatable
    ///
    /// Sent to that origin (a site's such as `https://shop.example`, or a proxy's) and nowhere else, never logged or stored.
    /// In the variable, one per line, or in the file they are not seen by other users of the machine.
    #[arg(
        long = "auth",
        env = "DRAGLINE_AUTH",
        hide_env_values = true,
        value_name = "AUTH",
        value_delimiter = '\n'
    )]
    pub(crate) auth: Vec<Hidden>,

    /// A proxy (`http://`, `https://`, `socks5://`, `socks5h://`), or `none` [default: what `http_proxy`, `https_proxy` and `all_proxy` say]
    ///
    /// With socks5h the proxy resolves names. Hosts of `no_proxy` are reached directly.
    #[arg(long, env = "DRAGLINE_PROXY", hide_env_values = true, value_name = "URL")]
    pub(crate) proxy: Option<Hidden>,

    /// Certificates (PEM) to trust beside those of the system
    #[arg(long, env = "DRAGLINE_CA_FILE", value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,

    /// Whether HTTP/2 is spoken with servers that offer it
    #[arg(long, env = "DRAGLINE_HTTP2", value_name = "BOOL", action = ArgAction::Set, default_value = "true")]
    pub(crate) http2: bool,
}

/// Where cookies are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Cookies {
    /// In the run's store, until the run ends.
    #[value(alias = "true")]
    Stored,
    /// As long as the process lives.
    Memory,
    /// Nowhere: they are ignored.
    #[value(alias = "false")]
    Off,
}

/// What may hold a secret: the parser takes it as it is, for its errors show what they refuse.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Hidden(pub(crate) String);

impl From<String> for Hidden {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(…)")
    }
}
