//! The threads of a site: one that accepts, and one for each open connection, up to a limit.

use std::collections::HashMap;
use std::io::{self, BufReader};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use super::SiteShared;
use super::answer::Answer;
use super::wire::{After, Received, read_request, write_answer};

/// Connections beyond it wait in the listener's queue until one closes.
const MAX_CONNECTIONS: usize = 256;

/// The accepting thread.
#[derive(Debug)]
pub(super) struct Accept(JoinHandle<()>);

impl Accept {
    pub(super) fn start(listener: TcpListener, address: SocketAddr, shared: Arc<SiteShared>) -> Self {
        let name = format!("site-{}", address.port());
        let thread = Builder::new().name(name.clone()).spawn(move || accept(&name, &listener, &shared));
        Self(thread.expect("a thread for the site"))
    }

    /// Ends the site, which must be marked as closed: a last connection wakes the thread to see it.
    pub(super) fn end(self, address: SocketAddr) {
        drop(TcpStream::connect(address));
        // A panic there has been printed already; a second one here would abort the test.
        let _ = self.0.join();
    }
}

struct SiteConnection {
    stream: TcpStream,
    thread: JoinHandle<()>,
}

fn accept(name: &str, listener: &TcpListener, shared: &Arc<SiteShared>) {
    let mut connections: HashMap<usize, SiteConnection> = HashMap::new();
    for (number, stream) in listener.incoming().enumerate() {
        if shared.lock().closed {
            break;
        }
        let Ok(stream) = stream else { continue };
        while connections.len() >= MAX_CONNECTIONS && !shared.lock().closed {
            connections.retain(|_, connection| !connection.thread.is_finished());
            shared.pause(Duration::from_millis(1));
        }
        connections.retain(|_, connection| !connection.thread.is_finished());
        let Ok(own) = stream.try_clone() else { continue };
        let shared = Arc::clone(shared);
        let thread = Builder::new().name(format!("{name}-{number}")).spawn(move || {
            // A client that goes away is its own business; what it asked is in the log.
            let _ = converse(&stream, &shared);
            let _ = stream.shutdown(Shutdown::Both);
        });
        connections.insert(
            number,
            SiteConnection { stream: own, thread: thread.expect("a thread for a connection") },
        );
    }
    for connection in connections.into_values() {
        // Wakes a thread that reads or writes.
        let _ = connection.stream.shutdown(Shutdown::Both);
        let _ = connection.thread.join();
    }
}

fn converse(stream: &TcpStream, shared: &SiteShared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    while let Some(asked) = read_request(&mut reader)? {
        let answer = shared.enter(&asked).ending_with(&shared.lock().appended);
        shared.pause(shared.delay + answer.delay);
        let after = write_answer(&mut writer, &asked, &answer, |every| shared.pause(every));
        shared.leave();
        if after? == After::Close {
            break;
        }
    }
    Ok(())
}

impl SiteShared {
    /// Notes a request, waits at the gate and finds the answer.
    fn enter(&self, asked: &Received) -> Answer {
        let mut state = self.lock();
        let seen = state.hits.entry(asked.path.clone()).or_default();
        let earlier = *seen;
        *seen += 1;
        state.received.push(asked.clone());
        let number = state.received.len();
        state.busy += 1;
        state.busiest = state.busiest.max(state.busy);
        state.waiting += 1;
        let mut state = self
            .gate
            .wait_while(state, |state| state.holds(&asked.path, number) && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        if state.waiting == 0 {
            // Somebody may wait for this in `release`.
            self.gate.notify_all();
        }
        // Find the answer after the gate, so that a test may change the page while requests wait.
        if let Some(answers) = state.pages.get(&asked.path) {
            return answers.get(earlier).or(answers.last()).cloned().unwrap_or_else(not_found);
        }
        drop(state);
        let handled = self.handler.as_ref().map(|handler| catch_unwind(AssertUnwindSafe(|| handler(asked))));
        match handled {
            Some(Ok(Some(answer))) => answer,
            Some(Err(_)) => Answer::text("the test's handler panicked").status(500),
            Some(Ok(None)) | None => not_found(),
        }
    }

    /// A pause of a slow site. It ends early when the site ends.
    fn pause(&self, duration: Duration) {
        let closed = self.gate.wait_timeout_while(self.lock(), duration, |state| !state.closed);
        drop(closed.unwrap_or_else(PoisonError::into_inner));
    }

    fn leave(&self) {
        self.lock().busy -= 1;
    }
}

fn not_found() -> Answer {
    Answer::html("<title>Not Found</title>").status(404)
}
