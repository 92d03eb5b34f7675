//! Stop, abandon, and a store that fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use dragline_core::stop::{Stop, StopReason};
use dragline_core::store::Refill;
use dragline_core::suspects::PageMarks;
use dragline_core::{
    Args, Fingerprint, HostNote, ItemType, OutcomeSink, Output, Page, PageOutcome, PageState, Request,
    Response, SameRequest, Spider, SubmitError,
};
use dragline_testkit::{Answer, Site, patience, wait_until};

use super::harness::{Crawl, crawl_all, fast, start};
use crate::scope::tests::scope_of;
use crate::{CrawlEnd, CrawlThreads, EngineParts, Job, RunLabel, WaitingJob, WaitingWork, crawl};

const SOON: Duration = Duration::from_secs(10);

#[test]
fn a_stop_lets_fetches_in_flight_finish_and_claims_nothing_more() {
    let site = Site::generated(50, 5);
    site.hold_after(10);
    let settings = fast().but(|it| {
        it.stop_grace = Duration::from_secs(5);
        it.pace.host_concurrency = 2;
    });
    let frontier = start(&[site.url("/")]);
    let crawl = Crawl::begin(settings, frontier.clone());
    wait_until("the first pages", SOON, || frontier.count(Some(PageState::Done)) > 3);
    wait_until("requests at the gate", SOON, || site.waiting() > 0);
    crawl.stop.request(StopReason::Signal("SIGTERM"));
    site.release();
    let ended = crawl.end();
    assert!(matches!(ended.end, CrawlEnd::Stopped(StopReason::Signal("SIGTERM"))), "{}", ended.end);
    // Everything that was fetched was stored.
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
        let crawl = Crawl::begin(fast().but(|it| it.stop_grace = grace), frontier);
        wait_until("a request at the gate", SOON, || site.waiting() > 0);
        let asked = Instant::now();
        if abandon {
            crawl.stop.abandon(StopReason::Signal("SIGINT"));
        } else {
            crawl.stop.request(StopReason::Signal("SIGINT"));
        }
        let ended = crawl.end();
        assert!(asked.elapsed() < patience(SOON), "{:?}", asked.elapsed());
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

#[test]
fn a_crawl_that_is_abandoned_again_and_again_ends_with_the_same_rows() {
    let site = Site::generated(120, 4);
    let undisturbed = crawl_all(fast(), &[site.url("/")]).frontier.items();
    let frontier = start(&[site.url("/")]);
    for round in 1.. {
        let crawl = Crawl::begin(fast().but(|it| it.stop_grace = Duration::ZERO), frontier.clone());
        let enough = 15 * round;
        wait_until("a few more pages", SOON, || {
            frontier.count(Some(PageState::Done)) >= enough || frontier.count(None) == 0
        });
        crawl.stop.abandon(StopReason::Signal("SIGKILL"));
        if matches!(crawl.end().end, CrawlEnd::Finished) || frontier.count(None) == 0 {
            break;
        }
    }
    let ended = Crawl::begin(fast(), frontier).end();
    assert!(matches!(ended.end, CrawlEnd::Finished), "{}", ended.end);
    assert_eq!(ended.frontier.items(), undisturbed);
}

#[test]
fn crawl_threads_finish_the_page_in_hand_and_drop_what_waits() {
    let (pages, queue) = bounded(4);
    let (finish, finished) = bounded(0);
    let (gate, held) = bounded::<()>(0);
    let (outcomes, taken) = bounded(4);
    let parts = EngineParts {
        settings: Arc::new(fast().but(|it| it.crawl_threads = 1)),
        args: Args::default(),
        spider: Arc::new(Held(held)),
        sink: Arc::new(Taker(outcomes)),
        stop: Stop::new(),
        stats: Arc::default(),
        same_request: SameRequest::default(),
        source: crate::PageSource::Sites,
        revisits: None,
        known: Arc::default(),
        traces: None,
        look_ups: Arc::default(),
    };
    let threads = crawl::spawn(CrawlThreads {
        parts,
        run: RunLabel { run_id: 1, name: "test".to_owned() },
        pipelines: Arc::new([]),
        items: Vec::new(),
        pages: queue,
        finish: finished,
    })
    .unwrap();
    for number in 0..3 {
        let request = Request::get(format!("http://a.example/{number}")).unwrap();
        let job = Job::Parse(Response::stored(request, "").into(), scope_of(&[]));
        pages.send(WaitingJob::new(WaitingWork::Ready(job))).unwrap();
    }
    wait_until("a page in user code", SOON, || threads.desks().activity(0).is_some());
    assert_eq!(threads.desks().activity(0).unwrap().url, "http://a.example/0");
    drop(finish);
    drop(gate);
    assert!(threads.join_until(Instant::now() + SOON).unwrap().is_empty());
    let urls: Vec<String> = taken.try_iter().map(|outcome: PageOutcome| outcome.url).collect();
    assert_eq!(urls, ["http://a.example/0"]);
    assert!(threads.desks().activity(0).is_none());
}

/// Parses when the gate opens.
struct Held(Receiver<()>);

impl Spider for Held {
    fn name(&self) -> &str {
        "held"
    }

    fn items(&self) -> Vec<ItemType> {
        Vec::new()
    }

    fn start(&self, _args: &Args) -> dragline_core::Result<Vec<Request>> {
        Ok(Vec::new())
    }

    fn parse(&self, _page: &Page, _out: &mut Output) -> dragline_core::Result<()> {
        // The gate opens with an error.
        let _ = self.0.recv();
        Ok(())
    }
}

/// Takes outcomes.
struct Taker(Sender<PageOutcome>);

impl OutcomeSink for Taker {
    fn submit(&self, outcome: PageOutcome) -> Result<(), SubmitError> {
        self.0.send(outcome).map_err(|refused| SubmitError::Closed(Some(Box::new(refused.into_inner()))))
    }

    fn refill(&self, _ask: Refill) -> Result<(), SubmitError> {
        Err(SubmitError::Closed(None))
    }

    fn links(&self, _pages: Vec<Fingerprint>) -> Result<(), SubmitError> {
        Err(SubmitError::Closed(None))
    }

    fn kept(&self, _pages: Vec<Fingerprint>) -> Result<(), SubmitError> {
        Err(SubmitError::Closed(None))
    }

    fn mark(&self, _marks: PageMarks) -> Result<(), SubmitError> {
        Err(SubmitError::Closed(None))
    }

    fn flush_now(&self) {}

    fn waits(&self, _waits: bool) {}

    fn note_host(&self, _note: HostNote) {}
}
