//! What the end of a process means for its tick.

use std::fmt;
use std::time::Duration;

use bytesize::ByteSize;
use chrono::{DateTime, Utc};
use dragline_core::back_off::BackOff;
use dragline_core::run_verdict::RunVerdict;
use dragline_core::runs::RunRecord;
use dragline_core::schedules::{TickRecord, TickState};

use crate::clock::Clock;
use crate::schedule::ScheduleSettings;

/// The longest time before a new try.
pub const MAX_RESTART_DELAY: Duration = Duration::from_secs(3600);
/// The time before a new try while another process works on the run. That process has often been told to stop.
pub const HELD_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// A tick is given up after this number of processes, however they ended.
pub const MAX_ATTEMPTS: u32 = 1_000;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProcessEnd {
    /// With an exit code.
    Code(i32),
    /// By a signal.
    Signal(i32),
}

impl ProcessEnd {
    /// What it means, in one word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Code(0) => "finished",
            Self::Code(65) => "problems",
            Self::Code(75) => "stopped",
            Self::Code(2) => "usage",
            Self::Code(_) => "failed",
            Self::Signal(_) => "killed",
        }
    }

    /// As shells show it.
    pub(crate) fn code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128 + signal,
        }
    }
}

impl fmt::Display for ProcessEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit {code}"),
            Self::Signal(9) => f.write_str("signal 9 (by somebody, or by the kernel because memory ran out)"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

/// Why the supervisor has stopped a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StopCause {
    /// The server stops.
    Server,
    /// Somebody asked for it, or the next tick replaces this one.
    Cancel(String),
    /// It took longer than `max_runtime`.
    TooLong(Duration),
    /// It took more than `max_memory`.
    Memory {
        /// The limit in bytes.
        limit: u64,
        /// What it took.
        used: u64,
    },
    /// A loop of it was silent for longer than `max_silence`. Holds what the heartbeats say.
    Silent(String),
    /// Another server has taken the tick over.
    TakenOver,
}

/// Why processes are killed, in one word: [`StopCause::word`], and the kernel.
pub(crate) const KILL_REASONS: [&str; 7] =
    ["cancel", "kernel", "memory", "runtime", "silence", "stop", "taken_over"];

impl StopCause {
    /// What it is, in one word, for metrics.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Server => "stop",
            Self::Cancel(_) => "cancel",
            Self::TooLong(_) => "runtime",
            Self::Memory { .. } => "memory",
            Self::Silent(_) => "silence",
            Self::TakenOver => "taken_over",
        }
    }

    /// What a person can do about it, if there is something.
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::Memory { .. } => MORE_MEMORY,
            Self::Silent(_) => {
                "Look at what its log said last, and at the spider's parse or the downloader that it waits for. If it was only slow, raise max_silence."
            }
            Self::TooLong(_) => "Raise max_runtime, or let the crawl fetch less or faster.",
            Self::Server => "Raise --shutdown-timeout, and the time that the container gives it.",
            Self::Cancel(_) | Self::TakenOver => {
                "Its own log says where it hung; `kill -USR1 PID` shows that while it runs."
            }
        }
    }
}

/// What a person can do about a crawl that takes too much memory.
pub(crate) const MORE_MEMORY: &str = "Raise max_memory or the memory of the container, give the crawl less to do at once (concurrency, crawl_threads, \
                                      memory_budget), or let max_pages replace its process from time to time.";

impl fmt::Display for StopCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => f.write_str("the server stops"),
            Self::Cancel(why) => f.write_str(why),
            Self::TooLong(limit) => {
                write!(f, "it took longer than max_runtime ({})", dragline_flags::text::duration(*limit))
            }
            Self::Memory { limit, used } => {
                write!(f, "it took {} of memory, and its max_memory is {}", ByteSize(*used), ByteSize(*limit))
            }
            Self::Silent(why) => write!(f, "it hung: {why}"),
            Self::TakenOver => f.write_str("another server has taken the tick over"),
        }
    }
}

/// A process that has ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended<'a> {
    /// How.
    pub(crate) end: ProcessEnd,
    /// Why it was stopped, if it was.
    pub(crate) cause: Option<&'a StopCause>,
    /// What it said last about an error.
    pub(crate) last_error: Option<String>,
    /// Whether another process holds the run.
    pub(crate) is_held: bool,
    /// Whether it stopped because it has done `max_pages`.
    pub(crate) is_recycled: bool,
    /// What the kernel did to it, if memory ran out.
    pub(crate) out_of_memory: Option<&'a str>,
    /// Whether the last run of the name began before the process, so that none was due.
    pub(crate) did_nothing: bool,
}

/// The tick after its process has ended.
pub(crate) fn after(
    tick: TickRecord,
    settings: &ScheduleSettings,
    ended: &Ended<'_>,
    clock: &Clock,
) -> TickRecord {
    let now = clock.now();
    let tick = TickRecord { exit_code: Some(ended.end.code()), ..tick };
    let later = |delay: Duration| now + clock_free(delay);
    match (ended.end, ended.cause) {
        (ProcessEnd::Code(0), _) if ended.did_nothing => {
            tick.skipped(now, "no run was due: the last one is younger than min_interval")
        }
        (ProcessEnd::Code(0), _) => tick.ended(TickState::Done, now, None),
        (ProcessEnd::Code(65), _) => tick.ended(TickState::Done, now, Some(PROBLEMS.to_owned())),
        (ProcessEnd::Code(2), _) => {
            let why = ended.last_error.as_deref().unwrap_or("a setting is wrong");
            tick.ended(TickState::Failed, now, Some(format!("not tried again: {why}")))
        }
        (_, Some(StopCause::Cancel(why))) => tick.ended(TickState::Failed, now, Some(why.clone())),
        (_, Some(cause @ StopCause::TooLong(_))) => {
            tick.ended(TickState::Failed, now, Some(format!("{cause}; the next tick goes on with the run")))
        }
        (_, Some(StopCause::Server)) => {
            let reason = "the server was stopped; the run goes on with the next one".to_owned();
            TickRecord { server_id: None, ..tick.waiting(now, Some(reason)) }
        }
        (_, Some(cause @ (StopCause::Memory { .. } | StopCause::Silent(_)))) => {
            failed(tick, settings, &cause.to_string(), now)
        }
        // It does not count as an attempt, or a long crawl would be given up for that.
        (ProcessEnd::Code(75), None) if ended.is_recycled => {
            let attempts = tick.attempts.saturating_sub(1).max(1);
            let reason = "a new process goes on after max_pages".to_owned();
            TickRecord { attempts, failures: 0, ..tick.waiting(now, Some(reason)) }
        }
        _ if tick.attempts >= MAX_ATTEMPTS => {
            let reason = format!("given up after {MAX_ATTEMPTS} processes: {}", told(ended));
            tick.ended(TickState::Failed, now, Some(reason))
        }
        (ProcessEnd::Code(1), _) if ended.is_held => held(tick, clock),
        (ProcessEnd::Code(75), _) => {
            tick.waiting(later(settings.restart_delay), Some("stopped early; it goes on later".to_owned()))
        }
        _ => failed(tick, settings, &told(ended), now),
    }
}

/// A tick whose run is finished, which nobody could note because its server was gone or its store away.
pub(crate) fn executed_before(tick: TickRecord, run: &RunRecord, clock: &Clock) -> TickRecord {
    let is_good = run.verdict.as_ref().is_none_or(RunVerdict::is_good);
    let code = if is_good { 0 } else { 65 };
    let reason = if is_good { "another process has finished its run" } else { PROBLEMS };
    let tick = TickRecord { exit_code: Some(code), run_id: Some(run.run_id), ..tick };
    tick.ended(TickState::Done, clock.now(), Some(reason.to_owned()))
}

/// A tick whose run another process works on.
pub(crate) fn held(tick: TickRecord, clock: &Clock) -> TickRecord {
    let later = clock.now() + clock_free(HELD_AGAIN_AFTER);
    tick.waiting(later, Some("another process works on the run".to_owned()))
}

/// The reason of a tick whose run was judged so.
const PROBLEMS: &str = "finished with problems; look at the run";

/// A tick whose process could not be started.
pub(crate) fn not_started(
    tick: TickRecord,
    settings: &ScheduleSettings,
    why: &str,
    clock: &Clock,
) -> TickRecord {
    failed(tick, settings, why, clock.now())
}

fn failed(tick: TickRecord, settings: &ScheduleSettings, told: &str, now: DateTime<Utc>) -> TickRecord {
    let failures = tick.failures.saturating_add(1);
    let tick = TickRecord { failures, ..tick };
    if failures > settings.restarts {
        let times = if failures == 1 {
            "its process failed".to_owned()
        } else {
            format!("{failures} processes failed")
        };
        return tick.ended(
            TickState::Failed,
            now,
            Some(format!("given up because {times}; the last one: {told}")),
        );
    }
    let pause = BackOff::new(settings.restart_delay, MAX_RESTART_DELAY.max(settings.restart_delay));
    tick.waiting(now + clock_free(pause.pause_after(failures)), Some(format!("tried again after {told}")))
}

fn told(ended: &Ended<'_>) -> String {
    match &ended.last_error {
        _ if ended.out_of_memory.is_some() => ended.out_of_memory.unwrap_or_default().to_owned(),
        Some(error) => format!("{}: {error}", ended.end),
        None => ended.end.to_string(),
    }
}

/// A time as schedules count it.
fn clock_free(time: Duration) -> chrono::TimeDelta {
    chrono::TimeDelta::from_std(time).unwrap_or(chrono::TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::schedules::TickKind;

    fn tick() -> TickRecord {
        let tick = TickRecord::new("a", "2026-03-01T03:00:00Z".parse().unwrap(), TickKind::Cron);
        TickRecord { state: TickState::Running, server_id: Some(3), attempts: 1, pid: Some(7), ..tick }
    }

    fn ended(end: ProcessEnd, cause: Option<&StopCause>) -> Ended<'_> {
        let last_error = Some("boom".to_owned());
        Ended {
            end,
            cause,
            last_error,
            is_held: false,
            is_recycled: false,
            out_of_memory: None,
            did_nothing: false,
        }
    }

    fn state(ended: &Ended<'_>) -> (TickState, u32, String) {
        let after = after(tick(), &ScheduleSettings::default(), ended, &Clock::of_this_process());
        assert_eq!((after.pid, after.exit_code), (None, Some(ended.end.code())));
        assert_eq!(after.state == TickState::Waiting, after.next_try_at.is_some());
        (after.state, after.failures, after.reason.unwrap_or_default())
    }

    #[test]
    fn an_exit_code_says_whether_there_is_a_new_try() {
        use TickState::{Done, Failed, Waiting};
        for (end, expected, failures) in [
            (ProcessEnd::Code(0), Done, 0),
            (ProcessEnd::Code(65), Done, 0),
            (ProcessEnd::Code(75), Waiting, 0),
            (ProcessEnd::Code(2), Failed, 0),
            (ProcessEnd::Code(1), Waiting, 1),
            (ProcessEnd::Code(70), Waiting, 1),
            (ProcessEnd::Signal(9), Waiting, 1),
            (ProcessEnd::Signal(11), Waiting, 1),
        ] {
            let (state, failed, reason) = state(&ended(end, None));
            assert_eq!((state, failed), (expected, failures), "{end}: {reason}");
        }
        let held = Ended { is_held: true, ..ended(ProcessEnd::Code(1), None) };
        assert_eq!((state(&held).0, state(&held).1), (Waiting, 0));
        let idle = Ended { did_nothing: true, ..ended(ProcessEnd::Code(0), None) };
        assert_eq!(state(&idle).0, TickState::Skipped);
    }

    #[test]
    fn what_the_supervisor_has_stopped_did_not_fail() {
        let cause = |cause: StopCause, code| state(&ended(ProcessEnd::Code(code), Some(&cause)));
        assert_eq!(cause(StopCause::Server, 75).0, TickState::Waiting);
        assert_eq!(cause(StopCause::Server, 0).0, TickState::Done, "it was faster");
        assert_eq!(cause(StopCause::Cancel("no".to_owned()), 75), (TickState::Failed, 0, "no".to_owned()));
        assert_eq!(cause(StopCause::TooLong(Duration::from_secs(60)), 70).0, TickState::Failed);
        let stopped = ended(ProcessEnd::Signal(9), Some(&StopCause::Server));
        assert_eq!((state(&stopped).0, state(&stopped).1), (TickState::Waiting, 0));
    }

    #[test]
    fn a_crawl_over_its_limits_has_failed_and_a_recycled_one_has_not() {
        let memory = StopCause::Memory { limit: 512 << 20, used: 600 << 20 };
        let (after, failures, reason) = state(&ended(ProcessEnd::Code(75), Some(&memory)));
        assert_eq!((after, failures), (TickState::Waiting, 1));
        assert_eq!(reason, "tried again after it took 600.0 MiB of memory, and its max_memory is 512.0 MiB");
        let silent = StopCause::Silent("no heartbeat".to_owned());
        assert!(KILL_REASONS.contains(&memory.word()) && KILL_REASONS.contains(&silent.word()));
        assert_eq!(state(&ended(ProcessEnd::Signal(9), Some(&silent))).1, 1);
        assert_eq!(state(&ended(ProcessEnd::Code(0), Some(&silent))).0, TickState::Done, "it was faster");
        let recycled = Ended { is_recycled: true, ..ended(ProcessEnd::Code(75), None) };
        let many = TickRecord { attempts: MAX_ATTEMPTS, failures: 3, ..tick() };
        let next = super::after(many, &ScheduleSettings::default(), &recycled, &Clock::of_this_process());
        assert_eq!((next.state, next.failures, next.attempts), (TickState::Waiting, 0, MAX_ATTEMPTS - 1));
        let killed =
            Ended { out_of_memory: Some("the kernel killed it"), ..ended(ProcessEnd::Signal(9), None) };
        assert!(state(&killed).2.contains("the kernel killed it"));
    }

    #[test]
    fn the_tries_are_further_and_further_apart_and_have_an_end() {
        let settings = ScheduleSettings { restarts: 3, ..ScheduleSettings::default() };
        let clock = Clock::of_this_process();
        let mut at = tick();
        let mut pauses = Vec::new();
        while !at.state.is_final() {
            let now = clock.now();
            at = after(at, &settings, &ended(ProcessEnd::Code(1), None), &clock);
            pauses.extend(at.next_try_at.map(|next| (next - now).num_seconds()));
        }
        assert_eq!((at.failures, pauses.len()), (4, 3));
        assert!(
            (15..=31).contains(&pauses[0])
                && (30..=61).contains(&pauses[1])
                && (60..=121).contains(&pauses[2]),
            "{pauses:?}"
        );
        assert!(at.reason.unwrap().contains("given up because 4 processes failed"));
        let once = ScheduleSettings { restarts: 0, ..ScheduleSettings::default() };
        let gone = after(tick(), &once, &ended(ProcessEnd::Signal(9), None), &clock);
        assert_eq!(gone.state, TickState::Failed);
    }
}
