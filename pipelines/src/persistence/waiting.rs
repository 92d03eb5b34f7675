//! Heartbeats of the thread while it waits for async code.

use std::time::Duration;

use dragline_core::pulse::{Beating, Pulse};
use tokio::time::{MissedTickBehavior, interval};

/// A beat must come once a second. Twice as often leaves room for a busy machine.
pub(super) const BEAT_INTERVAL: Duration = Duration::from_millis(500);

/// Runs `work` to its end and gives heartbeats meanwhile.
pub(super) async fn beating<T>(pulse: &dyn Pulse, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    let mut beats = interval(BEAT_INTERVAL);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = beats.tick() => pulse.beat(Beating::Persistence),
        }
    }
}
