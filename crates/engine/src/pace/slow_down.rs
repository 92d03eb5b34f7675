//! Slows a host down that refuses requests (429, 503). When it answers again, its rate recovers gradually.

use std::time::{Duration, Instant};

use super::PaceSettings;

/// The period to start from if the host has no limit.
const WITHOUT_LIMIT: Duration = Duration::from_millis(250);

/// How much a host is slowed down.
#[derive(Debug, Default)]
pub(super) struct SlowDown {
    period: Option<Duration>,
    /// When the period changed. Answers to earlier requests say nothing about the current pace.
    changed_at: Option<Instant>,
}

impl SlowDown {
    /// A host that was slowed down by an earlier process.
    pub(super) fn to(period: Duration) -> Self {
        Self { period: Some(period), changed_at: None }
    }

    pub(super) fn period(&self) -> Option<Duration> {
        self.period
    }

    /// The host refused a request that was sent at `sent_at`, when it got one request per `period`. Returns the new period if it
    /// changes. Several refusals of requests that were in flight together count once.
    pub(super) fn refused(
        &mut self,
        settings: &PaceSettings,
        period: Duration,
        sent_at: Instant,
        now: Instant,
    ) -> Option<Duration> {
        if self.changed_at.is_some_and(|at| sent_at < at) {
            return None;
        }
        let slower = period.max(WITHOUT_LIMIT).mul_f64(settings.slow_down).min(settings.max_delay);
        if slower <= period {
            return None;
        }
        (self.period, self.changed_at) = (Some(slower), Some(now));
        Some(slower)
    }

    /// The host answered a request that was sent at `sent_at`. Returns whether it now has its full rate again, which is one
    /// request per `allowed`.
    pub(super) fn answered(&mut self, settings: &PaceSettings, allowed: Duration, sent_at: Instant) -> bool {
        let Some(period) = self.period.filter(|_| self.changed_at.is_none_or(|at| sent_at >= at)) else {
            return false;
        };
        let faster = period.mul_f64(0.5_f64.powf(1.0 / f64::from(settings.recovery.max(1))));
        let has_recovered = faster <= if allowed.is_zero() { WITHOUT_LIMIT } else { allowed };
        self.period = (!has_recovered).then_some(faster);
        has_recovered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn settings() -> PaceSettings {
        PaceSettings { slow_down: 2.0, recovery: 10, max_delay: 30 * SECOND, ..PaceSettings::default() }
    }

    #[test]
    fn a_refusal_halves_the_rate_once_for_all_that_was_in_flight() {
        let (settings, start) = (settings(), Instant::now());
        let mut slow = SlowDown::default();
        assert_eq!(slow.refused(&settings, SECOND, start, start + SECOND), Some(2 * SECOND));
        assert_eq!(slow.refused(&settings, 2 * SECOND, start, start + SECOND), None);
        let later = start + 4 * SECOND;
        assert_eq!(slow.refused(&settings, 2 * SECOND, later, later), Some(4 * SECOND));
        let mut period = 4 * SECOND;
        for seconds in 1..10 {
            let at = later + seconds * SECOND;
            period = slow.refused(&settings, period, at, at).unwrap_or(period);
        }
        assert_eq!(period, 30 * SECOND);
        let mut unlimited = SlowDown::default();
        assert_eq!(unlimited.refused(&settings, Duration::ZERO, start, start), Some(SECOND / 2));
        let never = PaceSettings { slow_down: 1.0, ..settings };
        assert_eq!(SlowDown::default().refused(&never, SECOND, start, start), None);
        // A rate that is lower anyway is not raised.
        assert_eq!(SlowDown::default().refused(&never, 60 * SECOND, start, start), None);
    }

    #[test]
    fn so_many_answers_double_the_rate_again_and_not_beyond_what_is_allowed() {
        let (settings, before) = (settings(), Instant::now());
        let start = before + SECOND;
        let mut slow = SlowDown::default();
        slow.refused(&settings, SECOND, start, start);
        slow.refused(&settings, 2 * SECOND, start, start);
        let slowed = slow.period().unwrap();
        assert!(!slow.answered(&settings, SECOND, before));
        assert_eq!(slow.period(), Some(slowed), "sent before the slow-down");
        let later = start + SECOND;
        for _ in 0..10 {
            assert!(!slow.answered(&settings, SECOND, later));
        }
        let half = slow.period().unwrap();
        assert!((half.as_secs_f64() - 2.0).abs() < 0.001, "{half:?}");
        let more = (0..20).position(|_| slow.answered(&settings, SECOND, later));
        assert!(more.is_some_and(|more| (9..=10).contains(&more)), "{more:?}");
        assert_eq!(slow.period(), None);
    }
}
