//! A histogram of durations. Each entry costs two atomic additions, and the code that makes it need not know metrics.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper bounds of the buckets. Each is about twice the one before, so short and long durations have the same relative
/// precision: from a quarter of a millisecond for a parse to two minutes for a flush that waits.
pub const LATENCY_BOUNDS: [Duration; 20] = [
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(4),
    Duration::from_millis(8),
    Duration::from_millis(16),
    Duration::from_millis(32),
    Duration::from_millis(64),
    Duration::from_millis(125),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
    Duration::from_secs(32),
    Duration::from_secs(64),
    Duration::from_secs(128),
];

/// One for each bound, and one for longer durations.
const BUCKETS: usize = LATENCY_BOUNDS.len() + 1;

/// A histogram of durations. Any thread may add one without waiting.
#[derive(Debug, Default)]
pub struct Latency {
    buckets: [AtomicU64; BUCKETS],
    sum_micros: AtomicU64,
}

/// A [`Latency`] at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LatencySnapshot {
    buckets: [u64; BUCKETS],
    /// The sum of all durations.
    pub sum: Duration,
}

impl Latency {
    /// Adds a duration.
    pub fn note(&self, took: Duration) {
        let bucket = LATENCY_BOUNDS.partition_point(|bound| *bound < took);
        // Relaxed: no counter is compared with another.
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// The histogram as it is now.
    pub fn snapshot(&self) -> LatencySnapshot {
        LatencySnapshot {
            buckets: array::from_fn(|bucket| self.buckets[bucket].load(Ordering::Relaxed)),
            sum: Duration::from_micros(self.sum_micros.load(Ordering::Relaxed)),
        }
    }
}

impl LatencySnapshot {
    /// The number of durations.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// For each bound, the number of durations up to it.
    pub fn cumulative(&self) -> impl Iterator<Item = (Duration, u64)> {
        LATENCY_BOUNDS.into_iter().zip(self.buckets).scan(0, |below, (bound, count)| {
            *below += count;
            Some((bound, *below))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_duration_is_in_the_bucket_whose_bound_it_does_not_exceed() {
        let latency = Latency::default();
        for micros in [0, 250, 251, 1_000, 128_000_000, 128_000_001] {
            latency.note(Duration::from_micros(micros));
        }
        let snapshot = latency.snapshot();
        assert_eq!((snapshot.count(), snapshot.sum), (6, Duration::from_micros(256_001_502)));
        let up_to = |micros| {
            let mut all = snapshot.cumulative();
            all.find(|(bound, _)| *bound == Duration::from_micros(micros)).map(|(_, count)| count)
        };
        assert_eq!(
            [250, 500, 1_000, 64_000_000, 128_000_000].map(up_to),
            [Some(2), Some(3), Some(4), Some(4), Some(5)]
        );
        assert!(LATENCY_BOUNDS.is_sorted());
    }
}
