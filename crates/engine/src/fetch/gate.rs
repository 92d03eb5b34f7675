//! Bodies that arrive while the memory budget is used up wait here, in mid-body.
//!
//! They wait for pages that are further on their way. When there are none, the bodies wait for each other: then
//! one of them may go on to its end, however large.

use std::time::Duration;

use dragline_core::budget::Charge;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep};

/// How often is looked whether there is room: what frees memory is on other threads, and a page's way to the
/// store takes longer than this.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The gate of all bodies.
pub(super) struct Gate(Semaphore);

/// The right to go on beyond the budget, if it was needed.
pub(super) type Beyond<'a> = Option<SemaphorePermit<'a>>;

impl Gate {
    pub(super) fn new() -> Self {
        Self(Semaphore::new(1))
    }

    /// Waits until the body may grow. Gives the time that it waited: it is not the site's.
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
