//! `dragline runs`.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use dragline_core::Reason;
use dragline_core::store::RunState;
use dragline_engine::GoneAfter;

use dragline_flags::{bytes_or_none, count, duration, number, statuses};

pub(super) const EXAMPLES: &str = "\
Examples:
  dragline runs list --state stopped
  dragline runs show quotes                 show the newest run of that name
  dragline runs compare quotes              compare it with the last finished one
  dragline runs retry quotes --status 5xx   let the next crawl fetch these again
  dragline runs end 12                      if nobody needs the rest of it
  dragline runs prune --keep 30             remove what old runs no longer need

You can name a run by its id, by its name, or by its spider's name if all runs of the spider have the same name.";

/// `dragline runs …`.
#[derive(Debug, Subcommand)]
pub(crate) enum RunAction {
    /// List runs, newest first
    #[command(after_help = "Example:\n  dragline runs list --spider quotes --state failed --limit 5")]
    List(ListRuns),

    /// Show the state of a run: pages, items, columns, failures, frontier
    #[command(after_help = SHOW_EXAMPLES)]
    Show {
        /// The run: its id, its name (the newest run of that name), or its spider's name
        run: String,

        /// Show how the run came to this URL, from the start URL, and the item rows of its page
        #[arg(long, value_name = "URL")]
        path: Option<String>,

        /// Print what --keep-failed kept of the failed page at this URL
        #[arg(long, value_name = "URL", conflicts_with_all = ["path", "json"])]
        kept: Option<String>,

        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },

    /// Show two runs side by side: pages, items, durations, and what their columns hold
    #[command(after_help = COMPARE_EXAMPLES)]
    Compare {
        /// The run: its id, its name (the newest run of that name), or its spider's name
        run: String,

        /// The run to compare it with [default: the last finished run of the same name before it]
        #[arg(value_name = "RUN")]
        with: Option<String>,

        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },

    /// Show which rows a crawl with --delete-gone would remove at the end of this run; this removes nothing
    #[command(after_help = "Example:\n  dragline runs gone books --after 3")]
    Gone(GoneRun),

    /// Put failed requests back into the frontier, and reopen the run if it has ended
    #[command(after_help = RETRY_EXAMPLES)]
    Retry(RetryRun),

    /// End an unfinished run as failed, so that the next crawl of its name starts a new run
    #[command(after_help = "Example:\n  dragline runs end 12")]
    End {
        /// The run: its id, its name (the newest run of that name), or its spider's name
        run: String,
    },

    /// Stop the crawl of a run that a server executes. The run stays unfinished, and its next tick goes on with it
    #[command(after_help = "Example:\n  dragline runs cancel books-nightly")]
    Cancel {
        /// The run: its id, its name (the newest run of that name), or its spider's name
        run: String,
    },

    /// Print the last log lines of a run, from its log files
    #[command(after_help = LOGS_EXAMPLES)]
    Logs(LogsOfRun),

    /// Remove the requests and kept pages of ended runs; their figures and all items stay
    #[command(after_help = PRUNE_EXAMPLES)]
    Prune(PruneRuns),
}

const SHOW_EXAMPLES: &str = "\
Examples:
  dragline runs show quotes --json | jq .failed_by_reason
  dragline runs show quotes --path https://quotes.toscrape.com/page/3/
  dragline runs show quotes --kept https://quotes.toscrape.com/page/3/ > failed.html";

const COMPARE_EXAMPLES: &str = "\
Examples:
  dragline runs compare quotes
  dragline runs compare 12 9 --json | jq .change.filled_share";

const RETRY_EXAMPLES: &str = "\
Examples:
  dragline runs retry quotes --failed
  dragline runs retry 12 --status 5xx,429,none
  dragline runs retry 12 --reason timeout --host shop.example
  dragline runs retry 12 --error \"connection refused\"

This fetches nothing. The same `dragline crawl` then resumes the run and fetches the requests. You can only \
reopen the newest run of a name, and only while no process works on it.";

const LOGS_EXAMPLES: &str = "\
Examples:
  dragline runs logs books-nightly --follow
  dragline runs logs 12 --lines 1000 --log-dir /var/log/dragline

The server notes where the log files of its crawls are. For another crawl, name their folder with --log-dir. The files are on the \
machine that crawled.";

const PRUNE_EXAMPLES: &str = "\
Examples:
  dragline runs prune --keep 30 --dry-run
  dragline runs prune --older-than 90d
  dragline runs prune --keep 1 --spider quotes
  dragline runs prune --keep 30 --max-kept 10GB
  dragline runs prune --changes-older-than 30d

This removes the rows of crawl_requests, crawl_kept_pages, crawl_cookies and crawl_hosts, and the bodies of kept pages \
that no run needs any more. A kept page stays while a later run needs it that found the page unchanged. `runs list` still shows \
the run, but `runs retry` can't open it again. Items are never removed, and neither is anything of a run that is \
running or stopped: end such a run first (`dragline runs end`). A dead letter is an item that is stored nowhere \
else, so letters and their pages stay, unless you say --letters. Crawls may go on meanwhile. You can stop this at \
any moment, and run it again to go on.";

/// `dragline runs prune`.
#[derive(Debug, Args)]
pub(crate) struct PruneRuns {
    /// Keep the newest N ended runs of each name
    ///
    /// With --older-than as well, a run must meet both conditions to be pruned.
    #[arg(long, value_name = "N", value_parser = count, required_unless_present_any = ["older_than", "max_kept", "changes_older_than"])]
    pub(crate) keep: Option<usize>,

    /// Prune runs that ended longer ago than this, such as 90d
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) older_than: Option<Duration>,

    /// Remove kept pages, of the oldest ended runs first, until all that is kept has at most this size
    ///
    /// Such a run loses nothing else: its requests and figures stay, and it can still be opened again. The size is that of
    /// the compressed bodies in the whole database. With --keep or --older-than as well, those come first.
    #[arg(long, value_name = "BYTES", value_parser = bytes_or_none)]
    pub(crate) max_kept: Option<usize>,

    /// Remove rows of the change feed that are older than this, such as 30d
    ///
    /// A program that follows the changes misses those that it has not read by then. The newest of them stays, so that the
    /// program can notice that it missed some.
    #[arg(long, value_name = "TIME", value_parser = duration, conflicts_with_all = ["run", "spider"])]
    pub(crate) changes_older_than: Option<Duration>,

    /// Only runs of this name
    #[arg(long, value_name = "NAME")]
    pub(crate) run: Option<String>,

    /// Only runs of this spider
    #[arg(long, value_name = "NAME")]
    pub(crate) spider: Option<String>,

    /// Also remove their dead letters, which are items that could not be stored
    #[arg(long)]
    pub(crate) letters: bool,

    /// Only show for each run what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `dragline runs logs`.
#[derive(Debug, Args)]
pub(crate) struct LogsOfRun {
    /// The run: its id, its name (the newest run of that name), or its spider's name
    pub(crate) run: String,

    /// Print the last N lines of its last process
    #[arg(long, value_name = "N", value_parser = number::<usize>, default_value_t = 100)]
    pub(crate) lines: usize,

    /// Go on with each new line, also of the processes that go on with the run, until it has ended
    #[arg(long, short = 'f')]
    pub(crate) follow: bool,
}

/// `dragline runs list`.
#[derive(Debug, Args)]
pub(crate) struct ListRuns {
    /// Only runs of this spider
    #[arg(long, value_name = "NAME")]
    pub(crate) spider: Option<String>,

    /// Only runs in this state
    #[arg(long, value_name = "STATE")]
    pub(crate) state: Option<RunStateFilter>,

    /// Show at most N; 0 = all
    #[arg(long, value_name = "N", value_parser = number::<usize>, default_value_t = 20)]
    pub(crate) limit: usize,

    /// Print a JSON array
    #[arg(long)]
    pub(crate) json: bool,
}

/// The state of the runs to list.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum RunStateFilter {
    /// A process is working on it, or was killed while working on it
    Running,
    /// Stopped early; the same crawl resumes it
    Stopped,
    /// Finished, or reached a limit
    Finished,
    /// Ended without finishing; see its reason
    Failed,
}

impl From<RunStateFilter> for RunState {
    fn from(state: RunStateFilter) -> Self {
        match state {
            RunStateFilter::Running => Self::Running,
            RunStateFilter::Stopped => Self::Stopped,
            RunStateFilter::Finished => Self::Finished,
            RunStateFilter::Failed => Self::Failed,
        }
    }
}

/// `dragline runs gone`.
#[derive(Debug, Args)]
pub(crate) struct GoneRun {
    /// The run: its id, its name (the newest run of that name), or its spider's name
    pub(crate) run: String,

    /// Rows are gone if this many complete runs in a row did not see them
    #[arg(long, value_name = "N", value_parser = gone_after)]
    pub(crate) after: GoneAfter,

    /// Show the keys of at most N rows of each item type
    #[arg(long, value_name = "N", value_parser = number::<usize>, default_value_t = 20)]
    pub(crate) keys: usize,
}

fn gone_after(text: &str) -> Result<GoneAfter, String> {
    let runs: u32 = number(text)?;
    format!("after={runs}").parse()
}

/// `dragline runs retry`.
#[derive(Debug, Args)]
pub(crate) struct RetryRun {
    /// The run: its id, its name (the newest run of that name), or its spider's name
    pub(crate) run: String,

    /// Retry all its failed requests; you don't need this together with the flags below
    #[arg(long, required_unless_present_any = ["status", "reason", "error", "host"])]
    pub(crate) failed: bool,

    /// Retry requests with this last HTTP status, separated by commas: 503, 5xx, none for no answer
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = statuses)]
    pub(crate) status: Vec<(u16, u16)>,

    /// Retry requests with this reason: a code that `runs show` prints, such as `timeout` or `http_status`
    #[arg(long, value_name = "CODE", value_parser = reason)]
    pub(crate) reason: Option<Reason>,

    /// Retry requests with this text in their error
    #[arg(long, value_name = "TEXT")]
    pub(crate) error: Option<String>,

    /// Retry requests to this host; without a port, to all its ports
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(crate) host: Option<String>,
}

fn reason(code: &str) -> Result<Reason, String> {
    match Reason::parse(code) {
        Some(reason) if reason.fails() => Ok(reason),
        Some(_) => {
            Err("no failed request has this reason: such requests are skipped or dead, and only failed \
                        ones are retried; `dragline dead-letters retry` is for dead ones"
                .to_owned())
        }
        None => {
            let failing = Reason::ALL.into_iter().filter(|reason| reason.fails());
            let codes: Vec<&str> = failing.map(Reason::code).collect();
            Err(format!("a reason is one of {}; --error finds a text", codes.join(", ")))
        }
    }
}
