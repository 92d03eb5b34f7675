//! What is made of robots.txt, and of what pages say to robots.

use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};

use crate::settings::parse::{bytes, duration, hops};

/// Whether and how robots.txt is obeyed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Robots")]
#[allow(clippy::struct_field_names)] // a field is named like its flag
pub(crate) struct Robots {
    /// Whether robots.txt is obeyed
    #[arg(long, env = "DRAGLINE_ROBOTS", value_name = "BOOL", action = ArgAction::Set, default_value = "true")]
    pub(crate) robots: bool,

    /// The name to look for in robots.txt [default: the product token of the User-Agent]
    ///
    /// Of `acmebot/1.0 (+https://acme.example)` that is `acmebot`, and so it is of
    /// `Mozilla/5.0 (compatible; acmebot/1.0)`. The rules for all others hold where no group has this name.
    #[arg(long, env = "DRAGLINE_ROBOTS_AGENT", value_name = "NAME")]
    pub(crate) robots_agent: Option<String>,

    /// Longest Crawl-delay that is honoured; 0 = no limit
    ///
    /// Of a longer one so much is honoured. A Crawl-delay slows a host down and never speeds it up.
    #[arg(long, env = "DRAGLINE_MAX_CRAWL_DELAY", value_name = "TIME", value_parser = duration, default_value = "30s")]
    pub(crate) max_crawl_delay: Duration,

    /// How long a robots.txt is good; then it is fetched again
    ///
    /// If it cannot be had then, the copy is used on.
    #[arg(long, env = "DRAGLINE_ROBOTS_MAX_AGE", value_name = "TIME", value_parser = duration, default_value = "24h")]
    pub(crate) robots_max_age: Duration,

    /// Time after which a robots.txt that could not be had is asked for again
    ///
    /// Until then all requests of its host fail, unless there is an older copy.
    #[arg(long, env = "DRAGLINE_ROBOTS_PAUSE", value_name = "TIME", value_parser = duration, default_value = "10m")]
    pub(crate) robots_pause: Duration,

    /// So much of a robots.txt is read; the rest is left out
    #[arg(long, env = "DRAGLINE_ROBOTS_MAX_BYTES", value_name = "BYTES", value_parser = bytes, default_value = "500KiB")]
    pub(crate) robots_max_bytes: usize,

    /// Redirects that are followed to a robots.txt; with more it counts as missing
    #[arg(long, env = "DRAGLINE_ROBOTS_MAX_REDIRECTS", value_name = "N", value_parser = hops, default_value = "5")]
    pub(crate) robots_max_redirects: usize,

    /// What is obeyed of that which pages say to robots: `nofollow`, `noindex`, or both separated by a comma [default: nothing]
    ///
    /// They say it in the header X-Robots-Tag, in `<meta name="robots">` and, for a link, in `rel="nofollow"`. `none` there is both.
    #[arg(long, env = "DRAGLINE_PAGE_ROBOTS", value_name = "RULES", value_delimiter = ',')]
    pub(crate) page_robots: Vec<PageRule>,
}

/// What a page says to robots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PageRule {
    /// Its links are not followed.
    Nofollow,
    /// Its items are not kept.
    Noindex,
}
