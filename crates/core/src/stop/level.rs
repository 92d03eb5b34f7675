//! One level of a stop: raised once, and raised for ever.

use std::sync::{Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};

/// Raising a level drops the sender of its channel. The disconnect wakes every receiver, including those that come later.
pub(super) struct Level {
    sender: Mutex<Option<Sender<()>>>,
    receiver: Receiver<()>,
}

impl Level {
    pub(super) fn new() -> Self {
        let (sender, receiver) = bounded(0);
        Self { sender: Mutex::new(Some(sender)), receiver }
    }

    /// Returns whether this call raised it.
    pub(super) fn raise(&self) -> bool {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }

    pub(super) fn is_raised(&self) -> bool {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    pub(super) fn receiver(&self) -> &Receiver<()> {
        &self.receiver
    }
}
