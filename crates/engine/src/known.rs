//! Requests that the store is known to have. Links to them need not be sent there again.
//!
//! Most links of a page lead to pages that were found long ago. Without this memory, each of them would be encoded, sent and
//! looked up by the store. The memory is bounded and may forget. The store decides about everything that it does not know.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use dragline_core::Fingerprint;

/// The memory holds at least this many fingerprints if there are as many, and at most twice this many (some 5 MB).
const REMEMBERED: usize = 65_536;

/// See the module. The scheduler adds to it from receipts, so nothing is here before it is durable. Crawl threads ask it.
#[derive(Debug, Default)]
pub struct KnownRequests(RwLock<Generations>);

/// When the young ones are many, they become the old ones, and those are forgotten.
#[derive(Debug, Default)]
struct Generations {
    young: HashSet<Fingerprint>,
    old: HashSet<Fingerprint>,
}

impl KnownRequests {
    /// The store has these requests, because they were committed or came from there.
    pub(crate) fn are_stored(&self, requests: impl IntoIterator<Item = Fingerprint>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for request in requests {
            if known.young.len() >= REMEMBERED {
                known.old = std::mem::take(&mut known.young);
            }
            known.young.insert(request);
        }
    }

    /// The memory as it is now, for all links of a page.
    pub(crate) fn now(&self) -> KnownNow<'_> {
        KnownNow(self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The memory at one moment. While this is held, nothing is added.
pub(crate) struct KnownNow<'a>(RwLockReadGuard<'a, Generations>);

impl KnownNow<'_> {
    /// Whether the store has this request.
    pub(crate) fn has(&self, request: &Fingerprint) -> bool {
        self.0.young.contains(request) || self.0.old.contains(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(number: usize) -> Fingerprint {
        Fingerprint::from_bytes(&(number as u128).to_be_bytes()).unwrap()
    }

    #[test]
    fn the_last_ones_are_known_and_memory_is_bounded() {
        let known = KnownRequests::default();
        let total = 5 * REMEMBERED;
        known.are_stored((0..total).map(fingerprint));
        let unknown = |numbers: std::ops::Range<usize>| {
            let now = known.now();
            numbers.filter(|number| !now.has(&fingerprint(*number))).collect::<Vec<_>>()
        };
        assert!(unknown(total - REMEMBERED..total).is_empty());
        assert_eq!(unknown(total..total + 2), [total, total + 1]);
        assert!(unknown(0..total).len() >= total - 2 * REMEMBERED);
        let held = known.0.read().unwrap();
        assert!(held.young.len() + held.old.len() <= 2 * REMEMBERED);
    }
}
