//! Pauses between attempts. They grow up to a limit, and each one is shortened at random.
//!
//! This type only computes how long to wait. The caller waits, and must also react to a stop. Synchronous code does both with
//! [`Stop::sleep`](crate::stop::Stop::sleep). Async code uses its runtime's timer together with
//! [`Stop::until_requested`](crate::stop::Stop::until_requested).

use std::time::Duration;

/// Enough doublings to reach any sensible limit.
const MAX_DOUBLINGS: u32 = 16;

/// The pauses of one series of attempts.
///
/// Each pause lasts between half of a limit and the whole limit. The limit doubles from attempt to attempt, up to the longest
/// pause. The exact length is random, so that many callers that failed together do not come back together.
///
/// ```
/// use std::time::Duration;
///
/// use dragline_core::back_off::BackOff;
///
/// let mut back_off = BackOff::new(Duration::from_millis(100), Duration::from_secs(2));
/// let first = back_off.next_pause();
/// assert!(first >= Duration::from_millis(50) && first <= Duration::from_millis(100));
/// assert!(back_off.pause_after(1_000) <= Duration::from_secs(2));
/// ```
#[derive(Clone, Debug)]
pub struct BackOff {
    first: Duration,
    longest: Duration,
    attempts: u32,
}

impl BackOff {
    /// Pauses that grow from `first` to `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, attempts: 0 }
    }

    /// The pause after one more failed attempt.
    pub fn next_pause(&mut self) -> Duration {
        self.attempts = self.attempts.saturating_add(1);
        self.pause_after(self.attempts)
    }

    /// The pause after `attempts` failed attempts, for callers that count them elsewhere.
    pub fn pause_after(&self, attempts: u32) -> Duration {
        let doublings = attempts.saturating_sub(1).min(MAX_DOUBLINGS);
        let limit = self.first.saturating_mul(1 << doublings).min(self.longest);
        limit.mul_f64(rand::random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn pauses_double_up_to_the_longest() {
        for _ in 0..50 {
            let mut back_off = BackOff::new(100 * MILLISECOND, 400 * MILLISECOND);
            for limit in [100, 200, 400, 400, 400] {
                let (pause, limit) = (back_off.next_pause(), limit * MILLISECOND);
                assert!(pause >= limit / 2 && pause <= limit, "{pause:?} of {limit:?}");
            }
        }
    }

    #[test]
    fn however_many_attempts_failed_the_longest_pause_is_the_limit() {
        let back_off = BackOff::new(Duration::from_secs(1), Duration::from_secs(60));
        for attempts in [7, 100, u32::MAX] {
            let pause = back_off.pause_after(attempts);
            assert!((30..=60).contains(&pause.as_secs()), "{attempts}: {pause:?}");
        }
        assert_eq!(BackOff::new(Duration::MAX, Duration::ZERO).pause_after(u32::MAX), Duration::ZERO);
    }

    #[test]
    fn two_that_failed_together_do_not_come_back_together() {
        let pauses: std::collections::HashSet<Duration> =
            (0..50).map(|_| BackOff::new(1000 * MILLISECOND, 1000 * MILLISECOND).next_pause()).collect();
        assert!(pauses.len() > 25, "{pauses:?}");
    }
}
