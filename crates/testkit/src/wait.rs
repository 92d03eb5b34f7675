//! Waits with a limit. When it gives up, it says what it was waiting for.

use std::time::{Duration, Instant};

/// How long to wait between two looks.
const POLL_EVERY: Duration = Duration::from_millis(10);

/// Looks until `look` finds something.
///
/// # Panics
/// If `limit` has passed and nothing was found.
pub fn wait_for<T>(what: &str, limit: Duration, look: impl FnMut() -> Option<T>) -> T {
    try_wait_for(limit, look).unwrap_or_else(|| panic!("{what}: not within {limit:?}"))
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
    let deadline = Instant::now() + limit;
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
}
