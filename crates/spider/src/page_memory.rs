//! The memory of one page: its body, its tree, and what the spider makes of it. It is counted while it grows.
//!
//! A body of 60 MB may become a tree of several gigabytes. So everything that grows with the page asks here first. The first
//! megabytes are reserved before the page is parsed. More is asked for in large steps, and may be refused: because the page
//! has reached its limit, or because other pages hold the memory now.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

/// How much memory a page may take if nobody sets a limit.
pub const DEFAULT_LIMIT_BYTES: usize = 224 << 20;

/// More memory is asked for in steps of at least this size.
const STEP_BYTES: usize = 4 << 20;

/// What a page of this length takes at least: the thread's own tables, and the first items.
const FIRST_BYTES: usize = 256 << 10;
/// A page of ordinary length takes this many times its length: its text twice, and ten nodes per hundred bytes.
const TIMES_ITS_LENGTH: usize = 24;
/// In a longer page, the beginnings of tags and attributes are counted.
const LONG_BYTES: usize = 512 << 10;
/// What a tag becomes: an element and the text after it.
const BYTES_PER_TAG: usize = 2 * 220;
/// What an attribute becomes.
const BYTES_PER_ATTRIBUTE: usize = 100;

/// How much memory a page with this body probably takes. A page that needs more asks for it.
pub fn expected_bytes(body: &[u8]) -> usize {
    if body.len() <= LONG_BYTES {
        return FIRST_BYTES + TIMES_ITS_LENGTH * body.len();
    }
    let count = |wanted: u8| memchr::memchr_iter(wanted, body).count();
    // The body, the text in the tree, and the text in the items.
    3 * body.len() + BYTES_PER_TAG * count(b'<') + BYTES_PER_ATTRIBUTE * count(b'=')
}

/// The memory of one page. Clones share it.
#[derive(Clone)]
pub struct PageMemory(Rc<Account>);

/// Why a page may not take more memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryExcess {
    /// It would be more than the limit, which has this many bytes.
    Limit(usize),
    /// Other pages hold the memory now. The page needs this many bytes, and probably no more.
    NotNow(usize),
}

struct Account {
    used: Cell<usize>,
    reserved: Cell<usize>,
    limit: usize,
    /// Reserves this many bytes for the page altogether, and tells whether it could.
    reserve: Box<dyn Fn(usize) -> bool>,
    excess: Cell<Option<MemoryExcess>>,
}

impl PageMemory {
    /// A page that may take `limit` bytes. `reserved` bytes are there already. `reserve` is asked for more: for this many bytes
    /// altogether.
    pub fn new(limit: usize, reserved: usize, reserve: impl Fn(usize) -> bool + 'static) -> Self {
        Self(Rc::new(Account {
            used: Cell::new(0),
            reserved: Cell::new(reserved.min(limit)),
            limit,
            reserve: Box::new(reserve),
            excess: Cell::new(None),
        }))
    }

    /// A page that may take `limit` bytes, whatever others take.
    pub fn up_to(limit: usize) -> Self {
        Self::new(limit, limit, |_| true)
    }

    /// Why the page may not be finished, if something was refused.
    pub fn excess(&self) -> Option<MemoryExcess> {
        self.0.excess.get()
    }

    /// Takes `bytes` more.
    ///
    /// # Errors
    /// [`MemoryExcess`] if the page may not have them. The page then gets nothing more.
    pub fn take(&self, bytes: usize) -> Result<(), MemoryExcess> {
        let Account { used, reserved, .. } = &*self.0;
        let wanted = used.get().saturating_add(bytes);
        if wanted > reserved.get() {
            self.reserve(wanted)?;
        }
        used.set(wanted);
        Ok(())
    }

    /// Takes `bytes` more, after the fact. Tells whether nothing was refused so far.
    pub(crate) fn has_room_for(&self, bytes: usize) -> bool {
        self.excess().is_none() && self.take(bytes).is_ok()
    }

    /// How many bytes the page may still take.
    pub(crate) fn left(&self) -> usize {
        self.0.limit.saturating_sub(self.0.used.get())
    }

    fn reserve(&self, wanted: usize) -> Result<(), MemoryExcess> {
        let Account { reserved, limit, reserve, excess, .. } = &*self.0;
        let refused = if wanted > *limit {
            MemoryExcess::Limit(*limit)
        } else {
            let step = (wanted / 2).max(STEP_BYTES);
            let total = wanted.saturating_add(step).min(*limit);
            if reserve(total) {
                reserved.set(total);
                return Ok(());
            }
            MemoryExcess::NotNow(total)
        };
        excess.set(Some(refused));
        Err(refused)
    }
}

impl Default for PageMemory {
    fn default() -> Self {
        Self::up_to(DEFAULT_LIMIT_BYTES)
    }
}

impl fmt::Debug for PageMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PageMemory({} of {} bytes)", self.0.used.get(), self.0.limit)
    }
}

impl fmt::Display for MemoryExcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit(bytes) => write!(
                f,
                "the page with its tree and its items would take more than {} MiB of memory (max_page_memory)",
                bytes >> 20
            ),
            Self::NotNow(_) => f.write_str("other pages hold the memory that the page needs"),
        }
    }
}

impl std::error::Error for MemoryExcess {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_asked_for_in_steps_and_only_when_it_is_needed() {
        let asked: Rc<Cell<Vec<usize>>> = Rc::default();
        let told = Rc::clone(&asked);
        let memory = PageMemory::new(100 << 20, 1 << 20, move |total| {
            let mut all = told.take();
            all.push(total >> 20);
            told.set(all);
            true
        });
        (0..100).for_each(|_| memory.take(1 << 20).unwrap());
        assert_eq!(asked.take(), [6, 11, 18, 28, 43, 66, 100]);
        assert_eq!(memory.take(1), Err(MemoryExcess::Limit(100 << 20)));
        assert_eq!(memory.excess(), Some(MemoryExcess::Limit(100 << 20)));
    }

    #[test]
    fn what_others_hold_is_refused_for_now() {
        let memory = PageMemory::new(100, 10, |_| false);
        assert_eq!(memory.take(10), Ok(()));
        assert_eq!(memory.take(1), Err(MemoryExcess::NotNow(100)));
        assert!(!memory.has_room_for(0), "once refused, the page is not finished");
    }
}
