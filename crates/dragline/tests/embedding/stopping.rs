//! A crawl is stopped from outside, and the next one continues it.

use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use dragline::prelude::*;
use dragline::{Crawl, CrawlError, CrawlOutcome, PageState, RunState};
use dragline_testkit::{Site, patience, wait_until};

use crate::titles::{store, stored};
use crate::together::{SOON, crawl_of};

#[test]
fn a_handle_stops_a_crawl_and_the_next_one_resumes_it() {
    let (folder, site) = (tempfile::tempdir().unwrap(), Site::generated(120, 4));
    let name = || store(folder.path(), "stopped.db");
    site.hold_after(20);
    let crawl = crawl_of(&site, name());
    let handle = crawl.stop_handle();
    let crawling = std::thread::scope(|scope| {
        let crawling = scope.spawn(move || crawl.run());
        wait_until("a request at the gate", SOON, || site.waiting() > 0);
        assert!(!handle.is_stopping());
        handle.stop();
        assert!(handle.is_stopping());
        crawling.join().unwrap()
    });
    let report = crawling.unwrap();
    assert_eq!((report.outcome(), report.state()), (CrawlOutcome::Stopped, RunState::Stopped), "{report:?}");
    assert_eq!(report.reason(), "requested");
    assert!(report.pages(PageState::Done) < Some(120), "{report:?}");
    site.release();

    let resumed = crawl_of(&site, name()).run().unwrap();
    assert_eq!(resumed.run_id(), report.run_id());
    assert_eq!((resumed.outcome(), resumed.pages(PageState::Done)), (CrawlOutcome::Finished, Some(120)));
    assert_eq!(&stored(folder.path(), "stopped.db"), site.truth());
}

#[test]
fn a_crawl_that_is_stopped_before_it_begins_says_so() {
    let (folder, site) = (tempfile::tempdir().unwrap(), Site::generated(5, 1));
    let crawl = crawl_of(&site, store(folder.path(), "never.db"));
    crawl.stop_handle().stop();
    assert!(matches!(crawl.run(), Err(CrawlError::StoppedEarly)));
    assert_eq!(site.total_hits(), 0);
}

#[test]
fn a_future_that_is_dropped_stops_its_crawl() {
    let (folder, site) = (tempfile::tempdir().unwrap(), Site::generated(120, 4));
    let name = || store(folder.path(), "dropped.db");
    site.hold_after(20);
    let crawl = crawl_of(&site, name());
    let handle = crawl.stop_handle();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let crawling = tokio::time::timeout(Duration::from_secs(2), crawl.run_async());
        assert!(crawling.await.is_err(), "the site answers 20 requests only");
    });
    assert!(handle.is_stopping());
    site.release();
    // The next crawl waits for the run's lock until the first one has let go of it.
    let resumed = crawl_of(&site, name()).run().unwrap();
    assert_eq!((resumed.outcome(), resumed.pages(PageState::Done)), (CrawlOutcome::Finished, Some(120)));
}

/// Says that it has a page, and does not come back from it until it is let go.
struct Stuck {
    entered: Sender<()>,
    let_go: Receiver<()>,
}

impl Spider for Stuck {
    fn name(&self) -> &str {
        "stuck"
    }

    fn items(&self) -> Vec<ItemType> {
        Vec::new()
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        Ok(Vec::new())
    }

    fn parse(&self, _page: &Page, _out: &mut Output) -> Result<()> {
        let _ = self.entered.send(());
        // Disconnected at the end of the test.
        let _ = self.let_go.recv();
        Ok(())
    }
}

#[test]
fn a_thread_that_hangs_is_left_behind_and_the_program_goes_on() {
    let (folder, site) = (tempfile::tempdir().unwrap(), Site::generated(5, 1));
    let (entered, has_page) = bounded(1);
    let (end, let_go) = bounded(0);
    let crawl = Crawl::new(Stuck { entered, let_go })
        .start_url(site.url("/"))
        .store(store(folder.path(), "stuck.db"))
        .crawl_threads(1)
        .shutdown_timeout(Duration::from_secs(4));
    let handle = crawl.stop_handle();
    std::thread::scope(|scope| {
        let crawling = scope.spawn(move || crawl.run());
        has_page.recv_timeout(patience(SOON)).unwrap();
        handle.stop();
        let report = crawling.join().unwrap().unwrap();
        assert_eq!(report.outcome(), CrawlOutcome::Stopped);
        assert!(report.stop().stuck().iter().any(|stuck| stuck.contains("crawl-0")), "{report:?}");
        assert_eq!((report.pages(PageState::Done), report.queued()), (Some(0), Some(1)));
    });
    drop(end);
}
