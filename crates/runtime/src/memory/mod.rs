//! Memory: how much a crawl may use, and what happens if it uses more.
//!
//! The byte budget limits pages, outcomes and batches. Memory that a spider or a library uses isn't charged to
//! it, so the whole process also has a soft limit. Above it, fetching pauses. If that doesn't help, the run
//! stops and can be resumed, before the kernel kills the process without a word.

mod cgroup;

use std::time::{Duration, Instant};

use bytesize::ByteSize;
use dragline_core::hold::Hold;
use dragline_core::stop::{Stop, StopReason};

use crate::usage::Usage;

/// Share of a container's limit. The rest is for memory that the kernel also counts.
const SOFT_SHARE: f64 = 0.8;
/// Share of a container's limit.
const BUDGET_SHARE: f64 = 0.25;
/// The same for one page. A page that needs more than the budget is parsed while no other page is.
const PAGE_SHARE: f64 = 0.5;
/// How far memory must fall below the limit before fetching continues.
const RELIEF: f64 = 0.9;
/// How long a pause may take to help. Flushes and parses in hand are done by then.
const PATIENCE: Duration = Duration::from_secs(30);

/// The soft limit of a process in this container, if there is a container.
pub fn soft_limit() -> Option<u64> {
    cgroup::memory_limit().map(|limit| share(limit, SOFT_SHARE))
}

/// The byte budget that fits into this container: at most `wanted`.
pub fn fitting_budget(wanted: usize) -> usize {
    fitting(wanted, BUDGET_SHARE)
}

/// The memory of one page that fits into this container: at most `wanted`.
pub fn fitting_page_memory(wanted: usize) -> usize {
    fitting(wanted, PAGE_SHARE)
}

fn fitting(wanted: usize, part: f64) -> usize {
    cgroup::memory_limit()
        .map_or(wanted, |limit| wanted.min(usize::try_from(share(limit, part)).unwrap_or(wanted)).max(1))
}

/// Enforces the soft limit of a crawl.
pub struct MemoryGuard {
    limit: Option<u64>,
    hold: Hold,
    paused: Option<Instant>,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Nothing,
    Pause,
    GoOn,
    GiveUp,
}

impl MemoryGuard {
    /// Sets `hold` when the process uses more than `limit` bytes.
    pub fn new(limit: Option<u64>, hold: Hold) -> Self {
        Self { limit, hold, paused: None }
    }

    /// Checks the memory and acts on it. Call this from time to time.
    pub fn look(&mut self, stop: &Stop) {
        let Some(limit) = self.limit else { return };
        let Some(resident) = Usage::resident_bytes() else { return };
        let shown = || (ByteSize(resident).to_string(), ByteSize(limit).to_string());
        match self.judge(resident, limit, Instant::now()) {
            Step::Nothing => {}
            Step::Pause => {
                let (resident, limit) = shown();
                self.hold.put();
                tracing::warn!(resident, limit, "memory is above its soft limit, so fetching pauses");
            }
            Step::GoOn => {
                let (resident, limit) = shown();
                self.hold.lift();
                tracing::info!(
                    resident,
                    limit,
                    "memory is below its soft limit again, so fetching continues"
                );
            }
            Step::GiveUp => {
                let (resident, limit) = shown();
                let reason = StopReason::Memory(format!("{resident} of {limit} resident"));
                if stop.request(reason) {
                    tracing::error!(
                        resident,
                        limit,
                        hint = "give the process more memory (--memory-limit), or less to do \
                                (--memory-budget, --concurrency, --crawl-threads), or check what the \
                                spider keeps in memory",
                        "memory stays above its soft limit although fetching has paused, so the run stops; \
                         run the same command to resume"
                    );
                }
            }
        }
    }

    fn judge(&mut self, resident: u64, limit: u64, now: Instant) -> Step {
        match self.paused {
            None if resident > limit => {
                self.paused = Some(now);
                Step::Pause
            }
            Some(_) if resident <= share(limit, RELIEF) => {
                self.paused = None;
                Step::GoOn
            }
            Some(since) if resident > limit && now.duration_since(since) >= PATIENCE => Step::GiveUp,
            _ => Step::Nothing,
        }
    }
}

// A float is precise enough for a limit.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn share(bytes: u64, part: f64) -> u64 {
    (bytes as f64 * part) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_pauses_goes_on_and_gives_up_only_when_a_pause_does_not_help() {
        let mut guard = MemoryGuard::new(Some(100), Hold::default());
        let begun = Instant::now();
        let later = |seconds| begun + Duration::from_secs(seconds);
        assert_eq!(guard.judge(100, 100, later(0)), Step::Nothing);
        assert_eq!(guard.judge(101, 100, later(1)), Step::Pause);
        assert_eq!(guard.judge(120, 100, later(20)), Step::Nothing);
        // Between the two thresholds, it waits as long as necessary.
        assert_eq!(guard.judge(95, 100, later(60)), Step::Nothing);
        assert_eq!(guard.judge(90, 100, later(61)), Step::GoOn);
        assert_eq!(guard.judge(101, 100, later(62)), Step::Pause);
        assert_eq!(guard.judge(101, 100, later(91)), Step::Nothing);
        assert_eq!(guard.judge(101, 100, later(92)), Step::GiveUp);
    }
}
