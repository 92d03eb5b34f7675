//! Cancels flushes: with a flag between two statements, and with `SQLite`'s interrupt within one.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use dragline_core::StoreError;
use rusqlite::InterruptHandle;

/// What flushes and their canceller share.
#[derive(Default)]
pub(super) struct Cancel {
    /// How many times a cancel was requested. A flush that began before the last request gives up.
    asked: AtomicU64,
    under_way: AtomicUsize,
    interrupt: Mutex<Option<InterruptHandle>>,
}

/// One flush. It counts as under way until this is dropped.
pub(super) struct Ticket<'a> {
    cancel: &'a Cancel,
    asked_before: u64,
}

impl Cancel {
    /// Sets how a running statement is interrupted; `None` while nothing is connected.
    pub(super) fn set_interrupt(&self, handle: Option<InterruptHandle>) {
        *self.interrupt.lock().unwrap_or_else(PoisonError::into_inner) = handle;
    }

    /// Registers a flush.
    pub(super) fn ticket(&self) -> Ticket<'_> {
        self.under_way.fetch_add(1, Ordering::AcqRel);
        Ticket { cancel: self, asked_before: self.asked.load(Ordering::Acquire) }
    }

    /// Cancels all flushes that are under way. Returns how many there were.
    pub(super) fn all(&self) -> usize {
        let under_way = self.under_way.load(Ordering::Acquire);
        if under_way > 0 {
            self.asked.fetch_add(1, Ordering::AcqRel);
            if let Some(handle) = &*self.interrupt.lock().unwrap_or_else(PoisonError::into_inner) {
                handle.interrupt();
            }
        }
        under_way
    }
}

impl Ticket<'_> {
    /// Checks whether to go on.
    ///
    /// # Errors
    /// [`StoreError::Cancelled`] once a cancel was requested.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.cancel.asked.load(Ordering::Acquire) == self.asked_before {
            Ok(())
        } else {
            Err(StoreError::Cancelled)
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.cancel.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_flushes_under_way_are_cancelled() {
        let cancel = Cancel::default();
        assert_eq!(cancel.all(), 0);
        let ticket = cancel.ticket();
        assert!(ticket.check().is_ok());
        assert_eq!(cancel.all(), 1);
        assert!(ticket.check().is_err());
        drop(ticket);
        assert!(cancel.ticket().check().is_ok());
    }
}
