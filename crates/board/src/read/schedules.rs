//! Schedules and their ticks: what comes next, what waits and why, and how the last ones ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dragline_core::runs::RunAsk;
use dragline_core::schedules::{ScheduleRecord, TickAsk, TickRecord, TickState};
use dragline_core::value::timestamp_text;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Answer, Reader, RunSummary, shown};
use crate::answer::Refused;
use crate::limits::{MAX_ASKED_ALONE, MAX_OPEN_SHOWN, MAX_RUNS, MAX_TICKS, NEWEST_TICKS};
use crate::plan::{ComingRun, PlannedSchedule};

/// What the store knows about schedules.
pub(crate) struct Ticked {
    records: Vec<ScheduleRecord>,
    open: Vec<TickRecord>,
    /// The last ended tick of each schedule.
    last: BTreeMap<String, TickRecord>,
    /// The newest run of each schedule.
    runs: BTreeMap<String, RunSummary>,
}

/// A schedule, and how it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScheduleView {
    /// Its name, which is the name of its runs, too.
    pub schedule: String,
    /// Its spider.
    pub spider: String,
    /// Its cron expressions.
    pub cron: Vec<String>,
    /// Their time zone.
    pub time_zone: String,
    /// Whether the cron expressions count.
    pub enabled: bool,
    /// Whether it is in the settings file that this process has read.
    pub is_in_file: bool,
    /// When it was paused, if it is.
    pub paused_at: Option<String>,
    /// The person who has paused it.
    pub paused_by: Option<String>,
    /// Its next run. `null` if it is paused.
    pub next: Option<ComingRun>,
    /// Its ticks that wait or run, the earliest first, and not more than a few.
    pub open: Vec<TickView>,
    /// How many wait or run.
    pub open_count: u64,
    /// Its last tick that has ended.
    pub last: Option<TickView>,
    /// Its newest run.
    pub last_run: Option<RunSummary>,
}

/// A tick: one moment at which a schedule was due, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TickView {
    /// Its schedule.
    pub schedule: String,
    /// When it was due.
    pub due_at: String,
    /// `cron`, `catch_up` or `manual`.
    pub kind: String,
    /// `waiting`, `running`, `done`, `failed` or `skipped`.
    pub state: String,
    /// Why it stands like that.
    pub reason: Option<String>,
    /// How often a process was started for it.
    pub attempts: u32,
    /// How often a process of it has failed.
    pub failures: u32,
    /// How often a process of it had to be killed.
    pub forced_kills: u32,
    /// When it may be started, for a tick that waits.
    pub next_try_at: Option<String>,
    /// Its run, as soon as that is open.
    pub run_id: Option<i64>,
    /// How its last process ended.
    pub exit_code: Option<i32>,
    /// When its first process was started.
    pub started_at: Option<String>,
    /// When it ended.
    pub ended_at: Option<String>,
    /// The person who asked to end it.
    pub cancel: Option<String>,
}

/// A schedule and its ticks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScheduleDetail {
    /// The schedule.
    pub schedule: ScheduleView,
    /// Its newest ticks, the latest first.
    pub ticks: Vec<TickView>,
}

impl Reader {
    /// All schedules, by name, without secrets.
    pub(crate) async fn schedules(&self) -> Answer<Vec<ScheduleView>> {
        let planned = self.plan.schedules();
        let ticked = self.ticked(&planned).await?;
        let names: BTreeSet<&str> = planned
            .iter()
            .map(|it| it.name.as_str())
            .chain(ticked.records.iter().map(|it| it.name.as_str()))
            .collect();
        let view = |name: &str| {
            let planned = planned.iter().find(|it| it.name == name);
            let record = ticked.records.iter().find(|it| it.name == name);
            view(name, planned, record, &ticked)
        };
        shown(&names.into_iter().map(view).collect::<Vec<_>>())
    }

    /// The runs that come next, and none of a schedule that is paused.
    pub(crate) fn coming(&self, schedules: &[ScheduleView]) -> Vec<ComingRun> {
        let is_paused = |name: &str| schedules.iter().any(|it| it.schedule == name && it.paused_at.is_some());
        self.plan.coming(crate::limits::MAX_COMING, &is_paused)
    }

    /// A schedule and its newest ticks, without secrets.
    pub(crate) async fn schedule(&self, name: &str, limit: usize) -> Answer<ScheduleDetail> {
        let schedules = self.schedules().await?;
        let found = schedules.into_iter().find(|it| it.schedule == name);
        let schedule = found.ok_or_else(|| {
            Refused::missing("there is no such schedule").hint("the schedules are listed at /schedules")
        })?;
        let ask =
            TickAsk { schedule: Some(name.to_owned()), limit: limit.min(MAX_TICKS), ..TickAsk::default() };
        let ticks = self.ticks(&ask).await?;
        shown(&ScheduleDetail { schedule, ticks: ticks.iter().map(TickView::of).collect() })
    }

    /// The tick that a run belongs to.
    pub(crate) async fn tick_of(&self, run_id: i64, run_name: &str) -> Answer<Option<TickView>> {
        let ask = TickAsk {
            schedule: Some(run_name.to_owned()),
            run_id: Some(run_id),
            limit: 1,
            ..TickAsk::default()
        };
        self.ticks(&ask).await?.first().map(|tick| shown(&TickView::of(tick))).transpose()
    }

    async fn ticks(&self, ask: &TickAsk) -> Answer<Arc<Vec<TickRecord>>> {
        self.tick_lists.get(format!("{ask:?}"), || self.store_read(self.store.list_ticks(ask))).await
    }

    async fn ticked(&self, planned: &[PlannedSchedule]) -> Answer<Arc<Ticked>> {
        self.ticked.get((), || self.read_ticked(planned)).await
    }

    async fn read_ticked(&self, planned: &[PlannedSchedule]) -> Answer<Ticked> {
        let records = self.store_read(self.store.list_schedules()).await?;
        let open = self.store_read(self.store.open_ticks()).await?;
        let newest = TickAsk { limit: NEWEST_TICKS, ..TickAsk::default() };
        let newest = self.store_read(self.store.list_ticks(&newest)).await?;
        let mut last = BTreeMap::new();
        for tick in newest.into_iter().filter(|tick| tick.state.is_final()) {
            last.entry(tick.schedule.clone()).or_insert(tick);
        }
        // Another schedule that is due each minute may hide one that is due each month.
        let hidden = planned.iter().filter(|it| records.iter().any(|record| record.name == it.name));
        let hidden: Vec<&str> =
            hidden.map(|it| it.name.as_str()).filter(|name| !last.contains_key(*name)).collect();
        for name in hidden.into_iter().take(MAX_ASKED_ALONE) {
            let ask =
                TickAsk { schedule: Some(name.to_owned()), limit: MAX_OPEN_SHOWN, ..TickAsk::default() };
            let ticks = self.store_read(self.store.list_ticks(&ask)).await?;
            if let Some(tick) = ticks.into_iter().find(|tick| tick.state.is_final()) {
                last.insert(name.to_owned(), tick);
            }
        }
        let names = planned.iter().map(|it| &it.name).chain(records.iter().map(|it| &it.name));
        let runs = self.newest_of(&names.collect()).await?;
        Ok(Ticked { records, open, last, runs })
    }

    /// The newest run of each of these names.
    async fn newest_of(&self, names: &BTreeSet<&String>) -> Answer<BTreeMap<String, RunSummary>> {
        let mut found = BTreeMap::new();
        let newest = self.newest().await?;
        for run in newest.iter().filter(|run| names.contains(&run.name)) {
            found.entry(run.name.clone()).or_insert_with(|| RunSummary::of(run));
        }
        // If these are all runs that there are, nobody else has one.
        if newest.len() >= MAX_RUNS {
            let hidden: Vec<&String> = names
                .iter()
                .copied()
                .filter(|name| !found.contains_key(*name))
                .take(MAX_ASKED_ALONE)
                .collect();
            for name in hidden {
                let ask = RunAsk { name: Some(name.clone()), limit: 1, ..RunAsk::default() };
                if let Some(run) = self.store_read(self.store.list_runs(&ask)).await?.first() {
                    found.insert(name.clone(), RunSummary::of(run));
                }
            }
        }
        Ok(found)
    }
}

fn view(
    name: &str,
    planned: Option<&PlannedSchedule>,
    record: Option<&ScheduleRecord>,
    ticked: &Ticked,
) -> ScheduleView {
    let none = Json::Null;
    let definition = planned.map(|it| &it.definition).or(record.map(|it| &it.definition)).unwrap_or(&none);
    let text = |key: &str| definition[key].as_str().unwrap_or_default().to_owned();
    let paused_at = record.and_then(|record| record.paused_at);
    let cron = definition["cron"].as_array().into_iter().flatten();
    let open: Vec<&TickRecord> = ticked.open.iter().filter(|tick| tick.schedule == name).collect();
    // The one that runs comes first, whatever waits.
    let (running, waiting): (Vec<&TickRecord>, Vec<&TickRecord>) =
        open.iter().partition(|tick| tick.state == TickState::Running);
    ScheduleView {
        schedule: name.to_owned(),
        spider: text("spider"),
        cron: cron.filter_map(Json::as_str).map(str::to_owned).collect(),
        time_zone: text("time_zone"),
        enabled: definition["enabled"].as_bool().unwrap_or(true),
        is_in_file: planned.is_some(),
        paused_at: paused_at.as_ref().map(timestamp_text),
        paused_by: record.and_then(|record| record.paused_by.clone()).filter(|_| paused_at.is_some()),
        next: planned.and_then(|it| it.next.clone()).filter(|_| paused_at.is_none()),
        open_count: open.len() as u64,
        open: running.into_iter().chain(waiting).take(MAX_OPEN_SHOWN).map(TickView::of).collect(),
        last: ticked.last.get(name).map(TickView::of),
        last_run: ticked.runs.get(name).cloned(),
    }
}

impl TickView {
    fn of(tick: &TickRecord) -> Self {
        Self {
            schedule: tick.schedule.clone(),
            due_at: timestamp_text(&tick.due_at),
            kind: tick.kind.as_str().to_owned(),
            state: tick.state.as_str().to_owned(),
            reason: tick.reason.clone(),
            attempts: tick.attempts,
            failures: tick.failures,
            forced_kills: tick.forced_kills,
            next_try_at: tick.next_try_at.as_ref().map(timestamp_text),
            run_id: tick.run_id,
            exit_code: tick.exit_code,
            started_at: tick.started_at.as_ref().map(timestamp_text),
            ended_at: tick.ended_at.as_ref().map(timestamp_text),
            cancel: tick.cancel.clone(),
        }
    }
}
