//! The state of a run except for its counts: state, process, times, durations.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use dragline_core::runs::RunRecord;
use dragline_core::store::RunState;
use dragline_core::value::timestamp_text;
use serde_json::{Map, Value as Json, json};

/// The state in one word. A run that its row calls running, but that no process holds, was killed.
pub(super) fn word(run: &RunRecord) -> &'static str {
    match run.state {
        RunState::Running if !run.is_held => "killed",
        state => state.as_str(),
    }
}

/// Describes what the last process is doing, or how it ended.
pub(super) fn process(run: &RunRecord) -> String {
    let who = run.process.as_ref().map_or_else(
        || "an unknown process".to_owned(),
        |process| format!("pid {} on {}", process.pid, process.hostname),
    );
    let silent = told(run.read_at - run.heartbeat_at);
    match run.state {
        RunState::Running if run.is_held => {
            format!("{who} is working on it; its last heartbeat was {silent} ago")
        }
        RunState::Running => {
            format!(
                "{who} did not record how it ended, so it was killed or crashed; its last heartbeat was at {}",
                moment(&run.heartbeat_at)
            )
        }
        _ if run.is_held => format!("{who} ended normally; another process is just starting"),
        _ => format!("{who} ended normally"),
    }
}

/// Time from the start of the run to its end, to now, or to its last heartbeat.
pub(super) fn took(run: &RunRecord) -> TimeDelta {
    let until = match run.finished_at {
        Some(end) => end,
        None if run.state == RunState::Running && run.is_held => run.read_at,
        None => run.heartbeat_at,
    };
    until - run.started_at
}

/// Time from the start of the last process to its last heartbeat.
pub(super) fn lived(run: &RunRecord) -> TimeDelta {
    run.heartbeat_at - run.last_start_at
}

/// A duration for people. A negative one, after someone has set the clock back, counts as zero.
pub(super) fn told(duration: TimeDelta) -> String {
    let duration = duration.to_std().unwrap_or_default();
    if duration < Duration::from_secs(10) {
        return format!("{:.1}s", duration.as_secs_f64());
    }
    humantime::format_duration(Duration::from_secs(duration.as_secs())).to_string()
}

/// A time for people.
pub(super) fn moment(at: &DateTime<Utc>) -> String {
    at.format("%F %T UTC").to_string()
}

/// Everything, for programs.
pub(super) fn json(run: &RunRecord) -> Map<String, Json> {
    let seconds = |duration: TimeDelta| duration.to_std().unwrap_or_default().as_secs_f64();
    let fields = json!({
        "run_id": run.run_id,
        "name": run.name,
        "spider": run.spider,
        "args": run.args,
        "epoch": run.epoch,
        "state": run.state.as_str(),
        "stop_reason": run.stop_reason,
        "held": run.is_held,
        "pid": run.process.as_ref().map(|process| process.pid),
        "hostname": run.process.as_ref().map(|process| process.hostname.as_str()),
        "started_at": timestamp_text(&run.started_at),
        "last_start_at": timestamp_text(&run.last_start_at),
        "heartbeat_at": timestamp_text(&run.heartbeat_at),
        "finished_at": run.finished_at.as_ref().map(timestamp_text),
        "seconds": seconds(took(run)),
        "last_process_seconds": seconds(lived(run)),
        "stats": run.stats,
    });
    match fields {
        Json::Object(fields) => fields,
        _ => Map::new(),
    }
}
