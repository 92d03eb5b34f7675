//! The settings for robots.txt and for robots rules on pages.

use std::time::Duration;

use crate::error::EngineError;
use crate::setting_check::{as_debugged, at_least_one, longer_than_zero, require};

/// How to obey robots.txt.
#[derive(Clone, Debug, PartialEq)]
pub struct RobotsSettings {
    /// Whether robots.txt is fetched and obeyed.
    pub obey: bool,
    /// The name to look for in robots.txt: a product token (RFC 9309, section 2.2.1).
    pub agent: String,
    /// Longest `Crawl-delay` that is honoured; `None` honours every delay. With a very long delay, a crawl never ends.
    pub max_crawl_delay: Option<Duration>,
    /// How long a copy is valid (section 2.4: at most a day). Without a newer copy, it stays in use.
    pub max_age: Duration,
    /// How long to wait before a server that failed to send robots.txt is asked again, if there are requests for it.
    pub unreachable_pause: Duration,
    /// How much of a file is read (section 2.5: at least 500 KiB). The rest is ignored.
    pub max_bytes: usize,
    /// How many redirects to a file are followed (section 2.3.1.2: at least five). With more, it counts as missing.
    pub max_redirects: usize,
    /// Which robots rules of pages are obeyed.
    pub page: PageRobotsSettings,
}

/// Which rules of `X-Robots-Tag`, `<meta name="robots">` and `rel="nofollow"` are obeyed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageRobotsSettings {
    /// Whether `nofollow` is obeyed, so that such links are not followed.
    pub nofollow: bool,
    /// Whether `noindex` is obeyed, so that items of such pages are dropped.
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
