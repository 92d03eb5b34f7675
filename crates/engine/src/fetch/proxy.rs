//! The proxy of the run, and proxies of single requests. A reqwest client has one proxy, so each proxy needs a client.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use reqwest::{Client, ClientBuilder, NoProxy, Proxy};
use url::Url;

use super::credentials::{Credentials, credentials_for};
use crate::error::EngineError;

/// How many proxies keep their clients and connections at once.
const MAX_CLIENTS: usize = 64;

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

    /// Sets the proxy of a client.
    pub(super) fn apply(
        &self,
        builder: ClientBuilder,
        auth: &[Credentials],
    ) -> Result<ClientBuilder, EngineError> {
        match self {
            Self::Environment => {
                let is_set = |name: &&str| std::env::var(name).is_ok_and(|value| !value.is_empty());
                let set: Vec<&str> = VARIABLES.into_iter().filter(|name| is_set(name)).collect();
                if !set.is_empty() {
                    tracing::info!(
                        variables = set.join(" "),
                        "using the proxy from the environment; `--proxy none` turns it off"
                    );
                }
                Ok(builder)
            }
            Self::Direct => Ok(builder.no_proxy()),
            Self::Through(url) => {
                let proxy = proxy(url, auth)?.no_proxy(NoProxy::from_env());
                Ok(builder.no_proxy().proxy(proxy))
            }
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

/// The clients of requests that name their own proxy.
#[derive(Default)]
pub(super) struct ProxyClients(Mutex<VecDeque<(Url, Client)>>);

impl ProxyClients {
    /// The client for a proxy, which is created if necessary. Beyond the limit, the least recently used client is dropped.
    pub(super) fn client(
        &self,
        url: &Url,
        auth: &[Credentials],
        make: impl FnOnce(Proxy) -> Result<Client, EngineError>,
    ) -> Result<Client, EngineError> {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = clients.iter().position(|(known, _)| known == url).and_then(|at| clients.remove(at));
        let entry = match known {
            Some(entry) => entry,
            None => (url.clone(), make(proxy(url, auth)?)?),
        };
        let client = entry.1.clone();
        clients.push_back(entry);
        if clients.len() > MAX_CLIENTS {
            clients.pop_front();
        }
        Ok(client)
    }
}

fn proxy(url: &Url, auth: &[Credentials]) -> Result<Proxy, EngineError> {
    let mut url = url.clone();
    let unusable = |problem: String| EngineError::Unusable { name: "proxy", problem };
    if let Some((user, password)) = credentials_for(auth, &url).and_then(Credentials::user_and_password) {
        // This cannot fail, because the URL has a host.
        let _ = url.set_username(user);
        let _ = url.set_password(Some(password));
    }
    let proxy = Proxy::all(url.clone());
    // The error may show the URL.
    proxy.map_err(|_| unusable(format!("{} cannot be used", shown(&url))))
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
        assert!(setting.apply(Client::builder(), &[]).is_ok());
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
    fn the_number_of_clients_is_limited() {
        let (clients, made) = (ProxyClients::default(), std::cell::Cell::new(0));
        crate::fetch::client::provide_crypto();
        let client = |number: usize| {
            let url = Url::parse(&format!("socks5h://p{number}.example:1")).unwrap();
            let make = |proxy| {
                made.set(made.get() + 1);
                Ok(Client::builder().proxy(proxy).build().unwrap())
            };
            clients.client(&url, &[], make).unwrap();
        };
        (0..MAX_CLIENTS).for_each(client);
        client(0);
        assert_eq!(made.get(), MAX_CLIENTS);
        client(MAX_CLIENTS);
        client(0);
        client(1);
        assert_eq!((made.get(), clients.0.lock().unwrap().len()), (MAX_CLIENTS + 2, MAX_CLIENTS));
    }
}
