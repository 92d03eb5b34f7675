//! Schedules, and the server that executes them.
//!
//! ```text
//!  settings file ─► Schedule ─► due: new ticks ─► plan: which start, wait, are skipped
//!                                                   │
//!     ending: what an exit code means ◄─ process ◄──┴─ supervisor ◄──► ScheduleStore
//! ```
//!
//! A [`Schedule`] is one `[schedule.NAME]` table of the settings file. Its [`Times`] say at which moments it is due. Each such
//! moment is a tick, and the store has a row for it (`dragline_core::schedules`). [`serve`] executes the ticks: each crawl is a process
//! of its own, made from the same program.
//!
//! This crate reads no settings file and no command line, and has no SQL: the command line gives it schedules, a
//! `ScheduleStore`, and a [`House`] that makes the commands.

mod asking;
mod cgroup;
mod children;
mod clock;
mod cron;
mod due;
mod ending;
mod family;
mod place;
mod plan;
mod process;
mod schedule;
mod settings;
mod status;
mod supervisor;

pub use children::{Child, Children, ENDPOINT, LAST_METRICS, SILENT_AFTER};
pub use clock::{Clock, TEST_CLOCK};
pub use cron::{Occurrences, Times, time_zone};
pub use due::{MAX_CAUGHT_UP, MAX_NEW_TICKS, MISSED_AFTER};
pub use ending::{HELD_AGAIN_AFTER, MAX_ATTEMPTS, MAX_RESTART_DELAY};
pub use plan::MAX_QUEUED;
pub use schedule::{CatchUp, IfRunning, Schedule, ScheduleError, ScheduleSettings, check_name};
pub use settings::ServeSettings;
pub use status::{Health, LOOP_MAX_AGE, STORE_MAX_AGE, Status};
pub use supervisor::{
    Asked, Heartbeat, House, Launch, ServeEnd, ServeError, Server, TICKS_KEPT, TICKS_KEPT_OF_EACH, serve,
};
