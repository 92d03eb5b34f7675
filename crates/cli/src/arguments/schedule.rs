//! `dragline schedule`.

use clap::{Args, Subcommand};

use dragline_flags::count;

pub(super) const EXAMPLES: &str = "\
Examples:
  dragline schedule list                  the schedules, and how their last ticks ended
  dragline schedule next --count 5        the next five ticks of all schedules
  dragline schedule run nightly           ask the server to crawl now
  dragline schedule pause nightly         skip its ticks until `dragline schedule resume nightly`

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

    /// Add a tick that is due now. A server starts it as soon as a worker is free
    #[command(after_help = "Example:\n  dragline schedule run nightly")]
    Run {
        /// The schedule
        #[arg(value_name = "NAME")]
        schedule: String,
    },

    /// Skip the ticks of a schedule from now on. A crawl that runs goes on
    #[command(after_help = "Example:\n  dragline schedule pause nightly")]
    Pause {
        /// The schedule
        #[arg(value_name = "NAME")]
        schedule: String,
    },

    /// Let a paused schedule go on with its next tick
    #[command(after_help = "Example:\n  dragline schedule resume nightly")]
    Resume {
        /// The schedule
        #[arg(value_name = "NAME")]
        schedule: String,
    },
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
