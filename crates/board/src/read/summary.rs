//! A run in a few figures.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use dragline_core::PageState;
use dragline_core::item_figures::FigureDrop;
use dragline_core::run_verdict::{EndFigures, RunVerdict};
use dragline_core::runs::RunRecord;
use dragline_core::store::{RUN_ITEMS, RunState};
use dragline_core::timeline::{Timeline, TimelinePoint};
use dragline_core::value::timestamp_text;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Some runs, the newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunList {
    /// The runs.
    pub runs: Vec<RunSummary>,
    /// The `before` of the next part. `null` at the end.
    pub next_before: Option<i64>,
    /// The time of this answer, by the store's clock. `null` without runs.
    pub read_at: Option<String>,
}

/// A run in a few figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSummary {
    /// Its id.
    pub run_id: i64,
    /// Its name.
    pub name: String,
    /// Its spider.
    pub spider: String,
    /// `crawl`, `reparse`, `replay` or `import`.
    pub kind: String,
    /// `running`, `killed`, `stopped`, `finished` or `failed`.
    pub state: String,
    /// Why it stopped or ended.
    pub reason: Option<String>,
    /// `good` or `problems`. `null` before it is judged.
    pub verdict: Option<String>,
    /// What a person should look at.
    pub problems: Vec<ProblemView>,
    /// What is far below the earlier runs.
    pub warnings: Vec<String>,
    /// How often it was started.
    pub starts: i64,
    /// When it began.
    pub started_at: String,
    /// When its last process began.
    pub last_start_at: String,
    /// The last sign of life of that process.
    pub heartbeat_at: String,
    /// When it ended.
    pub finished_at: Option<String>,
    /// From its start to its end, or to its last sign of life.
    pub seconds: f64,
    /// Pages that have ended: done, failed, skipped or dead.
    pub pages: u64,
    /// How many of them failed or are dead.
    pub failed: u64,
    /// Item rows.
    pub items: u64,
    /// The difference from the last finished run of this name.
    pub change: Option<Change>,
}

/// A problem of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemView {
    /// Its code, to group by.
    pub code: String,
    /// What it is.
    pub text: String,
}

/// The difference between two runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Of the pages that are done.
    pub done: i64,
    /// Of the item rows.
    pub items: i64,
}

/// How a run went over time: `[unix_ms, pages, items, failed]`, each a total at that moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineView(pub Vec<(i64, u64, u64, u64)>);

impl TimelineView {
    /// From a run's figures.
    pub(crate) fn of(run: &RunRecord) -> Self {
        let points = Timeline::of_stats(&run.stats);
        let point = |point: &TimelinePoint| (point.unix_ms, point.pages, point.items, point.failed);
        Self(points.points().iter().map(point).collect())
    }
}

impl RunSummary {
    /// From the row of a run.
    pub(crate) fn of(run: &RunRecord) -> Self {
        let counts = Counts::of(run);
        let problems = run.verdict.iter().flat_map(|verdict| &verdict.problems);
        let problem = |code: &String, text: &String| ProblemView { code: code.clone(), text: text.clone() };
        Self {
            run_id: run.run_id,
            name: run.name.clone(),
            spider: run.spider.clone(),
            kind: run.kind.as_str().to_owned(),
            state: state(run).to_owned(),
            reason: run.stop_reason.clone().filter(|reason| reason != run.state.as_str()),
            verdict: run.verdict.as_ref().map(|verdict| RunVerdict::as_str(verdict).to_owned()),
            problems: problems.map(|it| problem(&it.code, &it.text)).collect(),
            warnings: run.figures.iter().flat_map(|it| &it.drops).map(FigureDrop::text).collect(),
            starts: run.epoch,
            started_at: timestamp_text(&run.started_at),
            last_start_at: timestamp_text(&run.last_start_at),
            heartbeat_at: timestamp_text(&run.heartbeat_at),
            finished_at: run.finished_at.as_ref().map(timestamp_text),
            seconds: took(run).to_std().unwrap_or_default().as_secs_f64(),
            pages: counts.pages,
            failed: counts.failed,
            items: counts.items,
            change: change(run),
        }
    }

    /// Whether a process works on it.
    pub fn is_running(&self) -> bool {
        self.state == "running"
    }
}

struct Counts {
    pages: u64,
    failed: u64,
    items: u64,
}

impl Counts {
    /// As it was counted at the end, or else as the last process recorded it.
    fn of(run: &RunRecord) -> Self {
        if let Some(figures) = &run.figures {
            let of = |state| figures.pages.of(state);
            return Self {
                pages: figures.pages.ended.values().sum(),
                failed: of(PageState::Failed) + of(PageState::Dead),
                items: figures.all_items(),
            };
        }
        let number = |key: &str| run.stats.get(key).and_then(Json::as_u64);
        let last = Timeline::of_stats(&run.stats).points().last().copied();
        let pages = number("pages_flushed").unwrap_or_default();
        let last = last.unwrap_or(TimelinePoint { pages, ..TimelinePoint::default() });
        Self { pages: last.pages, failed: last.failed, items: number(RUN_ITEMS).unwrap_or(last.items) }
    }
}

/// A run that its row calls running, but that no process holds, was killed.
fn state(run: &RunRecord) -> &'static str {
    match run.state {
        RunState::Running if !run.is_held => "killed",
        state => state.as_str(),
    }
}

fn took(run: &RunRecord) -> TimeDelta {
    let until: DateTime<Utc> = match run.finished_at {
        Some(end) => end,
        None if run.state == RunState::Running && run.is_held => run.read_at,
        None => run.heartbeat_at,
    };
    until - run.started_at
}

fn change(run: &RunRecord) -> Option<Change> {
    let (now, before) = (run.figures.as_ref()?, run.before.as_ref()?);
    let difference =
        |now: u64, before: u64| i64::try_from(i128::from(now) - i128::from(before)).unwrap_or_default();
    let done = |figures: &EndFigures| figures.pages.of(PageState::Done);
    Some(Change {
        done: difference(done(now), done(before)),
        items: difference(now.all_items(), before.all_items()),
    })
}

/// How long ago a sign of life was, at the moment of the answer.
pub(crate) fn silent(run: &RunRecord) -> Duration {
    (run.read_at - run.heartbeat_at).to_std().unwrap_or_default()
}
