//! Stop, abandon, and a store that fails.

use std::time::{Duration, Instant};

use dragline_core::PageState;
use dragline_core::stop::StopReason;
use dragline_testkit::{Answer, Site, wait_until};

use super::harness::{Crawl, fast, start};
use crate::{CrawlEnd, EngineSettings};

const SOON: Duration = Duration::from_secs(10);

#[test]
fn a_stop_lets_fetches_in_flight_finish_and_claims_nothing_more() {
    // Slow enough that the gate closes long before the crawl is over.
    let site = Site::builder().delay(Duration::from_millis(40)).generated(50, 5).start();
    let settings = EngineSettings { stop_grace: Duration::from_secs(5), host_concurrency: 2, ..fast() };
    let frontier = start(&[site.url("/")]);
    let crawl = Crawl::begin(settings, frontier.clone());
    wait_until("the first pages", SOON, || frontier.count(Some(PageState::Done)) > 3);
    site.hold();
    wait_until("requests at the gate", SOON, || site.waiting() > 0);
    crawl.stop.request(StopReason::Signal("SIGTERM"));
    site.release();
    let ended = crawl.end();
    assert!(matches!(ended.end, CrawlEnd::Stopped(StopReason::Signal("SIGTERM"))), "{}", ended.end);
    // All that was asked for was stored.
    assert_eq!(ended.done(), site.total_hits());
    assert!(ended.frontier.count(None) > 0);
    let ended = Crawl::begin(fast(), frontier).end();
    assert!(matches!(ended.end, CrawlEnd::Finished), "{}", ended.end);
    assert_eq!((ended.done(), site.total_hits()), (50, 50));
}

#[test]
fn the_grace_and_an_abandon_are_the_bounds_of_a_stop() {
    for abandon in [false, true] {
        let site = Site::builder().page("/", Answer::html("x")).start();
        site.hold();
        let grace = if abandon { Duration::from_secs(60) } else { Duration::from_millis(300) };
        let frontier = start(&[site.url("/")]);
        let crawl = Crawl::begin(EngineSettings { stop_grace: grace, ..fast() }, frontier);
        wait_until("a request at the gate", SOON, || site.waiting() > 0);
        let asked = Instant::now();
        if abandon {
            crawl.stop.abandon(StopReason::Signal("SIGINT"));
        } else {
            crawl.stop.request(StopReason::Signal("SIGINT"));
        }
        let ended = crawl.end();
        assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
        assert!(matches!(ended.end, CrawlEnd::Stopped(_)), "{}", ended.end);
        assert_eq!(ended.frontier.count(None), 1);
        site.release();
    }
}

#[test]
fn a_store_that_fails_ends_the_crawl() {
    let site = Site::generated(50, 5);
    site.hold();
    let crawl = Crawl::begin(fast(), start(&[site.url("/")]));
    wait_until("a request at the gate", SOON, || site.waiting() > 0);
    crawl.sink.as_ref().unwrap().fail();
    let ended = crawl.end();
    assert!(matches!(ended.end, CrawlEnd::StoreFailed(_)), "{}", ended.end);
}
