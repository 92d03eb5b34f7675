//! How many connections the limit on open files leaves room for.

use rustix::process::{Resource, getrlimit};

/// More connections than this bring nothing by default: they would be idle.
const MOST_BY_DEFAULT: usize = 1024;
/// Descriptors for everything else: store, log, endpoints, name resolution, the program around an embedded crawl, and
/// connections that are just being opened or closed. With a low limit, it is half of the limit.
const RESERVE: usize = 128;

/// The largest number of connections if the settings name none. It depends on the limit on open files (`ulimit -n`).
pub(crate) fn max_connections(concurrency: usize) -> usize {
    let limit = getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok());
    fitting(limit.unwrap_or(usize::MAX), concurrency)
}

/// A request in flight may need a connection of its own, and others should stay open for the next request to their hosts.
fn fitting(limit: usize, concurrency: usize) -> usize {
    let room = limit - RESERVE.min(limit / 2);
    room.min(MOST_BY_DEFAULT.max(concurrency.saturating_mul(2))).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_on_open_files_leaves_room_for_the_rest() {
        for (limit, concurrency, expected) in [
            (1, 32, 1),
            (64, 32, 32),
            (256, 32, 128),
            (1024, 32, 896),
            (20_000, 32, 1024),
            (20_000, 5_000, 10_000),
            (4_096, 100_000, 3_968),
            (usize::MAX, 1, 1024),
        ] {
            assert_eq!(fitting(limit, concurrency), expected, "{limit}");
        }
        assert!(max_connections(32) >= 1);
    }
}
