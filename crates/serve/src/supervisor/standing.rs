//! How each schedule stands: failures in a row, and how late it is. Both come from the store, so they survive the restarts of this
//! server, and all servers say the same.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use dragline_core::schedules::{TickAsk, TickRecord, TickState};

use super::Supervisor;
use crate::asking::NoAnswer;
use crate::ending::KILL_REASONS;
use crate::status::{KILLS, Standing};

/// How often the ticks that have ended are read.
const READ_EVERY: Duration = Duration::from_secs(15);
/// How many schedules are read at once. With more schedules, each has its turn.
const READ_AT_ONCE: usize = 100;
/// How many of the last ticks of a schedule are read.
const TICKS_READ: usize = 20;

/// What is known from the ticks that have ended.
#[derive(Default)]
pub(super) struct Standings {
    read: Option<Instant>,
    /// The schedule that was read last.
    last: Option<String>,
    /// Failures in a row, by schedule.
    failures: BTreeMap<String, u32>,
}

impl Supervisor {
    /// Tells the endpoints how the schedules stand.
    pub(super) fn stand(&mut self, open: &[TickRecord]) -> Result<(), NoAnswer> {
        if self.standings.read.is_none_or(|read| read.elapsed() >= READ_EVERY) {
            self.standings.read = Some(Instant::now());
            self.read_ended()?;
        }
        let now = self.clock.now();
        let mut all = Vec::new();
        for schedule in self.schedules.values() {
            let own = || open.iter().filter(|tick| tick.schedule == schedule.name);
            let late =
                own().filter(|tick| tick.state == TickState::Waiting).filter_map(|tick| tick.next_try_at);
            let overdue = late.filter_map(|due| (now - due).to_std().ok()).max().unwrap_or_default();
            let before = self.standings.failures.get(&schedule.name).copied().unwrap_or_default();
            let failures = own().map(|tick| tick.failures).sum::<u32>().saturating_add(before);
            all.push(Standing {
                schedule: schedule.name.clone(),
                spider: schedule.spider.clone(),
                failures,
                overdue,
            });
            // A series that begins with its first kill would show no increase.
            for reason in KILL_REASONS {
                self.status.add(KILLS, &schedule.name, &schedule.spider, reason, 0);
            }
        }
        self.status.stand(all);
        Ok(())
    }

    fn read_ended(&mut self) -> Result<(), NoAnswer> {
        self.standings.failures.retain(|name, _| self.schedules.contains_key(name));
        let last = self.standings.last.take();
        let after = |name: &&String| last.as_ref().is_none_or(|last| *name > last);
        let mut names: Vec<String> =
            self.schedules.keys().filter(after).take(READ_AT_ONCE).cloned().collect();
        let left = READ_AT_ONCE - names.len();
        names.extend(self.schedules.keys().filter(|name| !after(name)).take(left).cloned());
        for name in names {
            let ask = TickAsk { schedule: Some(name.clone()), limit: TICKS_READ, ..TickAsk::default() };
            let ticks = self.asking.ask(|store| store.list_ticks(&ask))?;
            self.standings.failures.insert(name.clone(), in_a_row(&ticks));
            self.standings.last = Some(name);
        }
        Ok(())
    }
}

/// The processes that failed in a row until the last tick that ended, the latest tick first.
fn in_a_row(ticks: &[TickRecord]) -> u32 {
    let ended = ticks.iter().filter(|tick| tick.state.is_final() && tick.attempts > 0);
    let failed = ended.take_while(|tick| tick.state == TickState::Failed);
    // A wrong setting is not tried again, and so it does not count as one of the tick's failures.
    failed.map(|tick| if tick.exit_code == Some(2) { tick.failures + 1 } else { tick.failures }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::schedules::TickKind;

    #[test]
    fn failures_count_over_the_ticks_until_one_is_done() {
        let tick = |state, failures, exit_code| TickRecord {
            state,
            failures,
            attempts: failures + 1,
            exit_code: Some(exit_code),
            ..TickRecord::new("a", "2026-03-01T03:00:00Z".parse().unwrap(), TickKind::Cron)
        };
        let skipped = TickRecord { attempts: 0, ..tick(TickState::Skipped, 0, 0) };
        let (running, done) = (tick(TickState::Running, 2, 1), tick(TickState::Done, 4, 0));
        let failed = tick(TickState::Failed, 3, 137);
        let wrong = tick(TickState::Failed, 0, 2);
        assert_eq!(
            in_a_row(&[running.clone(), skipped, failed.clone(), wrong, done.clone(), failed.clone()]),
            4
        );
        assert_eq!(in_a_row(&[running, done, failed]), 0);
        assert_eq!(in_a_row(&[]), 0);
    }
}
