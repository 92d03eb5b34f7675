//! After a time in which this process did not run (`dragline_core::suspension`), time-outs and connections end that are nobody's fault.
//! Requests that were in flight are tried again, and no limit has come closer.

use std::time::Instant;

use dragline_core::suspension::Watch;

use super::Scheduler;
use super::landing::{EndedFetch, EndedRobots};
use crate::robots::RobotsAnswer;

/// See the module.
pub(super) struct SleepWatch {
    watch: Watch,
    /// When the process was last found to run again.
    awake_since: Option<Instant>,
}

impl SleepWatch {
    pub(super) fn begin() -> Self {
        Self { watch: Watch::begin(), awake_since: None }
    }

    fn interrupted(&self, begun: Instant) -> bool {
        self.awake_since.is_some_and(|since| begun < since)
    }
}

impl Scheduler {
    pub(super) fn look_at_the_clock(&mut self) {
        let now = Instant::now();
        let Some(jump) = self.sleep.watch.look(now) else { return };
        tracing::warn!(
            seconds = jump.length.as_secs_f64().round(),
            "this process did not run for a while (a suspended machine, a stopped process, or a clock that jumped); requests that were in flight are tried again"
        );
        self.sleep.awake_since = Some(now);
        self.limits.slept(jump.counted);
        self.network.link.slept(jump.counted);
        self.hosts.slept(jump.counted);
    }

    /// Whether a page's fetch failed because of a jump. Then it is tried again, and the attempt does not count.
    pub(super) fn was_interrupted(&self, fetch: &EndedFetch) -> bool {
        let failed = fetch.result.as_ref().is_err_and(|error| error.is_retryable);
        failed && self.sleep.interrupted(fetch.begun)
    }

    /// The same for a robots.txt.
    pub(super) fn robots_were_interrupted(&self, ended: &EndedRobots) -> bool {
        let failed = matches!(ended.fetch.answer, RobotsAnswer::NotNow(_)) && ended.fetch.heard.is_err();
        failed && self.sleep.interrupted(ended.begun)
    }
}
