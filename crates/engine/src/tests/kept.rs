//! Runs that read kept pages.

use std::sync::Arc;
use std::time::Duration;

use dragline_core::earlier::body_hash;
use dragline_core::kept_body::KeptBody;
use dragline_core::{PageState, Reason};
use dragline_testkit::{Answer, Site};

use super::frontier::Frontier;
use super::harness::{Crawl, EndedCrawl, Follow, fast, start};
use crate::{CrawlEnd, Downloaders, EngineSettings, PageSource};

fn body(html: &str) -> KeptBody {
    KeptBody::pack(html.as_bytes(), body_hash(html.as_bytes())).unwrap()
}

fn crawl(source: PageSource, settings: EngineSettings, frontier: Frontier) -> EndedCrawl {
    Crawl::begin_from(source, Downloaders::new(), Arc::new(Follow), settings, frontier).end()
}

#[test]
fn kept_pages_are_read_without_a_pace_and_the_others_are_fetched() {
    let site = Site::builder().handler(|_| Some(Answer::html("<title>now</title>"))).start();
    let urls: Vec<String> = (0..40).map(|number| site.url(&format!("/{number}"))).collect();
    let frontier = start(&urls);
    for url in urls.iter().skip(2) {
        frontier.keep(url, 200, body("<title>then</title>"));
    }
    let slow = fast().but(|it| {
        it.pace.rate_per_second = Some(2.0);
        it.pace.host_concurrency = 1;
    });
    let ended = crawl(PageSource::KeptFirst, slow, frontier);
    assert!(matches!(ended.end, CrawlEnd::Finished), "{}", ended.end);
    assert_eq!(ended.done(), 40);
    assert_eq!((ended.stats.pages_read, ended.stats.pages_fetched, ended.stats.retries), (38, 2, 0));
    assert!(ended.elapsed < Duration::from_secs(8), "{:?}", ended.elapsed);
    let now = ended.frontier.items().iter().filter(|item| item.contains("now")).count();
    assert_eq!(now, 2);
}

#[test]
fn a_run_that_only_reads_asks_nobody_and_follows_nothing() {
    let site = Site::builder().handler(|_| Some(Answer::html("<title>never</title>"))).start();
    let (kept, gone) = (site.url("/kept"), site.url("/gone"));
    let frontier = start(&[kept.clone(), gone]);
    frontier.keep(&kept, 200, body("<title>kept</title><a href='/new'>new</a><a href='/kept'>itself</a>"));
    let ended = crawl(PageSource::OnlyKept, fast(), frontier);
    assert!(matches!(ended.end, CrawlEnd::Finished), "{}", ended.end);
    assert_eq!(
        (ended.stats.pages_read, ended.stats.pages_fetched, ended.stats.links_not_followed),
        (1, 0, 1)
    );
    assert_eq!((site.total_hits(), site.hits("/robots.txt")), (0, 0));
    let rows = ended.frontier.rows();
    let gone = rows.iter().find(|row| row.queued.request.url().path() == "/gone").unwrap();
    assert_eq!((gone.state, gone.reason), (Some(PageState::Skipped), Some(Reason::NotKept)));
}

#[test]
fn a_kept_answer_meets_the_limits_of_this_run() {
    let url = |name: &str| format!("http://a.example/{name}");
    let names = ["fine", "accepted", "missing", "large", "damaged", "fails"];
    let frontier = start(&names.map(url));
    frontier.keep(&url("fine"), 200, body("<title>fine</title>"));
    frontier.keep(&url("accepted"), 418, body("<title>teapot</title>"));
    frontier.keep(&url("missing"), 404, body("<title>missing</title>"));
    frontier.keep(&url("large"), 200, body(&"x".repeat(2000)));
    let whole = body("<title>damaged</title>");
    let half = whole.frame()[..whole.frame().len() / 2].to_vec();
    frontier.keep(&url("damaged"), 200, KeptBody::stored(*whole.hash(), whole.body_bytes(), half));
    frontier.keep(&url("fails"), 200, body("please fail"));
    let ended = crawl(PageSource::OnlyKept, fast().but(|it| it.fetch.max_body_bytes = 1000), frontier);
    let reason = |name: &str| {
        let rows = ended.frontier.rows();
        let row = rows.iter().find(|row| row.queued.request.url().as_str() == url(name)).unwrap();
        (row.state, row.reason, row.attempts)
    };
    assert_eq!(reason("fine"), (Some(PageState::Done), None, 0));
    assert_eq!(reason("accepted"), (Some(PageState::Done), None, 0));
    assert_eq!(reason("missing"), (Some(PageState::Failed), Some(Reason::HttpStatus), 0));
    assert_eq!(reason("large"), (Some(PageState::Failed), Some(Reason::BodyTooLarge), 0));
    assert_eq!(reason("damaged"), (Some(PageState::Failed), Some(Reason::KeptPageDamaged), 0));
    assert_eq!(reason("fails"), (Some(PageState::Failed), Some(Reason::ParseError), 0));
}

#[test]
fn the_limit_of_pages_is_exact_for_kept_pages() {
    let urls: Vec<String> = (0..50).map(|number| format!("http://a.example/{number}")).collect();
    let frontier = start(&urls);
    for url in &urls {
        frontier.keep(url, 200, body("<title>kept</title>"));
    }
    let ended = crawl(PageSource::OnlyKept, fast().but(|it| it.limits.pages = Some(7)), frontier);
    assert!(matches!(ended.end, CrawlEnd::LimitReached), "{}", ended.end);
    assert_eq!(ended.done(), 7);
}
