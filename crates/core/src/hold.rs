//! Hold: the scheduler claims nothing more, and requests in hand go on. Unlike a stop, a hold can be lifted again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether new requests may be claimed. Clones share it.
///
/// It wakes nobody, because the scheduler looks at it at least once a second.
#[derive(Clone, Debug, Default)]
pub struct Hold(Arc<AtomicBool>);

impl Hold {
    /// Pauses claiming.
    pub fn put(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Lets claiming go on.
    pub fn lift(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// Whether claiming pauses.
    pub fn is_put(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
