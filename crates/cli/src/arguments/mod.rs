//! The words of the command line, apart from what they do: a file for each command.
//!
//! A flag is declared here once, with its environment variable, its default and its check; its comment is what
//! `--help` prints (without the backticks) and `docs/settings.md` repeats; `-h` has its first paragraph. What
//! `dragline.toml` says takes the place of the default before the parser runs (`settings`), so a flag in `Global`,
//! `Logging` or one of the groups of `CrawlFlags` has its key in the file without another line.

mod access;
mod check;
mod config;
mod crawl;
mod dead_letters;
mod demo;
mod export;
mod fetch;
mod fetching;
mod healthcheck;
mod limits;
mod links;
mod logging;
mod pace;
mod process;
mod retrying;
mod robots;
mod runs;
mod schema;
mod storing;
mod teaching;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

#[cfg(test)]
pub(crate) use access::Hidden;
pub(crate) use access::{Access, Cookies};
pub(crate) use check::Check;
pub(crate) use config::{ConfigAction, ConfigFormat};
pub(crate) use crawl::{Crawl, CrawlFlags};
pub(crate) use dead_letters::{LetterAction, ListLetters, RetryLetters};
pub(crate) use demo::Demo;
pub(crate) use export::Export;
pub(crate) use fetch::Fetch;
pub(crate) use fetching::Fetching;
pub(crate) use healthcheck::Healthcheck;
pub(crate) use limits::Limits;
pub(crate) use links::Links;
pub(crate) use logging::{Logging, Progress};
pub(crate) use pace::Pace;
pub(crate) use process::Process;
pub(crate) use retrying::Retrying;
pub(crate) use robots::{PageRule, Robots};
pub(crate) use runs::{ListRuns, RetryRun, RunAction};
pub(crate) use schema::SchemaAction;
pub(crate) use storing::Storing;
pub(crate) use teaching::{Completions, Man};

/// A scraping pipeline that never lets go of a row.
#[derive(Debug, Parser)]
#[command(name = "dragline", version, propagate_version = true, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Settings file [default: `dragline.toml` here, if there is one]
    #[arg(long, global = true, env = "DRAGLINE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    // Beside each other: the parser knows the members of a group only where none of them is a group itself.
    #[command(flatten)]
    pub(crate) global: Global,

    #[command(flatten)]
    pub(crate) logging: Logging,
}

const EXAMPLES: &str = "\
Examples:
  dragline demo                                          crawl a small built-in site into dragline.db
  dragline crawl site --start-url https://example.com/   crawl one host
  dragline crawl quotes --limit 20 -o quotes.jsonl       stop after 20 pages, export the rows
  dragline crawl quotes --store postgres://me@db/crawls  into Postgres

Exit codes: 0 finished · 1 error · 2 usage · 75 stopped early, the same command resumes · 70 forced";

/// Flags of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Where runs and items are kept: `sqlite:PATH` or `postgres://…`
    ///
    /// Where its own variable is not set, `DATABASE_URL` is taken: many platforms hand out a database under that name.
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
    /// Crawl with a spider; resume its run if one was left unfinished
    #[command(after_help = crawl::EXAMPLES)]
    Crawl(Box<Crawl>),

    /// List the spiders, their items and tables
    #[command(after_help = "Example:\n  dragline list")]
    List,

    /// Fetch one page as a crawl would, and show it; with a spider, what it would emit
    #[command(after_help = fetch::EXAMPLES)]
    Fetch(Box<Fetch>),

    /// Try the spiders on the stored pages that they carry; exit 0 or 1
    #[command(after_help = check::EXAMPLES)]
    Check(Check),

    /// Print, create or check the tables
    #[command(after_help = schema::EXAMPLES)]
    Schema {
        #[command(subcommand)]
        action: SchemaAction,
    },

    /// Export a run's items from the store
    ///
    /// A row with a key belongs to the last run that saw it: an older run exports what no later one has seen.
    #[command(after_help = "Example:\n  dragline export 12 --item quote -o quotes.csv")]
    Export(Export),

    /// Look at runs, put failed requests back, end a run that nobody wants
    #[command(after_help = runs::EXAMPLES)]
    Runs {
        #[command(subcommand)]
        action: RunAction,
    },

    /// Look at items that the store refused, and apply them once the cause is mended
    #[command(after_help = dead_letters::EXAMPLES)]
    DeadLetters {
        #[command(subcommand)]
        action: LetterAction,
    },

    /// Say whether a crawl is alive, by its endpoint or its heartbeat file; exit 0 or 1
    #[command(after_help = healthcheck::EXAMPLES)]
    Healthcheck(Healthcheck),

    /// Crawl a small site made by the program itself, and show the rows
    #[command(after_help = demo::EXAMPLES)]
    Demo(Demo),

    /// Show the settings and where they come from
    #[command(after_help = config::EXAMPLES)]
    Config {
        #[command(subcommand)]
        action: ConfigAction,
    },

    /// Print what makes a shell complete commands, flags and spiders
    #[command(after_help = teaching::COMPLETIONS_EXAMPLES)]
    Completions(Completions),

    /// Print the man page
    #[command(after_help = teaching::MAN_EXAMPLES)]
    Man(Man),
}
