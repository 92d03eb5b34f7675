//! Ticks of schedules that the settings file no longer has. Nobody would ever start them.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use dragline_core::schedules::{TickRecord, TickState};
use tracing::info;

use super::Supervisor;
use crate::asking::NoAnswer;

/// Another server may have the schedule in its own file, and may be restarting. So a tick of a schedule that this server has never had
/// waits for this time.
const UNKNOWN_FOR: Duration = Duration::from_secs(3600);
/// The reason of such ticks.
const REMOVED: &str = "the schedule is no longer in the settings file";

impl Supervisor {
    /// Ends the ticks that wait for a schedule that is gone.
    pub(super) fn end_removed(&self, open: &[TickRecord]) -> Result<(), NoAnswer> {
        let (now, patience) = (self.clock.now(), self.clock.of_real(UNKNOWN_FOR));
        for tick in open.iter().filter(|tick| !self.schedules.contains_key(&tick.schedule)) {
            let patience = if self.removed.contains(&tick.schedule) { TimeDelta::zero() } else { patience };
            let Some(ended) = without_schedule(tick, now, patience) else { continue };
            if self.asking.ask(|store| store.swap_tick(&ended))? {
                info!(schedule = tick.schedule, due_at = %tick.due_at, "{}: {REMOVED}", ended.state.as_str());
            }
        }
        Ok(())
    }
}

/// The tick as it ends, if it has waited for longer than `patience`.
fn without_schedule(tick: &TickRecord, now: DateTime<Utc>, patience: TimeDelta) -> Option<TickRecord> {
    let since = tick.next_try_at.unwrap_or(tick.due_at).max(tick.due_at);
    if tick.state != TickState::Waiting || (patience > TimeDelta::zero() && now - since <= patience) {
        return None;
    }
    if tick.attempts == 0 {
        return Some(tick.clone().skipped(now, REMOVED));
    }
    let reason = format!("{REMOVED}; its run is not finished");
    Some(tick.clone().ended(TickState::Failed, now, Some(reason)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::schedules::TickKind;

    #[test]
    fn a_tick_without_a_schedule_ends_after_a_while() {
        let at = |minute: u32| format!("2026-03-01T03:{minute:02}:00Z").parse::<DateTime<Utc>>().unwrap();
        let tick = TickRecord::new("a", at(0), TickKind::Cron);
        let patience = TimeDelta::minutes(30);
        assert_eq!(without_schedule(&tick, at(20), patience), None, "another server may have it");
        assert_eq!(without_schedule(&tick, at(31), patience).unwrap().state, TickState::Skipped);
        assert_eq!(without_schedule(&tick, at(1), TimeDelta::zero()).unwrap().reason.unwrap(), REMOVED);
        let begun = TickRecord { attempts: 2, ..tick.clone() };
        assert_eq!(without_schedule(&begun, at(1), TimeDelta::zero()).unwrap().state, TickState::Failed);
        let running = TickRecord { state: TickState::Running, ..tick };
        assert_eq!(without_schedule(&running, at(50), TimeDelta::zero()), None);
    }
}
