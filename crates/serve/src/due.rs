//! Which ticks of a schedule are new, and what becomes of those that nobody was there for.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use dragline_core::schedules::{NewTicks, ScheduleRecord, TickKind, TickRecord};

use crate::schedule::{CatchUp, Schedule};

/// How many new ticks get a row. If more were missed, the reason of the first row mentions them.
pub const MAX_NEW_TICKS: usize = 200;
/// How many missed ticks `catch_up = "all"` makes up for.
pub const MAX_CAUGHT_UP: usize = 100;
/// A tick that is noticed later than this was missed: no server was there, or its store was away.
pub const MISSED_AFTER: Duration = Duration::from_secs(60);

/// The ticks since those that the store knows. `missed_after` is on the clock of `now`.
pub(crate) fn new_ticks(
    schedule: &Schedule,
    record: &ScheduleRecord,
    now: DateTime<Utc>,
    missed_after: TimeDelta,
) -> Option<NewTicks> {
    let due = schedule.times.between(record.known_until, now, MAX_NEW_TICKS);
    // The row of a schedule is written only if there is something to know.
    let until = due.latest.last().copied()?;
    if !schedule.settings.enabled {
        return Some(NewTicks {
            schedule: schedule.name.clone(),
            known_until: Some(until),
            ticks: Vec::new(),
        });
    }
    let missed = due.latest.iter().filter(|at| now - **at > missed_after).count();
    let is_any_on_time = missed < due.latest.len();
    let caught_up = match schedule.settings.catch_up {
        CatchUp::None => 0,
        CatchUp::Last => usize::from(!is_any_on_time),
        CatchUp::All => MAX_CAUGHT_UP,
    };
    let paused = record
        .paused_at
        .map(|_| format!("the schedule was paused by {}", record.paused_by.as_deref().unwrap_or("somebody")));
    let tick = |(at, due_at): (usize, &DateTime<Utc>)| {
        let (is_missed, is_caught_up) = (at < missed, at + caught_up >= missed);
        let kind = if is_missed && is_caught_up { TickKind::CatchUp } else { TickKind::Cron };
        let tick = TickRecord::new(&schedule.name, *due_at, kind);
        match &paused {
            Some(why) => tick.skipped(now, why.as_str()),
            None if is_missed && !is_caught_up => {
                let more = if at == 0 && due.are_more { ", and for earlier ones" } else { "" };
                tick.skipped(now, format!("no server was there at this moment{more}"))
            }
            None if is_missed => tick.waiting(now, Some("no server was there at this moment".to_owned())),
            None => {
                let start_at = *due_at + jitter(&schedule.name, *due_at, schedule.settings.jitter);
                tick.waiting(start_at, None)
            }
        }
    };
    let ticks = due.latest.iter().enumerate().map(tick).collect();
    Some(NewTicks { schedule: schedule.name.clone(), known_until: Some(until), ticks })
}

/// The same for a tick, whoever computes it.
fn jitter(name: &str, due_at: DateTime<Utc>, most: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    (name, due_at.timestamp()).hash(&mut hasher);
    // Only the first bits count, so that nothing is rounded.
    let share = f64::from(u32::try_from(hasher.finish() >> 32).unwrap_or_default()) / f64::from(u32::MAX);
    most.mul_f64(share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::schedules::TickState;
    use serde_json::Value as Json;

    fn moment(text: &str) -> DateTime<Utc> {
        format!("2026-03-01T{text}Z").parse().unwrap()
    }

    /// The ticks of an hourly schedule that are new at a moment, as `HH kind state`.
    fn hourly(words: &[&str], paused_by: Option<&str>, known_until: &str, now: &str) -> Vec<String> {
        let mut all = vec!["--spider=books".to_owned(), "--cron=0 * * * *".to_owned()];
        all.extend(words.iter().map(|it| (*it).to_owned()));
        let schedule = Schedule::new("hourly", &all).unwrap();
        let record = ScheduleRecord {
            name: "hourly".to_owned(),
            definition: Json::Null,
            paused_at: paused_by.map(|_| moment("00:00:00")),
            paused_by: paused_by.map(str::to_owned),
            first_seen_at: moment(known_until),
            known_until: moment(known_until),
        };
        let Some(new) = new_ticks(&schedule, &record, moment(now), TimeDelta::seconds(60)) else {
            return Vec::new();
        };
        assert_eq!(new.known_until.unwrap().format("%M").to_string(), "00");
        new.ticks
            .iter()
            .map(|tick| {
                assert_eq!(tick.state == TickState::Waiting, tick.next_try_at.is_some());
                assert_eq!(tick.state.is_final(), tick.ended_at.is_some());
                format!("{} {} {}", tick.due_at.format("%H"), tick.kind.as_str(), tick.state.as_str())
            })
            .collect()
    }

    #[test]
    fn a_tick_that_is_on_time_waits_for_its_start() {
        assert_eq!(hourly(&[], None, "03:00:00", "03:59:59"), [""; 0]);
        assert_eq!(hourly(&[], None, "03:00:00", "04:00:01"), ["04 cron waiting"]);
        assert_eq!(hourly(&[], Some("me"), "03:00:00", "04:00:01"), ["04 cron skipped"]);
        assert_eq!(hourly(&["--enabled=false"], None, "03:00:00", "04:00:01"), [""; 0]);
    }

    #[test]
    fn missed_ticks_are_made_up_for_as_told() {
        let at_seven = |words: &[&str]| hourly(words, None, "04:30:00", "07:30:00");
        assert_eq!(at_seven(&[]), ["05 cron skipped", "06 cron skipped", "07 catch_up waiting"]);
        assert_eq!(at_seven(&["--catch_up=none"]), ["05 cron skipped", "06 cron skipped", "07 cron skipped"]);
        assert_eq!(
            at_seven(&["--catch_up=all"]),
            ["05 catch_up waiting", "06 catch_up waiting", "07 catch_up waiting"]
        );
        // The tick that is due now is enough.
        let on_time = hourly(&[], None, "04:30:00", "07:00:10");
        assert_eq!(on_time, ["05 cron skipped", "06 cron skipped", "07 cron waiting"]);
    }

    #[test]
    fn a_start_is_put_off_by_less_than_the_jitter() {
        let words = ["--spider=books", "--cron=* * * * *", "--jitter=30s"].map(str::to_owned);
        let schedule = Schedule::new("often", &words).unwrap();
        let put_off: Vec<Duration> = (0..200)
            .map(|minute| {
                jitter("often", moment("00:00:00") + TimeDelta::minutes(minute), schedule.settings.jitter)
            })
            .collect();
        assert!(put_off.iter().all(|it| *it <= Duration::from_secs(30)));
        let late = put_off.iter().filter(|it| **it > Duration::from_secs(15)).count();
        assert!((60..140).contains(&late), "{late}");
    }
}
