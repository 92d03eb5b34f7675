//! Bad servers: each connection is a script of raw bytes, pauses and broken ends, plain or over TLS.
//!
//! ```
//! use dragline_testkit::bad_server::{Act, BadServer};
//!
//! // Promises a hundred bytes, sends four and goes away.
//! let server = BadServer::start([Act::Read, Act::send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")]);
//! assert!(server.url("/").starts_with("http://127.0.0.1:"));
//! ```

pub mod frames;
mod perform;
mod tls;

use std::collections::HashMap;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use rustls::ServerConfig;
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

pub use self::tls::Certificate;
use crate::certificates::Authority;

/// One thing that a server does on a connection. After the last act it closes the connection. Over TLS, it does so without
/// a closing alert.
#[derive(Clone, Debug)]
pub enum Act {
    /// Reads the head of a request.
    Read,
    /// Reads from an HTTP/2 client until it has sent a request.
    ReadFrames,
    /// Sends bytes.
    Send(Vec<u8>),
    /// Sends bytes one by one, with a pause after each.
    Drip(Vec<u8>, Duration),
    /// Sends bytes again and again, until the client goes away.
    Repeat(Vec<u8>),
    /// Does nothing until the client goes away.
    Wait,
    /// Sends the closing alert of TLS, as a server should.
    Notify,
    /// Ends the connection with a reset.
    Reset,
}

impl Act {
    /// Sends text.
    pub fn send(text: &str) -> Self {
        Self::Send(text.as_bytes().to_vec())
    }
}

/// A running server. It ends when dropped.
#[derive(Debug)]
pub struct BadServer {
    address: SocketAddr,
    shared: Arc<BadServerShared>,
    /// The certificate of its authority, if it speaks TLS.
    folder: Option<TempDir>,
    accept: Option<JoinHandle<()>>,
}

/// What all connections share.
#[derive(Debug)]
struct BadServerShared {
    /// One script for each connection. The last one is for all further connections.
    scripts: Vec<Vec<Act>>,
    tls: Option<Arc<ServerConfig>>,
    closed: AtomicBool,
    /// Open connections, by number.
    open: Mutex<HashMap<usize, TcpStream>>,
    connections: AtomicUsize,
}

impl BadServer {
    /// A server that plays this script on each connection.
    pub fn start(script: impl IntoIterator<Item = Act>) -> Self {
        Self::start_each([script.into_iter().collect()])
    }

    /// A server with a script for each connection. It plays the last one on all further connections.
    pub fn start_each(scripts: impl IntoIterator<Item = Vec<Act>>) -> Self {
        Self::launch(scripts.into_iter().collect(), None, None)
    }

    /// The same over TLS, with such a certificate, and speaking these protocols (`h2`, `http/1.1`).
    pub fn start_tls(
        certificate: Certificate,
        protocols: &[&str],
        scripts: impl IntoIterator<Item = Vec<Act>>,
    ) -> Self {
        let authority = Authority::new();
        let folder = TempDir::new().expect("a folder for the authority's certificate");
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).expect("the authority's certificate");
        let config = tls::config(certificate, &authority, protocols);
        Self::launch(scripts.into_iter().collect(), Some(Arc::new(config)), Some(folder))
    }

    fn launch(scripts: Vec<Vec<Act>>, tls: Option<Arc<ServerConfig>>, folder: Option<TempDir>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("the server's address");
        let shared = Arc::new(BadServerShared {
            scripts,
            tls,
            closed: AtomicBool::new(false),
            open: Mutex::default(),
            connections: AtomicUsize::new(0),
        });
        let accepted = Arc::clone(&shared);
        let thread = Builder::new().name("bad-server".to_owned()).spawn(move || accept(&listener, &accepted));
        Self { address, shared, folder, accept: Some(thread.expect("a thread for the server")) }
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.folder.is_some() { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.address)
    }

    /// The certificate of its authority (PEM).
    ///
    /// # Panics
    /// When it speaks no TLS.
    pub fn authority(&self) -> PathBuf {
        self.folder.as_ref().expect("a server with TLS").path().join("ca.pem")
    }

    /// How many connections were made to it.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How many of them are open.
    pub fn open(&self) -> usize {
        self.shared.lock().len()
    }
}

impl Drop for BadServer {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        // A last connection wakes the thread, which then sees that the server is closed.
        drop(TcpStream::connect(self.address));
        if let Some(accept) = self.accept.take() {
            let _ = accept.join();
        }
    }
}

impl BadServerShared {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<usize, TcpStream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}

fn accept(listener: &TcpListener, shared: &Arc<BadServerShared>) {
    let mut threads = Vec::new();
    for stream in listener.incoming() {
        if shared.is_closed() {
            break;
        }
        let Ok(stream) = stream else { continue };
        let Ok(own) = stream.try_clone() else { continue };
        let number = shared.connections.fetch_add(1, Ordering::SeqCst);
        shared.lock().insert(number, own);
        let shared = Arc::clone(shared);
        let thread = Builder::new().name(format!("bad-server-{number}")).spawn(move || {
            let script = shared.scripts.get(number).or(shared.scripts.last()).cloned().unwrap_or_default();
            perform::perform(stream, &script, &shared, number);
        });
        threads.push(thread.expect("a thread for a connection"));
    }
    for stream in shared.lock().values() {
        // Wakes a thread that reads or writes.
        let _ = stream.shutdown(Shutdown::Both);
    }
    for thread in threads {
        let _ = thread.join();
    }
}

/// A server that accepts no connection. Its queue is full, so the next client gets no answer at all.
#[derive(Debug)]
pub struct DeafServer {
    address: SocketAddr,
    _listener: Socket,
    _queued: Vec<Socket>,
}

impl DeafServer {
    /// Starts it.
    ///
    /// # Panics
    /// If no port is free.
    pub fn start() -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        listener.bind(&any.into()).expect("a port");
        // The shortest possible queue. The system makes it a little longer.
        listener.listen(0).expect("a queue");
        let address = listener.local_addr().ok().and_then(|address| address.as_socket()).expect("an address");
        let queued = (0..8).map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
            socket.set_nonblocking(true).expect("a socket that does not wait");
            // In progress. The connections that do not fit into the queue stay like this.
            let _ = socket.connect(&address.into());
            socket
        });
        Self { address, _queued: queued.collect(), _listener: listener }
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// An address where nobody listens. A port that was free a moment ago would not do, because the next test may use
/// it.
pub const NOBODY: &str = "127.0.0.1:9";

/// A URL at which nobody listens.
pub fn nobody(path: &str) -> String {
    format!("http://{NOBODY}{path}")
}
