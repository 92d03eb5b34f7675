//! The settings for robots.txt and for robots rules on pages.

use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};
use dragline_flags::{Limit, bytes, duration, hops, limit, text};

use super::product_token::product_token;
use crate::error::EngineError;
use crate::setting_check::{as_debugged, at_least_one, longer_than_zero, require};

/// How to obey robots.txt.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(next_help_heading = "Robots")]
pub struct RobotsSettings {
    /// Obey robots.txt
    #[arg(id = "robots", long = "robots", env = "DRAGLINE_ROBOTS", value_name = "BOOL", action = ArgAction::Set, default_value_t = Self::default().obey, hide_short_help = true)]
    pub obey: bool,

    /// The name to look for in robots.txt [default: the product token of the User-Agent]
    ///
    /// The product token is `acmebot` in both `acmebot/1.0 (+https://acme.example)` and `Mozilla/5.0
    /// (compatible; acmebot/1.0)`. If no group has this name, the rules for all robots apply.
    #[arg(
        id = "robots_agent",
        long = "robots-agent",
        env = "DRAGLINE_ROBOTS_AGENT",
        value_name = "NAME",
        hide_short_help = true
    )]
    pub agent: Option<String>,

    /// Longest Crawl-delay to honour; 0 = no limit
    ///
    /// A longer Crawl-delay is shortened to this. A Crawl-delay slows a host down and never speeds it up.
    #[arg(long, env = "DRAGLINE_MAX_CRAWL_DELAY", value_name = "TIME", value_parser = limit(duration), default_value = text::limit(Self::default().max_crawl_delay, text::duration), hide_short_help = true)]
    pub max_crawl_delay: Limit<Duration>,

    /// How long to use a robots.txt before fetching it again
    ///
    /// If it can't be fetched then, the old copy is used.
    #[arg(id = "robots_max_age", long = "robots-max-age", env = "DRAGLINE_ROBOTS_MAX_AGE", value_name = "TIME", value_parser = duration, default_value = text::duration(Self::default().max_age), hide_short_help = true)]
    pub max_age: Duration,

    /// How long to wait before asking again for a robots.txt that couldn't be fetched
    ///
    /// Until then, all requests to its host fail, unless there is an older copy.
    #[arg(id = "robots_pause", long = "robots-pause", env = "DRAGLINE_ROBOTS_PAUSE", value_name = "TIME", value_parser = duration, default_value = text::duration(Self::default().unreachable_pause), hide_short_help = true)]
    pub unreachable_pause: Duration,

    /// Read at most this much of a robots.txt, and ignore the rest
    #[arg(id = "robots_max_bytes", long = "robots-max-bytes", env = "DRAGLINE_ROBOTS_MAX_BYTES", value_name = "BYTES", value_parser = bytes, default_value = text::bytes(Self::default().max_bytes), hide_short_help = true)]
    pub max_bytes: usize,

    /// How many redirects to follow to a robots.txt; after that, it counts as missing
    #[arg(id = "robots_max_redirects", long = "robots-max-redirects", env = "DRAGLINE_ROBOTS_MAX_REDIRECTS", value_name = "N", value_parser = hops, default_value_t = Self::default().max_redirects, hide_short_help = true)]
    pub max_redirects: usize,

    /// Obey what pages say to robots: `nofollow`, `noindex`, or both separated by a comma [default: nothing]
    ///
    /// Pages say it in the header X-Robots-Tag, in `<meta name="robots">` and, for a single link, with
    /// `rel="nofollow"`. On a page, `none` means both.
    #[arg(
        id = "page_robots",
        long = "page-robots",
        env = "DRAGLINE_PAGE_ROBOTS",
        value_name = "RULES",
        value_delimiter = ',',
        hide_short_help = true
    )]
    pub page: Vec<PageRule>,
}

/// An instruction to robots on a page: in `X-Robots-Tag`, `<meta name="robots">` or `rel="nofollow"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PageRule {
    /// Don't follow their links
    Nofollow,
    /// Don't keep their items
    Noindex,
}

impl Default for RobotsSettings {
    fn default() -> Self {
        Self {
            obey: true,
            agent: None,
            max_crawl_delay: Some(Duration::from_secs(30)),
            max_age: Duration::from_secs(24 * 60 * 60),
            unreachable_pause: Duration::from_secs(10 * 60),
            max_bytes: 500 << 10,
            max_redirects: 5,
            page: Vec::new(),
        }
    }
}

/// The name of a crawler whose `User-Agent` has no product token.
const NAMELESS: &str = "dragline";

impl RobotsSettings {
    /// Unless a name is set, looks for the product token of this `User-Agent` (RFC 9309, section 2.2.1).
    pub fn follow_user_agent(&mut self, user_agent: &str) {
        let token = Some(product_token(user_agent)).filter(|token| !token.is_empty());
        self.agent = self.agent.take().or_else(|| token.map(str::to_owned));
    }

    /// The name to look for in robots.txt.
    pub(crate) fn agent(&self) -> &str {
        self.agent.as_deref().unwrap_or(NAMELESS)
    }

    pub(crate) fn validate(&self) -> Result<(), EngineError> {
        let agent = self.agent();
        let is_token = !agent.is_empty() && !agent.contains(|char: char| char == '/' || char <= ' ');
        require(
            is_token,
            "robots_agent",
            &as_debugged(&agent),
            "it must be a name such as `acmebot`, without version or spaces; Dragline looks for it in robots.txt",
        )?;
        at_least_one([("robots_max_bytes", self.max_bytes)])?;
        longer_than_zero([("robots_max_age", self.max_age)])?;
        require(
            self.unreachable_pause >= Duration::from_secs(1),
            "robots_pause",
            &as_debugged(&self.unreachable_pause),
            "it must be at least 1s, or a server that is down would be asked without a pause",
        )
    }
}
