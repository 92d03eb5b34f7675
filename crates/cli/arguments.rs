//! The words of the command line, apart from what they do.
//!
//! Every flag has an environment variable. Values are `Option`s: what is absent here may come from
//! `dragline.toml` or from the defaults (see `settings`). Their comments are what `--help` prints.

// Help is read on a terminal, where backticks are noise.
#![allow(clippy::doc_markdown)]

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::settings::parse::{bytes, duration, rate, share};

/// A scraping pipeline that never lets go of a row.
#[derive(Debug, Parser)]
#[command(name = "dragline", version, about, propagate_version = true, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,

    #[command(flatten)]
    pub(crate) global: Global,
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
    /// Settings file [default: dragline.toml here, if there is one]
    #[arg(long, global = true, env = "DRAGLINE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Where runs and items are kept: sqlite:PATH or postgres://… [default: sqlite:dragline.db]
    #[arg(long, global = true, env = "DRAGLINE_STORE", value_name = "URL", hide_env_values = true)]
    pub(crate) store: Option<String>,

    /// Form of the log on stderr [default: text]
    #[arg(long, global = true, env = "DRAGLINE_LOG_FORMAT", value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,

    /// What is logged: error, warn, info, debug, or per module (dragline_engine=debug) [default: info]
    #[arg(long, global = true, env = "DRAGLINE_LOG", value_name = "FILTER")]
    pub(crate) log: Option<String>,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Crawl with a spider; resume its run if one was left unfinished
    #[command(after_help = CRAWL_EXAMPLES)]
    Crawl(Box<Crawl>),

    /// List the spiders, their items and tables
    List,

    /// Print, create or check the tables
    #[command(after_help = SCHEMA_EXAMPLES)]
    Schema {
        #[command(subcommand)]
        action: SchemaAction,
    },

    /// Export a run's items from the store
    #[command(after_help = "Example:\n  dragline export 12 --item quote -o quotes.csv")]
    Export(Export),

    /// Look at items that the store refused, and apply them once the cause is mended
    #[command(after_help = LETTER_EXAMPLES)]
    DeadLetters {
        #[command(subcommand)]
        action: LetterAction,
    },

    /// Say whether a crawl is alive, by its heartbeat file; exit 0 or 1
    #[command(after_help = "Example:\n  dragline healthcheck --heartbeat-file /tmp/dragline.heartbeat")]
    Healthcheck(Healthcheck),

    /// Crawl a small site made by the program itself, and show the rows
    #[command(after_help = "Example:\n  dragline demo && dragline demo --store postgres://localhost/crawls")]
    Demo,
}

const CRAWL_EXAMPLES: &str = "\
Examples:
  dragline crawl site --start-url https://example.com/ --limit 100
  dragline crawl quotes -a start_urls=https://quotes.toscrape.com/tag/love/ -a limit=5
  dragline crawl quotes --store postgres://me@db/crawls --rate 0.5 --max-duration 1h

Stop it with Ctrl-C or SIGTERM; the same command goes on where it stopped.";

const SCHEMA_EXAMPLES: &str = "\
Examples:
  dragline schema print --store postgres://db/crawls | psql crawls
  dragline schema check --store postgres://db/crawls";

const LETTER_EXAMPLES: &str = "\
Examples:
  dragline dead-letters list --run quotes
  dragline dead-letters show 17
  dragline dead-letters retry 17 18        after the table or the spider was mended
  dragline dead-letters retry --all --run quotes
  dragline dead-letters export letters.jsonl";

/// `dragline crawl`.
#[derive(Debug, Args)]
pub(crate) struct Crawl {
    /// The spider; `dragline list` names them
    #[arg(env = "DRAGLINE_SPIDER")]
    pub(crate) spider: String,

    /// Start here instead of the spider's own start URLs; repeatable
    #[arg(long = "start-url", env = "DRAGLINE_START_URLS", value_name = "URL", value_delimiter = ',')]
    pub(crate) start_urls: Vec<String>,

    /// An argument for the spider; start_urls, limit and force_run mean the same as the flags
    #[arg(short = 'a', long = "arg", env = "DRAGLINE_ARGS", value_name = "NAME=VALUE")]
    pub(crate) args: Vec<String>,

    /// Stop after exactly N pages are done, resumes included; 0 = no limit
    #[arg(long, env = "DRAGLINE_LIMIT", value_name = "N", help_heading = LIMITS)]
    pub(crate) limit: Option<u64>,

    /// Stop once this start has stored N items; 0 = no limit
    #[arg(long, env = "DRAGLINE_MAX_ITEMS", value_name = "N", help_heading = LIMITS)]
    pub(crate) max_items: Option<u64>,

    /// Follow links at most N deep; 0 = no limit
    #[arg(long, env = "DRAGLINE_MAX_DEPTH", value_name = "N", help_heading = LIMITS)]
    pub(crate) max_depth: Option<u32>,

    /// Stop after this time, such as 90s, 45m or 6h, counted from each start; 0 = no limit
    #[arg(long, env = "DRAGLINE_MAX_DURATION", value_name = "TIME", value_parser = duration, help_heading = LIMITS)]
    pub(crate) max_duration: Option<Duration>,

    /// The run's name [default: spider and digest of start URLs and arguments]
    #[arg(long, env = "DRAGLINE_RUN", value_name = "NAME", help_heading = RUN)]
    pub(crate) run: Option<String>,

    /// End an unfinished run of this name and begin anew
    #[arg(long, env = "DRAGLINE_FRESH", value_parser = FalseyValueParser::new(), help_heading = RUN)]
    pub(crate) fresh: bool,

    /// Resume even after three starts in a row that brought no page
    #[arg(long, env = "DRAGLINE_FORCE_RUN", value_parser = FalseyValueParser::new(), help_heading = RUN)]
    pub(crate) force_run: bool,

    /// Export the run's items when it ends: FILE.jsonl, FILE.csv or - (JSON lines on stdout)
    #[arg(short = 'o', long, env = "DRAGLINE_OUTPUT", value_name = "FILE", help_heading = RUN)]
    pub(crate) output: Option<String>,

    #[command(flatten)]
    pub(crate) tuning: Tuning,
}

const LIMITS: &str = "Limits";
const RUN: &str = "Run";
const FETCHING: &str = "Fetching";
const STORING: &str = "Storing";
const PROCESS: &str = "Process";

/// Settings that the file knows as well.
#[derive(Clone, Debug, Default, Args, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Tuning {
    /// Requests in flight, over all hosts [default: 32]
    #[arg(long, env = "DRAGLINE_CONCURRENCY", value_name = "N", help_heading = FETCHING)]
    pub(crate) concurrency: Option<usize>,

    /// Requests in flight per host [default: 2]
    #[arg(long, env = "DRAGLINE_HOST_CONCURRENCY", value_name = "N", help_heading = FETCHING)]
    pub(crate) host_concurrency: Option<usize>,

    /// Requests per second and host, fractions allowed; 0 = no limit [default: 2]
    #[arg(long, env = "DRAGLINE_RATE", value_name = "R", value_parser = rate, allow_negative_numbers = true, help_heading = FETCHING)]
    pub(crate) rate: Option<f64>,

    /// Whether robots.txt is obeyed [default: true]
    #[arg(long, env = "DRAGLINE_ROBOTS", value_name = "BOOL", help_heading = FETCHING)]
    pub(crate) robots: Option<bool>,

    /// The User-Agent header
    #[arg(long, env = "DRAGLINE_USER_AGENT", value_name = "TEXT", help_heading = FETCHING)]
    pub(crate) user_agent: Option<String>,

    /// Further attempts after a failed one [default: 3]
    #[arg(long, env = "DRAGLINE_RETRIES", value_name = "N", help_heading = FETCHING)]
    pub(crate) retries: Option<u32>,

    /// Time for connecting [default: 10s]
    #[arg(long, env = "DRAGLINE_CONNECT_TIMEOUT", value_name = "TIME", value_parser = duration, help_heading = FETCHING)]
    #[serde(deserialize_with = "crate::settings::parse::duration_in_file")]
    pub(crate) connect_timeout: Option<Duration>,

    /// Time for a whole request [default: 180s]
    #[arg(long, env = "DRAGLINE_REQUEST_TIMEOUT", value_name = "TIME", value_parser = duration, help_heading = FETCHING)]
    #[serde(deserialize_with = "crate::settings::parse::duration_in_file")]
    pub(crate) request_timeout: Option<Duration>,

    /// Largest body, decompressed [default: 64MiB]
    #[arg(long, env = "DRAGLINE_MAX_BODY", value_name = "BYTES", value_parser = bytes, help_heading = FETCHING)]
    #[serde(deserialize_with = "crate::settings::parse::bytes_in_file")]
    pub(crate) max_body: Option<usize>,

    /// Threads that parse [default: one per core]
    #[arg(long, env = "DRAGLINE_CRAWL_THREADS", value_name = "N", help_heading = PROCESS)]
    pub(crate) crawl_threads: Option<usize>,

    /// Time for the parse of one page; after it the page fails and its thread is replaced [default: 300s]
    #[arg(long, env = "DRAGLINE_PARSE_TIMEOUT", value_name = "TIME", value_parser = duration, help_heading = PROCESS)]
    #[serde(deserialize_with = "crate::settings::parse::duration_in_file")]
    pub(crate) parse_timeout: Option<Duration>,

    /// Memory for pages, outcomes and batches in hand [default: 256MiB]
    #[arg(long, env = "DRAGLINE_MEMORY_BUDGET", value_name = "BYTES", value_parser = bytes, help_heading = PROCESS)]
    #[serde(deserialize_with = "crate::settings::parse::bytes_in_file")]
    pub(crate) memory_budget: Option<usize>,

    /// Stop with exit 1 once a larger share of the pages failed or died, such as 0.25; judged from 20 pages on
    /// and at the end [default: off]
    #[arg(long, env = "DRAGLINE_MAX_FAILED_SHARE", value_name = "SHARE", value_parser = share, allow_negative_numbers = true, help_heading = LIMITS)]
    pub(crate) max_failed_share: Option<f64>,

    /// Store U+FFFD where an item has a NUL character, instead of making its page dead [default: false]
    #[arg(long, env = "DRAGLINE_REPLACE_NUL", value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = FalseyValueParser::new(), help_heading = STORING)]
    pub(crate) replace_nul: Option<bool>,

    /// Rows in a batch [default: 1000]
    #[arg(long, env = "DRAGLINE_FLUSH_ROWS", value_name = "N", help_heading = STORING)]
    pub(crate) flush_rows: Option<usize>,

    /// Bytes in a batch [default: 8MiB]
    #[arg(long, env = "DRAGLINE_FLUSH_BYTES", value_name = "BYTES", value_parser = bytes, help_heading = STORING)]
    #[serde(deserialize_with = "crate::settings::parse::bytes_in_file")]
    pub(crate) flush_bytes: Option<usize>,

    /// Age at which a batch is flushed [default: 1s]
    #[arg(long, env = "DRAGLINE_FLUSH_INTERVAL", value_name = "TIME", value_parser = duration, help_heading = STORING)]
    #[serde(deserialize_with = "crate::settings::parse::duration_in_file")]
    pub(crate) flush_interval: Option<Duration>,

    /// Flushes that may be pending at once [default: 2]
    #[arg(long, env = "DRAGLINE_MAX_PENDING_FLUSHES", value_name = "N", help_heading = STORING)]
    pub(crate) max_pending_flushes: Option<usize>,

    /// End the run when the store is away for longer; 0 = wait for ever [default: 0]
    #[arg(long, env = "DRAGLINE_MAX_OUTAGE", value_name = "TIME", value_parser = duration, help_heading = STORING)]
    #[serde(deserialize_with = "crate::settings::parse::duration_in_file")]
    pub(crate) max_outage: Option<Duration>,

    /// Time for each start-up operation on the store [default: 5s]
    #[arg(long, env = "DRAGLINE_OPERATION_TIMEOUT", value_name = "TIME", value_parser = duration, help_heading = STORING)]
    #[serde(deserialize_with = "crate::settings::parse::duration_in_file")]
    pub(crate) operation_timeout: Option<Duration>,

    /// Time for the whole start-up on the store [default: 20s]
    #[arg(long, env = "DRAGLINE_STARTUP_TIMEOUT", value_name = "TIME", value_parser = duration, help_heading = STORING)]
    #[serde(deserialize_with = "crate::settings::parse::duration_in_file")]
    pub(crate) startup_timeout: Option<Duration>,

    /// Take over a run whose process gave no sign of life for so long, at least 10s; 0 = never [default: 60s]
    #[arg(long, env = "DRAGLINE_TAKE_OVER_AFTER", value_name = "TIME", value_parser = duration, help_heading = STORING)]
    #[serde(deserialize_with = "crate::settings::parse::duration_in_file")]
    pub(crate) take_over_after: Option<Duration>,

    /// Time from a stop signal to the exit, at least 4s [default: 8s]
    #[arg(long, env = "SHUTDOWN_TIMEOUT_SECONDS", value_name = "TIME", value_parser = duration, help_heading = PROCESS)]
    #[serde(deserialize_with = "crate::settings::parse::duration_in_file")]
    pub(crate) shutdown_timeout: Option<Duration>,

    /// File that the working loops write their heartbeat to, for `dragline healthcheck`
    #[arg(long, env = "DRAGLINE_HEARTBEAT_FILE", value_name = "FILE", help_heading = PROCESS)]
    pub(crate) heartbeat_file: Option<PathBuf>,
}

/// `dragline schema …`.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum SchemaAction {
    /// Print the statements that make all tables
    Print,
    /// Make or raise the tables
    Apply,
    /// Hold the tables against what the program needs; exit 1 on a difference
    Check,
}

/// `dragline export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The run: its id, or its name for the newest of that name
    pub(crate) run: String,

    /// FILE.jsonl, FILE.csv or - (JSON lines on stdout)
    #[arg(short = 'o', long, value_name = "FILE", default_value = "-")]
    pub(crate) output: String,

    /// Only this item type; CSV takes one
    #[arg(long, value_name = "TYPE")]
    pub(crate) item: Option<String>,
}

/// `dragline dead-letters …`.
#[derive(Debug, Subcommand)]
pub(crate) enum LetterAction {
    /// List dead letters, oldest first
    #[command(after_help = "Example:\n  dragline dead-letters list --run quotes --limit 20")]
    List(ListLetters),

    /// Show one, with its payload
    #[command(after_help = "Example:\n  dragline dead-letters show 17")]
    Show {
        /// Its number
        #[arg(value_name = "ID")]
        letter_id: i64,
    },

    /// Store the items of dead letters and remove the letters; exit 1 if any is refused again
    #[command(after_help = RETRY_EXAMPLES)]
    Retry(RetryLetters),

    /// Write dead letters to FILE.jsonl, FILE.csv or - (JSON lines on stdout)
    #[command(after_help = "Example:\n  dragline dead-letters export letters.jsonl --run quotes")]
    Export {
        /// FILE.jsonl, FILE.csv or -
        file: String,

        /// Of this run alone: its id, or its name for the newest of that name
        #[arg(long, value_name = "RUN")]
        run: Option<String>,
    },
}

const RETRY_EXAMPLES: &str = "\
Examples:
  dragline dead-letters retry 17 18
  dragline dead-letters retry --all --run quotes

An item is stored in the transaction that removes its letter; with its last letter a dead page is done.";

/// `dragline dead-letters list`.
#[derive(Debug, Args)]
pub(crate) struct ListLetters {
    /// Of this run alone: its id, or its name for the newest of that name
    #[arg(long, value_name = "RUN")]
    pub(crate) run: Option<String>,

    /// At most so many; 0 = all
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: usize,
}

/// `dragline dead-letters retry`.
#[derive(Debug, Args)]
pub(crate) struct RetryLetters {
    /// Their numbers; `dragline dead-letters list` shows them
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    pub(crate) letter_ids: Vec<i64>,

    /// All there are, or all of the run
    #[arg(long)]
    pub(crate) all: bool,

    /// Of this run alone: its id, or its name for the newest of that name
    #[arg(long, value_name = "RUN")]
    pub(crate) run: Option<String>,

    /// Also those in whose payload U+FFFD stands for a NUL character
    #[arg(long, env = "DRAGLINE_REPLACE_NUL", value_parser = FalseyValueParser::new())]
    pub(crate) replace_nul: bool,
}

/// `dragline healthcheck`.
#[derive(Debug, Args)]
pub(crate) struct Healthcheck {
    /// The file that `crawl --heartbeat-file` writes
    #[arg(long, env = "DRAGLINE_HEARTBEAT_FILE", value_name = "FILE")]
    pub(crate) heartbeat_file: PathBuf,

    /// Age at which a heartbeat counts as missing
    #[arg(long, env = "DRAGLINE_HEALTH_MAX_AGE", value_name = "TIME", value_parser = duration, default_value = "60s")]
    pub(crate) max_age: Duration,
}
