//! The rules in robots.txt, and what pages say to robots.

use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};

use crate::parse::{bytes, duration, hops};

/// Whether and how robots.txt is obeyed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Robots")]
#[allow(clippy::struct_field_names)] // a field is named like its flag
pub(crate) struct Robots {
    /// Obey robots.txt
    #[arg(long, env = "DRAGLINE_ROBOTS", value_name = "BOOL", action = ArgAction::Set, default_value = "true", hide_short_help = true)]
    pub(crate) robots: bool,

    /// The name to look for in robots.txt [default: the product token of the User-Agent]
    ///
    /// The product token is `acmebot` in both `acmebot/1.0 (+https://acme.example)` and `Mozilla/5.0
    /// (compatible; acmebot/1.0)`. If no group has this name, the rules for all robots apply.
    #[arg(long, env = "DRAGLINE_ROBOTS_AGENT", value_name = "NAME", hide_short_help = true)]
    pub(crate) robots_agent: Option<String>,

    /// Longest Crawl-delay to honour; 0 = no limit
    ///
    /// A longer Crawl-delay is shortened to this. A Crawl-delay slows a host down and never speeds it up.
    #[arg(long, env = "DRAGLINE_MAX_CRAWL_DELAY", value_name = "TIME", value_parser = duration, default_value = "30s", hide_short_help = true)]
    pub(crate) max_crawl_delay: Duration,

    /// How long to use a robots.txt before fetching it again
    ///
    /// If it can't be fetched then, the old copy is used.
    #[arg(long, env = "DRAGLINE_ROBOTS_MAX_AGE", value_name = "TIME", value_parser = duration, default_value = "24h", hide_short_help = true)]
    pub(crate) robots_max_age: Duration,

    /// How long to wait before asking again for a robots.txt that couldn't be fetched
    ///
    /// Until then, all requests to its host fail, unless there is an older copy.
    #[arg(long, env = "DRAGLINE_ROBOTS_PAUSE", value_name = "TIME", value_parser = duration, default_value = "10m", hide_short_help = true)]
    pub(crate) robots_pause: Duration,

    /// Read at most this much of a robots.txt, and ignore the rest
    #[arg(long, env = "DRAGLINE_ROBOTS_MAX_BYTES", value_name = "BYTES", value_parser = bytes, default_value = "500KiB", hide_short_help = true)]
    pub(crate) robots_max_bytes: usize,

    /// How many redirects to follow to a robots.txt; after that, it counts as missing
    #[arg(long, env = "DRAGLINE_ROBOTS_MAX_REDIRECTS", value_name = "N", value_parser = hops, default_value = "5", hide_short_help = true)]
    pub(crate) robots_max_redirects: usize,

    /// Obey what pages say to robots: `nofollow`, `noindex`, or both separated by a comma [default: nothing]
    ///
    /// Pages say it in the header X-Robots-Tag, in `<meta name="robots">` and, for a single link, with
    /// `rel="nofollow"`. On a page, `none` means both.
    #[arg(
        long,
        env = "DRAGLINE_PAGE_ROBOTS",
        value_name = "RULES",
        value_delimiter = ',',
        hide_short_help = true
    )]
    pub(crate) page_robots: Vec<PageRule>,
}

/// An instruction to robots on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PageRule {
    /// Don't follow their links
    Nofollow,
    /// Don't keep their items
    Noindex,
}
