//! Pace, as the sites see it: never faster than allowed, slower when they refuse, paused when they fail. All times are lower
//! bounds, because a slow machine only makes them longer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dragline_core::PageState;
use dragline_testkit::{Answer, Site, SiteBuilder, wait_until};

use super::harness::{Crawl, EndedCrawl, crawl_all, fast, start};
use crate::{CrawlEnd, EngineSettings, HostOverride, HostPattern};

const SOON: Duration = Duration::from_secs(20);

/// A site whose first page links to `pages` others.
fn linked(pages: usize) -> SiteBuilder {
    let links: String = (0..pages).map(|page| format!("<a href='/{page}'>x</a>")).collect();
    let mut site = Site::builder().page("/", Answer::html(links));
    for page in 0..pages {
        site = site.page(&format!("/{page}"), Answer::html("<title>page</title>"));
    }
    site
}

/// The moments at which a site was asked.
fn arrivals(site: &Site) -> Vec<Instant> {
    site.received().iter().map(|asked| asked.at).collect()
}

/// Checks that no request came before its slot. `begun` is before the first was sent, and a request arrives after it is sent.
fn assert_never_early(site: &Site, begun: Instant, period: Duration, jitter: f64) {
    for (slot, at) in (0_u32..).zip(arrivals(site)) {
        let earliest = (period * slot).saturating_sub(period.mul_f64(jitter + 0.01));
        assert!(at - begun >= earliest, "request {slot} came after {:?}, not {earliest:?}", at - begun);
    }
}

#[test]
fn many_hosts_are_each_asked_no_faster_than_allowed() {
    let sites: Vec<Site> = (0..8).map(|_| linked(12).start()).collect();
    for jitter in [0.0, 0.5] {
        let settings = fast().but(|it| (it.pace.rate_per_second, it.pace.jitter) = (Some(50.0), jitter));
        let urls: Vec<String> = sites.iter().map(|site| site.url("/")).collect();
        let before: Vec<usize> = sites.iter().map(|site| site.received().len()).collect();
        let begun = Instant::now();
        assert_eq!(crawl_all(settings, &urls).done(), 8 * 13);
        for (site, before) in sites.iter().zip(before) {
            let arrivals = &arrivals(site)[before..];
            assert_eq!(arrivals.len(), 14, "robots.txt and 13 pages");
            for (slot, at) in (0_u32..).zip(arrivals) {
                let period = Duration::from_millis(20);
                let earliest = (period * slot).saturating_sub(period.mul_f64(jitter + 0.01));
                assert!(*at - begun >= earliest, "request {slot} after {:?}", *at - begun);
            }
        }
    }
}

#[test]
fn a_host_may_have_a_pace_of_its_own() {
    let (own, other) = (linked(5).start(), linked(5).start());
    let pattern = HostPattern::parse(&own.host()).unwrap();
    let settings = fast().but(|it| {
        it.pace.jitter = 0.0;
        it.pace.hosts = vec![HostOverride {
            rate_per_second: Some(Some(10.0)),
            concurrency: Some(1),
            robots: Some(false),
            ..HostOverride::new(pattern)
        }];
    });
    let begun = Instant::now();
    assert_eq!(crawl_all(settings, &[own.url("/"), other.url("/")]).done(), 12);
    assert_never_early(&own, begun, Duration::from_millis(100), 0.0);
    assert_eq!((own.hits("/robots.txt"), other.hits("/robots.txt")), (0, 1));
    assert_eq!(own.busiest(), 1);
}

#[test]
fn a_host_that_refuses_is_asked_less_often_and_recovers() {
    // The second and the third request for a page.
    let asked = AtomicUsize::new(0);
    let refuses_twice = move |_: &_| match asked.fetch_add(1, Ordering::SeqCst) {
        0..2 => Some(Answer::new(503)),
        _ => Some(Answer::html("<title>page</title>")),
    };
    let links: String = (0..30).map(|page| format!("<a href='/{page}'>x</a>")).collect();
    let site = Site::builder().page("/", Answer::html(links)).handler(refuses_twice).start();
    let settings = fast().but(|it| {
        (it.pace.rate_per_second, it.pace.jitter, it.pace.recovery) = (Some(200.0), 0.0, 1);
        (it.pace.host_concurrency, it.pace.max_delay) = (1, Duration::from_millis(20));
        it.robots.obey = false;
    });
    let ended = crawl_all(settings, &[site.url("/")]);
    assert_eq!(ended.done(), 31);
    assert!((1..=2).contains(&ended.stats.slow_downs), "{}", ended.stats.slow_downs);
    assert!(ended.frontier.notes().is_empty(), "it has recovered: {:?}", ended.frontier.notes());
}

#[test]
fn a_host_that_waits_holds_up_no_other() {
    let busy = Answer::new(429).header("Retry-After", "300");
    let (waits, well) = (linked(3).page("/", busy).start(), linked(50).start());
    // There are few places, and the host that waits does not keep them from the others.
    let settings = fast().but(|it| (it.window.requests, it.window.per_host) = (16, 8));
    let crawl = Crawl::begin(settings, start(&[waits.url("/"), well.url("/")]));
    wait_until("the other host is done", SOON, || crawl.frontier.count(Some(PageState::Done)) == 51);
    assert_eq!((waits.hits("/"), waits.total_hits()), (1, 1));
    crawl.stop.request(dragline_core::stop::StopReason::Signal("test"));
    let ended = crawl.end();
    assert!(matches!(ended.end, CrawlEnd::Stopped(_)), "{}", ended.end);
    assert_eq!((ended.stats.waits_asked, ended.frontier.count(None)), (1, 1));
}

#[test]
fn a_redirect_waits_as_long_as_it_is_told() {
    let site = Site::builder()
        .page("/", Answer::redirect(302, "/there").header("Retry-After", "1"))
        .page("/there", Answer::html("there"))
        .start();
    let ended = crawl_all(fast(), &[site.url("/")]);
    assert_eq!(ended.done(), 1);
    let at = |path: &str| site.received().iter().find(|asked| asked.path == path).unwrap().at;
    assert!(at("/there") - at("/") >= Duration::from_secs(1));
}

/// Settings that pause a host quickly, and not for long.
fn impatient() -> EngineSettings {
    fast().but(|it| {
        it.robots.obey = false;
        (it.pace.host_failures, it.pace.host_failing_for) = (Some(2), Duration::ZERO);
        (it.pace.host_pause, it.pace.max_host_pause) =
            (Duration::from_millis(50), Some(Duration::from_millis(200)));
        it.retry.retries = 1;
    })
}

#[test]
fn a_host_that_keeps_failing_is_paused_and_its_requests_stay_queued() {
    let urls = ["/a", "/b", "/c"];
    // More failures than all of them have attempts together.
    let asked = AtomicUsize::new(0);
    let down_at_first = move |_: &_| match asked.fetch_add(1, Ordering::SeqCst) {
        0..8 => Some(Answer::dropped()),
        _ => Some(Answer::html("well")),
    };
    let site = Site::builder().handler(down_at_first).start();
    let patient = impatient().but(|it| it.pace.max_host_pause = None);
    let ended = crawl_all(patient, &urls.map(|path| site.url(path)));
    assert_eq!(ended.done(), 3, "{:?}", urls.map(|path| ended.fate(path)));
    assert!(ended.stats.host_pauses >= 1 && ended.stats.hosts_down == 0);
    assert_eq!(ended.stats.given_up, 0);
    assert!(ended.frontier.notes().is_empty(), "{:?}", ended.frontier.notes());
}

#[test]
fn a_host_that_is_away_before_its_first_page_keeps_what_is_queued() {
    let urls = ["/a", "/b", "/c"];
    let away: Vec<Answer> = (0..6).map(|_| Answer::dropped()).collect();
    let answers = away.into_iter().chain([Answer::text("User-agent: *\nDisallow: /c\n")]);
    let site =
        Site::builder().answers("/robots.txt", answers).handler(|_| Some(Answer::html("well"))).start();
    let patient = impatient().but(|it| (it.robots.obey, it.pace.max_host_pause) = (true, None));
    let ended = crawl_all(patient.clone(), &urls.map(|path| site.url(path)));
    assert_eq!((ended.done(), ended.frontier.count(Some(PageState::Failed))), (2, 0));
    assert!(ended.stats.host_pauses >= 1);

    // A host that stays away is down in the end, however long the back-off for its robots.txt is.
    let away = Site::builder().handler(|_| Some(Answer::dropped())).start();
    let strict = impatient().but(|it| {
        it.robots.obey = true;
        it.retry.base_delay = Duration::from_millis(100);
    });
    let ended = crawl_all(strict, &urls.map(|path| away.url(path)));
    assert_eq!((ended.stats.hosts_down, ended.stats.host_down), (1, 3));

    // A single request fails with its reason, and soon.
    let away = Site::builder().handler(|_| Some(Answer::dropped())).start();
    let ended = crawl_all(patient, &[away.url("/")]);
    assert_eq!((ended.frontier.count(Some(PageState::Failed)), ended.stats.host_pauses), (1, 0));
    assert_eq!(away.hits("/robots.txt"), 2);
}

#[test]
fn a_host_paused_for_too_long_is_down_with_all_that_is_queued_also_in_the_store() {
    let site = Site::builder().handler(|_| Some(Answer::new(502))).start();
    let well = linked(5).start();
    let mut urls: Vec<String> = (0..60).map(|page| site.url(&format!("/{page}"))).collect();
    urls.push(well.url("/"));
    let settings = impatient().but(|it| (it.window.requests, it.window.per_host) = (20, 10));
    let begun = Instant::now();
    let ended: EndedCrawl = crawl_all(settings, &urls);
    assert!(begun.elapsed() >= Duration::from_millis(200));
    assert!(matches!(ended.end, CrawlEnd::Finished), "{}", ended.end);
    assert_eq!((ended.done(), ended.frontier.count(Some(PageState::Failed))), (6, 60));
    let rows = ended.frontier.rows();
    let down = rows.iter().filter(|row| row.error.as_deref() == Some("host-down: HTTP 502")).count();
    // Requests that failed before the pause may have used up their attempts.
    assert!(down >= 50, "{down}: {:?}", rows.iter().map(|row| row.error.clone()).collect::<Vec<_>>());
    assert_eq!((ended.stats.hosts_down, ended.stats.host_down), (1, down as u64));
    assert!(site.total_hits() < 40, "{} requests reached a host that fails", site.total_hits());
}

#[test]
fn what_a_host_was_told_to_wait_survives_a_restart() {
    let busy = Answer::new(429).header("Retry-After", "1");
    let site = linked(2).answers("/", [busy, Answer::html("<a href=/0>x</a>")]).start();
    let first = Crawl::begin(fast(), start(&[site.url("/")]));
    wait_until("the wait is noted", SOON, || !first.frontier.notes().is_empty());
    first.stop.abandon(dragline_core::stop::StopReason::Signal("test"));
    let frontier = first.end().frontier;
    let asked_at = arrivals(&site)[1];
    assert_eq!(site.total_hits(), 1);
    let ended = Crawl::begin(fast(), frontier).end();
    assert_eq!(ended.done(), 2);
    let next = arrivals(&site)[2..].iter().min().copied().unwrap();
    // Here the note is read a moment later than it is written, by the same clock.
    assert!(next - asked_at >= Duration::from_secs(1), "{:?}", next - asked_at);
}
