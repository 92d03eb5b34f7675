//! The byte budget: it limits the memory of pages, outcomes and batches, and is charged before they grow.
//!
//! Above the budget, the scheduler claims nothing new. Bodies that arrive or wait for a crawl thread get an eighth of it, so that
//! there is room for what they become. A page is parsed when there is room for its body, its tree and its items. A page that
//! needs more than the whole budget waits until no other page is parsed and none waits for the store. So it still gets
//! done, and a crawl never deadlocks on its own budget: a page in a later stage never waits for one in an earlier stage.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The part of the budget that bodies get before they are parsed.
const SHARE_OF_BODIES: usize = 8;

/// A shared limit in bytes. Clones share it.
#[derive(Clone)]
pub struct ByteBudget(Arc<Account>);

/// How far a page is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Its body arrives.
    Arriving,
    /// It waits for a crawl thread, and for memory.
    Waiting,
    /// It is parsed.
    Parsing,
    /// It is an outcome that is not durable yet.
    Storing,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Arriving, Self::Waiting, Self::Parsing, Self::Storing];

    /// Its name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Arriving => "arriving",
            Self::Waiting => "waiting",
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
    /// Two pages that begin to be parsed at the same time must not both take the same room.
    reserving: Mutex<()>,
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
            reserving: Mutex::new(()),
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
        self.0.held_in(stage)
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

    fn held_in(&self, stage: Stage) -> usize {
        self.held_in[stage as usize].load(Ordering::Acquire)
    }

    /// Whether no page is parsed or waits for the store, so that none will give memory back by itself.
    fn is_idle(&self) -> bool {
        self.held_in(Stage::Parsing) == 0 && self.held_in(Stage::Storing) == 0
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

    /// Whether more of a body may arrive: there is room in the budget, and in the part of it that bodies get.
    pub fn may_arrive(&self) -> bool {
        let bodies = self.account.held_in(Stage::Arriving) + self.account.held_in(Stage::Waiting);
        self.account.has_room() && bodies <= self.account.limit / SHARE_OF_BODIES
    }

    /// Whether more of this body may arrive without that room, while no other body does the same. Otherwise the bodies would
    /// wait for each other.
    pub fn may_arrive_alone(&self) -> bool {
        let waiting = self.account.held_in(Stage::Waiting);
        waiting <= self.account.limit / SHARE_OF_BODIES && (self.account.has_room() || self.account.is_idle())
    }

    /// Reserves `bytes` for the page altogether, and moves it to [`Stage::Parsing`]. Does nothing and returns `false` if there is
    /// no room for it. If nobody could make room, there is always room for one page.
    #[must_use]
    pub fn reserve(&mut self, bytes: usize) -> bool {
        let account = Arc::clone(&self.account);
        let _one_at_a_time = account.reserving.lock().unwrap_or_else(PoisonError::into_inner);
        let others = account.held.load(Ordering::Acquire).saturating_sub(self.bytes);
        let is_first = self.stage != Stage::Parsing;
        if others.saturating_add(bytes) > account.limit && !(is_first && account.is_idle()) {
            return false;
        }
        // A page that is parsed is one, even if it is empty.
        self.set(bytes.max(self.bytes).max(1));
        self.enter(Stage::Parsing);
        true
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

    fn budget() -> ByteBudget {
        ByteBudget::new(800, || {})
    }

    /// A page with this body that waits for a crawl thread.
    fn waiting(budget: &ByteBudget, body: usize) -> Charge {
        let mut charge = budget.charge();
        charge.grow(body);
        charge.enter(Stage::Waiting);
        charge
    }

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
    fn bodies_leave_room_for_what_they_become() {
        let budget = budget();
        let mut arriving = budget.charge();
        arriving.grow(100);
        assert!(arriving.may_arrive());
        let mut other = budget.charge();
        other.grow(1);
        assert!(!arriving.may_arrive() && !other.may_arrive());
        assert!(arriving.may_arrive_alone(), "otherwise both would wait for ever");
        let wait = waiting(&budget, 101);
        assert!(!arriving.may_arrive_alone(), "the page that waits comes first");
        drop(wait);
        let mut stored = budget.charge();
        stored.enter(Stage::Storing);
        stored.grow(700);
        assert!(!arriving.may_arrive_alone(), "what waits for the store comes first");
        drop(stored);
        assert!(arriving.may_arrive_alone());
    }

    #[test]
    fn pages_are_parsed_together_if_there_is_room_for_all() {
        let budget = budget();
        let (mut one, mut two, mut three) =
            (waiting(&budget, 50), waiting(&budget, 50), waiting(&budget, 50));
        assert!(one.reserve(300) && two.reserve(400));
        assert_eq!((budget.held_in(Stage::Parsing), budget.held()), (700, 750));
        assert!(!three.reserve(101));
        assert_eq!(budget.held(), 750, "a refusal changes nothing");
        drop(one);
        assert!(three.reserve(101));
    }

    #[test]
    fn a_page_larger_than_the_budget_goes_alone() {
        let budget = budget();
        let (mut large, mut small, mut other) =
            (waiting(&budget, 50), waiting(&budget, 50), waiting(&budget, 50));
        assert!(small.reserve(60));
        assert!(!large.reserve(5_000), "a page is parsed");
        small.set(10);
        small.enter(Stage::Storing);
        assert!(!large.reserve(5_000), "a page waits for the store");
        drop(small);
        assert!(large.reserve(5_000));
        assert!(!other.reserve(50), "the large one is parsed");
        assert!(!large.reserve(6_000), "it asked for all at the beginning");
        drop(large);
        assert!(other.reserve(50));
        assert!(other.reserve(800) && !other.reserve(801), "it may grow while there is room");
    }

    #[test]
    fn threads_that_begin_at_once_never_take_the_same_room() {
        for _ in 0..100 {
            let budget = budget();
            let begun = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4)
                    .map(|_| {
                        scope.spawn(|| {
                            let mut charge = waiting(&budget, 1);
                            charge.reserve(300).then_some(charge)
                        })
                    })
                    .collect();
                threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect::<Vec<_>>().len()
            });
            assert_eq!(begun, 2);
        }
    }
}
