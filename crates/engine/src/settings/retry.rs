//! How often and how soon a request is tried again.

use std::time::Duration;

/// Attempts and the waits between them.
#[derive(Clone, Debug, PartialEq)]
pub struct RetrySettings {
    /// Further attempts after the first.
    pub retries: u32,
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
            base_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(60),
            max_retry_after: Duration::from_secs(300),
        }
    }
}
