//! The hosts that a run may ask: those of the given domains, or those of its start requests and of their redirects.

use std::collections::HashSet;
use std::sync::Arc;

use url::{Host, Url};

use crate::error::EngineError;

/// The hosts that a run may ask.
#[derive(Clone, Debug)]
pub(super) enum ScopeHosts {
    /// Domains were given.
    Named(Arc<[Domain]>),
    /// All hosts are allowed, because the domain `*` was given.
    All,
    /// The hosts of the run, each `host:port`.
    Own(Arc<HashSet<String>>),
}

/// A domain with its subdomains, or one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Domain {
    host: Host,
    /// Only this port; `None` allows all ports.
    port: Option<u16>,
}

impl ScopeHosts {
    pub(super) fn new<'a>(
        domains: &[String],
        start_hosts: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, EngineError> {
        if domains.iter().any(|domain| domain == "*") {
            return Ok(Self::All);
        }
        if domains.is_empty() {
            let own = start_hosts.into_iter().map(|host| site_of(host).to_owned());
            return Ok(Self::Own(Arc::new(own.collect())));
        }
        domains.iter().map(|text| Domain::parse(text)).collect::<Result<_, _>>().map(Self::Named)
    }

    pub(super) fn contain(&self, url: &Url, host: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(domains) => domains.iter().any(|domain| domain.contains(url)),
            Self::Own(hosts) => hosts.contains(site_of(host)),
        }
    }

    /// Whether hosts that start requests lead to are added.
    pub(super) fn may_grow(&self) -> bool {
        matches!(self, Self::Own(_))
    }

    /// Adds a host (`host:port`), and returns whether it is new.
    pub(super) fn add(&mut self, host: &str) -> bool {
        let Self::Own(hosts) = self else { return false };
        !hosts.contains(site_of(host)) && Arc::make_mut(hosts).insert(site_of(host).to_owned())
    }
}

impl Domain {
    fn parse(text: &str) -> Result<Self, EngineError> {
        let bare = text.trim().trim_start_matches('.');
        let url = Url::parse(&format!("http://{bare}/")).ok();
        let is_bare = !bare.contains(['/', '\\', '?', '#', '@', '*']);
        let found =
            url.as_ref().filter(|_| is_bare).and_then(|url| Some((url.host()?.to_owned(), url.port())));
        let (host, port) = found.ok_or_else(|| EngineError::Unusable {
            name: "allow_domains",
            problem: format!(
                "{text:?} is not a domain; write shop.example, or shop.example:8080 for one port, or * for all"
            ),
        })?;
        Ok(Self { host, port })
    }

    fn contains(&self, url: &Url) -> bool {
        if self.port.is_some_and(|port| url.port_or_known_default() != Some(port)) {
            return false;
        }
        match (&self.host, url.host()) {
            (Host::Domain(domain), Some(Host::Domain(host))) => {
                let host = host.trim_end_matches('.');
                let before = host.strip_suffix(domain.trim_end_matches('.'));
                before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
            }
            (Host::Ipv4(ours), Some(Host::Ipv4(theirs))) => *ours == theirs,
            (Host::Ipv6(ours), Some(Host::Ipv6(theirs))) => *ours == theirs,
            _ => false,
        }
    }
}

/// `http://a.example` and `https://a.example` are the same site. Another port is another site.
fn site_of(host: &str) -> &str {
    host.strip_suffix(":80").or_else(|| host.strip_suffix(":443")).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::queued_request::host_of;

    fn contain(hosts: &ScopeHosts, url: &str) -> bool {
        let url = Url::parse(url).unwrap();
        hosts.contain(&url, &host_of(&url))
    }

    #[test]
    fn a_site_is_its_host_on_both_default_ports() {
        let mut hosts = ScopeHosts::new(&[], ["a.example:80", "127.0.0.1:8080"]).unwrap();
        assert!(contain(&hosts, "http://a.example/") && contain(&hosts, "https://a.example/"));
        assert!(!contain(&hosts, "http://a.example:8080/") && !contain(&hosts, "http://www.a.example/"));
        assert!(contain(&hosts, "http://127.0.0.1:8080/") && !contain(&hosts, "http://127.0.0.1/"));
        let before = hosts.clone();
        assert!(hosts.add("www.a.example:443") && !hosts.add("www.a.example:80"));
        assert!(contain(&hosts, "https://www.a.example/") && !contain(&before, "https://www.a.example/"));
    }

    #[test]
    fn a_domain_holds_what_is_below_it() {
        let named = |domains: &[&str]| {
            let domains: Vec<String> = domains.iter().map(|domain| (*domain).to_owned()).collect();
            ScopeHosts::new(&domains, ["start.example:80"]).unwrap()
        };
        let mut hosts = named(&["Shop.Example", ".b.example:8080", "127.0.0.1", "bücher.example", "[::1]"]);
        for url in [
            "http://shop.example/",
            "https://www.shop.example:444/",
            "http://a.b.shop.example./",
            "http://b.example:8080/",
            "http://x.b.example:8080/",
            "http://127.0.0.1:9/",
            "http://xn--bcher-kva.example/",
            "http://[::1]:8080/",
        ] {
            assert!(contain(&hosts, url), "{url}");
        }
        for url in [
            "http://start.example/",
            "http://myshop.example/",
            "http://shop.example.evil.example/",
            "http://example/",
            "http://b.example/",
            "http://127.0.0.2/",
        ] {
            assert!(!contain(&hosts, url), "{url}");
        }
        assert!(!hosts.may_grow() && !hosts.add("start.example:80"));
        assert!(contain(&named(&["*"]), "http://anywhere.example:1/"));
        assert!(!contain(&named(&["0.0.1"]), "http://127.0.0.1/"));
    }
}
