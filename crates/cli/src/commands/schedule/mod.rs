//! `dragline schedule`: what the settings file and the store know about schedules.

mod act;
mod list;
mod next;

pub(crate) use self::act::{add_tick, set_pause};
pub(super) use self::next::coming;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use dragline_core::StoreError;
use dragline_core::schedules::ScheduleStore;
use dragline_runtime::blocking::Blocking;
use dragline_serve::Schedule;

use crate::arguments::ScheduleAction;
use crate::exit::Exit;
use crate::failed::Failed;
use crate::settings::Common;

pub(super) use self::act::by;

/// Time limit of one read or write.
const LIMIT: Duration = Duration::from_secs(30);

pub(super) fn run(action: &ScheduleAction, common: &Common) -> Result<Exit, Failed> {
    match action {
        ScheduleAction::List(list) => list::run(list, common),
        ScheduleAction::Next(next) => next::run(next, common),
        ScheduleAction::Run { schedule } => act::run_now(schedule, common),
        ScheduleAction::Pause { schedule } => act::pause(schedule, true, common),
        ScheduleAction::Resume { schedule } => act::pause(schedule, false, common),
    }
}

/// The schedules and their ticks in the store.
pub(crate) struct Schedules {
    pub(super) store: Arc<dyn ScheduleStore>,
    blocking: Blocking,
}

impl Schedules {
    pub(crate) fn open(common: &Common) -> Result<Self, Failed> {
        let store = common.open_schedules(&common.store_settings()?)?;
        let schedules = Self { store, blocking: Blocking::new()? };
        schedules.wait("connect", schedules.store.reach())?;
        Ok(schedules)
    }

    pub(super) fn wait<T>(
        &self,
        what: &str,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, Failed> {
        Ok(self.blocking.wait(&*self.store, what, LIMIT, work)?)
    }

    pub(crate) fn close(&self) {
        self.blocking.close(&*self.store, LIMIT);
    }
}

/// A moment for people: in the zone of the schedule, with the zone.
pub(super) fn local(moment: DateTime<Utc>, zone: Tz) -> String {
    moment.with_timezone(&zone).format("%F %H:%M %Z").to_string()
}

/// The cron expressions, and their zone if it is not UTC.
fn when(schedule: &Schedule) -> String {
    let expressions: Vec<&str> = schedule.times.expressions().collect();
    let zone = schedule.times.zone();
    match zone {
        Tz::UTC => expressions.join("; "),
        zone => format!("{} {zone}", expressions.join("; ")),
    }
}
