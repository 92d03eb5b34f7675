//! What a crawl sends to sites, and the proxy through which it reaches them, as far as these may be secrets.

use std::fmt;

use clap::Args;

/// The settings of the HTTP client that may hold secrets. The others are in `ClientSettings`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Access")]
pub(crate) struct Access {
    /// Send this header with every request, as `NAME: VALUE`; repeatable
    ///
    /// In the variable, write one per line. In the file, use a list. If a request has its own header of that
    /// name, Dragline sends that one instead.
    #[arg(
        long = "header",
        env = "DRAGLINE_HEADER",
        hide_env_values = true,
        value_name = "HEADER",
        value_delimiter = '\n',
        hide_short_help = true
    )]
    pub(crate) header: Vec<Hidden>,

    /// Send credentials to one origin, as `ORIGIN=USER:PASSWORD` or `ORIGIN=Bearer TOKEN`; repeatable
    ///
    /// The origin is a site such as `https://shop.example`, or a proxy. The credentials are sent nowhere else,
    /// and they are never logged or stored. Put them into the variable (one per line) or the file, so that
    /// other users of the machine can't see them.
    #[arg(
        long = "auth",
        env = "DRAGLINE_AUTH",
        hide_env_values = true,
        value_name = "AUTH",
        value_delimiter = '\n',
        hide_short_help = true
    )]
    pub(crate) auth: Vec<Hidden>,

    /// Use this proxy (`http://`, `https://`, `socks5://`, `socks5h://`), or `none` [default: from
    /// `http_proxy`, `https_proxy` and `all_proxy`]
    ///
    /// With socks5h, the proxy resolves names. Hosts in `no_proxy` are reached directly.
    #[arg(long, env = "DRAGLINE_PROXY", hide_env_values = true, value_name = "URL", hide_short_help = true)]
    pub(crate) proxy: Option<Hidden>,
}

/// A value that may contain a secret. The parser accepts it unchecked, because its errors show the refused value.
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
