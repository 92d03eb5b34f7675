//! A forward proxy: HTTP (RFC 9112 §3.2.2), tunnels (RFC 9110 §9.3.6) and SOCKS5 (RFC 1928, 1929) on one port. It records what
//! comes through, and may require a password. A test can make it go away, or refuse everything.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// The proxy.
#[derive(Debug)]
pub struct ForwardProxy {
    address: SocketAddr,
    shared: Arc<ForwardProxyShared>,
}

#[derive(Debug, Default)]
struct ForwardProxyShared {
    passages: Mutex<Vec<String>>,
    /// User and password, and both together as in the HTTP header.
    wanted: Option<(String, String, String)>,
    manner: Mutex<Manner>,
    /// How it will treat requests after this number of passages.
    next: Mutex<Option<(usize, Manner)>>,
    changed: Condvar,
    /// Open connections, by number.
    clients: Mutex<HashMap<usize, TcpStream>>,
}

/// How the proxy treats requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// It passes them on.
    #[default]
    Passes,
    /// It is gone: nobody listens, and open connections are cut.
    Gone,
    /// It answers each request itself with this text, also CONNECT.
    Answers(String),
    /// It reads the request and closes the connection.
    Closes,
    /// It refuses SOCKS connections with this code (RFC 1928 §6).
    RefusesSocks(u8),
}

impl ForwardProxy {
    /// A proxy for everyone.
    pub fn start() -> Self {
        Self::with(ForwardProxyShared::default())
    }

    /// A proxy that requires a password. `basic` is the `Basic …` of the header.
    pub fn for_user(user: &str, password: &str, basic: &str) -> Self {
        let wanted = Some((user.to_owned(), password.to_owned(), basic.to_owned()));
        Self::with(ForwardProxyShared { wanted, ..ForwardProxyShared::default() })
    }

    /// `host:port`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// What came through: `GET URL`, `CONNECT host:port`, `SOCKS5 host:port`, `SOCKS5 name:port` with names as they came.
    pub fn passages(&self) -> Vec<String> {
        self.shared.passages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes how it treats requests from now on.
    pub fn set(&self, manner: Manner) {
        self.shared.set(manner, self.address);
    }

    /// Changes how it treats requests when `more` of them have come through.
    pub fn set_after(&self, more: usize, manner: Manner) {
        let at = self.passages().len() + more;
        *self.shared.next.lock().unwrap_or_else(PoisonError::into_inner) = Some((at, manner));
    }

    fn with(shared: ForwardProxyShared) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port for the proxy");
        let address = listener.local_addr().expect("the proxy's address");
        let shared = Arc::new(shared);
        let of_thread = Arc::clone(&shared);
        // This thread ends with the test's process. No test waits for it.
        spawn(move || accept(listener, address, &of_thread));
        Self { address, shared }
    }
}

fn accept(mut listener: TcpListener, address: SocketAddr, shared: &Arc<ForwardProxyShared>) {
    for number in 0.. {
        let Ok((client, _)) = listener.accept() else { continue };
        if *shared.lock_manner() == Manner::Gone {
            drop(listener);
            for (_, client) in shared.lock_clients().drain() {
                let _ = client.shutdown(Shutdown::Both);
            }
            let gone = shared.lock_manner();
            drop(shared.changed.wait_while(gone, |manner| *manner == Manner::Gone));
            listener = TcpListener::bind(address).expect("the proxy's port once more");
            continue;
        }
        shared.lock_clients().extend(client.try_clone().map(|client| (number, client)));
        let shared = Arc::clone(shared);
        // The client sees every failure as a closed connection.
        spawn(move || {
            drop(shared.serve(client));
            shared.lock_clients().remove(&number);
            let mut next = shared.next.lock().unwrap_or_else(PoisonError::into_inner);
            let passages = shared.passages.lock().unwrap_or_else(PoisonError::into_inner).len();
            if let Some((_, manner)) = next.take_if(|(at, _)| passages >= *at) {
                shared.set(manner, address);
            }
        });
    }
}

impl ForwardProxyShared {
    fn serve(&self, client: TcpStream) -> io::Result<()> {
        let mut first = [0];
        client.peek(&mut first)?;
        if first[0] == 5 { self.socks(client) } else { self.http(client) }
    }

    fn set(&self, manner: Manner, address: SocketAddr) {
        let was_gone = std::mem::replace(&mut *self.lock_manner(), manner) == Manner::Gone;
        self.changed.notify_all();
        if !was_gone {
            // Wakes the thread that accepts.
            drop(TcpStream::connect(address));
        }
    }

    fn lock_clients(&self) -> MutexGuard<'_, HashMap<usize, TcpStream>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_manner(&self) -> MutexGuard<'_, Manner> {
        self.manner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, passage: String) {
        self.passages.lock().unwrap_or_else(PoisonError::into_inner).push(passage);
    }

    fn http(&self, client: TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(client.try_clone()?);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line.trim_end().is_empty() {
                break;
            }
            lines.push(line.trim_end().to_owned());
        }
        let mut words = lines[0].split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let credentials = lines.iter().find_map(|line| {
            line.to_ascii_lowercase().starts_with("proxy-authorization:").then(|| line[20..].trim())
        });
        if let Some((_, _, basic)) = &self.wanted
            && credentials != Some(basic)
        {
            return (&client).write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
        self.note(format!("{method} {target}"));
        match self.lock_manner().clone() {
            Manner::Answers(text) => return (&client).write_all(text.as_bytes()),
            Manner::Closes => return Ok(()),
            _ => {}
        }
        if method == "CONNECT" {
            let server = TcpStream::connect(target)?;
            (&client).write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            return join(client, server, reader.buffer());
        }
        let rest = target.strip_prefix("http://").ok_or_else(|| io::Error::other("no absolute URL"))?;
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let mut server =
            TcpStream::connect(if host.contains(':') { host.to_owned() } else { format!("{host}:80") })?;
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        for line in &lines[1..] {
            let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
            if !matches!(name.as_str(), "connection" | "proxy-authorization" | "proxy-connection") {
                head.extend([line, "\r\n"]);
            }
        }
        head.push_str("\r\n");
        server.write_all(head.as_bytes())?;
        join(client, server, reader.buffer())
    }

    fn socks(&self, mut client: TcpStream) -> io::Result<()> {
        let mut head = [0; 2];
        client.read_exact(&mut head)?;
        let methods = take(&mut client, head[1].into())?;
        let method = if self.wanted.is_some() { 2 } else { 0 };
        if !methods.contains(&method) {
            return client.write_all(&[5, 0xff]);
        }
        client.write_all(&[5, method])?;
        if let Some((user, password, _)) = &self.wanted {
            let length = take(&mut client, 2)?[1];
            let given_user = take(&mut client, length.into())?;
            let length = take(&mut client, 1)?[0];
            let given_password = take(&mut client, length.into())?;
            let is_right = given_user == user.as_bytes() && given_password == password.as_bytes();
            client.write_all(&[1, u8::from(!is_right)])?;
            if !is_right {
                return Ok(());
            }
        }
        let kind = take(&mut client, 4)?[3];
        let host = match kind {
            1 => take(&mut client, 4)?.iter().map(u8::to_string).collect::<Vec<_>>().join("."),
            3 => {
                let length = take(&mut client, 1)?[0];
                String::from_utf8_lossy(&take(&mut client, length.into())?).into_owned()
            }
            _ => return client.write_all(&[5, 8, 0, 1, 0, 0, 0, 0, 0, 0]),
        };
        let port = take(&mut client, 2)?;
        let target = format!("{host}:{}", u16::from_be_bytes([port[0], port[1]]));
        self.note(format!("SOCKS5 {target}"));
        if let Manner::RefusesSocks(code) = *self.lock_manner() {
            return client.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0]);
        }
        let server = TcpStream::connect(&target)?;
        client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
        join(client, server, &[])
    }
}

fn take(from: &mut TcpStream, bytes: usize) -> io::Result<Vec<u8>> {
    let mut taken = vec![0; bytes];
    from.read_exact(&mut taken)?;
    Ok(taken)
}

/// Carries bytes both ways until both sides have ended. `early` has come from the client already.
fn join(client: TcpStream, mut server: TcpStream, early: &[u8]) -> io::Result<()> {
    server.write_all(early)?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let mut to_client = client;
    let copied = io::copy(&mut server, &mut to_client);
    let _ = to_client.shutdown(Shutdown::Both);
    copied.map(drop)
}

/// Threads that nobody joins: they end with their connection.
fn spawn(work: impl FnOnce() + Send + 'static) {
    thread::Builder::new().name("forward-proxy".to_owned()).spawn(work).expect("a thread for the proxy");
}
