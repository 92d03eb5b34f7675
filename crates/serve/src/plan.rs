//! What happens to the ticks that have not ended. This only decides; the supervisor does it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use dragline_core::schedules::{TickKind, TickRecord, TickState};

use crate::schedule::{IfRunning, Schedule};

/// How many ticks of a schedule with `if_running = "queue"` may wait. Further ones are skipped.
pub const MAX_QUEUED: usize = 10;

/// Something to do with a tick.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Start its crawl.
    Start(TickRecord),
    /// End it without a crawl. This is the tick as it shall be.
    End(TickRecord),
    /// Ask the server that executes it to stop it. This is the tick as it shall be.
    Cancel(TickRecord),
}

/// What is to be done now with the open ticks, which are in the order in which they are due. At most `free` crawls can start.
pub(crate) fn plan(
    schedules: &BTreeMap<String, Schedule>,
    open: &[TickRecord],
    now: DateTime<Utc>,
    free: usize,
) -> Vec<Step> {
    let mut of_schedules: BTreeMap<&str, Vec<&TickRecord>> = BTreeMap::new();
    for tick in open {
        of_schedules.entry(&tick.schedule).or_default().push(tick);
    }
    let (mut steps, mut ready) = (Vec::new(), Vec::new());
    for (name, ticks) in of_schedules {
        if let Some(schedule) = schedules.get(name) {
            steps.extend(of_schedule(schedule, &ticks, now, &mut ready));
        }
    }
    ready.sort_by_key(|(priority, tick): &(i32, TickRecord)| (-i64::from(*priority), tick.due_at));
    steps.extend(ready.into_iter().take(free).map(|(_, tick)| Step::Start(tick)));
    steps
}

/// The ticks of one schedule. The first one that has not ended comes first, whatever it waits for.
fn of_schedule(
    schedule: &Schedule,
    ticks: &[&TickRecord],
    now: DateTime<Utc>,
    ready: &mut Vec<(i32, TickRecord)>,
) -> Vec<Step> {
    let is_due = |tick: &TickRecord| tick.next_try_at.is_none_or(|at| at <= now);
    let is_waiting = |tick: &TickRecord| tick.state == TickState::Waiting;
    // A tick that runs is the first, even if a person's tick of an earlier moment waits.
    let Some(first) = ticks.iter().find(|tick| !is_waiting(tick)).or(ticks.first()).copied() else {
        return Vec::new();
    };
    let mut steps = Vec::new();
    let later = ticks.iter().copied().filter(|tick| tick.due_at > first.due_at && is_waiting(tick));
    let (mut queued, mut is_replaced) = (0, false);
    for tick in later.filter(|tick| is_due(tick)) {
        let told = first.due_at.format("%F %H:%M UTC");
        match schedule.settings.if_running {
            // What a person asks for, and what is made up for, is not dropped.
            _ if tick.kind != TickKind::Cron => {}
            IfRunning::Skip => {
                steps.push(Step::End(tick.clone().skipped(now, format!("the tick of {told} had not ended"))));
            }
            IfRunning::Queue => {
                queued += 1;
                if queued > MAX_QUEUED {
                    let why = format!("{MAX_QUEUED} ticks waited, and the one of {told} had not ended");
                    steps.push(Step::End(tick.clone().skipped(now, why)));
                }
            }
            IfRunning::Replace => is_replaced = true,
        }
    }
    if is_replaced && first.cancel.is_none() {
        let cancel = Some(REPLACED.to_owned());
        let replaced = TickRecord { cancel, ..first.clone() };
        steps.push(if is_waiting(first) {
            Step::End(replaced.skipped(now, REPLACED))
        } else {
            Step::Cancel(replaced)
        });
    } else if is_waiting(first)
        && let Some(cancel) = &first.cancel
    {
        steps.push(Step::End(first.clone().ended(TickState::Failed, now, Some(cancel.clone()))));
    } else if is_waiting(first) && is_due(first) {
        ready.push((schedule.settings.priority, first.clone()));
    }
    steps
}

/// The reason of a tick whose run was ended for the next one.
pub(crate) const REPLACED: &str = "replaced by the next tick of the schedule";

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(minute: u32) -> DateTime<Utc> {
        format!("2026-03-01T03:{minute:02}:00Z").parse().unwrap()
    }

    fn schedules(of: &[(&str, &[&str])]) -> BTreeMap<String, Schedule> {
        of.iter()
            .map(|(name, words)| {
                let mut all = vec!["--spider=books".to_owned(), "--cron=* * * * *".to_owned()];
                all.extend(words.iter().map(|it| (*it).to_owned()));
                ((*name).to_owned(), Schedule::new(name, &all).unwrap())
            })
            .collect()
    }

    fn tick(name: &str, at: u32) -> TickRecord {
        TickRecord::new(name, minute(at), TickKind::Cron)
    }

    fn running(name: &str, at: u32) -> TickRecord {
        TickRecord { state: TickState::Running, next_try_at: None, ..tick(name, at) }
    }

    fn told(steps: &[Step]) -> Vec<String> {
        let name = |tick: &TickRecord| format!("{}{}", tick.schedule, tick.due_at.format("%M"));
        steps
            .iter()
            .map(|step| match step {
                Step::Start(tick) => format!("start {}", name(tick)),
                Step::End(tick) => format!("{} {}", tick.state.as_str(), name(tick)),
                Step::Cancel(tick) => format!("cancel {}", name(tick)),
            })
            .collect()
    }

    #[test]
    fn free_workers_take_the_most_urgent_ticks() {
        let all = schedules(&[("a", &[]), ("b", &["--priority=5"]), ("c", &["--priority=-1"])]);
        let open = [tick("a", 0), tick("c", 0), tick("b", 1), tick("a", 9)];
        assert_eq!(told(&plan(&all, &open, minute(2), 9)), ["start b01", "start a00", "start c00"]);
        assert_eq!(told(&plan(&all, &open, minute(2), 1)), ["start b01"]);
        assert_eq!(told(&plan(&all, &open, minute(2), 0)), [""; 0]);
        assert_eq!(told(&plan(&BTreeMap::new(), &open, minute(2), 9)), [""; 0], "another server knows them");
    }

    #[test]
    fn a_tick_meets_an_earlier_one_as_told() {
        let open = [running("a", 0), tick("a", 1), tick("a", 2), tick("a", 9)];
        let plan = |policy: &str, open: &[TickRecord]| {
            let words = format!("--if_running={policy}");
            told(&plan(&schedules(&[("a", &[words.as_str()])]), open, minute(3), 9))
        };
        assert_eq!(plan("skip", &open), ["skipped a01", "skipped a02"]);
        assert_eq!(plan("queue", &open), [""; 0]);
        assert_eq!(plan("replace", &open), ["cancel a00"]);
        // It was asked already, or waits for another try.
        let asked = TickRecord { cancel: Some("x".to_owned()), ..running("a", 0) };
        assert_eq!(plan("replace", &[asked, tick("a", 1)]), [""; 0]);
        let again = tick("a", 0).waiting(minute(9), None);
        assert_eq!(plan("replace", &[again.clone(), tick("a", 1)]), ["skipped a00"]);
        assert_eq!(plan("queue", &[again.clone(), tick("a", 1)]), [""; 0], "the first one goes on first");
        assert_eq!(plan("skip", &[again, tick("a", 1)]), ["skipped a01"]);
        let many: Vec<TickRecord> = std::iter::once(running("a", 0))
            .chain((0..13).map(|at| tick("a", 1).due(minute(1 + at))))
            .collect();
        let late = super::plan(&schedules(&[("a", &["--if_running=queue"])]), &many, minute(30), 9);
        assert_eq!(told(&late), ["skipped a11", "skipped a12", "skipped a13"]);
    }

    #[test]
    fn what_a_person_asks_for_waits_and_a_cancelled_tick_does_not() {
        let all = schedules(&[("a", &[])]);
        let manual = TickRecord { kind: TickKind::Manual, ..tick("a", 1) };
        assert_eq!(told(&plan(&all, &[running("a", 0), manual.clone()], minute(3), 9)), [""; 0]);
        assert_eq!(told(&plan(&all, &[manual.clone(), running("a", 2)], minute(3), 9)), [""; 0]);
        let cancelled = TickRecord { cancel: Some("cancelled by me".to_owned()), ..manual };
        assert_eq!(told(&plan(&all, &[cancelled], minute(3), 9)), ["failed a01"]);
    }

    trait Due {
        fn due(self, at: DateTime<Utc>) -> Self;
    }

    impl Due for TickRecord {
        fn due(self, at: DateTime<Utc>) -> Self {
            Self { due_at: at, next_try_at: Some(at), ..self }
        }
    }
}
