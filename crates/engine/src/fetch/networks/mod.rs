//! Enforces `deny_private_networks`: no request reaches a private network, whatever a page, a redirect or a name server says.
//!
//! A crawler that follows unknown links can be led to its own machine, to machines next to it, or to the metadata service that
//! hands out cloud credentials. It isn't enough to check the URL: a name can have any address, and the address can change at
//! any moment. So the client's resolver checks the addresses for each connection. It never sees a URL that contains an
//! address, so such URLs are checked separately.
//!
//! A proxy may resolve names itself (http, https, socks4a, socks5h). In this case only the proxy can check the addresses of
//! names. URLs that contain an address are still refused, and so is the proxy's own name.

mod addresses;
mod resolver;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use url::{Host, Url};

use self::addresses::kind_if_not_public;
pub(super) use self::resolver::{GuardedResolver, NO_ANSWER};
use super::ClientSettings;
use super::proxy::ProxySetting;

/// Decides which hosts requests may reach.
#[derive(Clone, Debug)]
pub(crate) struct NetworkGuard {
    is_on: bool,
    /// The hosts of proxies. They may be in a private network, because the user named them.
    proxies: Arc<[String]>,
}

/// A host that may not be reached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RefusedNetwork {
    /// The URL contains an address.
    #[error("{address} is {kind}, and `deny_private_networks` forbids private networks")]
    Address {
        /// The address.
        address: IpAddr,
        /// The kind of address.
        kind: &'static str,
    },
    /// The URL names a host that has such an address.
    #[error("{host} is at {address}, {kind}, and `deny_private_networks` forbids private networks")]
    Name {
        /// The host.
        host: String,
        /// The address.
        address: IpAddr,
        /// The kind of address.
        kind: &'static str,
    },
    /// The URL names this machine, or the proxy.
    #[error("{host} is {what}, and `deny_private_networks` forbids private networks")]
    Itself {
        /// The host.
        host: String,
        /// The kind of address.
        what: &'static str,
    },
}

impl NetworkGuard {
    /// A guard that follows these settings.
    pub(super) fn new(settings: &ClientSettings) -> Self {
        let proxies = if settings.deny_private_networks { settings.proxy.hosts() } else { Vec::new() };
        if settings.deny_private_networks && settings.proxy.resolves_names() {
            tracing::warn!(
                "the proxy resolves names, so only the proxy can keep them out of private networks; `deny_private_networks` checks only URLs that contain an address"
            );
        }
        Self { is_on: settings.deny_private_networks, proxies: proxies.into() }
    }

    /// The guard for requests that use another proxy.
    pub(super) fn behind(&self, proxy: &Url) -> Self {
        let mut proxies = self.proxies.to_vec();
        proxies.extend(proxy.host_str().map(str::to_ascii_lowercase));
        Self { is_on: self.is_on, proxies: proxies.into() }
    }

    /// Checks the host of a URL. The URL parser has already normalized unusual forms of an address (`0x7f.1`, `2130706433`).
    pub(crate) fn check(&self, url: &Url) -> Result<(), RefusedNetwork> {
        if !self.is_on {
            return Ok(());
        }
        match url.host() {
            Some(Host::Ipv4(address)) => check_address(address.into()),
            Some(Host::Ipv6(address)) => check_address(address.into()),
            Some(Host::Domain(host)) => self.check_name(host),
            None => Ok(()),
        }
    }

    fn check_name(&self, host: &str) -> Result<(), RefusedNetwork> {
        let bare = host.trim_end_matches('.');
        let what = if bare == "localhost" || bare.ends_with(".localhost") {
            // RFC 6761, section 6.3.
            "this machine"
        } else if self.is_proxy(host) {
            "the proxy"
        } else {
            return Ok(());
        };
        Err(RefusedNetwork::Itself { host: host.to_owned(), what })
    }

    fn is_proxy(&self, host: &str) -> bool {
        self.proxies.iter().any(|proxy| proxy == host)
    }

    /// The resolver for clients. It gives up after `limit`.
    pub(super) fn resolver(&self, limit: Duration) -> Arc<GuardedResolver> {
        Arc::new(GuardedResolver::new(self.clone(), limit))
    }

    /// The addresses of a name that may be reached.
    fn reachable(&self, host: &str, addresses: Vec<IpAddr>) -> Result<Vec<IpAddr>, RefusedNetwork> {
        if !self.is_on || self.is_proxy(host) {
            return Ok(addresses);
        }
        let refused = addresses.iter().find_map(|address| Some((*address, kind_if_not_public(*address)?)));
        let public: Vec<IpAddr> =
            addresses.into_iter().filter(|address| kind_if_not_public(*address).is_none()).collect();
        match refused {
            Some((address, kind)) if public.is_empty() => {
                Err(RefusedNetwork::Name { host: host.to_owned(), address, kind })
            }
            _ => Ok(public),
        }
    }
}

fn check_address(address: IpAddr) -> Result<(), RefusedNetwork> {
    kind_if_not_public(address).map_or(Ok(()), |kind| Err(RefusedNetwork::Address { address, kind }))
}

impl ProxySetting {
    /// The hosts of all proxies.
    fn hosts(&self) -> Vec<String> {
        self.urls().iter().filter_map(|url| Some(url.host_str()?.to_ascii_lowercase())).collect()
    }

    /// Whether one of the proxies resolves names itself.
    fn resolves_names(&self) -> bool {
        self.urls().iter().any(|url| !matches!(url.scheme(), "socks4" | "socks5"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(proxy: ProxySetting) -> NetworkGuard {
        NetworkGuard::new(&ClientSettings { deny_private_networks: true, proxy, ..ClientSettings::default() })
    }

    fn refusal(guard: &NetworkGuard, url: &str) -> Option<String> {
        guard.check(&Url::parse(url).unwrap()).err().map(|refused| refused.to_string())
    }

    #[test]
    fn an_address_is_recognized_in_every_spelling() {
        let guard = guard(ProxySetting::Direct);
        for url in [
            "http://127.0.0.1/",
            "http://127.1:8080/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://127.0.0.1./",
            "http://１２７.0.0.1/",
            "http://0/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "https://[64:ff9b::169.254.169.254]/latest/meta-data/",
            "http://[2002:7f00:1::]/",
            "http://169.254.169.254/",
            "http://10.0.0.8:6379/",
            "http://localhost/",
            "http://LOCALHOST./",
            "http://a.localhost:8080/",
        ] {
            let problem = refusal(&guard, url).unwrap_or_else(|| panic!("{url}"));
            assert!(problem.ends_with("`deny_private_networks` forbids private networks"), "{problem}");
        }
        for url in
            ["http://a.example/", "http://1.1.1.1/", "http://[2606:4700::1111]/", "http://localhost.example/"]
        {
            assert_eq!(refusal(&guard, url), None);
        }
    }

    #[test]
    fn a_name_is_checked_by_its_addresses() {
        let guard = guard(ProxySetting::Direct);
        let at = |addresses: &[&str]| {
            let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
            guard.reachable("a.example", addresses)
        };
        let public: IpAddr = "1.1.1.1".parse().unwrap();
        assert_eq!(at(&["10.0.0.1", "1.1.1.1", "::1"]), Ok(vec![public]));
        assert_eq!(
            at(&["10.0.0.1", "::1"]).unwrap_err().to_string(),
            "a.example is at 10.0.0.1, a private address, and `deny_private_networks` forbids private networks"
        );
        assert_eq!(at(&[]), Ok(Vec::new()));
    }

    #[test]
    fn a_proxy_may_be_in_a_private_network_but_requests_to_it_are_refused() {
        let proxy = Url::parse("http://Proxy.internal:3128").unwrap();
        let guard = guard(ProxySetting::Through(proxy));
        let private: IpAddr = "10.0.0.1".parse().unwrap();
        assert_eq!(guard.reachable("proxy.internal", vec![private]), Ok(vec![private]));
        assert!(guard.reachable("other.internal", vec![private]).is_err());
        assert!(refusal(&guard, "http://proxy.internal/admin").unwrap().contains("is the proxy"));
        let other = guard.behind(&Url::parse("socks5h://p2.internal").unwrap());
        assert!(other.reachable("p2.internal", vec![private]).is_ok());
        assert!(guard.reachable("p2.internal", vec![private]).is_err());
    }
}
