//! What is tried again, when, and what is said about it meanwhile.
//!
//! A store that is away is waited for (design I6), calmly: one warning when it goes, one at a slow rhythm
//! while it is gone, one line when it answers again. A store that comes and goes is told of at that rhythm, too.

use std::error::Error;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dragline_core::StoreError;
use tracing::{info, warn};

use super::settings::PersistenceSettings;

/// An outage soon after another is not told until it has lasted so long.
const BLIP: Duration = Duration::from_secs(1);

/// Growing pauses with jitter, so that many processes do not come back to a database all at once.
#[derive(Debug)]
pub(super) struct BackOff {
    next: Duration,
    max: Duration,
}

/// The outage of one kind of operation, shared by all tasks that meet it. Writing and reading are told
/// apart: a full disk stops the one and not the other.
#[derive(Debug)]
pub(super) struct Outage {
    what: &'static str,
    max: Option<Duration>,
    log_interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    current: Option<Current>,
    /// When something was last said.
    told: Option<Instant>,
    /// Outages that came and went since, without a word.
    blips: u32,
}

#[derive(Debug)]
struct Current {
    begun: Instant,
    is_told: bool,
}

impl BackOff {
    pub(super) fn new(settings: &PersistenceSettings) -> Self {
        Self { next: settings.retry_base_delay, max: settings.retry_max_delay }
    }

    /// The next pause: between half and all of a limit that doubles each time.
    pub(super) fn pause(&mut self) -> Duration {
        let limit = self.next.min(self.max);
        self.next = limit.saturating_mul(2);
        limit.mul_f64(rand::random_range(0.5..=1.0))
    }
}

impl Outage {
    pub(super) fn new(what: &'static str, settings: &PersistenceSettings) -> Self {
        Self {
            what,
            max: settings.max_outage,
            log_interval: settings.outage_log_interval,
            state: Mutex::default(),
        }
    }

    /// Notes that the store did not answer. Gives since when, or `None` when that is longer than the run
    /// may wait.
    pub(super) fn lasts(&self, error: &StoreError, rows_waiting: usize) -> Option<Instant> {
        let now = Instant::now();
        let mut state = self.state();
        let State { current, told, blips } = &mut *state;
        let current = current.get_or_insert(Current { begun: now, is_told: false });
        let lasts = now.duration_since(current.begun);
        let is_due = told.is_none_or(|told| now.duration_since(told) >= self.log_interval);
        if current.is_told && is_due {
            warn!(
                error = chain(error),
                rows_waiting,
                outage_s = lasts.as_secs(),
                "{} still fails; the crawl waits",
                self.what
            );
            *told = Some(now);
        } else if !current.is_told && (is_due || lasts >= BLIP) {
            warn!(
                error = chain(error),
                rows_waiting,
                short_outages_before = (*blips > 0).then_some(*blips),
                hint = error.hint(),
                "{} fails; nothing is lost, it is tried until the store answers",
                self.what
            );
            (current.is_told, *told, *blips) = (true, Some(now), 0);
        }
        self.max.is_none_or(|max| lasts < max).then_some(current.begun)
    }

    /// Notes that the store did what it was asked.
    pub(super) fn is_over(&self) {
        let mut state = self.state();
        match state.current.take() {
            Some(Current { begun, is_told: true }) => {
                let outage_s = begun.elapsed().as_secs();
                info!(outage_s, "the store answers again: {} works", self.what);
            }
            Some(_) => state.blips = state.blips.saturating_add(1),
            None => {}
        }
    }

    /// Since when it lasts.
    pub(super) fn since(&self) -> Option<Instant> {
        self.state().current.as_ref().map(|current| current.begun)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An error with its causes in one line. `Display` of our errors never repeats its source.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a String cannot fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn away() -> StoreError {
        StoreError::Unavailable {
            store: "store".to_owned(),
            what: "flush".to_owned(),
            sqlstate: None,
            source: "connection refused".into(),
        }
    }

    #[test]
    fn pauses_grow_to_their_limit() {
        let settings = PersistenceSettings {
            retry_base_delay: Duration::from_millis(100),
            retry_max_delay: Duration::from_millis(400),
            ..PersistenceSettings::default()
        };
        let mut back_off = BackOff::new(&settings);
        for limit in [100, 200, 400, 400, 400] {
            let (pause, limit) = (back_off.pause(), Duration::from_millis(limit));
            assert!(pause >= limit / 2 && pause <= limit, "{pause:?} of {limit:?}");
        }
    }

    #[test]
    fn an_outage_begins_lasts_and_ends() {
        let outage = Outage::new("flushing", &PersistenceSettings::default());
        let begun = outage.lasts(&away(), 3);
        assert!(begun.is_some());
        assert_eq!(outage.lasts(&away(), 3), begun, "one outage, however many tasks meet it");
        assert_eq!(outage.since(), begun);
        outage.is_over();
        assert_eq!(outage.since(), None);
        assert!(outage.lasts(&away(), 3) > begun);
    }

    #[test]
    fn a_store_that_comes_and_goes_is_told_of_at_a_calm_rhythm() {
        let outage = Outage::new("flushing", &PersistenceSettings::default());
        for _ in 0..200 {
            outage.lasts(&away(), 3);
            outage.is_over();
        }
        assert_eq!(outage.state().blips, 199, "the first was told, the others only counted");
    }

    #[test]
    fn an_outage_may_be_limited() {
        let settings =
            PersistenceSettings { max_outage: Some(Duration::ZERO), ..PersistenceSettings::default() };
        assert_eq!(Outage::new("flushing", &settings).lasts(&away(), 3), None);
    }

    #[test]
    fn a_chain_names_every_cause_once() {
        assert_eq!(chain(&away()), "store is not available (flush): connection refused");
    }
}
