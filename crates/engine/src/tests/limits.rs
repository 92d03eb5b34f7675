//! Whole sites, exact limits, small windows.

use std::collections::BTreeMap;
use std::time::Duration;

use dragline_testkit::{Answer, Site, patience};

use super::harness::{Crawl, crawl_all, fast, start};
use crate::CrawlEnd;
use dragline_core::PageState;
use dragline_core::stop::StopReason;

fn truth(site: &Site) -> Vec<String> {
    let mut rows: Vec<String> = site
        .truth()
        .iter()
        .map(|(url, title)| serde_json::json!({"title": title, "url": url}).to_string())
        .collect();
    rows.sort();
    rows
}

#[test]
fn a_whole_site_is_crawled_once() {
    let site = Site::generated(200, 4);
    let ended = crawl_all(fast(), &[site.url("/")]);
    assert!(matches!(ended.end, CrawlEnd::Finished), "{}", ended.end);
    assert_eq!(ended.frontier.items(), truth(&site));
    assert_eq!(site.total_hits(), 200);
    assert_eq!((ended.stats.pages_fetched, ended.stats.items_kept, ended.stats.in_flight), (200, 200, 0));
    // Without requests for a flush, each level would take two seconds, because that is the age of a batch.
    assert!(ended.elapsed < patience(Duration::from_secs(10)), "{:?}", ended.elapsed);
}

#[test]
fn a_window_of_four_places_is_enough_for_everything() {
    let site = Site::generated(150, 10);
    let settings = fast().but(|it| {
        it.window.requests = 4;
        it.window.per_host = 3;
        it.concurrency = 3;
    });
    let ended = crawl_all(settings, &[site.url("/")]);
    assert!(matches!(ended.end, CrawlEnd::Finished), "{}", ended.end);
    assert_eq!(ended.frontier.items(), truth(&site));
    assert_eq!(site.total_hits(), 150);
    assert!(ended.frontier.largest_answer() <= 4);
}

#[test]
fn many_hosts_share_a_small_window() {
    let sites: Vec<Site> = (1..=12)
        .map(|number| Site::builder().bind(&format!("127.0.1.{number}")).generated(15, 3).start())
        .collect();
    let urls: Vec<String> = sites.iter().map(|site| site.url("/")).collect();
    let settings = fast().but(|it| {
        it.window.requests = 10;
        it.window.per_host = 5;
        it.pace.host_concurrency = 1;
    });
    let ended = crawl_all(settings, &urls);
    assert!(matches!(ended.end, CrawlEnd::Finished), "{}", ended.end);
    assert_eq!(ended.done(), 12 * 15);
    for site in &sites {
        assert_eq!((site.total_hits(), site.busiest(), site.hits("/robots.txt")), (15, 1, 1));
    }
}

#[test]
fn the_limit_is_exact_also_when_pages_fail_and_over_a_resume() {
    let links: String = (0..60).map(|number| format!("<a href='/{number}'>x</a>")).collect();
    let site = Site::builder()
        .page("/", Answer::html(links))
        .handler(|asked| {
            let number: usize = asked.path.trim_start_matches('/').parse().ok()?;
            Some(match number % 3 {
                0 => Answer::new(404),
                1 => Answer::html("<p>please fail"),
                _ => Answer::html("<title>well</title>"),
            })
        })
        .start();
    let frontier = start(&[site.url("/")]);
    for limit in [1, 7, 8, 15] {
        let settings = fast().but(|it| it.limits.pages = Some(limit));
        let ended = Crawl::begin(settings, frontier.clone()).end();
        assert!(matches!(ended.end, CrawlEnd::LimitReached), "{}", ended.end);
        assert_eq!(ended.done() as u64, limit);
    }
    let ended = Crawl::begin(fast().but(|it| it.limits.pages = Some(1000)), frontier).end();
    assert!(matches!(ended.end, CrawlEnd::Finished), "{}", ended.end);
    assert_eq!((ended.done(), ended.frontier.count(Some(PageState::Failed))), (21, 40));
}

#[test]
fn max_items_and_max_duration_let_pages_in_hand_finish() {
    let site = Site::generated(100, 3);
    let frontier = start(&[site.url("/")]);
    let settings = fast().but(|it| it.limits.items = Some(10));
    let ended = Crawl::begin(settings, frontier.clone()).end();
    assert!(matches!(ended.end, CrawlEnd::Stopped(StopReason::MaxItems)), "{}", ended.end);
    assert!((10..=100).contains(&ended.done()), "{}", ended.done());
    assert_eq!(site.total_hits(), ended.done());
    let settings = fast().but(|it| it.limits.duration = Some(Duration::from_millis(1)));
    let ended = Crawl::begin(settings, frontier).end();
    assert!(matches!(ended.end, CrawlEnd::Stopped(StopReason::MaxDuration)), "{}", ended.end);
    assert_eq!(site.total_hits(), ended.done());
}

#[test]
fn depth_length_and_scope_keep_links_out() {
    let site = Site::builder()
        .page(
            "/",
            Answer::html(format!(
                "<a href='/1'>1</a><a href='/{}'>long</a><a href='http://127.0.0.9:1/'>off</a>\
                 <a href='mailto:a@b.example'>mail</a>",
                "x".repeat(3000)
            )),
        )
        .page("/1", Answer::html("<a href='/2'>2</a>"))
        .page("/2", Answer::html("<a href='/3'>3</a>"))
        .start();
    let ended = crawl_all(fast().but(|it| it.links.max_depth = Some(2)), &[site.url("/")]);
    assert_eq!(ended.done(), 3);
    let refused: BTreeMap<&str, u64> =
        ended.stats.refused_links.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
    assert_eq!(refused, BTreeMap::from([("off-site", 1), ("too-deep", 1), ("too-long", 1), ("scheme", 1)]));
    assert_eq!(ended.frontier.rows().len(), 3);
}

#[test]
fn memory_above_the_budget_slows_and_does_not_stop() {
    let site = Site::generated(60, 4);
    let ended = crawl_all(fast().but(|it| it.memory_budget_bytes = 1), &[site.url("/")]);
    assert!(matches!(ended.end, CrawlEnd::Finished), "{}", ended.end);
    assert_eq!(ended.done(), 60);
}
