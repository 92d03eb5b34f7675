//! `AutoThrottle` as in Scrapy. The delay depends on how long a host takes to answer, so that a certain number of requests are
//! in flight on average. <https://docs.scrapy.org/en/latest/topics/autothrottle.html>
//!
//! The target delay is the latency divided by the wanted concurrency. The new delay is the average of the old one and the
//! target, but not below the target. An error never shortens the delay, because errors often come quickly.

use std::time::Duration;

use super::PaceSettings;

/// The delay of one host.
#[derive(Debug)]
pub(super) struct Throttle {
    delay: Duration,
}

impl Throttle {
    /// A throttle, if the settings ask for one.
    pub(super) fn new(settings: &PaceSettings) -> Option<Self> {
        settings
            .autothrottle
            .then_some(Self { delay: settings.autothrottle_start_delay.min(settings.max_delay) })
    }

    pub(super) fn delay(&self) -> Duration {
        self.delay
    }

    /// The headers of an answer came after `latency`.
    pub(super) fn answered(&mut self, settings: &PaceSettings, latency: Duration, is_success: bool) {
        let target = latency.div_f64(settings.autothrottle_concurrency);
        let delay = ((self.delay + target) / 2).max(target).min(settings.max_delay);
        if is_success || delay > self.delay {
            self.delay = delay;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn settings(concurrency: f64) -> PaceSettings {
        PaceSettings { autothrottle: true, autothrottle_concurrency: concurrency, ..PaceSettings::default() }
    }

    #[test]
    fn the_delay_comes_to_latency_over_concurrency() {
        let settings = settings(2.0);
        let mut throttle = Throttle::new(&settings).unwrap();
        assert_eq!(throttle.delay(), Duration::from_secs(5));
        throttle.answered(&settings, Duration::from_millis(400), true);
        assert_eq!(throttle.delay(), Duration::from_millis(2600));
        for _ in 0..30 {
            throttle.answered(&settings, Duration::from_millis(400), true);
        }
        let delay = throttle.delay();
        assert!((200..=201).contains(&delay.as_millis()), "{delay:?}");
        // Slower at once, and not beyond the limit.
        throttle.answered(&settings, Duration::from_secs(10), true);
        assert_eq!(throttle.delay(), Duration::from_secs(5));
        throttle.answered(&settings, Duration::from_secs(1000), true);
        assert_eq!(throttle.delay(), settings.max_delay);
        assert!(Throttle::new(&PaceSettings::default()).is_none());
    }

    proptest! {
        #[test]
        fn an_error_never_makes_it_faster(
            latencies in prop::collection::vec((0..5000_u64, any::<bool>()), 1..50)
        ) {
            let settings = settings(1.0);
            let mut throttle = Throttle::new(&settings).unwrap();
            for (ms, is_success) in latencies {
                let before = throttle.delay();
                throttle.answered(&settings, Duration::from_millis(ms), is_success);
                prop_assert!(is_success || throttle.delay() >= before);
            }
        }
    }
}
