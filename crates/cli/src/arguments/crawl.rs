//! `dragline crawl`: the flags that say which run it is. The other groups have their own files: `limits`, `links`,
//! `pace` and so on.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;
use dragline_engine::{
    ClientSettings, FetchSettings, GoneSettings, KeepSettings, LimitSettings, LinkSettings, OutageSettings,
    PaceSettings, RedirectSettings, RetrySettings, RevisitSettings, RobotsSettings, SitemapSettings,
    VerdictSettings, WatchSettings,
};
use dragline_pipelines::{DueSettings, ItemPipelineSettings, PersistenceSettings};
use dragline_store::StoreSettings;

use dragline_flags::run_name;

use super::{Access, Notify, Process, Progress};

pub(super) const EXAMPLES: &str = "\
Examples:
  dragline crawl site --start-url https://example.com/ --limit 100
  dragline crawl quotes -a start_urls=https://quotes.toscrape.com/tag/love/ -a limit=5
  dragline crawl site --start-url https://example.com/ --sitemaps
  dragline crawl quotes --store postgres://me@db/crawls --rate 0.5 --max-duration 1h

Stop it with Ctrl-C or SIGTERM. Run the same command again to continue where it stopped.";

pub(super) const SHORT: &str = "\
Example:
  dragline crawl site --start-url https://example.com/ --limit 100

--help shows all flags, with their environment variables and more details.";

/// `dragline crawl`.
#[derive(Debug, Args)]
pub(crate) struct Crawl {
    /// The spider
    ///
    /// `dragline list` shows all of them.
    #[arg(env = "DRAGLINE_SPIDER")]
    pub(crate) spider: String,

    /// Use the settings that the settings file has for this schedule, and its name for the run
    ///
    /// So the crawl is the one that `dragline serve` starts for the schedule.
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub(crate) schedule: Option<String>,

    /// Stop when stdin closes. A supervisor holds the other end, so the crawl does not outlive it
    #[arg(long, hide_short_help = true)]
    pub(crate) stop_with_stdin: bool,

    /// Answer a supervisor at the socket `endpoint` in this folder, and leave the last metrics there as `metrics`
    #[arg(long, value_name = "FOLDER", hide = true)]
    pub(crate) supervised: Option<PathBuf>,

    /// Do nothing if a run of this name with a higher id than this has finished. A supervisor crawls only one run for a tick
    #[arg(long, value_name = "ID", hide = true)]
    pub(crate) after_run: Option<i64>,

    #[command(flatten)]
    pub(crate) flags: CrawlFlags,
}

/// Everything about a crawl except its spider.
#[derive(Debug, Args)]
pub(crate) struct CrawlFlags {
    #[command(flatten)]
    pub(crate) start: Start,

    #[command(flatten)]
    pub(crate) limits: LimitSettings,

    #[command(flatten)]
    pub(crate) verdict: VerdictSettings,

    #[command(flatten)]
    pub(crate) watch: WatchSettings,

    #[command(flatten)]
    pub(crate) gone: GoneSettings,

    #[command(flatten)]
    pub(crate) identity: Identity,

    #[command(flatten)]
    pub(crate) due: DueSettings,

    #[command(flatten)]
    pub(crate) notify: Notify,

    #[command(flatten)]
    pub(crate) links: LinkSettings,

    #[command(flatten)]
    pub(crate) sitemaps: SitemapSettings,

    #[command(flatten)]
    pub(crate) redirects: RedirectSettings,

    #[command(flatten)]
    pub(crate) pace: PaceSettings,

    #[command(flatten)]
    pub(crate) robots: RobotsSettings,

    #[command(flatten)]
    pub(crate) fetch: FetchSettings,

    #[command(flatten)]
    pub(crate) outage: OutageSettings,

    #[command(flatten)]
    pub(crate) retry: RetrySettings,

    #[command(flatten)]
    pub(crate) client: ClientSettings,

    #[command(flatten)]
    pub(crate) access: Access,

    #[command(flatten)]
    pub(crate) item_pipelines: ItemPipelineSettings,

    #[command(flatten)]
    pub(crate) persistence: PersistenceSettings,

    #[command(flatten)]
    pub(crate) keep: KeepSettings,

    #[command(flatten)]
    pub(crate) revisits: RevisitSettings,

    #[command(flatten)]
    pub(crate) store: StoreSettings,

    #[command(flatten)]
    pub(crate) process: Process,

    #[command(flatten)]
    pub(crate) progress: Progress,
}

/// What is crawled.
#[derive(Debug, Args)]
#[allow(clippy::struct_field_names)] // a field is named like its flag
pub(crate) struct Start {
    /// Start at this URL instead of the spider's own; repeatable
    ///
    /// You can also separate several URLs by commas, each with its `https://`. Any other comma is part of a URL.
    /// Don't include a user name or a password, because URLs are stored.
    #[arg(long = "start-url", env = "DRAGLINE_START_URLS", value_name = "URL")]
    pub(crate) start_urls: Vec<String>,

    /// The tag of these start URLs: the kind of page that the spider parses them as
    #[arg(long, env = "DRAGLINE_TAG", value_name = "TAG", hide_short_help = true)]
    pub(crate) tag: Option<String>,

    /// Pass an argument to the spider; repeatable
    ///
    /// In the variable, write one per line. The arguments `start_urls`, `limit` and `force_run` do the same as
    /// the flags `--start-url`, `--limit` and `--force-run`.
    #[arg(short = 'a', long = "arg", env = "DRAGLINE_ARGS", value_name = "NAME=VALUE")]
    pub(crate) args: Vec<String>,
}

/// Which run it is, and what happens to it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
pub(crate) struct Identity {
    /// Name of the run [default: made of spider, start URLs and arguments]
    #[arg(long, env = "DRAGLINE_RUN", value_name = "NAME", value_parser = run_name)]
    pub(crate) run: Option<String>,

    /// End an unfinished run of this name and start a new one
    #[arg(long, env = "DRAGLINE_FRESH", value_parser = BoolishValueParser::new())]
    pub(crate) fresh: bool,

    /// Start a run even if --min-interval says that none is due, and resume one even after three starts in a row
    /// without progress, or if some of its requests were deleted
    #[arg(long, env = "DRAGLINE_FORCE_RUN", value_parser = BoolishValueParser::new(), hide_short_help = true)]
    pub(crate) force_run: bool,

    /// When finished, export the items to `FILE.jsonl`, `FILE.csv` or `-` (stdout)
    ///
    /// The value `-` writes JSON lines to stdout. A CSV file holds one item type. If the spider has several, each
    /// gets a file of its own: `FILE.TYPE.csv`.
    #[arg(short = 'o', long, env = "DRAGLINE_OUTPUT", value_name = "FILE")]
    pub(crate) output: Option<String>,
}
