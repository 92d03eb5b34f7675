//! What was said of a host in the log: an outage takes a few lines there, not one for each page.

use std::time::Instant;

/// Failures of one host in a row that are told one by one.
const FAILURES_TOLD: u32 = 5;

/// What was said of a host.
#[derive(Debug, Default)]
pub(crate) struct Told {
    asked_for_rest_until: Option<Instant>,
    failures: u32,
    denied_a_start: bool,
}

/// How much is said of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Telling {
    /// All of it.
    Tell,
    /// All of it, and that this was the last for now.
    TellLast,
    /// Nothing.
    Keep,
}

impl Told {
    /// The host asks to be left alone until then; whether that is news.
    pub(crate) fn asks_for_rest(&mut self, now: Instant, until: Instant) -> bool {
        self.asked_for_rest_until.replace(until).is_none_or(|before| before <= now)
    }

    /// Its robots.txt forbids a start request; whether that is news.
    pub(crate) fn denies_a_start(&mut self) -> bool {
        !std::mem::replace(&mut self.denied_a_start, true)
    }

    /// A page of the host was given up.
    pub(crate) fn failed(&mut self) -> Telling {
        self.failures = self.failures.saturating_add(1);
        match self.failures {
            ..FAILURES_TOLD => Telling::Tell,
            FAILURES_TOLD => Telling::TellLast,
            _ => Telling::Keep,
        }
    }

    /// A page of the host has come.
    pub(crate) fn came(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_outage_takes_a_few_lines() {
        let mut told = Told::default();
        let said: Vec<Telling> = (0..7).map(|_| told.failed()).collect();
        assert_eq!(
            said[..5],
            [Telling::Tell, Telling::Tell, Telling::Tell, Telling::Tell, Telling::TellLast]
        );
        assert_eq!(said[5..], [Telling::Keep, Telling::Keep]);
        told.came();
        assert_eq!(told.failed(), Telling::Tell);
        assert!(told.denies_a_start() && !told.denies_a_start());
        let (now, minute) = (Instant::now(), Duration::from_secs(60));
        assert!(told.asks_for_rest(now, now + minute) && !told.asks_for_rest(now, now + 2 * minute));
        assert!(told.asks_for_rest(now + 2 * minute, now + 3 * minute));
    }
}
