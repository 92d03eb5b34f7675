//! `dragline crawl`: which run, and until when. How it is crawled is in `tuning`.

use std::time::Duration;

use clap::Args;
use clap::builder::FalseyValueParser;

use super::tuning::{LIMITS, RUN, Tuning};
use crate::settings::parse::duration;

pub(super) const EXAMPLES: &str = "\
Examples:
  dragline crawl site --start-url https://example.com/ --limit 100
  dragline crawl quotes -a start_urls=https://quotes.toscrape.com/tag/love/ -a limit=5
  dragline crawl quotes --store postgres://me@db/crawls --rate 0.5 --max-duration 1h

Stop it with Ctrl-C or SIGTERM; the same command goes on where it stopped.";

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
