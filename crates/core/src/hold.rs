//! Hold: claiming pauses, what is in hand goes on. Unlike a stop it can be lifted again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether new requests may be claimed. Clones share it.
///
/// Nobody is woken by it: the scheduler comes round once a second at least.
#[derive(Clone, Debug, Default)]
pub struct Hold(Arc<AtomicBool>);

impl Hold {
    /// Nothing more is claimed from now on.
    pub fn put(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Claiming goes on.
    pub fn lift(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// Whether claiming pauses.
    pub fn is_put(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
