//! `dragline runs`.

use clap::{Args, Subcommand, ValueEnum};
use dragline_core::store::RunState;

use crate::settings::parse::{number, statuses};

pub(super) const EXAMPLES: &str = "\
Examples:
  dragline runs list --state stopped
  dragline runs show quotes                 the newest run of that name
  dragline runs retry quotes --status 5xx   ask for these once more, with the next crawl
  dragline runs end 12                      nobody wants the rest of it

A run is found by its id, by its name, or by its spider's name where the spider's runs all have one name.";

/// `dragline runs …`.
#[derive(Debug, Subcommand)]
pub(crate) enum RunAction {
    /// List runs, newest first
    #[command(after_help = "Example:\n  dragline runs list --spider quotes --state failed --limit 5")]
    List(ListRuns),

    /// Show how a run stands: pages, items, failures, frontier
    #[command(after_help = "Example:\n  dragline runs show quotes --json | jq .failed_by_reason")]
    Show {
        /// The run: its id, its name for the newest of that name, or its spider's name
        run: String,

        /// As one JSON object
        #[arg(long)]
        json: bool,
    },

    /// Put failed requests back into the frontier; a run that has ended is open again for the same crawl
    #[command(after_help = RETRY_EXAMPLES)]
    Retry(RetryRun),

    /// End an unfinished run as failed, so that the next crawl of its name begins anew
    #[command(after_help = "Example:\n  dragline runs end 12")]
    End {
        /// The run: its id, its name for the newest of that name, or its spider's name
        run: String,
    },
}

const RETRY_EXAMPLES: &str = "\
Examples:
  dragline runs retry quotes --failed
  dragline runs retry 12 --status 5xx,429,none
  dragline runs retry 12 --reason \"connection refused\" --host shop.example

Nothing is fetched now: the same `dragline crawl` resumes the run and fetches them. Only the newest run of a name can
be opened again, and no run while a process works on it.";

/// `dragline runs list`.
#[derive(Debug, Args)]
pub(crate) struct ListRuns {
    /// Of this spider alone
    #[arg(long, value_name = "NAME")]
    pub(crate) spider: Option<String>,

    /// In this state alone
    #[arg(long, value_name = "STATE")]
    pub(crate) state: Option<State>,

    /// At most so many; 0 = all
    #[arg(long, value_name = "N", value_parser = number::<usize>, default_value_t = 20)]
    pub(crate) limit: usize,

    /// As a JSON array
    #[arg(long)]
    pub(crate) json: bool,
}

/// The state of a run.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum State {
    /// A process works on it, or was killed while it did
    Running,
    /// Stopped early; the same crawl resumes it
    Stopped,
    /// Done
    Finished,
    /// Given up
    Failed,
}

impl From<State> for RunState {
    fn from(state: State) -> Self {
        match state {
            State::Running => Self::Running,
            State::Stopped => Self::Stopped,
            State::Finished => Self::Finished,
            State::Failed => Self::Failed,
        }
    }
}

/// `dragline runs retry`.
#[derive(Debug, Args)]
pub(crate) struct RetryRun {
    /// The run: its id, its name for the newest of that name, or its spider's name
    pub(crate) run: String,

    /// All its failed requests; not needed beside a flag that says which of them
    #[arg(long, required_unless_present_any = ["status", "reason", "host"])]
    pub(crate) failed: bool,

    /// Those with this last HTTP status: 503, 5xx, none for no answer; several with commas
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = statuses)]
    pub(crate) status: Vec<(u16, u16)>,

    /// Those with this text in their error
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,

    /// Those of this host; without a port of all its ports
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(crate) host: Option<String>,
}
