//! The proxy of the run, and proxies of single requests. Also: which of them a request goes through, because that decides who is
//! at fault if it fails.

use std::fmt;
use std::sync::Arc;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{ClientBuilder, NoProxy, Proxy};
use url::Url;

use super::credentials::{Credentials, credentials_for};
use crate::error::EngineError;

/// The environment variables that name proxies.
const VARIABLES: [&str; 6] =
    ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// The proxy of all requests that don't name their own.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum ProxySetting {
    /// The proxy from `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`.
    #[default]
    Environment,
    /// No proxy, whatever the environment says.
    Direct,
    /// This proxy, except for the hosts in `no_proxy`. Its URL may contain a password.
    Through(Url),
}

impl ProxySetting {
    /// Parses a URL, or the word `none`.
    ///
    /// # Errors
    /// A description of the problem, without the password.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("none") {
            return Ok(Self::Direct);
        }
        let problem =
            "write http://host:port, https://…, socks5://…, socks5h://… (the proxy resolves names), or none";
        let url = Url::parse(text).map_err(|error| format!("it is not a URL ({error}); {problem}"))?;
        let is_known = matches!(url.scheme(), "http" | "https" | "socks4" | "socks5" | "socks5h");
        if !is_known || url.host_str().is_none_or(str::is_empty) {
            return Err(format!("it is not the URL of a proxy; {problem}"));
        }
        url.password().into_iter().for_each(dragline_core::secrets::remember);
        Ok(Self::Through(url))
    }

    /// The proxies that requests may go through.
    pub(super) fn urls(&self) -> Vec<Url> {
        match self {
            Self::Direct => Vec::new(),
            Self::Through(url) => vec![url.clone()],
            Self::Environment => {
                let values = VARIABLES.iter().filter_map(|name| std::env::var(name).ok());
                let parsed = values.filter_map(|value| {
                    // A value without a scheme is a host.
                    Url::parse(&value)
                        .ok()
                        .filter(Url::has_host)
                        .or_else(|| Url::parse(&format!("http://{value}")).ok())
                });
                parsed.collect()
            }
        }
    }

    /// The same rules as those of the client.
    fn matcher(&self, auth: &[Credentials]) -> Option<Matcher> {
        match self {
            Self::Direct => None,
            Self::Environment => Some(Matcher::from_env()),
            Self::Through(url) => {
                let no_proxy = ["NO_PROXY", "no_proxy"].iter().find_map(|name| std::env::var(name).ok());
                Some(matcher(url, auth, no_proxy))
            }
        }
    }
}

/// The proxy of the run.
pub(super) struct RunProxy {
    setting: ProxySetting,
    explicit: Option<Proxy>,
    matcher: Option<Arc<Matcher>>,
}

impl RunProxy {
    /// The proxy of this setting, with its password.
    pub(super) fn new(setting: &ProxySetting, auth: &[Credentials]) -> Result<Self, EngineError> {
        let explicit = match setting {
            ProxySetting::Through(url) => Some(proxy(url, auth)?.no_proxy(NoProxy::from_env())),
            ProxySetting::Direct => None,
            ProxySetting::Environment => {
                let is_set = |name: &&str| std::env::var(name).is_ok_and(|value| !value.is_empty());
                let set: Vec<&str> = VARIABLES.into_iter().filter(|name| is_set(name)).collect();
                if !set.is_empty() {
                    tracing::info!(
                        variables = set.join(" "),
                        "using the proxy from the environment; `--proxy none` turns it off"
                    );
                }
                None
            }
        };
        Ok(Self { setting: setting.clone(), explicit, matcher: setting.matcher(auth).map(Arc::new) })
    }

    /// Which requests go through it, and with which password.
    pub(super) fn matcher(&self) -> Option<Arc<Matcher>> {
        self.matcher.clone()
    }

    /// Sets the proxy of a client.
    pub(super) fn apply(&self, builder: ClientBuilder) -> ClientBuilder {
        match (&self.setting, &self.explicit) {
            (ProxySetting::Environment, _) => builder,
            (_, Some(proxy)) => builder.no_proxy().proxy(proxy.clone()),
            (_, None) => builder.no_proxy(),
        }
    }

    /// The way of a request that names no proxy.
    pub(super) fn route(&self, url: &Url) -> Route {
        let uri = url.as_str().parse::<http::Uri>().ok();
        let intercept = uri.and_then(|uri| self.matcher.as_ref()?.intercept(&uri));
        match intercept.and_then(|intercept| Url::parse(&intercept.uri().to_string()).ok()) {
            Some(proxy) => Route::through(&proxy, url, false),
            None => Route::Direct,
        }
    }
}

/// The way of a request to its host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// No proxy is on it.
    Direct,
    /// It goes through a proxy.
    Proxy {
        /// The proxy's URL, without a password.
        shown: String,
        /// How the proxy passes it on.
        passing: Passing,
        /// Whether the request named this proxy. Otherwise, it is the proxy of the run.
        is_named: bool,
    },
}

/// How a proxy passes a request on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passing {
    /// It reads the request and answers it (RFC 9112 §3.2.2), so the answer may be its own.
    Forwarded,
    /// Through a tunnel (CONNECT).
    Tunnelled,
    /// Through SOCKS.
    Socks,
}

impl Route {
    /// The way through a proxy to this URL.
    pub(super) fn through(proxy: &Url, url: &Url, is_named: bool) -> Self {
        let passing = match (proxy.scheme(), url.scheme()) {
            (scheme, _) if scheme.starts_with("socks") => Passing::Socks,
            (_, "https") => Passing::Tunnelled,
            _ => Passing::Forwarded,
        };
        Self::Proxy { shown: shown(proxy), passing, is_named }
    }

    /// The proxy, if it reads the request and its answer.
    pub(super) fn forwarder(&self) -> Option<&str> {
        match self {
            Self::Proxy { shown, passing: Passing::Forwarded, .. } => Some(shown),
            _ => None,
        }
    }
}

impl fmt::Debug for ProxySetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("Environment"),
            Self::Direct => f.write_str("Direct"),
            Self::Through(url) => write!(f, "Through({})", shown(url)),
        }
    }
}

/// A proxy with its password.
pub(super) fn proxy(url: &Url, auth: &[Credentials]) -> Result<Proxy, EngineError> {
    let url = with_password(url, auth);
    let proxy = Proxy::all(url.clone());
    // The error may show the URL.
    proxy.map_err(|_| EngineError::Unusable {
        name: "proxy",
        problem: format!("{} cannot be used", shown(&url)),
    })
}

/// The same proxy, as a rule for requests.
pub(super) fn matcher(url: &Url, auth: &[Credentials], no_proxy: Option<String>) -> Matcher {
    Matcher::builder().all(with_password(url, auth).as_str()).no(no_proxy.unwrap_or_default()).build()
}

fn with_password(url: &Url, auth: &[Credentials]) -> Url {
    let mut url = url.clone();
    if let Some((user, password)) = credentials_for(auth, &url).and_then(Credentials::user_and_password) {
        // This cannot fail, because the URL has a host.
        let _ = url.set_username(user);
        let _ = url.set_password(Some(password));
    }
    url
}

fn shown(url: &Url) -> String {
    let mut url = url.clone();
    dragline_core::canonical::drop_userinfo(&mut url);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_a_url_or_the_word_none() {
        assert_eq!(ProxySetting::parse("NONE"), Ok(ProxySetting::Direct));
        let setting = ProxySetting::parse("http://me:hunter2@p.example:3128").unwrap();
        assert_eq!(format!("{setting:?}"), "Through(http://p.example:3128/)");
        assert!(RunProxy::new(&setting, &[]).is_ok());
        for odd in [
            "p.example:3128",
            "ftp://me:hunter2@p.example",
            "http://",
            "me:hunter2@p.example",
            "http://me:hunter2@p:p",
        ] {
            let told = ProxySetting::parse(odd).unwrap_err();
            assert!(told.contains("socks5h") && !told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn the_way_of_a_request_is_known() {
        let url = |text: &str| Url::parse(text).unwrap();
        let run = |proxy: &str| RunProxy::new(&ProxySetting::parse(proxy).unwrap(), &[]).unwrap();
        assert_eq!(run("none").route(&url("http://a.example/")), Route::Direct);
        for (proxy, target, passing) in [
            ("http://me:hunter2@p.example:3128", "http://a.example/", Passing::Forwarded),
            ("https://p.example:3128", "http://a.example/", Passing::Forwarded),
            ("http://p.example:3128", "https://a.example/", Passing::Tunnelled),
            ("socks5h://p.example:3128", "http://a.example/", Passing::Socks),
            ("socks5://p.example:3128", "https://a.example/", Passing::Socks),
        ] {
            let route = run(proxy).route(&url(target));
            let Route::Proxy { shown, passing: found, is_named: false } = route else { panic!("{proxy}") };
            assert_eq!(found, passing, "{proxy}");
            assert!(shown.contains("p.example:3128") && !shown.contains("hunter2"), "{shown}");
        }
    }
}
