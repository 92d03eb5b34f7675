//! The circuit breaker of one host. After several failures in a row the host is paused, and its requests stay queued. After
//! the pause, one request tries the host again.
//!
//! ```text
//!             failures in a row,
//!             for long enough                    paused for too long
//!   closed ───────────────────► paused ◄───────┐      ┌──────────► down
//!     ▲                           │ time       │      │             │ time
//!     │            answered       ▼            │      │             │
//!     └─────────────────────── probing ── failed ─────┘             │
//!                                 ▲─────────────────────────────────┘
//! ```
//!
//! While the breaker is not closed, a failure does not count against its request, which may be retried without limit. Only
//! when the host is down do its requests fail, with the reason of the host.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::PaceSettings;

/// The circuit breaker of one host.
#[derive(Debug)]
pub(super) struct Breaker {
    state: BreakerState,
    /// Requests in a row that failed. Each counts once, so retries of one bad page don't pause the host.
    failures: u32,
    /// When the first of these requests was sent.
    failing_since: Option<Instant>,
    /// The text of the last failure.
    error: Arc<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BreakerState {
    Closed,
    Paused { since: Instant, until: Instant },
    Probing { paused_since: Instant },
    Down { since: Instant, until: Instant },
}

/// The change after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The host is paused.
    Paused { since: Instant, until: Instant },
    /// The host was paused for too long, so its requests fail for a while.
    Down { until: Instant },
}

impl Breaker {
    pub(super) fn new() -> Self {
        Self { state: BreakerState::Closed, failures: 0, failing_since: None, error: "".into() }
    }

    /// A host that an earlier process had paused.
    pub(super) fn paused(since: Instant, until: Instant, error: &str) -> Self {
        Self { state: BreakerState::Paused { since, until }, error: error.into(), ..Self::new() }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state == BreakerState::Closed
    }

    /// Since when the host has been paused or down.
    pub(super) fn paused_since(&self) -> Option<Instant> {
        match self.state {
            BreakerState::Closed => None,
            BreakerState::Paused { since, .. } | BreakerState::Down { since, .. } => Some(since),
            BreakerState::Probing { paused_since } => Some(paused_since),
        }
    }

    /// The text of the failure that caused the pause.
    pub(super) fn error(&self) -> &str {
        &self.error
    }

    /// Whether it must be kept, even without requests for the host.
    pub(super) fn holds(&self, now: Instant) -> bool {
        match self.state {
            BreakerState::Paused { until, .. } | BreakerState::Down { until, .. } => now < until,
            BreakerState::Closed | BreakerState::Probing { .. } => false,
        }
    }

    /// Why requests of the host fail now; `None` if they don't.
    pub(super) fn is_down(&self, now: Instant) -> Option<&Arc<str>> {
        matches!(self.state, BreakerState::Down { until, .. } if now < until).then_some(&self.error)
    }

    /// A request is sent. After a pause, this request tries the host.
    pub(super) fn sent(&mut self, now: Instant) {
        match self.state {
            BreakerState::Paused { since, .. } => self.state = BreakerState::Probing { paused_since: since },
            BreakerState::Down { .. } => self.state = BreakerState::Probing { paused_since: now },
            BreakerState::Closed | BreakerState::Probing { .. } => {}
        }
    }

    /// A fetch that began at `sent_at` got no answer, or one that says that the host is not well. `requests` is the number of
    /// requests that have failed for the first time.
    pub(super) fn failed(
        &mut self,
        settings: &PaceSettings,
        sent_at: Instant,
        requests: u32,
        error: &str,
        now: Instant,
    ) -> Option<Broken> {
        let since = match self.state {
            BreakerState::Closed => {
                self.failures = self.failures.saturating_add(requests);
                let failing_since = *self.failing_since.get_or_insert(sent_at);
                let is_enough = settings.host_failures.is_some_and(|enough| self.failures >= enough)
                    && now.saturating_duration_since(failing_since) >= settings.host_failing_for;
                if !is_enough {
                    return None;
                }
                now
            }
            BreakerState::Probing { paused_since } => paused_since,
            // This request was in flight while others failed.
            BreakerState::Paused { .. } | BreakerState::Down { .. } => return None,
        };
        self.error = error.into();
        let max_pause = settings.max_host_pause;
        let ends_at = max_pause.and_then(|max_pause| since.checked_add(max_pause));
        let broken = match (ends_at, max_pause) {
            (Some(at), Some(max_pause)) if now >= at => Broken::Down { until: now + max_pause },
            _ => {
                let until = now + settings.host_pause;
                Broken::Paused { since, until: ends_at.map_or(until, |at| until.min(at)) }
            }
        };
        self.state = match broken {
            Broken::Paused { since, until } => BreakerState::Paused { since, until },
            Broken::Down { until } => BreakerState::Down { since, until },
        };
        Some(broken)
    }

    /// So much time has passed while this process did not run. The host has not failed for that time.
    pub(super) fn slept(&mut self, time: Duration) {
        let later = |moment: Instant| moment.checked_add(time).unwrap_or(moment);
        self.failing_since = self.failing_since.map(later);
        self.state = match self.state {
            BreakerState::Closed => BreakerState::Closed,
            BreakerState::Paused { since, until } => BreakerState::Paused { since: later(since), until },
            BreakerState::Probing { paused_since } => {
                BreakerState::Probing { paused_since: later(paused_since) }
            }
            BreakerState::Down { since, until } => BreakerState::Down { since: later(since), until },
        };
    }

    /// The host answered. Returns whether it had been paused.
    pub(super) fn answered(&mut self) -> bool {
        let was_paused = self.state != BreakerState::Closed;
        *self = Self::new();
        was_paused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn settings() -> PaceSettings {
        PaceSettings {
            host_failures: Some(3),
            host_failing_for: 5 * SECOND,
            host_pause: 60 * SECOND,
            max_host_pause: Some(150 * SECOND),
            ..PaceSettings::default()
        }
    }

    #[test]
    fn only_failures_in_a_row_that_last_pause_a_host() {
        let (settings, start) = (settings(), Instant::now());
        let mut breaker = Breaker::new();
        let fail = |breaker: &mut Breaker, after: u32| {
            let at = start + after * SECOND;
            breaker.failed(&settings, at, 1, "connection refused", at)
        };
        for _ in 0..10 {
            assert_eq!(fail(&mut breaker, 0), None, "a burst of failures is one bad moment");
        }
        assert!(!breaker.answered());
        assert_eq!((fail(&mut breaker, 1), fail(&mut breaker, 20)), (None, None));
        assert!(breaker.is_closed());
        let at = start + 21 * SECOND;
        assert_eq!(fail(&mut breaker, 21), Some(Broken::Paused { since: at, until: at + 60 * SECOND }));
        assert_eq!(fail(&mut breaker, 22), None, "it was in flight");
        assert!(!breaker.is_closed() && breaker.is_down(at).is_none());
        assert!(breaker.answered() && breaker.is_closed());
        let never = PaceSettings { host_failures: None, ..settings.clone() };
        for seconds in 0..100 {
            let at = start + seconds * SECOND;
            assert_eq!(breaker.failed(&never, at, 1, "", at), None);
        }
    }

    #[test]
    fn one_bad_page_does_not_pause_its_host() {
        let (settings, start) = (settings(), Instant::now());
        let mut breaker = Breaker::new();
        let mut fail = |after: u32, requests| {
            let at = start + after * SECOND;
            breaker.failed(&settings, at, requests, "HTTP 503", at)
        };
        for attempt in 0..20 {
            assert_eq!(fail(attempt, u32::from(attempt < 2)), None, "two pages");
        }
        assert!(fail(20, 1).is_some(), "a third one");
    }

    #[test]
    fn probes_decide_until_the_pauses_have_lasted_too_long() {
        let (settings, start) = (settings(), Instant::now());
        let mut breaker = Breaker::paused(start, start + 60 * SECOND, "before");
        let probe = |breaker: &mut Breaker, after: u32| {
            let at = start + after * SECOND;
            breaker.sent(at);
            breaker.failed(&settings, at, 1, "timed out", at)
        };
        let paused = |until: u32| Some(Broken::Paused { since: start, until: start + until * SECOND });
        assert_eq!(probe(&mut breaker, 60), paused(120));
        assert_eq!(probe(&mut breaker, 120), paused(150), "the last pause ends with what is allowed");
        let down = start + 150 * SECOND;
        assert_eq!(probe(&mut breaker, 150), Some(Broken::Down { until: down + 150 * SECOND }));
        assert_eq!(breaker.is_down(down).map(|error| &**error), Some("timed out"));
        // Later the host gets another chance, with the full time.
        let later = down + 150 * SECOND;
        assert!(breaker.is_down(later).is_none());
        assert_eq!(
            probe(&mut breaker, 300),
            Some(Broken::Paused { since: later, until: later + 60 * SECOND })
        );
        breaker.sent(later + 60 * SECOND);
        assert!(breaker.answered() && breaker.is_closed());
    }

    #[test]
    fn without_a_limit_a_host_is_never_down() {
        let settings = PaceSettings { max_host_pause: None, ..settings() };
        let start = Instant::now();
        let mut breaker = Breaker::paused(start, start, "");
        for hours in 1..100 {
            let at = start + hours * 3600 * SECOND;
            breaker.sent(at);
            let broken = breaker.failed(&settings, at, 0, "", at);
            assert_eq!(broken, Some(Broken::Paused { since: start, until: at + 60 * SECOND }));
        }
    }
}
