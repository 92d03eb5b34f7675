//! The resolver of a client that must stay out of private networks. It asks the system and filters the addresses.
//!
//! The client asks it for each connection and connects to one of the returned addresses. So a name can't change its address
//! between the check and the connection.

use std::io;
use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;

use super::NetworkGuard;

/// A resolver that returns only addresses that the guard allows.
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
            // The client sets the port.
            let addresses: Addrs = Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

/// The addresses of a host, according to the system.
async fn addresses_of(host: &str) -> io::Result<Vec<IpAddr>> {
    // The SOCKS connector also asks for hosts that already are an address.
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
    async fn addresses_from_the_system_are_checked() {
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
