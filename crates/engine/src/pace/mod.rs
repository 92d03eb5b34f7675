//! The pace of one host: its allowed rate, and how its answers change that rate.
//!
//! | file | question |
//! |---|---|
//! | `limiter` | may a request be sent now? |
//! | `slow_down` | how much does a refusal (429, 503) slow the host down, and how does it recover? |
//! | `throttle` | which delay does `AutoThrottle` choose? |
//! | `breaker` | when is a failing host paused, and when is it down? |
//! | `overrides` | which settings does only this host have? |
//!
//! The longest of all delays counts, so nothing makes requests faster than the rate allows. The callers provide the time and
//! the random numbers.

mod breaker;
mod limiter;
mod overrides;
mod settings;
mod slow_down;
mod throttle;

use std::sync::Arc;
use std::time::{Duration, Instant};

use dragline_core::HostNote;

use self::breaker::Breaker;
pub(crate) use self::breaker::Broken;
use self::limiter::{Limiter, period_of};
pub use self::overrides::{HostOverride, HostPattern};
pub use self::settings::PaceSettings;
use self::slow_down::SlowDown;
use self::throttle::Throttle;
use crate::retry::is_retryable_status;

/// A host that was slowed down may be forgotten if it got no request for this long.
const KEEP_SLOWED: Duration = Duration::from_secs(600);

/// Questions to a database at once, each on a connection of its own, unless `[host.NAME]` says otherwise.
const QUESTIONS_AT_ONCE: usize = 4;

/// The pace of one host.
#[derive(Debug)]
pub(crate) struct Pace {
    settings: Arc<PaceSettings>,
    concurrency: usize,
    /// The shortest period that the rate and a `Crawl-delay` allow.
    allowed: Duration,
    limiter: Limiter,
    slow_down: SlowDown,
    throttle: Option<Throttle>,
    breaker: Breaker,
}

/// An answer, as far as the pace is concerned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    /// Whether the request was sent for the first time.
    pub(crate) is_first: bool,
    /// When the request was sent.
    pub(crate) sent_at: Instant,
    /// Time until the headers arrived.
    pub(crate) latency: Duration,
}

/// The changes after an answer or a failure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changed {
    /// From now on, the host gets one request per this period.
    pub(crate) slowed_to: Option<Duration>,
    /// The host has its full rate again.
    pub(crate) has_recovered: bool,
    /// The host is paused or down.
    pub(crate) broken: Option<Broken>,
    /// The host was paused, and it answers again.
    pub(crate) is_back: bool,
}

impl Changed {
    pub(crate) fn is_something(&self) -> bool {
        *self != Self::default()
    }
}

impl Pace {
    /// The pace of a host with these settings. `own` has the settings of only this host.
    pub(crate) fn new(settings: &Arc<PaceSettings>, own: Option<&HostOverride>, now: Instant) -> Self {
        let rate = own.and_then(|own| own.rate_per_second).unwrap_or(settings.rate_per_second);
        let jitter = own.and_then(|own| own.jitter).unwrap_or(settings.jitter);
        let allowed = period_of(rate);
        let throttle = Throttle::new(settings);
        let period = throttle.as_ref().map_or(allowed, |throttle| throttle.delay().max(allowed));
        Self {
            concurrency: own.and_then(|own| own.concurrency).unwrap_or(settings.host_concurrency),
            allowed,
            limiter: Limiter::new(period, jitter, now),
            slow_down: SlowDown::default(),
            throttle,
            breaker: Breaker::new(),
            settings: Arc::clone(settings),
        }
    }

    /// The pace of a database that look-ups ask. The general rate and `AutoThrottle` are for sites, so only its own settings count.
    pub(crate) fn of_database(
        settings: &Arc<PaceSettings>,
        own: Option<&HostOverride>,
        now: Instant,
    ) -> Self {
        let allowed = period_of(own.and_then(|own| own.rate_per_second).flatten());
        let jitter = own.and_then(|own| own.jitter).unwrap_or(settings.jitter);
        Self {
            concurrency: own.and_then(|own| own.concurrency).unwrap_or(QUESTIONS_AT_ONCE),
            allowed,
            limiter: Limiter::new(allowed, jitter, now),
            throttle: None,
            ..Self::new(settings, own, now)
        }
    }

    /// Continues with the note of an earlier process.
    pub(crate) fn resume(&mut self, note: &HostNote, now: Instant) {
        if let Some(period) = note.slowed_to {
            self.slow_down = SlowDown::to(period.min(self.settings.max_delay));
            self.settle(now);
        }
        if let Some(since) = note.paused_since {
            let reason = note.reason.as_deref().unwrap_or("an earlier process had no answer");
            self.breaker = Breaker::paused(since, note.waits_until.unwrap_or(now), reason);
        }
    }

    /// Takes the permission for one request now, or returns when to try again. `chance` is a number from 0 to 1.
    pub(crate) fn take(&mut self, now: Instant, chance: f64) -> Result<(), Instant> {
        self.limiter.take(now, chance)?;
        self.breaker.sent(now);
        Ok(())
    }

    /// How many requests to the host may be in flight at once. Only one may, while it is tried again.
    pub(crate) fn slots(&self) -> usize {
        if self.breaker.is_closed() { self.concurrency } else { 1 }
    }

    /// Allows at most one request per `period` from now on (`Crawl-delay` of robots.txt), and never more than before.
    pub(crate) fn slow_to(&mut self, period: Duration, now: Instant) {
        if period >= self.allowed {
            // The site wants no shorter gap than this.
            self.limiter.end_jitter(now);
        }
        self.allowed = self.allowed.max(period);
        self.settle(now);
    }

    /// The host has answered.
    pub(crate) fn answered(&mut self, answer: Answered, now: Instant) -> Changed {
        let Answered { status, is_first, sent_at, latency } = answer;
        let mut changed = Changed::default();
        if let Some(throttle) = &mut self.throttle {
            throttle.answered(&self.settings, latency, (200..300).contains(&status));
        }
        if matches!(status, 429 | 503) {
            let period = self.limiter.period();
            changed.slowed_to = self.slow_down.refused(&self.settings, period, sent_at, now);
        } else if !is_retryable_status(status) {
            changed.has_recovered = self.slow_down.answered(&self.settings, self.allowed, sent_at);
        }
        if says_not_well(status) {
            let error = format!("HTTP {status}");
            changed.broken = self.breaker.failed(&self.settings, sent_at, u32::from(is_first), &error, now);
        } else {
            changed.is_back = self.breaker.answered();
        }
        self.settle(now);
        changed
    }

    /// The host has answered something else.
    pub(crate) fn is_back(&mut self) -> Changed {
        Changed { is_back: self.breaker.answered(), ..Changed::default() }
    }

    /// A fetch that began at `sent_at` got no answer. `requests` is the number of requests that have failed for the first time.
    pub(crate) fn failed(&mut self, sent_at: Instant, requests: u32, error: &str, now: Instant) -> Changed {
        let broken = self.breaker.failed(&self.settings, sent_at, requests, error, now);
        Changed { broken, ..Changed::default() }
    }

    /// The shortest time between two requests now.
    pub(crate) fn period(&self) -> Duration {
        self.limiter.period()
    }

    /// Whether the host seems to be well. If not, a failure is the fault of the host and not of the request.
    pub(crate) fn is_well(&self) -> bool {
        self.breaker.is_closed()
    }

    /// So much time has passed while this process did not run.
    pub(crate) fn slept(&mut self, time: Duration) {
        self.breaker.slept(time);
    }

    /// Why requests of the host fail now without being sent; `None` if they don't.
    pub(crate) fn is_down(&self, now: Instant) -> Option<Arc<str>> {
        self.breaker.is_down(now).cloned()
    }

    /// The note about this host for a later process. If the host waits, `waits_until` says until when.
    pub(crate) fn note(&self, host: &str, waits_until: Option<Instant>, reason: &str) -> HostNote {
        let paused_since = self.breaker.paused_since();
        let reason = if paused_since.is_some() { self.breaker.error() } else { reason };
        HostNote {
            host: host.to_owned(),
            waits_until,
            paused_since,
            slowed_to: self.slow_down.period(),
            reason: Some(reason.to_owned()).filter(|reason| !reason.is_empty()),
        }
    }

    /// Whether this pace may be forgotten, because a new one would behave the same.
    pub(crate) fn is_rested(&self, now: Instant) -> bool {
        let is_slowed = self.slow_down.period().is_some();
        self.limiter.is_rested(now)
            && !self.breaker.holds(now)
            && (!is_slowed || self.limiter.is_idle_for(KEEP_SLOWED, now))
    }

    /// Makes the longest of all delays the period.
    fn settle(&mut self, now: Instant) {
        let slowed = self.slow_down.period().unwrap_or_default();
        let throttled = self.throttle.as_ref().map_or(Duration::ZERO, Throttle::delay);
        self.limiter.set_period(self.allowed.max(slowed).max(throttled), now);
    }
}

/// Whether a status says that the host is not well or wants fewer requests: 429, the errors of gateways (RFC 9110 §15.6), and
/// those of Cloudflare. With 500, only the page failed.
pub(crate) fn says_not_well(status: u16) -> bool {
    matches!(status, 429 | 502..=504 | 520..=530)
}

#[cfg(test)]
mod tests {
    use super::limiter::MAX_JITTER;
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn settings(change: impl FnOnce(&mut PaceSettings)) -> Arc<PaceSettings> {
        let mut settings = PaceSettings { jitter: 0.0, ..PaceSettings::default() };
        change(&mut settings);
        Arc::new(settings)
    }

    fn answer(status: u16, sent_at: Instant) -> Answered {
        Answered { status, is_first: true, sent_at, latency: Duration::from_millis(20) }
    }

    /// When the next request may be sent after one at `now`.
    fn gap(pace: &mut Pace, now: Instant) -> Duration {
        pace.take(now, 0.0).unwrap();
        pace.take(now, 0.0).err().map_or(Duration::ZERO, |until| until - now)
    }

    #[test]
    fn the_longest_delay_counts_and_no_delay_speeds_up() {
        let start = Instant::now();
        let settings = settings(|it| it.rate_per_second = Some(2.0));
        let mut pace = Pace::new(&settings, None, start);
        pace.slow_to(SECOND / 10, start);
        assert_eq!(gap(&mut pace, start), SECOND / 2);
        pace.slow_to(3 * SECOND, start);
        assert_eq!(gap(&mut pace, start + 10 * SECOND), 3 * SECOND);
        let at = start + 20 * SECOND;
        assert_eq!(pace.answered(answer(429, at), at).slowed_to, Some(6 * SECOND));
        assert_eq!(gap(&mut pace, at), 6 * SECOND);
        let mut answers = 0;
        while !pace.answered(answer(200, at), at).has_recovered {
            answers += 1;
        }
        assert!((19..=20).contains(&answers), "{answers}");
        assert_eq!(gap(&mut pace, at + 10 * SECOND), 3 * SECOND);
    }

    #[test]
    fn no_gap_is_shorter_than_a_crawl_delay() {
        let start = Instant::now();
        let settings = settings(|it| (it.rate_per_second, it.jitter) = (Some(2.0), MAX_JITTER));
        let mut pace = Pace::new(&settings, None, start);
        pace.take(start, 1.0).unwrap();
        pace.slow_to(2 * SECOND, start);
        let (mut now, mut last) = (start, start);
        for chance in [0.0, 1.0, 0.3, 0.0, 0.9, 0.0] {
            while let Err(until) = pace.take(now, chance) {
                now = until;
            }
            assert!(now - last >= 2 * SECOND, "{:?}", now - last);
            last = now;
        }
    }

    #[test]
    fn a_host_may_have_a_pace_of_its_own() {
        let start = Instant::now();
        let settings = settings(|it| it.rate_per_second = Some(2.0));
        let own = HostOverride {
            rate_per_second: Some(None),
            concurrency: Some(7),
            ..HostOverride::new(HostPattern::parse("a.example").unwrap())
        };
        let mut pace = Pace::new(&settings, Some(&own), start);
        assert_eq!((gap(&mut pace, start), pace.slots()), (Duration::ZERO, 7));
    }

    #[test]
    fn autothrottle_begins_slowly_and_never_exceeds_the_rate() {
        let start = Instant::now();
        let settings = settings(|it| it.autothrottle = true);
        let mut pace = Pace::new(&settings, None, start);
        assert_eq!(gap(&mut pace, start), 5 * SECOND);
        for _ in 0..50 {
            pace.answered(answer(200, start), start);
        }
        assert_eq!(gap(&mut pace, start + 5 * SECOND), SECOND / 2);
    }

    #[test]
    fn the_next_process_continues_with_the_note() {
        let start = Instant::now();
        let settings = settings(|it| (it.host_failures, it.host_failing_for) = (Some(1), Duration::ZERO));
        let mut pace = Pace::new(&settings, None, start);
        pace.answered(answer(429, start), start);
        let until = start + settings.host_pause;
        assert_eq!(pace.failed(start, 1, "reset", start).broken, None, "it is paused already");
        let note = pace.note("a.example:80", Some(until), "");
        assert_eq!((note.paused_since, note.reason.as_deref()), (Some(start), Some("HTTP 429")));
        let mut next = Pace::new(&settings, None, start);
        next.resume(&note, start);
        assert!(!next.is_well() && next.slots() == 1 && !next.is_rested(start));
        assert_eq!(next.note("a.example:80", Some(until), ""), note);
        assert!(next.answered(answer(200, until), until).is_back);
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Pass(u64),
        Answer(u16),
        Fail,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..3000_u64).prop_map(Step::Pass),
            4 => prop::sample::select(vec![200_u16, 301, 404, 429, 500, 503]).prop_map(Step::Answer),
            1 => Just(Step::Fail),
        ]
    }

    proptest! {
        #[test]
        fn no_answer_exceeds_the_rate(
            steps in prop::collection::vec((step(), 0.0..=1.0), 1..300),
            jitter in 0.0..=MAX_JITTER,
            autothrottle in any::<bool>(),
        ) {
            let start = Instant::now();
            let settings = settings(|it| {
                (it.rate_per_second, it.jitter, it.autothrottle) = (Some(1.0), jitter, autothrottle);
            });
            let mut pace = Pace::new(&settings, None, start);
            let (mut now, mut sent) = (start, Vec::new());
            for (step, chance) in steps {
                match step {
                    Step::Pass(ms) => now += Duration::from_millis(ms),
                    Step::Answer(status) => {
                        pace.answered(answer(status, now), now);
                    }
                    Step::Fail => {
                        pace.failed(now, 1, "reset", now);
                    }
                }
                if pace.take(now, chance).is_ok() {
                    sent.push(now);
                }
            }
            let part = SECOND.mul_f64(jitter + 0.01);
            for (at, first) in sent.iter().enumerate() {
                for (gaps, later) in (0_u32..).zip(&sent[at..]) {
                    prop_assert!(*later - *first + part >= SECOND * gaps);
                }
            }
        }
    }
}
