//! robots.txt: fetched before a host's first page, kept for a day, obeyed (RFC 9309).
//!
//! A file that is not there (4xx) allows everything. A server that cannot say (5xx, 429, no connection) is
//! asked again with back-off like any page; if it stays so, the requests of its host fail with that reason,
//! for nobody knows what it would have said.

mod ask;

use std::sync::Arc;
use std::time::{Duration, Instant};

use dragline_core::Request;
use texting_robots::Robot;

pub(crate) use self::ask::{RobotsAnswer, ask};

/// RFC 9309 §2.4: not to be used for longer, unless unreachable.
const KEEP_RULES: Duration = Duration::from_secs(24 * 60 * 60);
/// After so long an unreachable host is asked once more, if there are requests for it.
const KEEP_UNREACHABLE: Duration = Duration::from_secs(10 * 60);
/// Longest `Crawl-delay` that is honoured. With more, a site would never be finished.
const MAX_CRAWL_DELAY: Duration = Duration::from_secs(30);

/// What is known of a host's robots.txt.
#[derive(Debug)]
pub(crate) enum RobotsState {
    /// Nobody asks: robots.txt is not to be obeyed.
    NotObeyed,
    /// Not yet fetched, after so many attempts.
    Unknown { attempts: u32 },
    /// On its way, with so many attempts before.
    BeingFetched { attempts: u32 },
    /// Fetched.
    Known { rules: Rules, until: Instant },
    /// Given up.
    Unreachable { reason: Arc<str>, until: Instant },
}

/// What a robots.txt says to us.
#[derive(Debug, Default)]
pub(crate) struct Rules(Option<Robot>);

/// What robots.txt makes of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RobotsVerdict {
    Allowed,
    Denied,
    /// First fetch the file.
    Ask,
    /// The file cannot be had, so neither can the page.
    Unreachable(Arc<str>),
}

impl RobotsState {
    pub(crate) fn new(obey: bool) -> Self {
        if obey { Self::Unknown { attempts: 0 } } else { Self::NotObeyed }
    }

    pub(crate) fn is_being_fetched(&self) -> bool {
        matches!(self, Self::BeingFetched { .. })
    }

    pub(crate) fn verdict(&self, request: &Request, now: Instant) -> RobotsVerdict {
        match self {
            Self::NotObeyed => RobotsVerdict::Allowed,
            Self::Known { rules, until } if now < *until => {
                if rules.allow(request) {
                    RobotsVerdict::Allowed
                } else {
                    RobotsVerdict::Denied
                }
            }
            Self::Unreachable { reason, until } if now < *until => {
                RobotsVerdict::Unreachable(Arc::clone(reason))
            }
            _ => RobotsVerdict::Ask,
        }
    }

    pub(crate) fn begin_fetch(&mut self) {
        let attempts = if let Self::Unknown { attempts } = self { *attempts } else { 0 };
        *self = Self::BeingFetched { attempts };
    }

    /// The fetch brought nothing; how often that happened now.
    pub(crate) fn fetch_failed(&mut self) -> u32 {
        let attempts = if let Self::BeingFetched { attempts } = self { *attempts + 1 } else { 1 };
        *self = Self::Unknown { attempts };
        attempts
    }

    pub(crate) fn known(rules: Rules, now: Instant) -> Self {
        Self::Known { rules, until: now + KEEP_RULES }
    }

    pub(crate) fn unreachable(reason: String, now: Instant) -> Self {
        Self::Unreachable { reason: reason.into(), until: now + KEEP_UNREACHABLE }
    }
}

impl Rules {
    /// Reads a robots.txt. One that cannot be read allows everything, as one that is not there.
    pub(crate) fn read(agent: &str, text: &[u8]) -> Self {
        let robot = Robot::new(agent, text);
        if let Err(problem) = &robot {
            tracing::warn!(%problem, "a robots.txt cannot be read and is taken as empty");
        }
        Self(robot.ok())
    }

    /// The wait between requests that it asks for, as far as it is honoured.
    pub(crate) fn crawl_delay(&self) -> Option<Duration> {
        let seconds = self.0.as_ref()?.delay?;
        let delay = Duration::try_from_secs_f32(seconds).unwrap_or(Duration::ZERO);
        Some(delay.min(MAX_CRAWL_DELAY)).filter(|delay| !delay.is_zero())
    }

    pub(crate) fn allow(&self, request: &Request) -> bool {
        self.0.as_ref().is_none_or(|robot| robot.allowed(request.url().as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(text: &str, url: &str) -> bool {
        Rules::read("dragline", text.as_bytes()).allow(&Request::get(url).unwrap())
    }

    #[test]
    fn rules_are_those_for_us_or_for_all() {
        let text =
            "User-agent: *\nDisallow: /private\nAllow: /private/open\n\nUser-agent: other\nDisallow: /";
        assert!(allows(text, "http://a.example/"));
        assert!(!allows(text, "http://a.example/private/x?y=1"));
        assert!(allows(text, "http://a.example/private/open"));
        let ours = "User-agent: *\nDisallow: /\n\nUser-agent: Dragline\nDisallow: /no\n";
        assert!(allows(ours, "http://a.example/yes") && !allows(ours, "http://a.example/no"));
        assert!(allows("User-agent: *\nDisallow:\n", "http://a.example/"));
        assert!(!allows("User-agent: *\nDisallow: /*.pdf$\n", "http://a.example/x/y.pdf"));
        assert!(allows("\u{0}\u{ff}<html>not found</html>", "http://a.example/"));
    }

    #[test]
    fn a_crawl_delay_is_bounded() {
        let delay = |text: &str| {
            Rules::read("dragline", format!("User-agent: *\nCrawl-delay: {text}\n").as_bytes()).crawl_delay()
        };
        assert_eq!(delay("1.5"), Some(Duration::from_millis(1500)));
        assert_eq!(delay("86400"), Some(Duration::from_secs(30)));
        for nothing in ["0", "-3", "soon", "1e999", "nan"] {
            assert!(delay(nothing).is_none_or(|delay| delay <= Duration::from_secs(30)), "{nothing}");
        }
    }

    #[test]
    fn a_state_ages() {
        let request = Request::get("http://a.example/").unwrap();
        let now = Instant::now();
        let later = now + KEEP_RULES;
        assert_eq!(RobotsState::new(false).verdict(&request, now), RobotsVerdict::Allowed);
        assert_eq!(RobotsState::new(true).verdict(&request, now), RobotsVerdict::Ask);
        let known = RobotsState::known(Rules::default(), now);
        assert_eq!(known.verdict(&request, now), RobotsVerdict::Allowed);
        assert_eq!(known.verdict(&request, later), RobotsVerdict::Ask);
        let away = RobotsState::unreachable("connection refused".to_owned(), now);
        assert!(matches!(away.verdict(&request, now), RobotsVerdict::Unreachable(_)));
        assert_eq!(away.verdict(&request, later), RobotsVerdict::Ask);
        let mut state = RobotsState::new(true);
        state.begin_fetch();
        assert!(state.is_being_fetched());
        assert_eq!(state.fetch_failed(), 1);
        state.begin_fetch();
        assert_eq!(state.fetch_failed(), 2);
    }
}
