//! Is the crawl well? The same rule answers the endpoint in the process and the health check outside it, which
//! reads the same data from the heartbeat file.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// How far a heartbeat may be ahead of the reader's clock.
pub const CLOCK_TOLERANCE_MS: u64 = 1_000;

/// The phase of the process. It only moves forward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Phase {
    /// The store is being opened, within `--startup-timeout`. If it is silent, it hangs.
    #[default]
    Starting,
    /// The crawl is running.
    Crawling,
    /// A stop was requested, or the crawl has ended: closing, report, export. The watchdog limits this phase.
    Stopping,
}

/// The state for orchestrators and people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthState {
    /// The store is being opened.
    Starting,
    /// The crawl is running.
    Running,
    /// The store is away or slow. The crawl is alive and waits for it.
    Degraded,
    /// The crawl finishes, stores and reports the pages in hand.
    Stopping,
    /// A loop has stopped, a parse doesn't return, or a start or a stop is silent.
    Stuck,
}

/// A state, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The state.
    pub state: HealthState,
    /// One sentence.
    pub why: String,
}

/// The heartbeats of the working loops, in milliseconds since 1970. This is the content of the heartbeat file.
/// file.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Beats {
    /// The process.
    pub pid: u32,
    /// Its phase.
    pub phase: Phase,
    /// The last heartbeat of the scheduler.
    pub scheduler_ms: u64,
    /// The last heartbeat of the persistence thread.
    pub persistence_ms: u64,
    /// The last heartbeat of the report and the export, after the crawl.
    #[serde(default)]
    pub aftermath_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    /// Since when the crawl has been waiting for its store.
    pub degraded_since_ms: Option<u64>,
    /// Since when no host can be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline_since_ms: Option<u64>,
    /// The page that a spider has been parsing for the longest time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_parse: Option<Parse>,
}

/// A page that a spider is parsing.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Parse {
    /// The number of the crawl thread.
    pub thread: usize,
    /// The page's URL.
    pub url: String,
    /// When the parse began.
    pub since_ms: u64,
    /// How long it may take (`--parse-timeout`). After that, the supervisor of the crawl threads fails the page.
    pub limit_ms: u64,
}

impl Beats {
    /// The state at `now_ms`, if a loop hangs when it is silent for longer than `max_age`.
    pub fn verdict(&self, now_ms: u64, max_age: Duration) -> Verdict {
        match self.phase {
            Phase::Starting => {
                let silent = silent([("persistence", self.persistence_ms)], now_ms, max_age);
                silent.unwrap_or_else(|| HealthState::Starting.because("the store is being opened"))
            }
            Phase::Crawling => self.crawling(now_ms, max_age),
            Phase::Stopping => {
                // The parts of a stop end one after the other. It is enough if one of them still works.
                let newest = self.scheduler_ms.max(self.persistence_ms).max(self.aftermath_ms);
                let silent = silent([("stop", newest)], now_ms, max_age);
                silent.unwrap_or_else(|| {
                    HealthState::Stopping.because("pages in hand are being finished, stored and reported")
                })
            }
        }
    }

    fn crawling(&self, now_ms: u64, max_age: Duration) -> Verdict {
        let loops = [("scheduler", self.scheduler_ms), ("persistence", self.persistence_ms)];
        if let Some(silent) = silent(loops, now_ms, max_age) {
            return silent;
        }
        // A long parse within its limit is work, and a restart would only begin it again. If it is not ended after its limit,
        // the supervisor is silent.
        if let Some(parse) = &self.longest_parse
            && now_ms.saturating_sub(parse.since_ms) > parse.limit_ms.saturating_add(millis(max_age))
        {
            return HealthState::Stuck.because(format!(
                "crawl-{} has been parsing {} for {} s, and it was not ended at its limit of {} s",
                parse.thread,
                parse.url,
                seconds(now_ms, parse.since_ms),
                Duration::from_millis(parse.limit_ms).as_secs_f64()
            ));
        }
        match (self.degraded_since_ms, self.offline_since_ms) {
            (Some(since), _) => {
                let seconds = seconds(now_ms, since);
                HealthState::Degraded.because(format!("it has been waiting for its store for {seconds} s"))
            }
            (None, Some(since)) => {
                let seconds = seconds(now_ms, since);
                HealthState::Degraded
                    .because(format!("it has been waiting for the network or its proxy for {seconds} s"))
            }
            (None, None) => {
                let oldest = seconds(now_ms, self.scheduler_ms.min(self.persistence_ms));
                HealthState::Running.because(format!("the oldest heartbeat is {oldest} s old"))
            }
        }
    }
}

/// The first of these that has been silent for longer than `max_age`.
fn silent<const N: usize>(loops: [(&str, u64); N], now_ms: u64, max_age: Duration) -> Option<Verdict> {
    let limit = max_age.as_secs_f64();
    for (part, moment) in loops {
        if moment > now_ms + CLOCK_TOLERANCE_MS {
            let ahead = (moment - now_ms) / 1_000;
            return Some(
                HealthState::Stuck.because(format!("the {part}'s heartbeat is {ahead} s in the future")),
            );
        }
        if now_ms.saturating_sub(moment) > millis(max_age) {
            let age = seconds(now_ms, moment);
            let why = format!("the {part}'s last heartbeat is {age} s old (limit {limit} s)");
            return Some(HealthState::Stuck.because(why));
        }
    }
    None
}

fn seconds(now_ms: u64, since_ms: u64) -> u64 {
    now_ms.saturating_sub(since_ms) / 1_000
}

impl HealthState {
    /// All states.
    pub const ALL: [Self; 5] = [Self::Starting, Self::Running, Self::Degraded, Self::Stopping, Self::Stuck];

    /// Whether the process is alive, so that a restart would not help.
    pub fn is_alive(self) -> bool {
        self != Self::Stuck
    }

    /// Whether the crawl is doing its work. During the start and the stop, it isn't.
    pub fn is_ready(self) -> bool {
        matches!(self, Self::Running | Self::Degraded)
    }

    /// Its name in answers, metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Degraded => "degraded",
            Self::Stopping => "stopping",
            Self::Stuck => "stuck",
        }
    }

    fn because(self, why: impl Into<String>) -> Verdict {
        Verdict { state: self, why: why.into() }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.state.name(), self.why)
    }
}

/// The current time in the unit of heartbeats.
pub fn unix_ms() -> u64 {
    ms_since_1970(SystemTime::now())
}

/// A time in the unit of heartbeats.
pub fn ms_since_1970(moment: SystemTime) -> u64 {
    moment.duration_since(UNIX_EPOCH).map_or(0, millis)
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000_000;
    const LIMIT: Duration = Duration::from_secs(60);

    fn crawling() -> Beats {
        Beats { pid: 7, phase: Phase::Crawling, scheduler_ms: NOW, persistence_ms: NOW, ..Beats::default() }
    }

    fn judged(beats: &Beats) -> (HealthState, String) {
        let verdict = beats.verdict(NOW, LIMIT);
        (verdict.state, verdict.why)
    }

    #[test]
    fn each_loop_must_have_beaten_lately() {
        assert_eq!(judged(&crawling()).0, HealthState::Running);
        let (state, why) = judged(&Beats { scheduler_ms: NOW - 61_000, ..crawling() });
        assert!(
            state == HealthState::Stuck
                && why.contains("scheduler's last heartbeat is 61 s old (limit 60 s)")
        );
        let (state, why) = judged(&Beats { persistence_ms: NOW - 61_000, ..crawling() });
        assert!(state == HealthState::Stuck && why.contains("persistence"), "{why}");
        let (state, why) = judged(&Beats { persistence_ms: NOW + 61_000, ..crawling() });
        assert!(state == HealthState::Stuck && why.contains("future"), "{why}");
    }

    #[test]
    fn a_busy_thread_is_well_and_a_hung_one_is_not() {
        let parsing = |seconds: u64| Beats {
            longest_parse: Some(Parse {
                thread: 1,
                url: "http://a.example/".to_owned(),
                since_ms: NOW - seconds * 1_000,
                limit_ms: 300_000,
            }),
            ..crawling()
        };
        assert_eq!(judged(&parsing(359)).0, HealthState::Running);
        let (state, why) = judged(&parsing(361));
        assert_eq!(state, HealthState::Stuck);
        assert_eq!(
            why,
            "crawl-1 has been parsing http://a.example/ for 361 s, and it was not ended at its limit of 300 s"
        );
    }

    #[test]
    fn waiting_for_the_store_is_no_reason_to_restart() {
        let (state, why) = judged(&Beats { degraded_since_ms: Some(NOW - 3_600_000), ..crawling() });
        assert!(state.is_alive() && state.is_ready());
        assert_eq!(
            (state, why.as_str()),
            (HealthState::Degraded, "it has been waiting for its store for 3600 s")
        );
    }

    #[test]
    fn before_and_after_the_crawl_it_is_alive_and_not_ready() {
        for phase in [Phase::Starting, Phase::Stopping] {
            let (state, _) = judged(&Beats { phase, ..crawling() });
            assert!(state.is_alive() && !state.is_ready(), "{phase:?}");
        }
        assert!(!HealthState::Stuck.is_alive() && !HealthState::Stuck.is_ready());
    }

    #[test]
    fn a_start_or_a_stop_that_hangs_is_told_too() {
        let old = NOW - 61_000;
        let silent = Beats { scheduler_ms: old, persistence_ms: old, aftermath_ms: old, ..crawling() };
        for phase in [Phase::Starting, Phase::Stopping] {
            assert_eq!(judged(&Beats { phase, ..silent.clone() }).0, HealthState::Stuck, "{phase:?}");
        }
        // In a stop, the parts end one after the other, and the report comes last.
        let (state, _) = judged(&Beats { phase: Phase::Stopping, aftermath_ms: NOW, ..silent.clone() });
        assert_eq!(state, HealthState::Stopping);
        let (state, _) = judged(&Beats { phase: Phase::Starting, persistence_ms: NOW, ..silent });
        assert_eq!(state, HealthState::Starting);
    }
}
