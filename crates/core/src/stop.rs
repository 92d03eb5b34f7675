//! Stop is a value that is passed to every part of a run that must hear it.
//!
//! It has two levels. *Stop* is graceful: nothing new begins, and what is in hand finishes within its limits.
//! *Abandon* is forced: everybody gives up what they wait for. Synchronous code waits for a level in a crossbeam
//! `select!`. Async code awaits [`Stop::until_requested`], on any runtime. [`Stop::on_change`] calls a listener.

mod level;
mod listeners;
mod reason;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use level::Level;
use listeners::Listeners;

pub use listeners::UntilRaised;
pub use reason::StopReason;

/// Tells every part of a run to stop. Clones share it.
#[derive(Clone)]
pub struct Stop(Arc<Shared>);

struct Shared {
    reason: OnceLock<StopReason>,
    stop: Level,
    abandon: Level,
    listeners: Listeners,
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

impl Stop {
    /// A stop that nobody has requested yet.
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            reason: OnceLock::new(),
            stop: Level::new(),
            abandon: Level::new(),
            listeners: Listeners::default(),
        }))
    }

    /// Requests a graceful stop. Returns whether this was the first request: only its reason is kept.
    pub fn request(&self, reason: StopReason) -> bool {
        let is_first = self.0.reason.set(reason).is_ok();
        self.0.listeners.raise(&self.0.stop);
        is_first
    }

    /// Tells everybody to give up what they wait for. This also requests a stop.
    pub fn abandon(&self, reason: StopReason) {
        self.request(reason);
        self.0.listeners.raise(&self.0.abandon);
    }

    /// Whether a stop was requested.
    pub fn is_requested(&self) -> bool {
        self.0.stop.is_raised()
    }

    /// Whether the crawl is abandoned.
    pub fn is_abandoned(&self) -> bool {
        self.0.abandon.is_raised()
    }

    /// The first reason that was given.
    pub fn reason(&self) -> Option<&StopReason> {
        self.0.reason.get()
    }

    /// A channel that never carries a message and is disconnected when a stop is requested.
    pub fn requested(&self) -> &Receiver<()> {
        self.0.stop.receiver()
    }

    /// A channel that never carries a message and is disconnected on abandon.
    pub fn abandoned(&self) -> &Receiver<()> {
        self.0.abandon.receiver()
    }

    /// Resolves when a stop is requested.
    pub fn until_requested(&self) -> UntilRaised<'_> {
        self.0.listeners.until(&self.0.stop)
    }

    /// Resolves on abandon.
    pub fn until_abandoned(&self) -> UntilRaised<'_> {
        self.0.listeners.until(&self.0.abandon)
    }

    /// Calls `listener` each time a level is raised, and once now if a level is raised already. The listener
    /// stays for as long as the stop exists. It must not block, but it may use the stop.
    pub fn on_change(&self, listener: impl Fn() + Send + Sync + 'static) {
        self.0.listeners.add(listener, &self.0.stop);
    }

    /// Sleeps until `duration` has passed or a stop is requested. Returns whether the whole time passed.
    pub fn sleep(&self, duration: Duration) -> bool {
        self.requested().recv_timeout(duration) == Err(RecvTimeoutError::Timeout)
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
mod tests;
