//! The byte budget: it limits the memory of pages, outcomes and batches, and is charged as bytes arrive.
//!
//! Above the budget, the scheduler claims nothing new. Above it, a page in hand also waits for the pages that are in a later
//! stage on their way to the store. A page may grow beyond the budget only if no other page is in a later stage. So a page that
//! is larger than the budget still gets done, and a crawl never deadlocks on its own budget.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A shared limit in bytes. Clones share it.
#[derive(Clone)]
pub struct ByteBudget(Arc<Account>);

/// How far a page is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Its body arrives.
    Arriving,
    /// It waits for a crawl thread, or is parsed.
    Parsing,
    /// It is an outcome that is not durable yet.
    Storing,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 3] = [Self::Arriving, Self::Parsing, Self::Storing];

    /// Its name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Arriving => "arriving",
            Self::Parsing => "parsing",
            Self::Storing => "storing",
        }
    }
}

struct Account {
    held: AtomicUsize,
    peak: AtomicUsize,
    held_in: [AtomicUsize; Stage::ALL.len()],
    limit: usize,
    released: Box<dyn Fn() + Send + Sync>,
}

/// The bytes that one page holds on its way to the store. Dropping the charge releases them.
pub struct Charge {
    account: Arc<Account>,
    bytes: usize,
    stage: Stage,
}

impl ByteBudget {
    /// A budget of `limit` bytes. It calls `released` when a release brings it below the limit again. That function must
    /// not block.
    pub fn new(limit: usize, released: impl Fn() + Send + Sync + 'static) -> Self {
        let held_in = Default::default();
        Self(Arc::new(Account {
            held: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            held_in,
            limit,
            released: Box::new(released),
        }))
    }

    /// Whether something new may be claimed.
    pub fn has_room(&self) -> bool {
        self.0.has_room()
    }

    /// Bytes held now.
    pub fn held(&self) -> usize {
        self.0.held.load(Ordering::Acquire)
    }

    /// Bytes held now by pages in this stage.
    pub fn held_in(&self, stage: Stage) -> usize {
        self.0.held_in[stage as usize].load(Ordering::Acquire)
    }

    /// The most that was held at once.
    pub fn peak(&self) -> usize {
        self.0.peak.load(Ordering::Acquire)
    }

    /// An empty charge, which grows as bytes arrive.
    pub fn charge(&self) -> Charge {
        Charge { account: Arc::clone(&self.0), bytes: 0, stage: Stage::Arriving }
    }
}

impl Account {
    fn has_room(&self) -> bool {
        self.held.load(Ordering::Acquire) < self.limit
    }
}

impl Charge {
    /// Charges `bytes` more.
    pub fn grow(&mut self, bytes: usize) {
        self.bytes += bytes;
        let before = self.account.held.fetch_add(bytes, Ordering::AcqRel);
        self.account.peak.fetch_max(before + bytes, Ordering::AcqRel);
        self.account.held_in[self.stage as usize].fetch_add(bytes, Ordering::AcqRel);
    }

    /// Moves the page to this stage.
    pub fn enter(&mut self, stage: Stage) {
        self.account.held_in[stage as usize].fetch_add(self.bytes, Ordering::AcqRel);
        self.account.held_in[self.stage as usize].fetch_sub(self.bytes, Ordering::AcqRel);
        self.stage = stage;
    }

    /// Whether there is room in the budget.
    pub fn has_room(&self) -> bool {
        self.account.has_room()
    }

    /// Whether the page may take more memory, because there is room, or because no page in a later stage could make
    /// room.
    pub fn may_grow(&self) -> bool {
        let further = &self.account.held_in[self.stage as usize + 1..];
        self.has_room() || further.iter().all(|held| held.load(Ordering::Acquire) == 0)
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

    /// The bytes that are charged.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn release(&self, bytes: usize) {
        self.account.held_in[self.stage as usize].fetch_sub(bytes, Ordering::AcqRel);
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
        assert_eq!((budget.held(), budget.peak()), (0, 180));
    }

    #[test]
    fn without_room_a_page_waits_for_those_further_on_their_way_and_for_no_others() {
        let budget = ByteBudget::new(100, || {});
        let (mut arriving, mut parsing, mut storing) = (budget.charge(), budget.charge(), budget.charge());
        parsing.enter(Stage::Parsing);
        storing.enter(Stage::Storing);
        arriving.grow(60);
        parsing.grow(60);
        storing.grow(60);
        assert_eq!([&arriving, &parsing, &storing].map(Charge::may_grow), [false, false, true]);
        drop(storing);
        assert_eq!([&arriving, &parsing].map(Charge::may_grow), [false, true]);
        parsing.enter(Stage::Storing);
        assert!(!arriving.may_grow());
        drop(parsing);
        assert!(arriving.may_grow(), "there is room again");
        arriving.grow(60);
        assert!(arriving.may_grow(), "nothing else would make room");
        assert_eq!(budget.held(), 120);
    }
}
