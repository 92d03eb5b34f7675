//! robots.txt and pace, as the site sees them.

use std::time::Duration;

use dragline_core::PageState;
use dragline_testkit::{Answer, Site};

use super::harness::{crawl_all, fast};
use crate::{CrawlEnd, LinkRefusal, PageRule};

#[test]
fn what_robots_forbids_is_skipped_and_never_asked_for() {
    let site = Site::builder()
        .robots("User-agent: *\nDisallow: /private\n")
        .page("/", Answer::html("<a href='/private/x'>x</a><a href='/open'>y</a>"))
        .page("/open", Answer::html("open"))
        .start();
    let ended = crawl_all(fast(), &[site.url("/")]);
    assert_eq!(
        ended.fate("/private/x"),
        (Some(PageState::Skipped), 0, "robots: line 2, Disallow: /private".to_owned())
    );
    assert_eq!((ended.done(), site.hits("/private/x"), site.hits("/robots.txt")), (2, 0, 1));
    assert_eq!(site.received()[0].path, "/robots.txt");
    assert_eq!(ended.stats.robots_denied, 1);
    let careless = crawl_all(fast().but(|it| it.robots.obey = false), &[site.url("/")]);
    assert_eq!((careless.fate("/private/x").2.as_str(), site.hits("/robots.txt")), ("HTTP 404", 1));
}

#[test]
fn a_robots_file_may_be_away_for_a_moment_but_not_for_ever() {
    let open = Answer::html("open");
    let site = Site::builder()
        .answers(
            "/robots.txt",
            [Answer::new(503), Answer::dropped(), Answer::text("User-agent: *\nDisallow: /no")],
        )
        .page("/", Answer::html("<a href='/no'>no</a>"))
        .start();
    let ended = crawl_all(fast(), &[site.url("/")]);
    assert_eq!(
        (ended.fate("/no").2.as_str(), site.hits("/robots.txt")),
        ("robots: line 2, Disallow: /no", 3)
    );

    let site = Site::builder().page("/robots.txt", Answer::new(500)).page("/", open.clone()).start();
    let ended = crawl_all(fast(), &[site.url("/"), site.url("/x")]);
    assert!(matches!(ended.end, CrawlEnd::Finished));
    assert_eq!(ended.fate("/x"), (Some(PageState::Failed), 0, "robots.txt unreachable: HTTP 500".to_owned()));
    assert_eq!((site.hits("/robots.txt"), site.total_hits()), (4, 0));

    let site = Site::builder().page("/robots.txt", Answer::new(403)).page("/", open.clone()).start();
    assert_eq!(crawl_all(fast(), &[site.url("/")]).done(), 1);

    let site = Site::builder()
        .page("/robots.txt", Answer::redirect(301, "/rules"))
        .page("/rules", Answer::text("User-agent: dragline\nDisallow: /"))
        .page("/", open)
        .start();
    assert_eq!(crawl_all(fast(), &[site.url("/")]).fate("/").2, "robots: line 2, Disallow: /");
}

#[test]
fn a_copy_outlives_its_day_while_no_newer_one_can_be_had() {
    let site = Site::builder()
        .answers("/robots.txt", [Answer::text("User-agent: *\nDisallow: /no"), Answer::new(500)])
        .page("/", Answer::html("<a href='/no'>no</a><a href='/yes'>yes</a>"))
        .page("/yes", Answer::html("yes"))
        .start();
    let settings = fast().but(|it| {
        it.robots.max_age = Duration::from_nanos(1);
        it.retry.retries = 0;
    });
    let ended = crawl_all(settings, &[site.url("/")]);
    assert_eq!((ended.fate("/no").2.as_str(), ended.done()), ("robots: line 2, Disallow: /no", 2));
    assert_eq!(site.hits("/robots.txt"), 2);
}

#[test]
fn a_server_that_is_too_busy_for_robots_is_given_time_and_then_has_none() {
    let site = Site::builder().page("/robots.txt", Answer::new(429)).page("/", Answer::html("open")).start();
    let settings = fast().but(|it| it.retry.retries = 1);
    assert_eq!((crawl_all(settings, &[site.url("/")]).done(), site.hits("/robots.txt")), (1, 2));
}

#[test]
fn five_redirects_lead_to_the_rules_also_elsewhere_and_six_to_none() {
    let rules = Site::builder().page("/rules", Answer::text("User-agent: *\nDisallow: /\n")).start();
    let site = |hops: usize| {
        let hop = |number: usize| if number == 0 { "/robots.txt".to_owned() } else { format!("/r{number}") };
        let mut site = Site::builder().page("/", Answer::html("open"));
        for number in 0..hops - 1 {
            site = site.page(&hop(number), Answer::redirect(302, &hop(number + 1)));
        }
        site.page(&hop(hops - 1), Answer::redirect(302, &rules.url("/rules"))).start()
    };
    let (five, six) = (site(5), site(6));
    assert_eq!(crawl_all(fast(), &[five.url("/")]).fate("/").2, "robots: line 2, Disallow: /");
    assert_eq!(crawl_all(fast(), &[six.url("/")]).done(), 1);
}

#[test]
fn of_a_huge_robots_file_the_beginning_counts() {
    let filler = "Disallow: /never*/*.html$\n".repeat(30_000);
    let site = Site::builder()
        .robots(&format!("User-agent: *\nDisallow: /no\n{filler}Disallow: /late\n"))
        .page("/", Answer::html("<a href='/no'>no</a><a href='/late'>late</a>"))
        .page("/late", Answer::html("late"))
        .start();
    let ended = crawl_all(fast(), &[site.url("/")]);
    assert_eq!(
        (ended.fate("/no").2.as_str(), ended.fate("/late").0),
        ("robots: line 2, Disallow: /no", Some(PageState::Done))
    );
}

#[test]
fn the_pace_is_kept_from_robots_on() {
    let site = Site::generated(6, 5);
    let settings = fast().but(|it| it.pace.rate_per_second = Some(10.0));
    let ended = crawl_all(settings, &[site.url("/")]);
    assert_eq!(ended.done(), 6);
    let moments: Vec<_> = site.received().iter().map(|asked| asked.at).collect();
    // Six times 100 ms. The site sees them less exactly, because its threads may get their turn late.
    assert!(moments[6] - moments[0] >= Duration::from_millis(500), "{:?}", moments[6] - moments[0]);
}

#[test]
fn a_crawl_delay_slows_the_host() {
    let site = Site::builder().robots("User-agent: *\nCrawl-delay: 0.3\n").generated(4, 3).start();
    let ended = crawl_all(fast(), &[site.url("/")]);
    assert_eq!(ended.done(), 4);
    assert!(ended.elapsed >= Duration::from_millis(890), "{:?}", ended.elapsed);
}

#[test]
fn what_pages_ask_of_robots_is_obeyed_where_a_setting_asks_for_it() {
    let site = Site::builder()
        .page("/", Answer::html("<a href='/x' rel='nofollow'>x</a> <a href='/y'>y</a>"))
        .page("/x", Answer::html("x"))
        .page("/y", Answer::html("<a href='/z'>z</a>").header("X-Robots-Tag", "none"))
        .page("/z", Answer::html("z"))
        .start();
    let unasked = crawl_all(fast(), &[site.url("/")]);
    assert_eq!((unasked.done(), unasked.stats.items_kept), (4, 4));
    let settings = fast().but(|it| it.robots.page = vec![PageRule::Nofollow, PageRule::Noindex]);
    let ended = crawl_all(settings, &[site.url("/")]);
    assert_eq!((ended.done(), ended.stats.items_kept), (2, 1));
    assert_eq!(ended.stats.refused_links[&LinkRefusal::NoFollow], 2);
    assert_eq!(ended.stats.drop_reasons["noindex"], 1);
}
