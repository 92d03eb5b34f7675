//! `close_spider`: what is flushed, what is cancelled and gathered, and within which time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use dragline_core::PageState;
use dragline_core::bridge::SubmitError;
use dragline_core::stop::StopReason;
use dragline_core::store::RunState;
use dragline_testkit::{patience, wait_until};

use super::super::{CloseReport, RunEnd};
use super::harness::{Bridge, LIMIT, folder, page, quick, slow};

const SECOND: Duration = Duration::from_secs(1);

fn step(report: &CloseReport, name: &str) -> Duration {
    report.steps.iter().find(|(step, _)| *step == name).unwrap().1
}

#[test]
fn what_was_submitted_is_flushed_and_the_end_is_written() {
    let (_folder, url) = folder();
    let bridge = Bridge::open(&url, slow(), 50);
    bridge.submit(0..50);
    let report = bridge.close(8 * SECOND);
    let names: Vec<_> = report.steps.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["drain and flush", "cancel and gather", "end run", "close store", "stop runtime"]);
    assert_eq!((report.flushed_pages, report.pages_unknown, report.pages_left_unflushed), (50, 0, 0));
    assert_eq!((report.tasks_pending, report.tasks_cancelled, report.tasks_not_gathered), (0, 0, 0));
    assert!(report.end_written && report.error.is_none(), "{report:?}");
    assert_eq!(bridge.stored().1, RunState::Stopped);
    assert_eq!(bridge.pages_in(PageState::Done), 50);
    assert_eq!(bridge.close(Duration::ZERO), report, "the second call gives the first one's report");
}

#[test]
fn a_hanging_flush_is_cancelled_and_gathered_in_time() {
    for hears_cancel in [true, false] {
        let (_folder, url) = folder();
        let bridge = Bridge::open(&url, quick(), 10);
        bridge.store.set(|faults| (faults.flush_hangs, faults.hears_cancel) = (true, hears_cancel));
        bridge.submit(0..1);
        wait_until("a flush hangs", LIMIT, || bridge.store.under_way() == 1);
        bridge.submit(1..10);
        let begun = Instant::now();
        let report = bridge.close(3 * SECOND);
        assert!(begun.elapsed() < patience(3 * SECOND), "{:?}", begun.elapsed());
        assert!(step(&report, "cancel and gather") < 2 * SECOND);
        assert_eq!((report.tasks_pending, report.tasks_cancelled, report.tasks_not_gathered), (1, 1, 0));
        assert_eq!((report.pages_unknown, report.pages_left_unflushed), (1, 9), "{report:?}");
        assert_eq!((bridge.store.under_way(), bridge.store.cancels()), (0, 1));
        assert!(report.end_written, "{report:?}");
        let (summary, state) = bridge.stored();
        assert_eq!((summary.pages.queued, state), (10, RunState::Stopped));
    }
}

#[test]
fn an_outage_does_not_hold_up_the_end() {
    let (_folder, url) = folder();
    let bridge = Bridge::open(&url, quick(), 5);
    bridge.store.set(|faults| faults.away = true);
    bridge.submit(0..5);
    wait_until("an outage", LIMIT, || bridge.pipeline.status().outage_since.is_some());
    let begun = Instant::now();
    let report = bridge.close(3 * SECOND);
    assert!(begun.elapsed() < patience(3 * SECOND));
    assert_eq!(report.pages_unknown + report.pages_left_unflushed, 5);
    assert!(!report.end_written && report.error.is_some());
}

#[test]
fn a_store_that_comes_back_during_the_close_gets_everything() {
    let (_folder, url) = folder();
    let bridge = Bridge::open(&url, quick(), 5);
    bridge.store.set(|faults| faults.away = true);
    bridge.submit(0..5);
    wait_until("an outage", LIMIT, || bridge.pipeline.status().outage_since.is_some());
    let report = std::thread::scope(|scope| {
        let closing = scope.spawn(|| bridge.close(LIMIT));
        wait_until("the close has begun", LIMIT, || bridge.sink.submit(page(0)).is_err());
        bridge.store.set(|faults| faults.away = false);
        closing.join().unwrap()
    });
    assert!(report.end_written && report.error.is_none(), "{report:?}");
    assert_eq!(bridge.pages_in(PageState::Done), 5);
}

#[test]
fn abandon_jumps_to_cancelling() {
    let (_folder, url) = folder();
    let bridge = Bridge::open(&url, quick(), 5);
    bridge.store.set(|faults| (faults.flush_hangs, faults.end_hangs) = (true, true));
    bridge.submit(0..1);
    wait_until("a flush hangs", LIMIT, || bridge.store.under_way() == 1);
    let begun = Instant::now();
    bridge.stop.abandon(StopReason::Signal("SIGINT"));
    assert!(bridge.pipeline.ended().recv_timeout(patience(LIMIT)).is_err(), "it needs nobody to tell it");
    let report = bridge.close(LIMIT);
    assert!(begun.elapsed() < patience(LIMIT / 2), "{:?}", begun.elapsed());
    assert_eq!(
        (report.tasks_cancelled, report.pages_unknown, report.end_written),
        (1, 1, false),
        "{report:?}"
    );
    assert_eq!(bridge.store.under_way(), 0);
    assert!(matches!(bridge.sink.submit(page(1)), Err(SubmitError::Closed(_))));
}

#[test]
fn abandon_during_the_close_jumps_too() {
    let (_folder, url) = folder();
    let bridge = Bridge::open(&url, quick(), 5);
    bridge.store.set(|faults| faults.flush_hangs = true);
    bridge.submit(0..1);
    wait_until("a flush hangs", LIMIT, || bridge.store.under_way() == 1);
    let report = std::thread::scope(|scope| {
        let closing = scope.spawn(|| bridge.close(LIMIT));
        wait_until("the close has begun", LIMIT, || bridge.sink.submit(page(1)).is_err());
        bridge.stop.abandon(StopReason::Signal("SIGINT"));
        closing.join().unwrap()
    });
    assert!(step(&report, "drain and flush") < LIMIT / 2);
    assert_eq!((report.tasks_cancelled, report.end_written), (1, true), "{report:?}");
}

#[test]
fn a_submitter_that_waits_is_released_by_abandon_and_by_the_close() {
    for abandon in [true, false] {
        let (_folder, url) = folder();
        let settings = super::super::PersistenceSettings { flush_rows: 1, inbox_capacity: 1, ..quick() };
        let bridge = Bridge::open(&url, settings, 10);
        bridge.store.set(|faults| faults.flush_hangs = true);
        std::thread::scope(|scope| {
            let late = scope.spawn(|| (0..10).find_map(|number| bridge.sink.submit(page(number)).err()));
            wait_until("a flush hangs", LIMIT, || bridge.store.under_way() == 1);
            if abandon {
                bridge.stop.abandon(StopReason::Signal("SIGINT"));
            }
            bridge.close(Duration::ZERO);
            assert!(late.join().unwrap().is_some(), "the outcome is given back");
        });
    }
}

#[test]
fn a_run_that_left_pages_behind_is_not_finished() {
    let (_folder, url) = folder();
    let bridge = Bridge::open(&url, quick(), 2);
    bridge.store.set(|faults| (faults.flush_hangs, faults.hears_cancel) = (true, true));
    bridge.submit(0..1);
    wait_until("a flush hangs", LIMIT, || bridge.store.under_way() == 1);
    let end = RunEnd { state: RunState::Finished, reason: "frontier is empty".to_owned() };
    let report = bridge.pipeline.close_spider(end, Instant::now() + 3 * SECOND);
    assert!(report.end_written, "{report:?}");
    assert_eq!(bridge.stored().1, RunState::Stopped);
}

#[test]
fn it_closes_by_itself_when_main_unwinds() {
    let (_folder, url) = folder();
    let bridge = Bridge::open(&url, slow(), 3);
    bridge.submit(0..3);
    let ended = bridge.pipeline.ended().clone();
    let unwound = catch_unwind(AssertUnwindSafe(move || {
        let _bridge = bridge;
        panic!("main has a bug");
    }));
    assert!(unwound.is_err());
    assert!(ended.try_recv().is_err_and(|error| error.is_disconnected()), "the thread is gone");
    // The run resumes with all pages done: nothing is queued but the request that they found.
    let resumed = Bridge::open(&url, quick(), 3);
    resumed.close(LIMIT);
    let (summary, _) = resumed.stored();
    assert_eq!((summary.pages.of(PageState::Done), summary.pages.queued), (3, 1));
}
