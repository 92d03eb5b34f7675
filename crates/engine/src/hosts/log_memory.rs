//! What was logged about a host. An outage takes a few lines in the log, not one for each page.

use std::time::Instant;

/// Failures in a row that are logged one by one.
const FAILURES_LOGGED: u32 = 5;

/// What was logged about a host.
#[derive(Debug, Default)]
pub(crate) struct HostLogMemory {
    asked_for_rest_until: Option<Instant>,
    failures: u32,
    denied_a_start: bool,
}

/// How much is logged about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureLog {
    /// The failure.
    Line,
    /// The failure, and that this is the last line for now.
    LastLine,
    /// Nothing.
    Nothing,
}

impl HostLogMemory {
    /// The host asks for a rest until then. Whether that is news.
    pub(crate) fn asks_for_rest(&mut self, now: Instant, until: Instant) -> bool {
        self.asked_for_rest_until.replace(until).is_none_or(|before| before <= now)
    }

    /// Its robots.txt forbids a start request. Whether that is news.
    pub(crate) fn denies_a_start(&mut self) -> bool {
        !std::mem::replace(&mut self.denied_a_start, true)
    }

    /// A page of the host was given up.
    pub(crate) fn failed(&mut self) -> FailureLog {
        self.failures = self.failures.saturating_add(1);
        match self.failures {
            ..FAILURES_LOGGED => FailureLog::Line,
            FAILURES_LOGGED => FailureLog::LastLine,
            _ => FailureLog::Nothing,
        }
    }

    /// A page of the host has come.
    pub(crate) fn page_came(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_outage_takes_a_few_lines() {
        let mut memory = HostLogMemory::default();
        let lines: Vec<FailureLog> = (0..7).map(|_| memory.failed()).collect();
        assert_eq!(
            lines[..5],
            [FailureLog::Line, FailureLog::Line, FailureLog::Line, FailureLog::Line, FailureLog::LastLine]
        );
        assert_eq!(lines[5..], [FailureLog::Nothing, FailureLog::Nothing]);
        memory.page_came();
        assert_eq!(memory.failed(), FailureLog::Line);
        assert!(memory.denies_a_start() && !memory.denies_a_start());
        let (now, minute) = (Instant::now(), Duration::from_secs(60));
        assert!(memory.asks_for_rest(now, now + minute) && !memory.asks_for_rest(now, now + 2 * minute));
        assert!(memory.asks_for_rest(now + 2 * minute, now + 3 * minute));
    }
}
