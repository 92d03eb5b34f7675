//! Whether and as whom robots.txt is obeyed, and what pages say to robots.

use std::time::Duration;

use crate::error::EngineError;
use crate::setting_check::{as_debugged, at_least_one, longer_than_zero, require};

/// What is made of robots.txt.
#[derive(Clone, Debug, PartialEq)]
pub struct RobotsSettings {
    /// Whether it is fetched and obeyed.
    pub obey: bool,
    /// The name that is looked for in it: a product token (RFC 9309, section 2.2.1).
    pub agent: String,
    /// Longest `Crawl-delay` that is honoured; `None` is any. With a long one a site is never finished.
    pub max_crawl_delay: Option<Duration>,
    /// How long a copy is good (section 2.4: not longer than a day). While no newer one can be had, it is used on.
    pub max_age: Duration,
    /// After so long a server that could not say what its robots.txt says is asked again, if there are requests for
    /// it.
    pub unreachable_pause: Duration,
    /// So much of a file is read (section 2.5: at least 500 KiB); the rest is left out.
    pub max_bytes: usize,
    /// Redirects that are followed to a file (section 2.3.1.2: at least five); with more it counts as missing.
    pub max_redirects: usize,
    /// What of that which pages themselves say is obeyed.
    pub page: PageRobotsSettings,
}

/// What is made of `X-Robots-Tag`, `<meta name="robots">` and `rel="nofollow"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageRobotsSettings {
    /// Whether links are left alone that are not to be followed.
    pub nofollow: bool,
    /// Whether items are dropped that come from pages which are not to be indexed.
    pub noindex: bool,
}

impl Default for RobotsSettings {
    fn default() -> Self {
        Self {
            obey: true,
            agent: "dragline".to_owned(),
            max_crawl_delay: Some(Duration::from_secs(30)),
            max_age: Duration::from_secs(24 * 60 * 60),
            unreachable_pause: Duration::from_secs(10 * 60),
            max_bytes: 500 << 10,
            max_redirects: 5,
            page: PageRobotsSettings::default(),
        }
    }
}

impl RobotsSettings {
    pub(crate) fn validate(&self) -> Result<(), EngineError> {
        let is_token =
            !self.agent.is_empty() && !self.agent.contains(|char: char| char == '/' || char <= ' ');
        require(
            is_token,
            "robots_agent",
            &format!("{:?}", self.agent),
            "it must be a name such as `acmebot`: that is looked for in robots.txt, without version or spaces",
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
