//! Waits with a limit. When it gives up, it says what it was waiting for.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// The variable with the factor for a slow machine.
const PATIENCE: &str = "DRAGLINE_TEST_PATIENCE";

/// What the factor may be. A longer wait only delays the news of a failure, but nobody waits for hours.
const FACTORS: std::ops::RangeInclusive<f64> = 0.1..=100.0;

static FACTOR: LazyLock<f64> = LazyLock::new(|| match std::env::var(PATIENCE) {
    Err(_) => 1.0,
    Ok(text) => factor(&text).unwrap_or_else(|| panic!("{PATIENCE} must be a number from 0.1 to 100")),
});

/// How long to wait between two looks.
const POLL_EVERY: Duration = Duration::from_millis(10);

/// A limit as it is on this machine: times the factor in the variable `DRAGLINE_TEST_PATIENCE`, which is 1 by default. The
/// functions below do this themselves. Everything else that limits how long a test may take must use it.
pub fn patience(limit: Duration) -> Duration {
    limit.mul_f64(*FACTOR)
}

fn factor(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|factor| FACTORS.contains(factor))
}

/// Looks until `look` finds something.
///
/// # Panics
/// If `limit` has passed and nothing was found.
pub fn wait_for<T>(what: &str, limit: Duration, look: impl FnMut() -> Option<T>) -> T {
    try_wait_for(limit, look).unwrap_or_else(|| panic!("{what}: not within {:?}", patience(limit)))
}

/// Looks until `condition` holds.
///
/// # Panics
/// If `limit` has passed and it does not hold.
pub fn wait_until(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    wait_for(what, limit, || condition().then_some(()));
}

/// Looks until `look` finds something. `None` when `limit` has passed.
pub fn try_wait_for<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + patience(limit);
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if Instant::now() >= deadline {
            return None;
        }
        // The only sleep of all tests: between two looks of a poll that has a limit.
        #[allow(clippy::disallowed_methods)]
        std::thread::sleep(POLL_EVERY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_finds_or_gives_up() {
        let mut looks = 0;
        let found = try_wait_for(Duration::from_secs(5), || {
            looks += 1;
            (looks == 3).then_some(looks)
        });
        assert_eq!(found, Some(3));
        assert_eq!(try_wait_for(Duration::ZERO, || None::<()>), None);
    }

    #[test]
    fn a_slow_machine_waits_longer() {
        assert_eq!(
            (factor("4"), factor(" 1.5 "), factor("0"), factor("many")),
            (Some(4.0), Some(1.5), None, None)
        );
        assert_eq!(patience(Duration::ZERO), Duration::ZERO);
    }
}
