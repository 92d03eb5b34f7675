//! The wait before something is tried again.

use dragline_core::back_off::BackOff;
use dragline_core::stop::Stop;
use tokio::time::sleep;

/// Waits for the next pause of `back_off`. Returns false at once if a stop is requested. The caller then leaves the work to the
/// resume.
pub(crate) async fn pause(back_off: &mut BackOff, stop: &Stop) -> bool {
    tokio::select! {
        biased;
        () = stop.until_requested() => false,
        () = sleep(back_off.next_pause()) => true,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use dragline_core::stop::StopReason;

    use super::*;

    #[test]
    fn a_stop_ends_a_pause_and_forbids_the_next() {
        let (stop, minute) = (Stop::new(), Duration::from_secs(60));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let begun = Instant::now();
        runtime.block_on(async {
            let millisecond = Duration::from_millis(1);
            assert!(pause(&mut BackOff::new(millisecond, millisecond), &stop).await);
            let mut long = BackOff::new(minute, minute);
            let (went_on, ()) = tokio::join!(pause(&mut long, &stop), async {
                stop.request(StopReason::Signal("SIGTERM"));
            });
            assert!(!went_on);
            assert!(!pause(&mut long, &stop).await);
        });
        assert!(begun.elapsed() < minute / 2);
    }
}
