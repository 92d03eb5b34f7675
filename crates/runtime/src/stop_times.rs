//! How the time for a stop is divided among its steps.

use std::time::Duration;

/// Reserved for cancelling and gathering (2 s) and for closing sessions and runtime (0.5 s).
pub(crate) const RESERVE: Duration = Duration::from_millis(2_500);
/// With less time, nothing would be left for the steps before the reserve.
pub const MIN_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(4);
/// The design's limit: it fits into the 10 s that a container gets.
pub const DEFAULT_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(8);

/// How long each step may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StopTimes {
    /// In-flight fetches may finish.
    pub(crate) fetch_grace: Duration,
    /// From the stop until crawl threads must have ended.
    pub(crate) crawl_until: Duration,
    /// From the stop until everything must have ended.
    pub(crate) total: Duration,
}

impl StopTimes {
    /// Divides `total`. Fetches, pages in hand and the last flush get everything except the reserve.
    pub(crate) fn of(total: Duration) -> Self {
        let shared = total.saturating_sub(RESERVE);
        // The watchdog's deadline is the total, so the steps aim to be done a little earlier.
        let total = total.saturating_sub(Duration::from_millis(200));
        Self { fetch_grace: shared.mul_f64(0.3), crawl_until: shared.mul_f64(0.65), total }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_leave_the_reserve_for_the_last_steps() {
        for seconds in [4, 8, 10, 60] {
            let total = Duration::from_secs(seconds);
            let times = StopTimes::of(total);
            assert!(times.fetch_grace < times.crawl_until, "{times:?}");
            assert!(times.crawl_until + RESERVE < times.total, "{times:?}");
            assert!(times.total < total, "{times:?}");
        }
    }
}
