//! What a run has learned of a host, for the process that resumes it: how long to wait, and how slowly to ask.
//!
//! Moments are of this process; a store keeps them by its own clock.

use std::time::{Duration, Instant};

/// See the module. One that says nothing stands for a host of which there is nothing to know any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostNote {
    /// Host and port.
    pub host: String,
    /// Until when it is left alone: it asked for that, or keeps failing.
    pub waits_until: Option<Instant>,
    /// Since when, if it keeps failing.
    pub paused_since: Option<Instant>,
    /// It is asked once in this time.
    pub slowed_to: Option<Duration>,
    /// Why, for people.
    pub reason: Option<String>,
}

/// Notes that a run is opened with, the latest first.
pub const MAX_HOST_NOTES: u32 = 100_000;

impl HostNote {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.waits_until.is_none() && self.paused_since.is_none() && self.slowed_to.is_none()
    }

    /// How long the host must still be left alone.
    pub fn wait(&self) -> Option<Duration> {
        self.waits_until.map(|until| until.saturating_duration_since(Instant::now()))
    }

    /// How long it will have been paused by the end of that, if it keeps failing. Time in which no process runs is not
    /// counted: nobody has asked the host then.
    pub fn paused_for(&self) -> Option<Duration> {
        let since = self.paused_since?;
        Some(self.waits_until.unwrap_or_else(Instant::now).saturating_duration_since(since))
    }

    /// The note that a store kept: of such a wait, at whose end the host will have been paused for so long.
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
