//! Stop is a value, passed to whoever must hear it.
//!
//! It has two levels. *Stop* is graceful: no new requests, what is in hand finishes within its bounds.
//! *Abandon* is forced: whoever waits for something gives it up. Both can be waited for in a crossbeam
//! `select!` and, through [`Stop::on_change`], by an async runtime.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

/// Why a run ends before its frontier is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// A signal; its name.
    Signal(&'static str),
    /// `--max-duration` has passed.
    MaxDuration,
    /// More parses did not come back than there are crawl threads.
    ParsesHang,
    /// Memory stayed above its soft limit; the figures.
    Memory(String),
    /// `--max-items` are stored.
    MaxItems,
    /// A larger share of the pages failed than may; the figures, and the most frequent error.
    MaxFailedShare(String),
    /// Something broke; the run can be resumed.
    Failed(String),
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(name) => write!(f, "signal {name}"),
            Self::Memory(figures) => write!(f, "memory: {figures}"),
            Self::MaxDuration => f.write_str("max-duration"),
            Self::MaxItems => f.write_str("max-items"),
            Self::MaxFailedShare(figures) => write!(f, "max-failed-share: {figures}"),
            Self::ParsesHang => f.write_str("the spider's parse does not come back, again and again"),
            Self::Failed(what) => write!(f, "error: {what}"),
        }
    }
}

/// Tells every part of a run to stop. Clones share it.
#[derive(Clone)]
pub struct Stop(Arc<Inner>);

struct Inner {
    reason: OnceLock<StopReason>,
    stop: Level,
    abandon: Level,
    listeners: Mutex<Vec<Box<dyn Fn() + Send>>>,
}

/// A level is heard as a disconnect: the sender is dropped, and every receiver wakes, now and for ever.
struct Level {
    sender: Mutex<Option<Sender<()>>>,
    receiver: Receiver<()>,
}

impl Level {
    fn new() -> Self {
        let (sender, receiver) = bounded(0);
        Self { sender: Mutex::new(Some(sender)), receiver }
    }

    /// Whether this call was the one that raised it.
    fn raise(&self) -> bool {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }

    fn is_raised(&self) -> bool {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

impl Stop {
    /// A stop that nobody has asked for yet.
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            reason: OnceLock::new(),
            stop: Level::new(),
            abandon: Level::new(),
            listeners: Mutex::new(Vec::new()),
        }))
    }

    /// Asks for a graceful stop. The first reason counts; whether this was it.
    pub fn request(&self, reason: StopReason) -> bool {
        let first = self.0.reason.set(reason).is_ok();
        if self.0.stop.raise() {
            self.tell();
        }
        first
    }

    /// Asks everybody to give up what they wait for. Implies a stop.
    pub fn abandon(&self, reason: StopReason) {
        self.request(reason);
        if self.0.abandon.raise() {
            self.tell();
        }
    }

    /// Whether a stop was asked for.
    pub fn is_requested(&self) -> bool {
        self.0.stop.is_raised()
    }

    /// Whether abandon was asked for.
    pub fn is_abandoned(&self) -> bool {
        self.0.abandon.is_raised()
    }

    /// The first reason given.
    pub fn reason(&self) -> Option<&StopReason> {
        self.0.reason.get()
    }

    /// Disconnected from the stop on; never carries a message.
    pub fn requested(&self) -> &Receiver<()> {
        &self.0.stop.receiver
    }

    /// Disconnected from abandon on; never carries a message.
    pub fn abandoned(&self) -> &Receiver<()> {
        &self.0.abandon.receiver
    }

    /// Calls `listener` at each level that is raised, and once now if one already is. It must not block.
    pub fn on_change(&self, listener: impl Fn() + Send + 'static) {
        if self.is_requested() {
            listener();
        }
        self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(listener));
    }

    /// Sleeps, unless a stop comes first; whether the whole time passed.
    pub fn sleep(&self, duration: Duration) -> bool {
        self.requested().recv_timeout(duration) == Err(RecvTimeoutError::Timeout)
    }

    fn tell(&self) {
        for listener in self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            listener();
        }
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stop")
            .field("reason", &self.reason())
            .field("abandoned", &self.is_abandoned())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn the_first_reason_counts_and_everybody_hears() {
        let (stop, heard) = (Stop::new(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&heard);
        stop.on_change(move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert!(stop.sleep(Duration::from_millis(1)));
        assert!(stop.request(StopReason::Signal("SIGTERM")));
        assert!(!stop.request(StopReason::MaxItems));
        assert!(!stop.sleep(Duration::from_secs(60)));
        assert_eq!(stop.reason(), Some(&StopReason::Signal("SIGTERM")));
        assert!(stop.is_requested() && !stop.is_abandoned());
        stop.abandon(StopReason::Signal("SIGINT"));
        assert!(stop.is_abandoned());
        assert_eq!(heard.load(Ordering::Relaxed), 2);
    }
}
