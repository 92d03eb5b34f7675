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

/// Of one outage so many reasons are told.
const MAX_REASONS: usize = 4;

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
    /// What was told of it: a shutdown is first a closed connection and then a refused one.
    reasons: Vec<String>,
}

/// What is said of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Say {
    Nothing,
    Begins,
    OtherReason,
    Lasts,
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
        let (say, begun, blips) = state.say(now, reason(error), self.log_interval);
        drop(state);
        let lasts = now.duration_since(begun);
        let (what, error, hint, outage_s) = (self.what, chain(error), error.hint(), lasts.as_secs());
        match say {
            Say::Nothing => {}
            Say::Begins if blips == 0 => {
                warn!(
                    error,
                    rows_waiting, hint, "{what} fails; nothing is lost, it is tried until the store answers"
                );
            }
            Say::Begins => {
                warn!(
                    error,
                    rows_waiting,
                    hint,
                    short_outages_before = blips,
                    "{what} fails again; nothing is lost"
                );
            }
            Say::OtherReason => warn!(error, rows_waiting, outage_s, "{what} fails for another reason now"),
            Say::Lasts => warn!(error, rows_waiting, outage_s, "{what} still fails; the crawl waits"),
        }
        self.max.is_none_or(|max| lasts < max).then_some(begun)
    }

    /// Notes that the store did what it was asked.
    pub(super) fn is_over(&self) {
        let mut state = self.state();
        match state.current.take() {
            Some(current) if current.reasons.is_empty() => state.blips = state.blips.saturating_add(1),
            Some(Current { begun, .. }) => {
                drop(state);
                info!(outage_s = begun.elapsed().as_secs(), "the store answers again: {} works", self.what);
            }
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

impl State {
    /// What to say of a failure now; since when it lasts; how many outages were not told before this one.
    fn say(&mut self, now: Instant, reason: String, log_interval: Duration) -> (Say, Instant, u32) {
        let current = self.current.get_or_insert_with(|| Current { begun: now, reasons: Vec::new() });
        let is_due = self.told.is_none_or(|told| now.duration_since(told) >= log_interval);
        let lasts = now.duration_since(current.begun) >= BLIP;
        let is_new = !current.reasons.contains(&reason) && current.reasons.len() < MAX_REASONS;
        let say = match current.reasons.is_empty() {
            true if is_due || lasts => Say::Begins,
            false if is_new => Say::OtherReason,
            false if is_due => Say::Lasts,
            _ => return (Say::Nothing, current.begun, self.blips),
        };
        if is_new {
            current.reasons.push(reason);
        }
        self.told = Some(now);
        let blips = if say == Say::Begins { std::mem::take(&mut self.blips) } else { 0 };
        (say, current.begun, blips)
    }
}

/// The database's code or, when it did not answer, what is underneath.
fn reason(error: &StoreError) -> String {
    match error {
        StoreError::Unavailable { sqlstate: Some(code), .. } => code.clone(),
        StoreError::Unavailable { source, .. } => source.to_string(),
        other => other.to_string(),
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
    fn an_outage_is_told_once_then_at_its_rhythm_and_each_reason_once() {
        let (begun, rhythm) = (Instant::now(), Duration::from_secs(30));
        let mut state = State::default();
        let mut at = |seconds, reason: &str| {
            state.say(begun + Duration::from_secs(seconds), reason.to_owned(), rhythm).0
        };
        assert_eq!(at(0, "closed"), Say::Begins);
        assert_eq!(at(1, "closed"), Say::Nothing);
        assert_eq!(at(2, "refused"), Say::OtherReason);
        assert_eq!(at(3, "closed"), Say::Nothing);
        assert_eq!(at(31, "refused"), Say::Nothing);
        assert_eq!(at(32, "refused"), Say::Lasts);
        assert_eq!(at(33, "refused"), Say::Nothing);
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
