//! Schedules, and when they are due.
//!
//! A [`Schedule`] is one `[schedule.NAME]` table of the settings file. Its [`Times`] say at which moments it is due. Each such
//! moment is a tick, and the store has a row for it (`dragline_core::schedules`).
//!
//! This crate reads no settings file and no command line, and has no SQL: the command line gives it schedules, and a
//! `ScheduleStore`.

mod cron;
mod schedule;

pub use cron::{Occurrences, Times, time_zone};
pub use schedule::{CatchUp, IfRunning, Schedule, ScheduleError, ScheduleSettings, check_name};
