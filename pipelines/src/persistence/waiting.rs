//! Waiting in async code the way the thread waits: hearing a stop, and giving heartbeats meanwhile.

use std::sync::Arc;
use std::time::Duration;

use dragline_core::pulse::{Beating, Pulse};
use dragline_core::stop::Stop;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

/// A beat must come once a second; twice as often leaves room for a busy machine.
pub(super) const BEAT_INTERVAL: Duration = Duration::from_millis(500);

/// Returns when a stop is requested.
pub(super) async fn stop_requested(stop: &Stop) {
    until(stop, Stop::is_requested).await;
}

/// Returns when everybody is told to give up.
pub(super) async fn abandoned(stop: &Stop) {
    until(stop, Stop::is_abandoned).await;
}

/// Runs `work` to its end and beats meanwhile.
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

async fn until(stop: &Stop, is_so: impl Fn(&Stop) -> bool) {
    // The listener stays with the stop for the rest of the run; there are a few of them per run, not per page.
    let changed = Arc::new(Notify::new());
    let notify = Arc::clone(&changed);
    stop.on_change(move || notify.notify_one());
    while !is_so(stop) {
        changed.notified().await;
    }
}
