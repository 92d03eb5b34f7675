//! A body that arrives while memory is used up waits here until there is room again.
//!
//! Bodies get a part of the budget, so that there is room for what they become. When it is used up, they would wait for each
//! other forever. So one of them at a time may exceed it and finish.

use std::time::Duration;

use dragline_core::budget::Charge;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep};

/// How often a waiting body checks for room. Other threads free memory, and storing a page takes longer than this.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The gate that all bodies pass through.
pub(super) struct Gate(Semaphore);

/// The permission to exceed the bodies' part, if the body needed it.
pub(super) type Beyond<'a> = Option<SemaphorePermit<'a>>;

impl Gate {
    pub(super) fn new() -> Self {
        Self(Semaphore::new(1))
    }

    /// Waits until the body may grow. Returns how long it waited, because this time doesn't count against the site.
    pub(super) async fn pass<'a>(&'a self, charge: &Charge, beyond: &mut Beyond<'a>) -> Duration {
        let began = Instant::now();
        while beyond.is_none() && !charge.may_arrive() {
            match self.0.try_acquire() {
                Ok(permit) if charge.may_arrive_alone() => *beyond = Some(permit),
                _ => sleep(LOOK_EVERY).await,
            }
        }
        began.elapsed()
    }
}
