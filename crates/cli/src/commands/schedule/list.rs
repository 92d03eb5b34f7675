//! `dragline schedule list`.

use chrono::{DateTime, SecondsFormat, Utc};
use dragline_core::schedules::{ScheduleRecord, TickAsk, TickRecord};
use dragline_runtime::shown;
use dragline_serve::Schedule;
use serde_json::{Value as Json, json};

use super::{Schedules, local, when};
use crate::arguments::ListSchedules;
use crate::commands::print;
use crate::commands::table::table;
use crate::exit::Exit;
use crate::failed::Failed;
use crate::settings::Common;

/// A schedule, and what the store knows about it.
struct Known<'a> {
    schedule: &'a Schedule,
    record: Option<ScheduleRecord>,
    last: Option<TickRecord>,
}

pub(super) fn run(asked: &ListSchedules, common: &Common) -> Result<Exit, Failed> {
    let schedules: Vec<&Schedule> = common.file.schedules().collect();
    if schedules.is_empty() {
        let none =
            if asked.json { "[]\n" } else { "the settings file has no schedules: add [schedule.NAME]\n" };
        print(none)?;
        return Ok(Exit::Finished);
    }
    let known = read(&schedules, common)?;
    let now = Utc::now();
    if asked.json {
        let list: Json = known.iter().map(|known| as_json(known, now)).collect();
        print(&format!("{list}\n"))?;
    } else {
        let headings = ["schedule", "spider", "when", "next", "last", "ended"];
        print(&shown(&table(headings, known.iter().map(|known| row(known, now)))))?;
    }
    Ok(Exit::Finished)
}

fn read<'a>(schedules: &[&'a Schedule], common: &Common) -> Result<Vec<Known<'a>>, Failed> {
    let store = Schedules::open(common)?;
    let records = store.wait("reading the schedules", store.store.list_schedules())?;
    let mut known = Vec::new();
    for schedule in schedules {
        let ask = TickAsk {
            schedule: Some(schedule.name.clone()),
            due_before: Some(Utc::now()),
            limit: 1,
            ..TickAsk::default()
        };
        let last = store.wait("reading ticks", store.store.list_ticks(&ask))?.pop();
        let record = records.iter().find(|record| record.name == schedule.name).cloned();
        known.push(Known { schedule, record, last });
    }
    store.close();
    Ok(known)
}

fn next(known: &Known<'_>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let is_paused = known.record.as_ref().is_some_and(|record| record.paused_at.is_some());
    known.schedule.times.next_after(now).filter(|_| known.schedule.settings.enabled && !is_paused)
}

fn row(known: &Known<'_>, now: DateTime<Utc>) -> [String; 6] {
    let zone = known.schedule.times.zone();
    let paused = known.record.as_ref().filter(|record| record.paused_at.is_some());
    let coming = match (paused, known.schedule.settings.enabled) {
        (Some(record), _) => format!("paused by {}", record.paused_by.as_deref().unwrap_or("somebody")),
        (None, false) => "disabled".to_owned(),
        (None, true) => next(known, now).map_or_else(|| "-".to_owned(), |next| local(next, zone)),
    };
    let last = known.last.as_ref();
    let ended = last.map_or_else(String::new, |tick| match &tick.reason {
        Some(reason) => format!("{}: {reason}", tick.state.as_str()),
        None => tick.state.as_str().to_owned(),
    });
    [
        known.schedule.name.clone(),
        known.schedule.spider.clone(),
        when(known.schedule),
        coming,
        last.map_or_else(|| "-".to_owned(), |tick| local(tick.due_at, zone)),
        ended.replace('\n', " "),
    ]
}

fn as_json(known: &Known<'_>, now: DateTime<Utc>) -> Json {
    let text = |moment: DateTime<Utc>| moment.to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut fields = known.schedule.note().definition;
    fields["schedule"] = known.schedule.name.as_str().into();
    fields["next_due_at"] = next(known, now).map(text).into();
    fields["paused_at"] = known.record.as_ref().and_then(|record| record.paused_at).map(text).into();
    fields["paused_by"] = known.record.as_ref().and_then(|record| record.paused_by.clone()).into();
    fields["last"] = known.last.as_ref().map_or(Json::Null, |tick| {
        json!({
            "due_at": text(tick.due_at),
            "state": tick.state.as_str(),
            "reason": tick.reason,
            "run": tick.run_name,
            "run_id": tick.run_id,
            "attempts": tick.attempts,
            "exit_code": tick.exit_code,
        })
    });
    fields
}
