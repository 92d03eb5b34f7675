//! How often and how soon a request is tried again.

use std::time::Duration;

/// Attempts and the waits between them.
#[derive(Clone, Debug, PartialEq)]
pub struct RetrySettings {
    /// Further attempts after the first.
    pub retries: u32,
    /// The statuses of answers that are asked for again, each from the first to the second.
    pub statuses: Vec<(u16, u16)>,
    /// Wait before the first of them; each further one waits twice as long.
    pub base_delay: Duration,
    /// Longest wait that this doubling comes to.
    pub max_delay: Duration,
    /// Longest wait that a server's `Retry-After` can ask for.
    pub max_retry_after: Duration,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            retries: 3,
            // "Not now", and what the server does not know of itself; not what it will never do (501, 505).
            statuses: vec![(408, 408), (429, 429), (500, 500), (502, 504), (506, 599)],
            base_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(60),
            max_retry_after: Duration::from_secs(300),
        }
    }
}

impl RetrySettings {
    /// Whether an answer with this status is asked for again.
    pub(crate) fn has_status(&self, status: u16) -> bool {
        self.statuses.iter().any(|(first, last)| (*first..=*last).contains(&status))
    }
}
