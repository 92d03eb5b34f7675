//! Bounds the connections of a crawl, so that a crawl of many hosts does not run out of file descriptors.
//!
//! A client keeps the idle connections of each host for a while. It has no limit on all of them together, and nobody can
//! close one. Dropping a client does close its idle connections. So each host has a client of its own, and when there are too
//! many connections, the clients of the hosts that have been idle longest go. A client is cheap,
//! because all of them share the certificates and the TLS sessions.
//!
//! Nobody outside the client sees a connection close. So the number is an upper bound: what a client has opened, and never more than
//! its requests in flight and the idle connections that it may keep.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::client::IDLE_CONNECTION;
use super::connecting::Opened;
use super::wire::Client;
use crate::error::EngineError;

/// The clients of all hosts.
#[derive(Debug)]
pub(super) struct Connections {
    max: usize,
    idle_per_host: usize,
    book: Mutex<Book>,
}

/// Requests that may share a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ConnectionKey {
    /// The URL of the proxy that the request names.
    pub(super) proxy: Option<String>,
    /// Scheme, host and port.
    pub(super) origin: String,
    /// Whether the server asked for HTTP/1.1.
    pub(super) only_http1: bool,
}

#[derive(Debug, Default)]
struct Book {
    clients: HashMap<ConnectionKey, HostClient>,
    /// Clients without a request, the one that has been idle longest first.
    idle: BTreeMap<u64, ConnectionKey>,
    tickets: u64,
    /// Connections that may be open.
    open: usize,
}

#[derive(Debug)]
struct HostClient {
    client: Client,
    opened: Opened,
    /// Requests in flight.
    active: usize,
    /// Since when there has been none, and the place among the idle clients.
    idle: Option<(Instant, u64)>,
    /// The part of [`Book::open`] that is this client's.
    counted: usize,
}

/// The client of a host, for one request. The host is busy until this is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) client: Client,
    key: ConnectionKey,
    connections: Arc<Connections>,
}

impl Connections {
    /// At most about `max` connections, and `idle_per_host` idle ones of a host.
    pub(super) fn new(max: usize, idle_per_host: usize) -> Arc<Self> {
        Arc::new(Self { max, idle_per_host, book: Mutex::default() })
    }

    /// Lends the client for a request, and makes it if it doesn't exist. Closes others if they could open too many connections.
    pub(super) fn lend(
        self: &Arc<Self>,
        key: ConnectionKey,
        make: impl FnOnce(&Opened) -> Result<Client, EngineError>,
    ) -> Result<Lease, EngineError> {
        let mut book = self.lock();
        if !book.clients.contains_key(&key) {
            let opened = Opened::default();
            let host = HostClient { client: make(&opened)?, opened, active: 0, idle: None, counted: 0 };
            book.clients.insert(key.clone(), host);
        }
        let client = book.change(&key, self.idle_per_host, 1);
        book.close(|book, since| book.open > self.max || since.elapsed() > IDLE_CONNECTION);
        drop(book);
        let client = client.ok_or_else(|| EngineError::Unusable {
            name: "connections",
            problem: "the client of a host is gone".to_owned(),
        })?;
        Ok(Lease { client, key, connections: Arc::clone(self) })
    }

    /// Closes all idle connections.
    pub(super) fn close_idle(&self) {
        self.lock().close(|_, _| true);
    }

    /// How many connections may be open.
    pub(super) fn open(&self) -> usize {
        self.lock().open
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.connections.lock().change(&self.key, self.connections.idle_per_host, -1);
    }
}

impl Book {
    /// One request of a client more or less.
    fn change(&mut self, key: &ConnectionKey, idle_per_host: usize, by: isize) -> Option<Client> {
        let host = self.clients.get_mut(key)?;
        host.active = host.active.saturating_add_signed(by);
        if let Some((_, ticket)) = host.idle.take() {
            self.idle.remove(&ticket);
        }
        if host.active == 0 {
            self.tickets += 1;
            host.idle = Some((Instant::now(), self.tickets));
            self.idle.insert(self.tickets, key.clone());
        }
        // A client counts even if it has no connection, so that the number of clients is limited, too.
        let may_be_open = host.opened.count().min(host.active + idle_per_host).max(host.active).max(1);
        self.open = self.open - host.counted + may_be_open;
        host.counted = may_be_open;
        Some(host.client.clone())
    }

    /// Closes idle clients, the one that has been idle longest first, while `is_due`.
    fn close(&mut self, is_due: impl Fn(&Self, Instant) -> bool) {
        while let Some((ticket, key)) = self.idle.first_key_value() {
            let (ticket, key) = (*ticket, key.clone());
            let since = self.clients.get(&key).and_then(|host| host.idle).map(|(since, _)| since);
            if since.is_some_and(|since| !is_due(self, since)) {
                return;
            }
            self.idle.remove(&ticket);
            if let Some(host) = self.clients.remove(&key) {
                self.open -= host.counted;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(host: usize) -> ConnectionKey {
        ConnectionKey { proxy: None, origin: format!("http://h{host}.example:80"), only_http1: false }
    }

    fn lend(connections: &Arc<Connections>, host: usize) -> Lease {
        let settings = crate::EngineSettings::default();
        let recipe = crate::fetch::client::Recipe::new((&settings).into(), &[]).unwrap();
        let make = |opened: &Opened| recipe.client(false, opened, None, |builder| builder);
        connections.lend(key(host), make).unwrap()
    }

    fn known(connections: &Connections) -> Vec<usize> {
        (0..100).filter(|host| connections.lock().clients.contains_key(&key(*host))).collect()
    }

    #[test]
    fn the_hosts_that_were_idle_longest_are_closed() {
        let connections = Connections::new(3, 2);
        for host in 0..3 {
            lend(&connections, host);
        }
        lend(&connections, 0);
        lend(&connections, 3);
        assert_eq!((known(&connections), connections.open()), (vec![0, 2, 3], 3));
        let busy: Vec<Lease> = [0, 2, 3, 4, 5].map(|host| lend(&connections, host)).into();
        assert_eq!(connections.open(), 5, "a busy host is never closed");
        drop(busy);
        lend(&connections, 6);
        assert_eq!(known(&connections), [4, 5, 6]);
        connections.close_idle();
        assert_eq!((known(&connections), connections.open()), (vec![], 0));
    }

    #[test]
    fn a_host_counts_as_many_connections_as_it_may_have() {
        let connections = Connections::new(100, 2);
        let leases: Vec<Lease> = (0..5).map(|_| lend(&connections, 0)).collect();
        assert_eq!(connections.open(), 5);
        drop(leases);
        assert_eq!(connections.open(), 1, "none was opened");
        connections.lock().clients[&key(0)].opened.note(50);
        drop(lend(&connections, 0));
        assert_eq!(connections.open(), 2, "no more may be idle");
    }
}
