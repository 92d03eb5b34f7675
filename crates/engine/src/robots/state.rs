//! Keeps what is known about the robots.txt of a host, and decides when to fetch it again.
//!
//! RFC 9309 §2.3 and §2.4: a copy is valid for a day, and longer without a newer one. If the server can't send the file and
//! there has never been a copy, everything is forbidden. The requests of the host fail with that reason, and later requests try
//! to fetch the file again.

use std::sync::Arc;
use std::time::Instant;

use dragline_core::Request;

use super::RobotsSettings;
use super::ask::NotNow;
use super::rules::{DecidingLine, RobotsFile, RobotsLine};

/// The robots.txt files of a host. There is one for each scheme, because `http://h:8443` and `https://h:8443` are two origins.
#[derive(Debug)]
pub(crate) struct HostRobots {
    is_obeyed: bool,
    http: OriginRobots,
    https: OriginRobots,
}

#[derive(Debug, Default)]
struct OriginRobots {
    /// The last copy of the file.
    copy: Option<RobotsFile>,
    /// Until then, the file is not fetched again.
    good_until: Option<Instant>,
    /// Whether no page was fetched since the file was. In that case the copy is valid at any age. Otherwise a host that gets one
    /// request a day would only be asked for robots.txt.
    is_unused: bool,
    /// Why the last fetch of the file failed.
    problem: Option<Arc<str>>,
    /// Failed fetches in a row.
    attempts: u32,
    /// Fetches in a row that failed because of us.
    excuses: u32,
    is_being_fetched: bool,
}

/// The decision about a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RobotsVerdict {
    Allowed,
    /// This line forbids the request.
    Denied(DecidingLine),
    /// The file must be fetched first.
    Ask,
    /// The file is not available, so the page must not be fetched.
    Unreachable(Arc<str>),
}

/// What follows from a failed fetch of the file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum AfterFailedFetch {
    /// The file is fetched again. This many attempts have failed.
    TriedAgain { attempts: u32 },
    /// The file counts as missing.
    TakenAsEmpty,
    /// The previous copy stays valid a while longer.
    CopyKept { attempts: u32 },
    /// The requests of the host fail.
    GivenUp { attempts: u32 },
}

impl OriginRobots {
    fn with(rules: RobotsFile, good_until: Instant) -> Self {
        Self { copy: Some(rules), good_until: Some(good_until), is_unused: true, ..Self::default() }
    }
}

impl HostRobots {
    pub(crate) fn new(is_obeyed: bool) -> Self {
        Self { is_obeyed, http: OriginRobots::default(), https: OriginRobots::default() }
    }

    pub(crate) fn is_being_fetched(&self) -> bool {
        self.http.is_being_fetched || self.https.is_being_fetched
    }

    pub(crate) fn verdict(&self, request: &Request, now: Instant) -> RobotsVerdict {
        if !self.is_obeyed {
            return RobotsVerdict::Allowed;
        }
        let origin = if request.url().scheme() == "https" { &self.https } else { &self.http };
        if !origin.is_unused && origin.good_until.is_none_or(|until| until <= now) {
            return RobotsVerdict::Ask;
        }
        match (&origin.copy, &origin.problem) {
            (Some(rules), _) => match rules.rule_for(request.url()).filter(|rule| !rule.allows()) {
                Some(rule) => RobotsVerdict::Denied(RobotsLine::told(rule)),
                None => RobotsVerdict::Allowed,
            },
            (None, Some(problem)) => RobotsVerdict::Unreachable(Arc::clone(problem)),
            (None, None) => RobotsVerdict::Ask,
        }
    }

    /// A fetch of the file for this request begins. Until it ends, the host gets no other request.
    pub(crate) fn begin_fetch(&mut self, request: &Request) {
        let origin = if request.url().scheme() == "https" { &mut self.https } else { &mut self.http };
        origin.is_being_fetched = true;
    }

    /// A page of the host is fetched.
    pub(crate) fn are_used(&mut self) {
        self.http.is_unused = false;
        self.https.is_unused = false;
    }

    /// The fetch succeeded.
    pub(crate) fn fetched(&mut self, rules: RobotsFile, settings: &RobotsSettings, now: Instant) {
        if let Some(origin) = self.end_fetch() {
            *origin = OriginRobots::with(rules, now + settings.max_age);
        }
    }

    /// Whether the fetch under way is the first attempt.
    pub(crate) fn is_untried(&self) -> bool {
        [&self.http, &self.https].into_iter().any(|origin| origin.is_being_fetched && origin.attempts == 0)
    }

    /// The fetch failed. Returns what follows. After the first attempt, there are at most `retries` more.
    pub(crate) fn fetch_failed(
        &mut self,
        failure: &NotNow,
        retries: u32,
        settings: &RobotsSettings,
        now: Instant,
    ) -> AfterFailedFetch {
        let Some(origin) = self.end_fetch() else { return AfterFailedFetch::GivenUp { attempts: 0 } };
        origin.attempts += 1;
        let attempts = origin.attempts;
        if attempts <= retries {
            return AfterFailedFetch::TriedAgain { attempts };
        }
        origin.attempts = 0;
        if failure.is_unavailable {
            *origin = OriginRobots::with(RobotsFile::default(), now + settings.max_age);
            return AfterFailedFetch::TakenAsEmpty;
        }
        origin.problem = Some(failure.reason.as_str().into());
        origin.good_until = Some(now + settings.unreachable_pause);
        origin.is_unused = origin.copy.is_some();
        if origin.is_unused {
            AfterFailedFetch::CopyKept { attempts }
        } else {
            AfterFailedFetch::GivenUp { attempts }
        }
    }

    /// The fetch under way failed because of us, so it does not count. `false` if that has happened too often.
    pub(crate) fn excuse(&mut self, max_excuses: u32) -> bool {
        let Some(origin) =
            [&mut self.http, &mut self.https].into_iter().find(|origin| origin.is_being_fetched)
        else {
            return true;
        };
        let is_excused = origin.excuses < max_excuses;
        if is_excused {
            origin.excuses += 1;
            origin.is_being_fetched = false;
        }
        is_excused
    }

    /// Failed attempts of the fetch under way.
    pub(crate) fn attempts(&self) -> u32 {
        let origins = [&self.http, &self.https].into_iter();
        origins.filter(|origin| origin.is_being_fetched).map(|origin| origin.attempts).max().unwrap_or(0)
    }

    /// The fetch under way failed, and the host is not at fault. The next request fetches it again, with all its attempts.
    pub(crate) fn abandon_fetch(&mut self) {
        if let Some(origin) = self.end_fetch() {
            origin.attempts = 0;
        }
    }

    fn end_fetch(&mut self) -> Option<&mut OriginRobots> {
        let origin = [&mut self.http, &mut self.https].into_iter().find(|origin| origin.is_being_fetched)?;
        origin.is_being_fetched = false;
        Some(origin)
    }
}

#[cfg(test)]
mod tests {
    use super::super::ask::RobotsFault;
    use super::*;
    use std::time::Duration;

    const RETRIES: u32 = 1;

    fn settings() -> RobotsSettings {
        RobotsSettings::default()
    }

    fn get(url: &str) -> Request {
        Request::get(url).unwrap()
    }

    fn away(is_unavailable: bool) -> NotNow {
        NotNow { reason: "HTTP 500".to_owned(), retry_after: None, is_unavailable, fault: RobotsFault::File }
    }

    fn fails(robots: &mut HostRobots, request: &Request, failure: &NotNow, now: Instant) -> AfterFailedFetch {
        robots.begin_fetch(request);
        assert!(robots.is_being_fetched());
        robots.fetch_failed(failure, RETRIES, &settings(), now)
    }

    #[test]
    fn a_copy_is_good_for_a_day_and_longer_while_there_is_no_newer_one() {
        let (page, now) = (get("http://a.example/x"), Instant::now());
        assert_eq!(HostRobots::new(false).verdict(&page, now), RobotsVerdict::Allowed);
        let mut robots = HostRobots::new(true);
        assert_eq!(robots.verdict(&page, now), RobotsVerdict::Ask);
        robots.begin_fetch(&page);
        robots.fetched(RobotsFile::read("foo", b"User-agent: *\nDisallow: /x"), &settings(), now);
        robots.are_used();
        let is_denied =
            |robots: &HostRobots, now| matches!(robots.verdict(&page, now), RobotsVerdict::Denied(_));
        assert!(is_denied(&robots, now) && is_denied(&robots, now + Duration::from_secs(86_399)));
        let later = now + settings().max_age;
        assert_eq!(robots.verdict(&page, later), RobotsVerdict::Ask);
        assert_eq!(
            fails(&mut robots, &page, &away(false), later),
            AfterFailedFetch::TriedAgain { attempts: 1 }
        );
        assert_eq!(robots.verdict(&page, later), RobotsVerdict::Ask);
        assert_eq!(
            fails(&mut robots, &page, &away(false), later),
            AfterFailedFetch::CopyKept { attempts: 2 }
        );
        robots.are_used();
        assert!(is_denied(&robots, later));
        let again = later + settings().unreachable_pause;
        assert_eq!(robots.verdict(&page, again), RobotsVerdict::Ask);
        robots.begin_fetch(&page);
        robots.fetched(RobotsFile::default(), &settings(), again);
        assert_eq!(robots.verdict(&page, again), RobotsVerdict::Allowed);
    }

    #[test]
    fn a_copy_is_good_for_one_page_however_slow_the_pace() {
        let (page, now) = (get("http://a.example/x"), Instant::now());
        let later = now + 2 * settings().max_age;
        let mut robots = HostRobots::new(true);
        robots.begin_fetch(&page);
        robots.fetched(RobotsFile::default(), &settings(), now);
        assert_eq!(robots.verdict(&page, later), RobotsVerdict::Allowed);
        robots.are_used();
        assert_eq!(robots.verdict(&page, later), RobotsVerdict::Ask);
    }

    #[test]
    fn without_a_copy_a_server_that_cannot_say_forbids_everything_for_a_while() {
        let (page, now) = (get("http://a.example/x"), Instant::now());
        let mut robots = HostRobots::new(true);
        assert_eq!(
            fails(&mut robots, &page, &away(false), now),
            AfterFailedFetch::TriedAgain { attempts: 1 }
        );
        assert_eq!(fails(&mut robots, &page, &away(false), now), AfterFailedFetch::GivenUp { attempts: 2 });
        assert_eq!(robots.verdict(&page, now), RobotsVerdict::Unreachable("HTTP 500".into()));
        assert_eq!(robots.verdict(&page, now + settings().unreachable_pause), RobotsVerdict::Ask);
        let mut robots = HostRobots::new(true);
        assert_eq!(fails(&mut robots, &page, &away(true), now), AfterFailedFetch::TriedAgain { attempts: 1 });
        assert_eq!(fails(&mut robots, &page, &away(true), now), AfterFailedFetch::TakenAsEmpty);
        assert_eq!(robots.verdict(&page, now), RobotsVerdict::Allowed);
    }

    #[test]
    fn each_scheme_has_its_own() {
        let (plain, secret, now) =
            (get("http://a.example:8443/"), get("https://a.example:8443/"), Instant::now());
        let mut robots = HostRobots::new(true);
        robots.begin_fetch(&plain);
        robots.fetched(RobotsFile::default(), &settings(), now);
        assert_eq!(robots.verdict(&plain, now), RobotsVerdict::Allowed);
        assert_eq!(robots.verdict(&secret, now), RobotsVerdict::Ask);
        robots.begin_fetch(&secret);
        robots.fetched(RobotsFile::read("foo", b"User-agent: foo\nDisallow: /"), &settings(), now);
        assert!(matches!(robots.verdict(&secret, now), RobotsVerdict::Denied(_)));
        assert_eq!(robots.verdict(&plain, now), RobotsVerdict::Allowed);
    }
}
