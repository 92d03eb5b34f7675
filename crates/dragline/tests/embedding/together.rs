//! Several crawls in one process, and a crawl in a program with an async runtime of its own.

use std::time::{Duration, Instant};

use dragline::{Crawl, CrawlOutcome, PageState, RunState};
use dragline_testkit::{Site, wait_until};

use crate::titles::{Titles, store, stored};

/// A crawl on loopback begins well within this.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A crawl of this site as fast as it goes.
pub(crate) fn crawl_of(site: &Site, store: String) -> Crawl {
    Crawl::new(Titles).start_url(site.url("/")).store(store).rate(0.0)
}

#[test]
fn a_crawl_reports_what_the_store_has() {
    let (folder, site) = (tempfile::tempdir().unwrap(), Site::generated(60, 4));
    let report = crawl_of(&site, store(folder.path(), "one.db")).run().unwrap();
    assert_eq!((report.outcome(), report.state()), (CrawlOutcome::Finished, RunState::Finished));
    assert_eq!((report.reason(), report.spider()), ("finished", "titles"));
    assert_eq!((report.pages(PageState::Done), report.queued()), (Some(60), Some(0)));
    assert_eq!(report.items(), Some(&[("title".to_owned(), 60)][..]));
    assert_eq!(report.pages_fetched(), 60);
    assert!(report.stop().steps().iter().any(|(step, _)| *step == "downloads"), "{report:?}");
    assert_eq!(&stored(folder.path(), "one.db"), site.truth());
}

#[test]
fn a_crawl_keeps_pages_if_it_is_asked_to() {
    let (folder, site) = (tempfile::tempdir().unwrap(), Site::generated(20, 4));
    let kept = |keep: bool| {
        let report = crawl_of(&site, store(folder.path(), "kept.db")).keep_pages(keep).run().unwrap();
        (report.pages_kept(), report.bytes_kept() > 0)
    };
    assert_eq!(kept(false), (0, false));
    assert_eq!(kept(true), (20, true));
    assert_eq!(kept(true), (20, false), "the store has these bodies");
}

#[test]
fn an_incremental_crawl_parses_only_what_has_changed() {
    let (folder, site) = (tempfile::tempdir().unwrap(), Site::generated(20, 4));
    let crawl = || crawl_of(&site, store(folder.path(), "nights.db")).incremental(true);
    let figures = |crawl: Crawl| {
        let report = crawl.run().unwrap();
        assert_eq!(report.items(), Some(&[("title".to_owned(), 20)][..]), "{report:?}");
        (report.pages_fetched(), report.pages_unchanged(), report.pages_fresh())
    };
    assert_eq!(figures(crawl()), (20, 0, 0));
    assert_eq!(figures(crawl()), (20, 20, 0));
    assert_eq!(figures(crawl().refresh_after(SOON * 100)), (0, 0, 20));
}

#[test]
fn two_crawls_at_a_time_do_not_meet() {
    let folder = tempfile::tempdir().unwrap();
    let sites = [Site::generated(80, 4), Site::generated(50, 3)];
    let names = ["left.db", "right.db"];
    // Each crawl has begun before the other ends: both first pages wait until both are asked for.
    for site in &sites {
        site.hold_page("/");
    }
    let reports = std::thread::scope(|scope| {
        let crawls: Vec<_> = sites
            .iter()
            .zip(names)
            .map(|(site, name)| {
                let crawl = crawl_of(site, store(folder.path(), name));
                scope.spawn(move || crawl.run().unwrap())
            })
            .collect();
        for site in &sites {
            wait_until("a request at the gate", SOON, || site.waiting() > 0);
        }
        for site in &sites {
            site.release();
        }
        crawls.into_iter().map(|crawl| crawl.join().unwrap()).collect::<Vec<_>>()
    });
    for ((report, site), name) in reports.iter().zip(&sites).zip(names) {
        assert_eq!(report.outcome(), CrawlOutcome::Finished, "{report:?}");
        assert_eq!(report.pages(PageState::Done), Some(site.truth().len() as u64));
        assert_eq!(&stored(folder.path(), name), site.truth());
    }
}

/// A timer that the program's runtime must keep while a crawl runs.
const TICK: Duration = Duration::from_millis(5);

#[test]
fn a_program_with_one_async_thread_goes_on_while_it_crawls() {
    let (folder, site) = (tempfile::tempdir().unwrap(), Site::generated(200, 5));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let crawl = crawl_of(&site, store(folder.path(), "async.db"));
    let (report, ticks) = runtime.block_on(async {
        let began = Instant::now();
        let mut crawl = std::pin::pin!(crawl.run_async());
        let mut ticks = 0_u32;
        loop {
            tokio::select! {
                biased;
                report = &mut crawl => break (report.unwrap(), (ticks, began.elapsed())),
                () = tokio::time::sleep(TICK) => ticks += 1,
            }
        }
    });
    assert_eq!(report.pages(PageState::Done), Some(200));
    let (ticks, elapsed) = ticks;
    // A runtime that is blocked for the length of a crawl does not tick at all.
    assert!(f64::from(ticks) > elapsed.as_secs_f64() / TICK.as_secs_f64() / 10.0, "{ticks} in {elapsed:?}");
}
