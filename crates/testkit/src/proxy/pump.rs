//! One connection of the proxy: two threads, each of which carries the bytes of one direction.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, Weak};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use socket2::SockRef;

use super::wire::{Frontend, Seen};
use super::{Link, ProxyShared, ProxyState, Strike};

const PIECE_BYTES: usize = 64 * 1024;
/// A peer that reads nothing for this long is cut off, so that no thread of the proxy hangs on it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection and its threads.
#[derive(Debug)]
pub(super) struct ProxyConnection {
    /// Only the threads keep them open.
    ends: Weak<Ends>,
    threads: [JoinHandle<()>; 2],
}

#[derive(Debug)]
struct Ends {
    client: TcpStream,
    server: TcpStream,
    cut: AtomicBool,
    has_lost_bytes: AtomicBool,
    /// Whether the next answer of the server belongs to a COMMIT and must not arrive.
    swallows_answer: AtomicBool,
}

/// Makes the close of the socket a reset, so that a reader at the other end gets an error and not an end of file. A reader
/// at this end wakes up.
pub(super) fn reset(stream: &TcpStream) {
    // Both fail if the other end was faster, which is fine.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    let _ = stream.shutdown(Shutdown::Read);
}

impl ProxyConnection {
    pub(super) fn start(client: TcpStream, server: TcpStream, shared: &Arc<ProxyShared>) -> Self {
        for stream in [&client, &server] {
            stream.set_nodelay(true).expect("a socket without delay");
            stream.set_write_timeout(Some(WRITE_TIMEOUT)).expect("a limit for writing");
        }
        let ends = Arc::new(Ends {
            client,
            server,
            cut: AtomicBool::default(),
            has_lost_bytes: AtomicBool::default(),
            swallows_answer: AtomicBool::default(),
        });
        let thread = |name: &str, carry: fn(&Ends, &ProxyShared) -> io::Result<()>| {
            let (ends, shared) = (Arc::clone(&ends), Arc::clone(shared));
            let run = move || {
                // Either end may go away at any time; that is what this is for.
                let _ = carry(&ends, &shared);
                ends.cut();
            };
            Builder::new().name(name.to_owned()).spawn(run).expect("a thread for a connection")
        };
        let threads = [thread("proxy-forth", forth), thread("proxy-back", back)];
        Self { ends: Arc::downgrade(&ends), threads }
    }

    /// Ends it, both ways.
    pub(super) fn cut(&self) {
        if let Some(ends) = self.ends.upgrade() {
            ends.cut();
        }
    }

    pub(super) fn has_lost_bytes(&self) -> bool {
        self.ends.upgrade().is_some_and(|ends| ends.has_lost_bytes.load(Ordering::Acquire))
    }

    pub(super) fn is_over(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// Waits for its threads; it must be cut.
    pub(super) fn join(self) {
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

impl Ends {
    fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        reset(&self.client);
        reset(&self.server);
    }

    fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }
}

/// From the program to the server.
fn forth(ends: &Ends, shared: &ProxyShared) -> io::Result<()> {
    let mut frontend = Frontend::default();
    let mut copied = 0;
    carry(&ends.client, &ends.server, ends, shared, |piece| {
        for seen in frontend.read(piece) {
            match seen {
                Seen::CopyData { at, bytes } => {
                    let is_there = |strike| matches!(strike, Strike::MidCopy { after_bytes } if copied + bytes > after_bytes);
                    if shared.strikes(is_there) {
                        return Some(at);
                    }
                    copied += bytes;
                }
                Seen::CopyEnd => copied = 0,
                Seen::Commit => {
                    let strikes = shared.strikes(|strike| strike == Strike::CommitAnswer);
                    ends.swallows_answer.store(strikes, Ordering::Release);
                }
            }
        }
        None
    })
}

/// From the server to the program.
fn back(ends: &Ends, shared: &ProxyShared) -> io::Result<()> {
    carry(&ends.server, &ends.client, ends, shared, |_| {
        ends.swallows_answer.load(Ordering::Acquire).then_some(0)
    })
}

/// Carries pieces until an end closes or `cut_at` says where in a piece to cut.
fn carry(
    mut from: &TcpStream,
    mut to: &TcpStream,
    ends: &Ends,
    shared: &ProxyShared,
    mut cut_at: impl FnMut(&[u8]) -> Option<usize>,
) -> io::Result<()> {
    let mut buffer = vec![0; PIECE_BYTES];
    let mut has_carried = false;
    loop {
        let length = from.read(&mut buffer).unwrap_or(0);
        if length == 0 {
            // A black hole also swallows the end of a connection, unless the connection never carried a byte.
            if has_carried {
                shared.leave_blackhole(ends);
            }
            return Ok(());
        }
        let piece = &buffer[..length];
        let link = shared.lock().link;
        match link {
            Link::Blackhole => {
                ends.has_lost_bytes.store(true, Ordering::Release);
                continue;
            }
            Link::Delay(delay) => shared.pause(delay, ends),
            Link::Pass | Link::Refuse => {}
        }
        // The lost bytes cannot be recovered.
        if ends.has_lost_bytes.load(Ordering::Acquire) {
            return Ok(());
        }
        if let Some(at) = cut_at(piece) {
            to.write_all(&piece[..at])?;
            return Ok(());
        }
        to.write_all(piece)?;
        has_carried = true;
    }
}

impl ProxyShared {
    /// The wait of a slow link. It ends early when the connection ends.
    fn pause(&self, delay: Duration, ends: &Ends) {
        let waited = self.changed.wait_timeout_while(self.lock(), delay, |_| !ends.is_cut());
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits until the link changes, or the connection is cut.
    fn leave_blackhole(&self, ends: &Ends) {
        let is_there = |state: &mut ProxyState| state.link == Link::Blackhole && !ends.is_cut();
        let left = self.changed.wait_while(self.lock(), is_there);
        drop(left.unwrap_or_else(PoisonError::into_inner));
    }
}
