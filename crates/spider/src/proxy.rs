//! The URL of a proxy, checked.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::canonical::has_userinfo;
use crate::request::RequestError;

/// The schemes of proxies.
const SCHEMES: [&str; 5] = ["http", "https", "socks4", "socks5", "socks5h"];

/// A proxy for one request: `http://host:port`, `https://…`, `socks4://…`, `socks5://…`, or `socks5h://…`, which lets the
/// proxy resolve names.
///
/// ```
/// use dragline_spider::{Proxy, Request};
///
/// let proxy: Proxy = "socks5h://127.0.0.1:9050".parse()?;
/// let request = Request::get("https://example.com/")?.with_proxy(proxy);
/// # Ok::<(), dragline_spider::RequestError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Proxy(Url);

impl Proxy {
    /// Its URL.
    pub fn url(&self) -> &Url {
        &self.0
    }
}

impl FromStr for Proxy {
    type Err = RequestError;

    /// # Errors
    /// When the text is not the URL of a proxy, or holds a password. Dragline stores the URL with the request, so a
    /// password belongs in the setting `auth`.
    fn from_str(text: &str) -> Result<Self, RequestError> {
        // There may be a password that the parser does not recognise.
        let shown = if text.contains('@') { "…" } else { text };
        let refused = || RequestError::Proxy { url: shown.to_owned() };
        let url = Url::parse(text).map_err(|_| refused())?;
        if has_userinfo(&url) {
            return Err(RequestError::ProxyUserinfo { host: url.host_str().unwrap_or_default().to_owned() });
        }
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        if !is_bare || !SCHEMES.contains(&url.scheme()) || url.host_str().is_none_or(str::is_empty) {
            return Err(refused());
        }
        Ok(Self(url))
    }
}

impl TryFrom<String> for Proxy {
    type Error = RequestError;

    fn try_from(text: String) -> Result<Self, RequestError> {
        text.parse()
    }
}

impl From<Proxy> for String {
    fn from(proxy: Proxy) -> Self {
        proxy.0.into()
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_a_scheme_and_a_host() {
        for url in ["http://p.example:3128", "https://p.example/", "socks5://127.0.0.1:1080", "socks5h://p"] {
            assert!(url.parse::<Proxy>().is_ok(), "{url}");
        }
        for url in
            ["p.example:3128", "ftp://p.example", "http://p.example/path", "http://p.example?x", "socks5://"]
        {
            let error = url.parse::<Proxy>().unwrap_err().to_string();
            assert!(error.contains("socks5h") && error.contains(url), "{error}");
        }
    }

    #[test]
    fn a_proxy_with_a_password_is_refused_without_showing_it() {
        for url in [
            "http://me:hunter2@p.example",
            "socks5://me:hunter2@p.example:1",
            "me:hunter2@p.example",
            "http://me:hunter2@p:p",
        ] {
            let error = url.parse::<Proxy>().unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
