//! How fast one host may be asked: governor's GCRA with a burst of one, so that requests are spread evenly.
//!
//! The time comes from outside: the scheduler looks at the clock once a turn, and tests need no waiting.

use std::cell::Cell;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

type Limiter = RateLimiter<NotKeyed, InMemoryState, Given, NoOpMiddleware<Instant>>;

/// The pace of one host.
#[derive(Debug)]
pub(crate) struct Pace {
    limiter: Option<Limiter>,
    period: Duration,
    /// From when on the limiter counts: what is left of a period that began before it.
    opens_at: Option<Instant>,
    last: Option<Instant>,
}

/// A clock that shows what it is set to.
#[derive(Debug)]
struct Given(Cell<Instant>);

impl Clock for Given {
    type Instant = Instant;

    fn now(&self) -> Instant {
        self.0.get()
    }
}

impl Pace {
    /// One request in each `period`; a period of zero is no limit.
    pub(crate) fn new(period: Duration, now: Instant) -> Self {
        let quota = Quota::with_period(period).map(|quota| quota.allow_burst(NonZeroU32::MIN));
        let limiter = quota.map(|quota| RateLimiter::direct_with_clock(quota, Given(Cell::new(now))));
        Self { limiter, period, opens_at: None, last: None }
    }

    /// Takes the right to ask once, now; else says from when on it may be there.
    pub(crate) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        if let Some(opens_at) = self.opens_at {
            if now < opens_at {
                return Err(opens_at);
            }
            self.opens_at = None;
        }
        if let Some(limiter) = &self.limiter {
            limiter.clock().0.set(now);
            limiter.check().map_err(|not_until| not_until.earliest_possible())?;
        }
        self.last = Some(now);
        Ok(())
    }

    /// From now on at most one request in each `period` (robots.txt's `Crawl-delay`); never faster than
    /// before.
    pub(crate) fn slow_to(&mut self, period: Duration, now: Instant) {
        if period > self.period {
            let opens_at = self.last.map(|last| last + self.period);
            let last = self.last;
            *self = Self { opens_at, last, ..Self::new(period, now) };
        }
    }

    /// Whether forgetting it would change nothing.
    pub(crate) fn is_rested(&self, now: Instant) -> bool {
        self.last.is_none_or(|last| last + self.period <= now)
    }
}

/// The period of a rate in requests per second; `None` is no limit.
pub(crate) fn period_of(rate_per_second: Option<f64>) -> Duration {
    // The settings' check keeps the quotient within a Duration.
    rate_per_second.and_then(|rate| Duration::try_from_secs_f64(1.0 / rate).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The moments, in milliseconds, at which a host is asked that is always asked as early as it may be.
    fn moments(pace: &mut Pace, start: Instant, count: usize) -> Vec<u128> {
        let mut now = start;
        let mut moments = Vec::new();
        while moments.len() < count {
            match pace.take(now) {
                Ok(()) => moments.push((now - start).as_millis()),
                Err(until) => {
                    assert!(until > now);
                    now = until;
                }
            }
        }
        moments
    }

    #[test]
    fn requests_are_spread_evenly_also_at_a_fraction_of_one_a_second() {
        let start = Instant::now();
        assert_eq!(moments(&mut Pace::new(period_of(Some(2.0)), start), start, 4), [0, 500, 1000, 1500]);
        assert_eq!(moments(&mut Pace::new(period_of(Some(0.1)), start), start, 3), [0, 10_000, 20_000]);
        assert_eq!(moments(&mut Pace::new(period_of(None), start), start, 3), [0, 0, 0]);
    }

    #[test]
    fn a_rest_saves_nothing_up() {
        let start = Instant::now();
        let mut pace = Pace::new(period_of(Some(2.0)), start);
        pace.take(start).unwrap();
        let later = start + Duration::from_secs(60);
        assert!(!pace.is_rested(start) && pace.is_rested(later));
        assert_eq!(moments(&mut pace, later, 3), [0, 500, 1000]);
    }

    #[test]
    fn a_crawl_delay_slows_and_never_hastens() {
        let start = Instant::now();
        let mut pace = Pace::new(period_of(Some(2.0)), start);
        // As robots.txt itself is fetched.
        pace.take(start).unwrap();
        pace.slow_to(Duration::from_millis(100), start);
        pace.slow_to(Duration::from_secs(3), start);
        assert_eq!(moments(&mut pace, start, 3), [500, 3500, 6500]);
    }
}
