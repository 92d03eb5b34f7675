//! Counts failed and dead pages by reason, and keeps one example of each for people.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

use dragline_core::{PageFault, Reason};

/// Failures of one kind are counted together: those with the same reason and, if the reason is the HTTP status, the same status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct FailureKind {
    /// The reason.
    pub reason: Reason,
    /// The HTTP status, for [`Reason::HttpStatus`].
    pub status: Option<u16>,
}

/// The failures of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailureCount {
    /// Their number.
    pub count: u64,
    /// What happened the first time.
    pub example: String,
}

/// Failures by kind. The number of kinds is limited by the number of reasons and statuses.
#[derive(Debug, Default)]
pub(crate) struct FailureCounts(BTreeMap<FailureKind, FailureCount>);

impl FailureKind {
    fn of(fault: &PageFault) -> Self {
        let status = fault.status.filter(|_| fault.reason == Reason::HttpStatus);
        Self { reason: fault.reason, status }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "HTTP {status}"),
            None => self.reason.fmt(f),
        }
    }
}

impl FailureCounts {
    pub(crate) fn add(&mut self, fault: &PageFault) {
        let count = self
            .0
            .entry(FailureKind::of(fault))
            .or_insert_with(|| FailureCount { count: 0, example: fault.detail.clone() });
        count.count += 1;
    }

    pub(crate) fn counts(&self) -> &BTreeMap<FailureKind, FailureCount> {
        &self.0
    }

    /// The most frequent kind. If two are equally frequent, the first reason counts.
    pub(crate) fn most_frequent(&self) -> Option<(&FailureKind, &FailureCount)> {
        self.0.iter().max_by_key(|(kind, count)| (count.count, Reverse(**kind)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(reason: Reason, status: Option<u16>, detail: &str) -> PageFault {
        PageFault { reason, status, detail: detail.to_owned() }
    }

    #[test]
    fn failures_are_counted_by_reason_and_the_status_where_it_is_the_reason() {
        let mut counts = FailureCounts::default();
        assert_eq!(counts.most_frequent(), None);
        for (reason, status, detail) in [
            (Reason::HttpStatus, Some(404), "HTTP 404"),
            (Reason::HttpStatus, Some(500), "HTTP 500"),
            (Reason::ParseError, Some(200), "parse: no price on page 1"),
            (Reason::ParseError, Some(203), "parse: no price on page 2"),
        ] {
            counts.add(&fault(reason, status, detail));
        }
        let told: Vec<(String, u64, &str)> = counts
            .counts()
            .iter()
            .map(|(kind, count)| (kind.to_string(), count.count, count.example.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("HTTP 404".to_owned(), 1, "HTTP 404"),
                ("HTTP 500".to_owned(), 1, "HTTP 500"),
                ("error in parse".to_owned(), 2, "parse: no price on page 1"),
            ]
        );
        let most = counts.most_frequent().map(|(kind, _)| kind.reason);
        assert_eq!(most, Some(Reason::ParseError));
    }
}
