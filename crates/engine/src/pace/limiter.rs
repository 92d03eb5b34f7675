//! Limits the rate of one host with governor's GCRA, and adds jitter within that limit.
//!
//! Requests have slots that are one period apart. A request is sent at a random moment in the first part of its slot, which is
//! the jitter, or later. So gaps vary from half a period to one and a half, but the variations don't add up. In any stretch of
//! time, the host gets no more requests than without jitter, except for that part of one period. A request that is late within
//! that part does not delay the next slot. A request that is even later does, and unused slots are lost.
//!
//! The callers provide the time and the random numbers, so tests don't have to wait.

use std::cell::Cell;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

/// governor counts in whole cells. A request takes this many, so that parts of a period can be counted.
const CELLS: NonZeroU32 = NonZeroU32::new(100).unwrap();
/// Gaps from half a period to one and a half. With more jitter, two requests could coincide.
pub(crate) const MAX_JITTER: f64 = 0.5;

type Gcra = RateLimiter<NotKeyed, InMemoryState, Given, NoOpMiddleware<Instant>>;

/// The limit of one host.
#[derive(Debug)]
pub(crate) struct Limiter {
    /// `None` means no limit.
    gcra: Option<Gcra>,
    period: Duration,
    /// The share of a period in which a request may be sent.
    jitter: f64,
    /// The beginning of the next slot.
    slot: Option<Instant>,
    /// Where in the slot the next request is sent, from 0 to 1. 1 is the end of the part for jitter.
    place: f64,
    last: Option<Instant>,
}

/// A clock that shows the time that it was set to.
#[derive(Debug)]
struct Given(Cell<Instant>);

impl Clock for Given {
    type Instant = Instant;

    fn now(&self) -> Instant {
        self.0.get()
    }
}

impl Limiter {
    /// A limiter of one request per `period`. A period of zero means no limit.
    pub(crate) fn new(period: Duration, jitter: f64, now: Instant) -> Self {
        let jitter = jitter.clamp(0.0, MAX_JITTER);
        Self { gcra: gcra(period, jitter, now), period, jitter, slot: None, place: 0.0, last: None }
    }

    pub(crate) fn period(&self) -> Duration {
        self.period
    }

    /// Takes the permission for one request now, or returns when to try again. `chance`, from 0 to 1, decides where in its slot
    /// the next request is sent.
    pub(crate) fn take(&mut self, now: Instant, chance: f64) -> Result<(), Instant> {
        let opens_at = self.opens_at();
        if let Some(opens_at) = opens_at.filter(|at| now < *at) {
            return Err(opens_at);
        }
        if let Some(gcra) = &self.gcra {
            ask(gcra, now)?;
            // A second request now is refused, and the refusal says when the next slot begins.
            self.slot = ask(gcra, now).err();
        }
        (self.last, self.place) = (Some(now), chance);
        Ok(())
    }

    /// Allows one request per `period` from now on. The time since the last one counts.
    pub(crate) fn set_period(&mut self, period: Duration, now: Instant) {
        self.set(period, self.jitter, now);
    }

    /// Ends the jitter, so that no gap is shorter than the period.
    pub(crate) fn end_jitter(&mut self, now: Instant) {
        self.set(self.period, 0.0, now);
    }

    fn set(&mut self, period: Duration, jitter: f64, now: Instant) {
        if (period, jitter) == (self.period, self.jitter) {
            return;
        }
        let fresh = Self::new(period, jitter, self.last.unwrap_or(now));
        let Some(last) = self.last else {
            *self = fresh;
            return;
        };
        let part = period.mul_f64(jitter);
        // How far into its slot the last request was sent.
        let into = self.slot.map_or(part, |slot| (last + self.period).saturating_duration_since(slot));
        let slot = fresh.gcra.as_ref().and_then(|gcra| {
            // Pretend that the last request was sent at the end of the jitter part, or earlier by as much as it was early.
            let asked_at = last + part.saturating_sub(into);
            ask(gcra, asked_at).ok().and_then(|()| ask(gcra, asked_at).err())
        });
        *self = Self { slot, place: self.place, last: self.last, ..fresh };
    }

    /// Whether this limiter may be forgotten, because a new one would behave the same.
    pub(crate) fn is_rested(&self, now: Instant) -> bool {
        self.last.is_none_or(|last| last + self.period.mul_f64(1.0 + self.jitter) <= now)
    }

    /// Whether the last request is at least this long ago.
    pub(crate) fn is_idle_for(&self, long: Duration, now: Instant) -> bool {
        self.last.is_none_or(|last| last + long <= now)
    }

    fn opens_at(&self) -> Option<Instant> {
        self.slot.map(|slot| slot + self.period.mul_f64(self.jitter * self.place))
    }
}

fn gcra(period: Duration, jitter: f64, now: Instant) -> Option<Gcra> {
    // Round up, so that it is never faster than allowed.
    let nanos = period.as_nanos().div_ceil(u128::from(CELLS.get()));
    let cell = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // of a hundred cells at most half
    let cells_of_jitter = (f64::from(CELLS.get()) * jitter).round() as u32;
    let quota = Quota::with_period(cell)?.allow_burst(CELLS.saturating_add(cells_of_jitter));
    Some(RateLimiter::direct_with_clock(quota, Given(Cell::new(now))))
}

/// Takes the permission for one request at this moment, or returns when there will be one.
fn ask(gcra: &Gcra, now: Instant) -> Result<(), Instant> {
    gcra.clock().0.set(now);
    match gcra.check_n(CELLS) {
        Ok(answer) => answer.map_err(|not_until| not_until.earliest_possible()),
        // This can't happen, because the quota has more cells than a request takes.
        Err(_) => Ok(()),
    }
}

/// The period of a rate in requests per second; `None` means no limit.
pub(crate) fn period_of(rate_per_second: Option<f64>) -> Duration {
    // The check of the settings makes sure that the quotient fits in a Duration.
    rate_per_second.and_then(|rate| Duration::try_from_secs_f64(1.0 / rate).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// The moments in milliseconds at which requests are sent, if each is sent as early as possible.
    fn moments(limiter: &mut Limiter, start: Instant, count: usize) -> Vec<u128> {
        let mut now = start;
        let mut moments = Vec::new();
        while moments.len() < count {
            match limiter.take(now, 0.0) {
                Ok(()) => moments.push((now - start).as_millis()),
                Err(until) => {
                    assert!(until > now);
                    now = until;
                }
            }
        }
        moments
    }

    fn even(rate: Option<f64>, start: Instant) -> Limiter {
        Limiter::new(period_of(rate), 0.0, start)
    }

    #[test]
    fn without_jitter_requests_are_spread_evenly_also_at_a_fraction_of_one_a_second() {
        let start = Instant::now();
        assert_eq!(moments(&mut even(Some(2.0), start), start, 4), [0, 500, 1000, 1500]);
        assert_eq!(moments(&mut even(Some(0.1), start), start, 3), [0, 10_000, 20_000]);
        assert_eq!(moments(&mut even(None, start), start, 3), [0, 0, 0]);
    }

    #[test]
    fn a_rest_saves_nothing_up() {
        let start = Instant::now();
        let mut limiter = even(Some(2.0), start);
        limiter.take(start, 0.0).unwrap();
        let later = start + 60 * SECOND;
        assert!(!limiter.is_rested(start) && limiter.is_rested(later));
        assert_eq!(moments(&mut limiter, later, 3), [0, 500, 1000]);
    }

    #[test]
    fn another_period_counts_from_the_last_request() {
        let start = Instant::now();
        let mut limiter = even(Some(2.0), start);
        limiter.take(start, 0.0).unwrap();
        limiter.set_period(3 * SECOND, start + SECOND);
        assert_eq!(moments(&mut limiter, start, 2), [3000, 6000]);
        limiter.set_period(SECOND, start + 6 * SECOND);
        assert_eq!(moments(&mut limiter, start, 2), [7000, 8000]);
        limiter.set_period(Duration::ZERO, start + 8 * SECOND);
        assert_eq!(moments(&mut limiter, start + 8 * SECOND, 2), [0, 0]);
        limiter.set_period(SECOND, start + 8 * SECOND);
        assert_eq!(moments(&mut limiter, start + 8 * SECOND, 2), [1000, 2000]);
    }

    /// A stretch of a host's life: after how long it is looked at again, where chance puts the next request, and
    /// whether the period changes.
    fn step() -> impl Strategy<Value = (u64, f64, Option<u64>)> {
        (0..400_u64, 0.0..=1.0, prop::option::weighted(0.05, 10..1000_u64))
    }

    proptest! {
        #[test]
        fn no_stretch_of_time_holds_more_requests_than_allowed(
            jitter in 0.0..=MAX_JITTER,
            steps in prop::collection::vec((0..150_u64, 0.0..=1.0), 1..300),
        ) {
            let (start, period) = (Instant::now(), Duration::from_millis(100));
            let mut limiter = Limiter::new(period, jitter, start);
            let (mut now, mut sent) = (start, Vec::new());
            for (ms, chance) in steps {
                now += Duration::from_millis(ms);
                if limiter.take(now, chance).is_ok() {
                    sent.push(now);
                }
            }
            // A hundredth of a period: governor counts the jitter in such.
            let part = period.mul_f64(jitter + 0.01);
            for (at, first) in sent.iter().enumerate() {
                for (gaps, later) in (0_u32..).zip(&sent[at..]) {
                    prop_assert!(*later - *first + part >= period * gaps, "{gaps} gaps in {:?}", *later - *first);
                }
            }
        }

        #[test]
        fn who_asks_in_time_gets_all_that_is_allowed(
            jitter in 0.0..=MAX_JITTER,
            chances in prop::collection::vec(0.0..=1.0, 50),
        ) {
            let (start, period) = (Instant::now(), Duration::from_millis(100));
            let mut limiter = Limiter::new(period, jitter, start);
            let (mut now, mut sent) = (start, 0_u32);
            for chance in chances {
                while let Err(until) = limiter.take(now, chance) {
                    prop_assert!(until > now);
                    now = until;
                }
                sent += 1;
            }
            prop_assert!(now - start <= period * sent, "{sent} in {:?}", now - start);
        }

        #[test]
        fn a_gap_is_never_shorter_than_the_jitter_lets_it_be_whatever_the_period_becomes(
            steps in prop::collection::vec(step(), 1..300),
        ) {
            let start = Instant::now();
            let mut limiter = Limiter::new(Duration::from_millis(100), MAX_JITTER, start);
            let (mut now, mut last) = (start, None::<Instant>);
            for (ms, chance, period) in steps {
                now += Duration::from_millis(ms);
                if let Some(period) = period {
                    limiter.set_period(Duration::from_millis(period), now);
                }
                if limiter.take(now, chance).is_ok() {
                    let least = limiter.period().mul_f64(1.0 - MAX_JITTER);
                    prop_assert!(last.is_none_or(|last| now - last >= least));
                    last = Some(now);
                }
            }
        }
    }
}
