//! The resolver of a client that keeps out of private networks: the system's, with what it answers looked at.
//!
//! The client asks it for each connection and connects to what it gives, so there is no moment between the look and the
//! use at which a name could move.

use std::io;
use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;

use super::NetworkGuard;

/// See the module.
#[derive(Debug)]
pub(in crate::fetch) struct GuardedResolver(NetworkGuard);

impl GuardedResolver {
    pub(super) fn new(guard: NetworkGuard) -> Self {
        Self(guard)
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.0.clone();
        Box::pin(async move {
            let host = name.as_str();
            let found = guard.reachable(host, addresses_of(host).await?)?;
            // The client knows the port.
            let addresses: Addrs = Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

/// Where the system says that a host is.
async fn addresses_of(host: &str) -> io::Result<Vec<IpAddr>> {
    // A connector of SOCKS asks for what is an address already.
    if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse() {
        return Ok(vec![address]);
    }
    Ok(lookup_host((host, 0)).await?.map(|found| found.ip()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::ClientSettings;

    #[tokio::test]
    async fn what_the_system_answers_is_looked_at() {
        let settings = ClientSettings { deny_private_networks: true, ..ClientSettings::default() };
        let resolver = GuardedResolver::new(NetworkGuard::new(&settings));
        for name in ["localhost", "127.0.0.1", "::1", "10.0.0.1"] {
            let error = resolver.resolve(name.parse().unwrap()).await.err().unwrap().to_string();
            assert!(error.contains("deny_private_networks"), "{error}");
        }
        let found: Vec<SocketAddr> = resolver.resolve("1.1.1.1".parse().unwrap()).await.unwrap().collect();
        assert_eq!(found, ["1.1.1.1:0".parse().unwrap()]);
    }
}
