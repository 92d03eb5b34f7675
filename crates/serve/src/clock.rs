//! The clock of schedules. A test can give it another start and another speed, and so a day of schedules passes in minutes.

use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

/// `DRAGLINE_TEST_CLOCK=START/ORIGIN/SPEED`: at the real moment ORIGIN it is START, and SPEED seconds pass in each real one.
/// Several servers with the same value have the same clock.
pub const TEST_CLOCK: &str = "DRAGLINE_TEST_CLOCK";

/// A clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clock {
    start: DateTime<Utc>,
    origin: DateTime<Utc>,
    speed: i32,
}

impl Clock {
    /// The clock of this machine, or that of the test that has started this process.
    pub fn of_this_process() -> Self {
        std::env::var(TEST_CLOCK).ok().and_then(|text| Self::parse(&text)).unwrap_or(Self::real())
    }

    fn real() -> Self {
        Self { start: DateTime::UNIX_EPOCH, origin: DateTime::UNIX_EPOCH, speed: 1 }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (start, origin) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { start, origin, speed: parts.next()?.parse().ok().filter(|speed| *speed > 0)? })
    }

    /// Now.
    pub fn now(&self) -> DateTime<Utc> {
        self.at(Utc::now())
    }

    fn at(&self, real: DateTime<Utc>) -> DateTime<Utc> {
        (self.start + (real - self.origin) * self.speed).trunc_subsecs(6)
    }

    /// A length of real time, as this clock shows it.
    pub fn of_real(&self, time: Duration) -> TimeDelta {
        TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX / self.speed) * self.speed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_has_a_clock_of_its_own() {
        let clock = Clock::parse("2026-03-29T00:00:00Z/2030-01-01T00:00:00Z/600").unwrap();
        let at = clock.at("2030-01-01T00:00:02Z".parse().unwrap());
        assert_eq!(at, "2026-03-29T00:20:00Z".parse::<DateTime<Utc>>().unwrap());
        assert_eq!(clock.of_real(Duration::from_secs(1)), TimeDelta::minutes(10));
        assert_eq!(Clock::real().at(at), at);
        assert_eq!(Clock::parse("now"), None);
    }
}
