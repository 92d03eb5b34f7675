//! One connection: its script, act by act.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use rustls::{ServerConnection, StreamOwned};
use socket2::SockRef;

use super::{Act, BadServerShared, frames};

/// How often a pause checks whether the server has been closed.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The bytes of a connection, with TLS or without.
enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

/// Plays a script to its end, or until the client goes away.
pub(super) fn perform(stream: TcpStream, script: &[Act], shared: &BadServerShared, number: usize) {
    let _ = stream.set_nodelay(true);
    let tls = shared.tls.clone().map(|config| ServerConnection::new(config).expect("a server of TLS"));
    let mut wire = match tls {
        Some(tls) => Wire::Tls(Box::new(StreamOwned::new(tls, stream))),
        None => Wire::Plain(stream),
    };
    for act in script {
        // A client that goes away is its own business.
        if shared.is_closed() || wire.play(act, shared).is_err() {
            break;
        }
    }
    let stream = wire.socket();
    let is_reset = script.iter().any(|act| matches!(act, Act::Reset));
    // Drop the copy that wakes this thread first: a socket with two owners is not closed by one of them.
    shared.lock().remove(&number);
    if !is_reset {
        let _ = stream.shutdown(Shutdown::Write);
        // Read the rest of what the client sends. Otherwise its system would take the close for a reset.
        let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
        let _ = io::copy(&mut &*stream, &mut io::sink());
    }
}

impl Wire {
    fn play(&mut self, act: &Act, shared: &BadServerShared) -> io::Result<()> {
        match act {
            Act::Read => self.read_head(),
            Act::ReadFrames => frames::read_request(self),
            Act::Send(bytes) => self.send(bytes),
            Act::Drip(bytes, every) => bytes.iter().try_for_each(|byte| {
                self.send(&[*byte])?;
                pause(*every, shared)
            }),
            Act::Repeat(bytes) => loop {
                self.send(bytes)?;
            },
            Act::Wait => loop {
                if self.read(&mut [0; 1024])? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            },
            Act::Notify => {
                if let Self::Tls(tls) = self {
                    tls.conn.send_close_notify();
                    tls.flush()?;
                }
                Ok(())
            }
            Act::Reset => SockRef::from(self.socket()).set_linger(Some(Duration::ZERO)),
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)?;
        self.flush()
    }

    fn read_head(&mut self) -> io::Result<()> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            self.read_exact(&mut byte)?;
            head.extend_from_slice(&byte);
        }
        Ok(())
    }

    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(tls) => &tls.sock,
        }
    }
}

impl Read for Wire {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(into),
            Self::Tls(tls) => tls.read(into),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}

/// A pause of a slow server. It ends early when the server ends.
fn pause(mut rest: Duration, shared: &BadServerShared) -> io::Result<()> {
    while !rest.is_zero() {
        if shared.is_closed() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let step = rest.min(LOOK_EVERY);
        #[allow(clippy::disallowed_methods)] // what a bad server does: it lets its client wait
        std::thread::sleep(step);
        rest -= step;
    }
    Ok(())
}
