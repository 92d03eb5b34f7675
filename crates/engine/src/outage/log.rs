//! Logs an outage as calmly as one of the store: one warning when it begins, one at a slow rhythm while it lasts, and one line
//! when it is over. Outages of a moment are only counted, unless nothing was logged for a while.

use std::time::{Duration, Instant};

use tracing::{info, warn};

/// An outage soon after another one is logged only once it has lasted this long.
const BLIP: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub(super) struct OutageLog {
    interval: Duration,
    /// When something was last logged.
    told: Option<Instant>,
    /// Whether the beginning of the present outage was logged.
    has_begun: bool,
    /// Short outages since then that were not logged.
    blips: u32,
}

impl OutageLog {
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval, told: None, has_begun: false, blips: 0 }
    }

    /// An outage has lasted since then.
    pub(super) fn lasts(&mut self, since: Instant, error: &str, now: Instant) {
        let lasted = now.saturating_duration_since(since);
        let is_due = self.told.is_none_or(|told| now.saturating_duration_since(told) >= self.interval);
        if !self.has_begun && (is_due || lasted >= BLIP) {
            let short_outages_before = std::mem::take(&mut self.blips);
            warn!(
                error,
                short_outages_before,
                "no host can be reached from here, so the crawl pauses; requests stay queued, and it tries again until an answer comes"
            );
            self.has_begun = true;
        } else if self.has_begun && is_due {
            warn!(
                error,
                outage_s = lasted.as_secs(),
                "still no host can be reached from here; the crawl waits"
            );
        } else {
            return;
        }
        self.told = Some(now);
    }

    /// The outage is over.
    pub(super) fn is_over(&mut self, lasted: Duration) {
        if std::mem::take(&mut self.has_begun) {
            info!(outage_s = lasted.as_secs_f64().round(), "an answer came, so the crawl goes on");
        } else {
            self.blips = self.blips.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_that_comes_and_goes_is_logged_at_a_calm_rhythm() {
        let (begun, second) = (Instant::now(), Duration::from_secs(1));
        let mut log = OutageLog::new(30 * second);
        log.lasts(begun, "refused", begun);
        assert!(log.has_begun);
        log.is_over(second / 2);
        for _ in 0..9 {
            log.lasts(begun + second, "refused", begun + second);
            assert!(!log.has_begun);
            log.is_over(second / 2);
        }
        assert_eq!(log.blips, 9);
        log.lasts(begun + second, "refused", begun + 2 * second);
        assert!(log.has_begun && log.blips == 0, "it lasts");
        let told = log.told;
        log.lasts(begun + second, "refused", begun + 20 * second);
        assert_eq!(log.told, told);
        log.lasts(begun + second, "refused", begun + 32 * second);
        assert_ne!(log.told, told);
    }
}
