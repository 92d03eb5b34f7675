//! `dragline schedule next`.

use chrono::{DateTime, SecondsFormat, Utc};
use dragline_runtime::shown;
use dragline_serve::Schedule;
use serde_json::{Value as Json, json};

use super::local;
use crate::arguments::NextTicks;
use crate::commands::print;
use crate::commands::table::table;
use crate::exit::Exit;
use crate::failed::Failed;
use crate::settings::Common;

/// It asks no store, so it works before there is one. A tick of a paused schedule is shown, and it will be skipped.
pub(super) fn run(asked: &NextTicks, common: &Common) -> Result<Exit, Failed> {
    let schedules: Vec<&Schedule> = match &asked.schedule {
        Some(name) => vec![common.file.schedule(name)?],
        None => common.file.schedules().collect(),
    };
    let ticks = coming(&schedules, Utc::now(), asked.count);
    if asked.json {
        let list: Json = ticks
            .iter()
            .map(|(due_at, schedule)| {
                json!({
                    "schedule": schedule.name,
                    "spider": schedule.spider,
                    "due_at": due_at.to_rfc3339_opts(SecondsFormat::Secs, true),
                    "local": due_at.with_timezone(&schedule.times.zone()).to_rfc3339(),
                    "time_zone": schedule.times.zone().name(),
                })
            })
            .collect();
        print(&format!("{list}\n"))?;
    } else if ticks.is_empty() {
        print("nothing is due: the settings file has no schedule with a cron expression\n")?;
    } else {
        let rows = ticks.iter().map(|(due_at, schedule)| {
            [
                local(*due_at, schedule.times.zone()),
                due_at.format("%F %H:%M UTC").to_string(),
                schedule.name.clone(),
                schedule.spider.clone(),
            ]
        });
        print(&shown(&table(["due", "in UTC", "schedule", "spider"], rows)))?;
    }
    Ok(Exit::Finished)
}

/// The next ticks of all these schedules, the earliest first.
pub(in crate::commands) fn coming<'a>(
    schedules: &[&'a Schedule],
    now: DateTime<Utc>,
    count: usize,
) -> Vec<(DateTime<Utc>, &'a Schedule)> {
    let mut next: Vec<(DateTime<Utc>, &Schedule)> = schedules
        .iter()
        .filter(|schedule| schedule.settings.enabled)
        .filter_map(|schedule| Some((schedule.times.next_after(now)?, *schedule)))
        .collect();
    let mut ticks = Vec::new();
    while ticks.len() < count {
        let Some(at) = (0..next.len()).min_by_key(|at| (next[*at].0, &next[*at].1.name)) else { break };
        let (due_at, schedule) = next[at];
        ticks.push((due_at, schedule));
        match schedule.times.next_after(due_at) {
            Some(later) => next[at].0 = later,
            None => drop(next.swap_remove(at)),
        }
    }
    ticks
}
