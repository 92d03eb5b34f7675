//! A note about a host for the process that resumes the run: how long to wait, and how slowly to ask.
//!
//! The times in a note are on this process's clock. A store converts them to its own clock.

use std::time::{Duration, Instant};

/// A note about a host. An empty note means that there is nothing to remember about the host any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostNote {
    /// Host and port.
    pub host: String,
    /// Until when not to ask the host, because it asked for a pause or keeps failing.
    pub waits_until: Option<Instant>,
    /// Since when it has been failing, if it keeps failing.
    pub paused_since: Option<Instant>,
    /// The time between two requests to it.
    pub slowed_to: Option<Duration>,
    /// The reason, for people.
    pub reason: Option<String>,
}

/// How many notes a run is opened with at most, the latest ones.
pub const MAX_HOST_NOTES: u32 = 100_000;

impl HostNote {
    /// Whether the note is empty.
    pub fn is_empty(&self) -> bool {
        self.waits_until.is_none() && self.paused_since.is_none() && self.slowed_to.is_none()
    }

    /// How long not to ask the host, from now on.
    pub fn wait(&self) -> Option<Duration> {
        self.waits_until.map(|until| until.saturating_duration_since(Instant::now()))
    }

    /// How long the host will have been paused by the end of that time, if it keeps failing. Time without a process does
    /// not count, because nobody asked the host then.
    pub fn paused_for(&self) -> Option<Duration> {
        let since = self.paused_since?;
        Some(self.waits_until.unwrap_or_else(Instant::now).saturating_duration_since(since))
    }

    /// Rebuilds a stored note from the remaining wait, and from the total pause of the host at the end of that wait.
    pub fn kept(
        host: String,
        wait: Option<Duration>,
        paused_for: Option<Duration>,
        slowed_to: Option<Duration>,
        reason: Option<String>,
    ) -> Self {
        let now = Instant::now();
        let waits_until = wait.and_then(|wait| now.checked_add(wait));
        let paused_since = paused_for.map(|long| {
            let end = waits_until.unwrap_or(now);
            end.checked_sub(long).unwrap_or(end)
        });
        Self { host, waits_until, paused_since, slowed_to, reason }
    }
}
