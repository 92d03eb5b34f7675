//! A body that arrives while the memory budget is used up waits here until there is room again.
//!
//! It waits until later stages finish their pages and free memory. If there are no such pages, the bodies would wait for each
//! other forever. In that case one of them may exceed the budget and finish.

use std::time::Duration;

use dragline_core::budget::Charge;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep};

/// How often a waiting body checks for room. Other threads free memory, and storing a page takes longer than this.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The gate that all bodies pass through.
pub(super) struct Gate(Semaphore);

/// The permission to exceed the budget, if the body needed it.
pub(super) type Beyond<'a> = Option<SemaphorePermit<'a>>;

impl Gate {
    pub(super) fn new() -> Self {
        Self(Semaphore::new(1))
    }

    /// Waits until the body may grow. Returns how long it waited, because this time doesn't count against the site.
    pub(super) async fn pass<'a>(&'a self, charge: &Charge, beyond: &mut Beyond<'a>) -> Duration {
        let began = Instant::now();
        while beyond.is_none() && !charge.has_room() {
            match self.0.try_acquire() {
                Ok(permit) if charge.may_grow() => *beyond = Some(permit),
                _ => sleep(LOOK_EVERY).await,
            }
        }
        began.elapsed()
    }
}
