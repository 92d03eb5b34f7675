//! The state of a run except for its counts: state, process, times, durations.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use dragline_core::PageState;
use dragline_core::run_verdict::{EndFigures, RunVerdict};
use dragline_core::runs::RunRecord;
use dragline_core::store::RunState;
use dragline_core::value::timestamp_text;
use serde_json::{Map, Value as Json, json};

use crate::failed::Failed;

/// The error for a question about the requests of a pruned run.
pub(super) fn pruned(run: &RunRecord) -> Failed {
    let at = run.pruned_at().as_ref().map_or_else(String::new, |at| format!(" at {}", moment(at)));
    let problem = format!(
        "run {} (id {}) was pruned{at}, so its requests are no longer in the store",
        run.name, run.run_id
    );
    Failed::error(problem)
        .hint("`dragline runs show RUN` still shows its figures, and its items are still there")
}

/// The error for a question about a kept page of a run that has lost them.
pub(super) fn kept_pruned(run: &RunRecord) -> Failed {
    let at = run.kept_pruned_at().as_ref().map_or_else(String::new, |at| format!(" at {}", moment(at)));
    let problem = format!("run {} (id {}) lost its kept pages{at}, by --max-kept", run.name, run.run_id);
    Failed::error(problem).hint("a later run may have kept the page: `dragline runs list` shows all runs")
}

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

/// The start URLs that were given. Without any, the spider began with its own.
pub(super) fn start_urls(run: &RunRecord) -> impl Iterator<Item = &str> {
    run.args["start_urls"].as_array().into_iter().flatten().filter_map(Json::as_str)
}

/// The arguments that were given, as they are written on the command line. Secrets are not stored.
pub(super) fn arguments(run: &RunRecord) -> impl Iterator<Item = String> {
    let given = run.args["args"].as_object().into_iter().flatten();
    given.map(|(name, value)| match value {
        Json::String(text) => format!("-a {name}={text}"),
        value => format!("-a {name}={value}"),
    })
}

/// What is different from the last finished run of the same name.
pub(super) struct Change {
    pages: i64,
    items: i64,
}

/// The change, if both runs are counted.
pub(super) fn change(run: &RunRecord) -> Option<Change> {
    let (now, before) = (run.figures.as_ref()?, run.before.as_ref()?);
    let difference =
        |now: u64, before: u64| i64::try_from(i128::from(now) - i128::from(before)).unwrap_or_default();
    let done = |figures: &EndFigures| figures.pages.of(PageState::Done);
    Some(Change {
        pages: difference(done(now), done(before)),
        items: difference(now.all_items(), before.all_items()),
    })
}

impl Change {
    /// With its sign.
    pub(super) fn pages(&self) -> String {
        format!("{:+}", self.pages)
    }

    /// With its sign.
    pub(super) fn items(&self) -> String {
        format!("{:+}", self.items)
    }
}

/// Everything, for programs.
pub(super) fn json(run: &RunRecord) -> Map<String, Json> {
    let seconds = |duration: TimeDelta| duration.to_std().unwrap_or_default().as_secs_f64();
    let fields = json!({
        "run_id": run.run_id,
        "name": run.name,
        "spider": run.spider,
        "kind": run.kind.as_str(),
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
        "pruned_at": run.pruned_at().as_ref().map(timestamp_text),
        "kept_pruned_at": run.kept_pruned_at().as_ref().map(timestamp_text),
        "seconds": seconds(took(run)),
        "last_process_seconds": seconds(lived(run)),
        "stats": run.stats,
        "verdict": run.verdict.as_ref().map(RunVerdict::as_str),
        "problems": run.verdict.as_ref().map_or_else(|| json!([]), RunVerdict::problems_json),
        "figures": run.figures.as_ref().map(EndFigures::to_json),
        "change": change(run).map(|change| json!({ "done": change.pages, "items": change.items })),
    });
    match fields {
        Json::Object(fields) => fields,
        _ => Map::new(),
    }
}
