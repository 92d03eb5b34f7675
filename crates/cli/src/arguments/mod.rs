//! The arguments of the command line, with a file for each command. The commands themselves are in `commands`.
//!
//! Each flag is declared here once, with its environment variable, default and check. `--help` prints its comment
//! (without the backticks), and so does `docs/settings.md`. `-h` prints only the first paragraph, and leaves out flags
//! with `hide_short_help`: it shows the flags that people use daily. Values in `dragline.toml` replace the defaults
//! before the parser runs (`settings`). So a flag in `Global`, `Logging` or a group of `CrawlFlags` has its key in the
//! file without further code.
//!
//! Most groups of `CrawlFlags` are the settings of a part of the program, and are declared there (`PaceSettings` in the
//! engine). Only the flags that need more than a parser are here.

mod access;
mod board;
mod check;
mod config;
mod control;
mod crawl;
mod dead_letters;
mod demo;
mod diff;
mod export;
mod fetch;
mod healthcheck;
mod list;
mod logging;
mod notify;
mod pages;
mod process;
mod reparse;
mod runs;
mod schedule;
mod schema;
mod serve;
mod teaching;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use access::Access;
#[cfg(test)]
pub(crate) use access::Hidden;
pub(crate) use board::Board;
pub(crate) use check::Check;
pub(crate) use config::{ConfigAction, ConfigFormat};
pub(crate) use control::ControlFlags;
pub(crate) use crawl::{Crawl, CrawlFlags};
pub(crate) use dead_letters::{LetterAction, ListLetters, RetryLetters};
pub(crate) use demo::Demo;
pub(crate) use diff::{Diff, DiffFormat};
pub(crate) use export::Export;
pub(crate) use fetch::Fetch;
pub(crate) use healthcheck::Healthcheck;
pub(crate) use list::List;
pub(crate) use logging::{Logging, Progress};
pub(crate) use notify::Notify;
pub(crate) use pages::{ExportPages, ImportPages, ListPages, PageAction, ShowPage};
pub(crate) use process::Process;
pub(crate) use reparse::{DryRunFormat, Reparse};
pub(crate) use runs::{GoneRun, ListRuns, LogsOfRun, PruneRuns, RetryRun, RunAction};
pub(crate) use schedule::{ListSchedules, NextTicks, ScheduleAction};
pub(crate) use schema::SchemaAction;
pub(crate) use serve::Serve;
pub(crate) use teaching::{Completions, Man};

/// A scraping pipeline that never lets go of a row.
#[derive(Debug, Parser)]
#[command(name = "dragline", version, propagate_version = true, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Settings file [default: `dragline.toml` in this folder, if it exists]
    #[arg(long, global = true, env = "DRAGLINE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    // Not nested: the parser only knows the members of a group if none of them is a group itself.
    #[command(flatten)]
    pub(crate) global: Global,

    #[command(flatten)]
    pub(crate) logging: Logging,
}

const EXAMPLES: &str = "\
Examples:
  dragline demo                                          crawl a small built-in site
  dragline crawl site --start-url https://example.com/   crawl one host
  dragline crawl quotes --limit 20 -o quotes.jsonl       stop after 20 pages and export the rows
  dragline crawl quotes --store postgres://me@db/crawls  store the rows in Postgres

Exit codes: 0 finished · 1 error · 2 usage · 65 finished with problems, look at the run · 75 stopped early, \
the same command resumes · 70 forced to end";

/// Flags of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Database: `sqlite:PATH` or `postgres://…`
    ///
    /// The store keeps the runs, their requests and the items. If neither this flag nor its variable is set,
    /// the variable `DATABASE_URL` is used, because many platforms provide a database under that name.
    #[arg(
        long,
        global = true,
        env = "DRAGLINE_STORE",
        value_name = "URL",
        hide_env_values = true,
        default_value = "sqlite:dragline.db"
    )]
    pub(crate) store: String,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Crawl with a spider, or resume its unfinished run
    #[command(after_help = crawl::SHORT, after_long_help = crawl::EXAMPLES)]
    Crawl(Box<Crawl>),

    /// Parse the pages that a run has kept once more, with the spider as it is now, and fetch nothing
    ///
    /// Item rows with a key are replaced where they differ, and those of a page without a key are replaced together.
    /// Rows keep the run that fetched their page. A page that a later run has fetched is left out, so older values
    /// never replace newer ones. The arguments of the spider are those of the run; -a changes them.
    #[command(after_help = reparse::SHORT, after_long_help = reparse::EXAMPLES)]
    Reparse(Box<Reparse>),

    /// List the spiders, their items and tables; or show one spider in detail
    #[command(after_help = list::EXAMPLES)]
    List(List),

    /// Fetch one page as a crawl would and show it, or what a spider would make of it
    #[command(after_help = fetch::EXAMPLES)]
    Fetch(Box<Fetch>),

    /// Check the spiders on their sample pages; exit 0 or 1
    #[command(after_help = check::EXAMPLES)]
    Check(Check),

    /// Run the crawls of the settings file when they are due, each as a process of its own
    #[command(after_help = serve::EXAMPLES)]
    Serve(Box<Serve>),

    /// Show the schedules of the settings file and when they are due; run, pause and resume them
    #[command(after_help = schedule::EXAMPLES)]
    Schedule {
        #[command(subcommand)]
        action: ScheduleAction,
    },

    /// Print, create or check the tables
    #[command(after_help = schema::EXAMPLES)]
    Schema {
        #[command(subcommand)]
        action: SchemaAction,
    },

    /// Export a run's items from the store
    ///
    /// A row with a key belongs to the last run that saw it. An older run exports only rows that no later run has seen.
    #[command(after_help = "Example:\n  dragline export 12 --item quote -o quotes.csv")]
    Export(Export),

    /// Show which rows are new, changed and gone since an earlier run
    #[command(after_help = diff::EXAMPLES)]
    Diff(Diff),

    /// Show runs, retry failed requests, end a run
    #[command(after_help = runs::EXAMPLES)]
    Runs {
        #[command(subcommand)]
        action: RunAction,
    },

    /// List and print the pages that a crawl has kept, export them to a WARC file, or import one
    #[command(after_help = pages::EXAMPLES)]
    Pages {
        #[command(subcommand)]
        action: PageAction,
    },

    /// Show items that the store refused, and retry them after you have fixed the cause
    #[command(after_help = dead_letters::EXAMPLES)]
    DeadLetters {
        #[command(subcommand)]
        action: LetterAction,
    },

    /// Serve a page that shows the runs in the store, for people with a browser
    ///
    /// It shows what runs, what ran, why pages failed, and the newest rows of the items. It changes nothing.
    /// `dragline crawl --listen` serves the same page for its run, with the figures of the crawl itself.
    #[command(after_help = board::EXAMPLES)]
    Board(Board),

    /// Check whether a crawl is alive, by its endpoint or heartbeat file; exit 0 or 1
    #[command(after_help = healthcheck::EXAMPLES)]
    Healthcheck(Healthcheck),

    /// Crawl a small built-in site and show the rows
    #[command(after_help = demo::EXAMPLES)]
    Demo(Demo),

    /// Show the settings and where they come from
    #[command(after_help = config::EXAMPLES)]
    Config {
        #[command(subcommand)]
        action: ConfigAction,
    },

    /// Print a script that lets your shell complete commands, flags and spiders
    #[command(after_help = teaching::COMPLETIONS_EXAMPLES)]
    Completions(Completions),

    /// Print the man page
    #[command(after_help = teaching::MAN_EXAMPLES)]
    Man(Man),
}
