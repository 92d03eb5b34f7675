//! The schedules of the settings file. The store knows what became of their ticks, and only the file knows which ones come.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// What a settings file says about schedules.
pub trait Plan: Send + Sync {
    /// Its schedules, by name.
    fn schedules(&self) -> Vec<PlannedSchedule>;

    /// The runs that come next, the earliest first: `count` at most, and none of the schedules that are left out.
    fn coming(&self, count: usize, is_left_out: &dyn Fn(&str) -> bool) -> Vec<ComingRun>;
}

/// A settings file without schedules.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPlan;

impl Plan for NoPlan {
    fn schedules(&self) -> Vec<PlannedSchedule> {
        Vec::new()
    }

    fn coming(&self, _count: usize, _is_left_out: &dyn Fn(&str) -> bool) -> Vec<ComingRun> {
        Vec::new()
    }
}

/// A schedule of the settings file.
#[derive(Clone, Debug)]
pub struct PlannedSchedule {
    /// Its name.
    pub name: String,
    /// What it is, as the store notes it.
    pub definition: Json,
    /// Its next run, if it is enabled.
    pub next: Option<ComingRun>,
}

/// A run that comes next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComingRun {
    /// When it is due, in RFC 3339 and UTC.
    pub due_at: String,
    /// The same in the time zone of its schedule, for people.
    pub local: String,
    /// Its schedule.
    pub schedule: String,
    /// Its spider.
    pub spider: String,
}
