//! `dragline schedule`.

use clap::{Args, Subcommand};

use dragline_flags::count;

pub(super) const EXAMPLES: &str = "\
Examples:
  dragline schedule list                  the schedules, and how their last ticks ended
  dragline schedule next --count 5        the next five ticks of all schedules

A schedule is a table of the settings file: [schedule.nightly] with spider and cron.";

/// `dragline schedule …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ScheduleAction {
    /// List the schedules: when they are due, when they were due last, and how that ended
    #[command(after_help = "Example:\n  dragline schedule list --json")]
    List(ListSchedules),

    /// Show the next ticks: the moments at which schedules are due
    #[command(after_help = "Example:\n  dragline schedule next nightly --count 3")]
    Next(NextTicks),
}

/// `dragline schedule list`.
#[derive(Debug, Args)]
pub(crate) struct ListSchedules {
    /// Print one JSON list
    #[arg(long)]
    pub(crate) json: bool,
}

/// `dragline schedule next`.
#[derive(Debug, Args)]
pub(crate) struct NextTicks {
    /// Only the ticks of this schedule
    #[arg(value_name = "NAME")]
    pub(crate) schedule: Option<String>,

    /// How many ticks to show
    #[arg(long, value_name = "N", value_parser = count, default_value_t = 10)]
    pub(crate) count: usize,

    /// Print one JSON list
    #[arg(long)]
    pub(crate) json: bool,
}
