//! The byte budget: memory held by pages, outcomes and batches, charged as bytes arrive.
//!
//! Above the budget nothing new is claimed from the window. What is in hand goes on growing until it is
//! done, so that a crawl never deadlocks on its own budget.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A shared limit in bytes. Clones share it.
#[derive(Clone)]
pub struct ByteBudget(Arc<Account>);

struct Account {
    held: AtomicUsize,
    limit: usize,
    released: Box<dyn Fn() + Send + Sync>,
}

/// Bytes held by one page on its way to the store; dropping it releases them.
pub struct Charge {
    account: Arc<Account>,
    bytes: usize,
}

impl ByteBudget {
    /// A budget of `limit` bytes; `released` is called when a release brings it below the limit again and
    /// must not block.
    pub fn new(limit: usize, released: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(Account { held: AtomicUsize::new(0), limit, released: Box::new(released) }))
    }

    /// Whether something new may be claimed.
    pub fn has_room(&self) -> bool {
        self.held() < self.0.limit
    }

    /// Bytes held now.
    pub fn held(&self) -> usize {
        self.0.held.load(Ordering::Acquire)
    }

    /// An empty charge, to be grown as bytes arrive.
    pub fn charge(&self) -> Charge {
        Charge { account: Arc::clone(&self.0), bytes: 0 }
    }
}

impl Charge {
    /// Charges `bytes` more.
    pub fn grow(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.account.held.fetch_add(bytes, Ordering::AcqRel);
    }

    /// Sets the charge to `bytes`: a page of 300 kB may become an outcome of 2 kB.
    pub fn set(&mut self, bytes: usize) {
        if bytes >= self.bytes {
            self.grow(bytes - self.bytes);
        } else {
            self.release(self.bytes - bytes);
            self.bytes = bytes;
        }
    }

    /// What is charged.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn release(&self, bytes: usize) {
        let before = self.account.held.fetch_sub(bytes, Ordering::AcqRel);
        if before >= self.account.limit && before - bytes < self.account.limit {
            (self.account.released)();
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.release(self.bytes);
    }
}

impl fmt::Debug for Charge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Charge({} bytes)", self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_follows_its_page_and_leaves_with_it() {
        let budget = ByteBudget::new(100, || {});
        let mut charge = budget.charge();
        charge.grow(90);
        assert!(budget.has_room());
        charge.grow(90);
        assert!(!budget.has_room());
        charge.set(10);
        assert_eq!(budget.held(), 10);
        drop(charge);
        assert_eq!(budget.held(), 0);
    }
}
