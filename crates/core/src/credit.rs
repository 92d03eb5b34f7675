//! Credits: the right to have one more request in flight.
//!
//! The scheduler takes a credit at dispatch. The credit travels with the request through download, parse and the channel
//! to the persistence thread, and returns when that thread has taken the outcome. It returns when it is dropped, so no
//! path of a request (a panic in a spider, an abandoned fetch) can lose one.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The pool from which credits are taken. Clones share it.
#[derive(Clone)]
pub struct Credits(Arc<Pool>);

struct Pool {
    free: AtomicUsize,
    total: usize,
    returned: Box<dyn Fn() + Send + Sync>,
}

/// One credit. Dropping it returns it.
pub struct Credit(Arc<Pool>);

impl Credits {
    /// A pool of `total` credits. It calls `returned` after each credit that comes back. That function must not block.
    pub fn new(total: usize, returned: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(Pool { free: AtomicUsize::new(total), total, returned: Box::new(returned) }))
    }

    /// Takes one, if one is free.
    pub fn try_take(&self) -> Option<Credit> {
        self.0
            .free
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |free| free.checked_sub(1))
            .ok()
            .map(|_| Credit(Arc::clone(&self.0)))
    }

    /// How many are out.
    pub fn in_use(&self) -> usize {
        self.0.total - self.0.free.load(Ordering::Acquire)
    }
}

impl Drop for Credit {
    fn drop(&mut self) {
        self.0.free.fetch_add(1, Ordering::AcqRel);
        (self.0.returned)();
    }
}

impl fmt::Debug for Credit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credit")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credit_returns_when_dropped_and_says_so() {
        let returned = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&returned);
        let credits = Credits::new(1, move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let credit = credits.try_take().unwrap();
        assert!(credits.try_take().is_none());
        assert_eq!(credits.in_use(), 1);
        drop(credit);
        assert_eq!((credits.in_use(), returned.load(Ordering::Relaxed)), (0, 1));
        assert!(credits.try_take().is_some());
    }
}
