//! Logs an outage of the store.
//!
//! The crawl waits for the store (design I6), and the log stays calm: one warning when the outage begins, one at a slow
//! rhythm while it lasts, and one line when the store answers again. If the store comes and goes, it is logged at the
//! same slow rhythm.

use std::error::Error;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dragline_core::StoreError;
use dragline_core::suspension::Since;
use tracing::{info, warn};

use super::settings::PersistenceSettings;

/// An outage soon after another one is logged only once it has lasted this long.
const BLIP: Duration = Duration::from_secs(1);

/// How many reasons of one outage are logged.
const MAX_REASONS: usize = 4;

/// The outage of one kind of operation, shared by all tasks that notice it. Writing and reading are separate kinds: a full
/// disk stops only the writing.
#[derive(Debug)]
pub(super) struct Outage {
    what: &'static str,
    max: Option<Duration>,
    log_interval: Duration,
    history: Mutex<OutageHistory>,
}

#[derive(Debug, Default)]
struct OutageHistory {
    ongoing: Option<OngoingOutage>,
    /// When something was last logged.
    told: Option<Instant>,
    /// Short outages since then that were not logged.
    blips: u32,
}

#[derive(Debug)]
struct OngoingOutage {
    /// Time in which this process did not run says nothing about the store.
    begun: Since,
    /// The reasons that were logged. In a shutdown, the connection first closes and is then refused.
    reasons: Vec<String>,
}

/// What the log says about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OutageNews {
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
            history: Mutex::default(),
        }
    }

    /// Notes that the store did not answer. Returns when the outage began, or `None` if it has lasted longer than the run
    /// may wait.
    pub(super) fn lasts(&self, error: &StoreError, rows_waiting: usize) -> Option<Instant> {
        let now = Instant::now();
        let mut history = self.history();
        let (say, begun, blips) = history.say(now, reason(error), self.log_interval);
        drop(history);
        let lasts = begun.elapsed();
        let (what, error, hint, outage_s) = (self.what, chain(error), error.hint(), lasts.as_secs());
        match say {
            OutageNews::Nothing => {}
            OutageNews::Begins if blips == 0 => {
                warn!(
                    error,
                    rows_waiting, hint, "{what} fails; nothing is lost, it is tried until the store answers"
                );
            }
            OutageNews::Begins => {
                warn!(
                    error,
                    rows_waiting,
                    hint,
                    short_outages_before = blips,
                    "{what} fails again; nothing is lost"
                );
            }
            OutageNews::OtherReason => {
                warn!(error, rows_waiting, outage_s, "{what} fails for another reason now");
            }
            OutageNews::Lasts => warn!(error, rows_waiting, outage_s, "{what} still fails; the crawl waits"),
        }
        self.max.is_none_or(|max| lasts < max).then_some(begun.moment())
    }

    /// Notes that the store did its work.
    pub(super) fn is_over(&self) {
        let mut history = self.history();
        match history.ongoing.take() {
            Some(current) if current.reasons.is_empty() => history.blips = history.blips.saturating_add(1),
            Some(OngoingOutage { begun, .. }) => {
                drop(history);
                info!(outage_s = begun.elapsed().as_secs(), "the store answers again: {} works", self.what);
            }
            None => {}
        }
    }

    /// When the outage began.
    pub(super) fn since(&self) -> Option<Instant> {
        self.history().ongoing.as_ref().map(|current| current.begun.moment())
    }

    fn history(&self) -> MutexGuard<'_, OutageHistory> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OutageHistory {
    /// Returns what to log about a failure now, when the outage began, and how many outages before it were not logged.
    fn say(&mut self, now: Instant, reason: String, log_interval: Duration) -> (OutageNews, Since, u32) {
        let current =
            self.ongoing.get_or_insert_with(|| OngoingOutage { begun: Since::now(), reasons: Vec::new() });
        let is_due = self.told.is_none_or(|told| now.duration_since(told) >= log_interval);
        let lasts = now.saturating_duration_since(current.begun.moment()) >= BLIP;
        let is_new = !current.reasons.contains(&reason) && current.reasons.len() < MAX_REASONS;
        let say = match current.reasons.is_empty() {
            true if is_due || lasts => OutageNews::Begins,
            false if is_new => OutageNews::OtherReason,
            false if is_due => OutageNews::Lasts,
            _ => return (OutageNews::Nothing, current.begun, self.blips),
        };
        if is_new {
            current.reasons.push(reason);
        }
        self.told = Some(now);
        let blips = if say == OutageNews::Begins { std::mem::take(&mut self.blips) } else { 0 };
        (say, current.begun, blips)
    }
}

/// The database's error code or, if it did not answer, the underlying error.
fn reason(error: &StoreError) -> String {
    match error {
        StoreError::Unavailable { sqlstate: Some(code), .. } => code.clone(),
        StoreError::Unavailable { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}

/// An error with its causes in one line. The `Display` of our errors never repeats the source.
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
        assert_eq!(outage.lasts(&away(), 3), begun, "one outage, however many tasks notice it");
        assert_eq!(outage.since(), begun);
        outage.is_over();
        assert_eq!(outage.since(), None);
        assert!(outage.lasts(&away(), 3) > begun);
    }

    #[test]
    fn a_store_that_comes_and_goes_is_logged_at_a_calm_rhythm() {
        let outage = Outage::new("flushing", &PersistenceSettings::default());
        for _ in 0..200 {
            outage.lasts(&away(), 3);
            outage.is_over();
        }
        assert_eq!(outage.history().blips, 199, "the first was logged, the others were only counted");
    }

    #[test]
    fn an_outage_is_logged_once_then_at_its_rhythm_and_each_reason_once() {
        let (begun, rhythm) = (Instant::now(), Duration::from_secs(30));
        let mut history = OutageHistory::default();
        let mut at = |seconds, reason: &str| {
            history.say(begun + Duration::from_secs(seconds), reason.to_owned(), rhythm).0
        };
        assert_eq!(at(0, "closed"), OutageNews::Begins);
        assert_eq!(at(1, "closed"), OutageNews::Nothing);
        assert_eq!(at(2, "refused"), OutageNews::OtherReason);
        assert_eq!(at(3, "closed"), OutageNews::Nothing);
        assert_eq!(at(31, "refused"), OutageNews::Nothing);
        assert_eq!(at(32, "refused"), OutageNews::Lasts);
        assert_eq!(at(33, "refused"), OutageNews::Nothing);
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
