//! The resolver of all clients. It asks the system, and filters the addresses if private networks are forbidden. It has a time
//! limit of its own, so that name servers that don't answer are not taken for a host that does not answer.
//!
//! The client asks it for each connection and connects to one of the returned addresses. So a name can't change its address
//! between the check and the connection.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;
use tokio::time::timeout;

use super::NetworkGuard;

/// What the resolver says if the name servers do not answer. The system says the same if it gives up first (`EAI_AGAIN`).
pub(in crate::fetch) const NO_ANSWER: &str = "temporary failure in name resolution";

/// A resolver that returns only addresses that the guard allows.
#[derive(Debug)]
pub(in crate::fetch) struct GuardedResolver {
    guard: NetworkGuard,
    limit: Duration,
}

impl GuardedResolver {
    pub(super) fn new(guard: NetworkGuard, limit: Duration) -> Self {
        Self { guard, limit }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, limit) = (self.guard.clone(), self.limit);
        Box::pin(async move {
            let host = name.as_str();
            let found = timeout(limit, addresses_of(host)).await;
            let found = found.map_err(|_| io::Error::other(NO_ANSWER))??;
            let found = guard.reachable(host, found)?;
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
        let resolver = GuardedResolver::new(NetworkGuard::new(&settings), Duration::from_secs(9));
        for name in ["localhost", "127.0.0.1", "::1", "10.0.0.1"] {
            let error = resolver.resolve(name.parse().unwrap()).await.err().unwrap().to_string();
            assert!(error.contains("deny_private_networks"), "{error}");
        }
        let found: Vec<SocketAddr> = resolver.resolve("1.1.1.1".parse().unwrap()).await.unwrap().collect();
        assert_eq!(found, ["1.1.1.1:0".parse().unwrap()]);
    }
}
