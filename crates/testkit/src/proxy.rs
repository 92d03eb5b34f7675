//! A proxy between the program and its Postgres. A test can make it fail at any time.
//!
//! ```text
//!                ┌ forth: Pass · Delay · Blackhole · strikes (mid-COPY, COMMIT) ┐
//!  program ──► accept ──► one connection, two threads ────────────────────────► server
//!                │        └ back:  Pass · Delay · Blackhole · swallowed answer ◄┘
//!                └ Refuse: reset at once
//! ```
//!
//! A connection that swallowed bytes cannot be repaired, so it is cut when the black hole closes. A connection that was
//! silent meanwhile goes on, as it would over a network that dropped packets for a while.

mod pump;
mod wire;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use pump::ProxyConnection;

/// More connections are refused, because the program under test leaks them.
const MAX_CONNECTIONS: usize = 64;

/// A running proxy. It ends when dropped, with all of its connections and threads.
#[derive(Debug)]
pub struct ChaosProxy {
    address: SocketAddr,
    shared: Arc<ProxyShared>,
    accept: Option<JoinHandle<()>>,
}

/// How the proxy treats connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Link {
    /// They work.
    #[default]
    Pass,
    /// New ones are reset at once. Existing ones go on: see [`ChaosProxy::reset`].
    Refuse,
    /// All bytes vanish in both directions. New connections are accepted and never answered.
    Blackhole,
    /// Each piece waits before it goes on, in both directions.
    Delay(Duration),
}

/// A fault at a point of the conversation. The connection is cut there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strike {
    /// After this number of bytes of one COPY have gone to the server.
    MidCopy {
        /// The bytes of its rows.
        after_bytes: usize,
    },
    /// When the server has answered a COMMIT. The answer is not passed on.
    CommitAnswer,
}

/// What the accepting thread, the connections and the test share.
#[derive(Debug, Default)]
struct ProxyShared {
    state: Mutex<ProxyState>,
    /// Signals that the link has changed or a connection was cut.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct ProxyState {
    link: Link,
    strike: Option<(Strike, usize)>,
    struck: usize,
    accepted: usize,
    closed: bool,
    connections: Vec<ProxyConnection>,
}

impl ChaosProxy {
    /// A proxy before the server that listens on this port of 127.0.0.1.
    ///
    /// # Panics
    /// If no port is free.
    pub fn start(server_port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("the proxy's address");
        let shared = Arc::<ProxyShared>::default();
        let own = Arc::clone(&shared);
        let accept = Builder::new()
            .name(format!("proxy-{}", address.port()))
            .spawn(move || accept(&listener, server_port, &own))
            .expect("a thread for the proxy");
        Self { address, shared, accept: Some(accept) }
    }

    /// A proxy before the server of this URL, and the URL that goes through it.
    ///
    /// # Panics
    /// If the URL has no port, or no port is free.
    pub fn before(url: &str) -> (Self, String) {
        let (front, rest) = url.rsplit_once('@').expect("a URL with a user");
        let (host, path) = rest.split_once('/').expect("a URL with a database");
        let port = host.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("a URL with a port");
        let proxy = Self::start(port);
        let through = format!("{front}@{}/{path}", proxy.address);
        (proxy, through)
    }

    /// Switches the link.
    pub fn set(&self, link: Link) {
        let mut state = self.shared.lock();
        if state.link == Link::Blackhole && link != Link::Blackhole {
            state
                .connections
                .iter()
                .filter(|connection| connection.has_lost_bytes())
                .for_each(ProxyConnection::cut);
        }
        state.link = link;
        self.shared.changed.notify_all();
    }

    /// Cuts all connections, now, as a crash of the server's host would.
    pub fn reset(&self) {
        self.shared.lock().connections.iter().for_each(ProxyConnection::cut);
        self.shared.changed.notify_all();
    }

    /// Refuses new connections and cuts all that there are.
    pub fn go_away(&self) {
        self.set(Link::Refuse);
        self.reset();
    }

    /// Cuts the next `times` conversations that reach this point.
    pub fn strike(&self, strike: Strike, times: usize) {
        self.shared.lock().strike = (times > 0).then_some((strike, times));
    }

    /// How often a strike has hit so far.
    pub fn struck(&self) -> usize {
        self.shared.lock().struck
    }

    /// How many connections were taken so far.
    pub fn accepted(&self) -> usize {
        self.shared.lock().accepted
    }

    /// How many connections there are.
    pub fn open(&self) -> usize {
        let mut state = self.shared.lock();
        state.connections.retain(|connection| !connection.is_over());
        state.connections.len()
    }
}

impl Drop for ChaosProxy {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.reset();
        // A last connection wakes the thread, which then sees that the proxy is closed.
        drop(TcpStream::connect(self.address));
        if let Some(accept) = self.accept.take() {
            // A panic there has been printed already; a second one here would abort the test.
            let _ = accept.join();
        }
        let connections = std::mem::take(&mut self.shared.lock().connections);
        connections.into_iter().for_each(ProxyConnection::join);
    }
}

impl ProxyShared {
    fn lock(&self) -> MutexGuard<'_, ProxyState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether to cut a conversation at this point. If so, this counts it.
    fn strikes(&self, is_there: impl FnOnce(Strike) -> bool) -> bool {
        let mut state = self.lock();
        let Some((strike, times)) = state.strike.filter(|(strike, _)| is_there(*strike)) else {
            return false;
        };
        state.strike = (times > 1).then_some((strike, times - 1));
        state.struck += 1;
        true
    }
}

fn accept(listener: &TcpListener, server_port: u16, shared: &Arc<ProxyShared>) {
    for client in listener.incoming() {
        let Ok(client) = client else { continue };
        let mut state = shared.lock();
        if state.closed {
            return;
        }
        state.connections.retain(|connection| !connection.is_over());
        state.accepted += 1;
        if state.link == Link::Refuse || state.connections.len() >= MAX_CONNECTIONS {
            pump::reset(&client);
            continue;
        }
        match TcpStream::connect((Ipv4Addr::LOCALHOST, server_port)) {
            Ok(server) => state.connections.push(ProxyConnection::start(client, server, shared)),
            Err(_) => pump::reset(&client),
        }
    }
}

#[cfg(test)]
mod tests;
