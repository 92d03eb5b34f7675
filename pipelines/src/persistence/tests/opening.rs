//! Start-up: what is refused, within which time, and what is left behind.

use std::time::{Duration, Instant};

use dragline_core::StoreError;
use dragline_core::bridge::SubmitError;
use dragline_core::stop::StopReason;
use dragline_core::store::RunState;
use dragline_core::worker::Worker;

use super::super::{CloseReport, OpenError, PersistenceSettings, RunEnd, StartUp};
use super::harness::{Bridge, LIMIT, folder, open, page, quick, store, unopened};

#[test]
fn an_absent_store_is_told_within_the_limit_of_one_operation() {
    let (_folder, url) = folder();
    let store = store(&url);
    store.set(|faults| faults.away = true);
    let settings = PersistenceSettings { operation_timeout: Duration::from_millis(200), ..quick() };
    let (pipeline, _, _) = unopened(&store, settings);
    let begun = Instant::now();
    let error = open(&pipeline, 1).unwrap_err();
    assert!(
        matches!(error, OpenError::Failed { step: StartUp::Connect, source: StoreError::Unavailable { .. } }),
        "{error:?}"
    );
    assert!(error.hint().is_some());
    // All of the start-up has 20 s.
    assert!(begun.elapsed() < dragline_testkit::patience(Duration::from_secs(10)));
    assert!(pipeline.ended().recv_timeout(dragline_testkit::patience(LIMIT)).is_err(), "the thread is gone");
}

#[test]
fn a_store_that_is_a_moment_late_is_waited_for() {
    let (_folder, url) = folder();
    let store = store(&url);
    store.set(|faults| faults.away = true);
    let (pipeline, _, beats) = unopened(&store, quick());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            dragline_testkit::wait_until("a first try", LIMIT, || beats.count() > 0);
            store.set(|faults| faults.away = false);
        });
        open(&pipeline, 1).unwrap();
    });
}

#[test]
fn a_store_that_says_nothing_is_told_with_the_step_and_the_limit() {
    let (_folder, url) = folder();
    let store = store(&url);
    store.set(|faults| faults.connect_hangs = true);
    let settings = PersistenceSettings { operation_timeout: Duration::from_millis(50), ..quick() };
    let (pipeline, _, _) = unopened(&store, settings);
    let error = open(&pipeline, 1).unwrap_err();
    assert!(matches!(error, OpenError::TimedOut { step: StartUp::Connect, .. }), "{error:?}");
    assert!(error.to_string().contains("connecting to the store took longer than"), "{error}");
}

#[test]
fn a_stop_cancels_the_start_up() {
    let (_folder, url) = folder();
    let store = store(&url);
    store.set(|faults| faults.connect_hangs = true);
    let settings =
        PersistenceSettings { operation_timeout: LIMIT * 10, startup_timeout: LIMIT * 10, ..quick() };
    let (pipeline, stop, beats) = unopened(&store, settings);
    let stopping = Worker::spawn("stopping", move || {
        dragline_testkit::wait_until("a start-up under way", LIMIT, || beats.count() > 0);
        stop.request(StopReason::Signal("SIGTERM"));
    });
    let error = open(&pipeline, 1).unwrap_err();
    assert!(matches!(error, OpenError::Stopped { step: StartUp::Connect }), "{error:?}");
    stopping.unwrap().join_until(Instant::now() + LIMIT).unwrap();
}

#[test]
fn it_opens_once_and_takes_outcomes_only_while_it_is_open() {
    let (_folder, url) = folder();
    let store = store(&url);
    let (pipeline, _, _) = unopened(&store, quick());
    let sink = pipeline.sink();
    let is_refused = |number: usize| match sink.submit(page(number)) {
        Err(SubmitError::Closed(Some(outcome))) => outcome.url == page(number).url,
        _ => false,
    };
    assert!(is_refused(0));
    let (_, events) = open(&pipeline, 3).unwrap();
    assert!(matches!(open(&pipeline, 3), Err(OpenError::OpenedBefore)));
    sink.submit(page(1)).unwrap();
    events.recv_timeout(dragline_testkit::patience(LIMIT)).unwrap();
    let end = RunEnd { state: RunState::Stopped, reason: "test".to_owned() };
    let report = pipeline.close_spider(end, Instant::now() + LIMIT);
    assert_eq!((report.flushed_pages, report.end_written), (1, true), "{report:?}");
    assert!(is_refused(2));
    assert!(matches!(open(&pipeline, 3), Err(OpenError::OpenedBefore)));
}

#[test]
fn closing_an_unopened_one_does_nothing() {
    let (_folder, url) = folder();
    let store = store(&url);
    let (pipeline, _, _) = unopened(&store, quick());
    let end = RunEnd { state: RunState::Stopped, reason: "test".to_owned() };
    assert_eq!(pipeline.close_spider(end, Instant::now()), CloseReport::default());
}

#[test]
fn a_second_process_is_refused_with_the_holder_named() {
    let (_folder, url) = folder();
    let _first = Bridge::open(&url, quick(), 1);
    let second = store(&url);
    let settings = PersistenceSettings { lock_patience: Duration::from_millis(100), ..quick() };
    let (pipeline, _, _) = unopened(&second, settings);
    match open(&pipeline, 1).unwrap_err() {
        OpenError::Failed { step: StartUp::Lock, source: StoreError::Locked { holder, .. } } => {
            assert!(holder.contains(&std::process::id().to_string()), "{holder}");
        }
        other => panic!("{other:?}"),
    }
}
