//! A store that goes away, loses an answer, or refuses this process.

use std::time::Duration;

use dragline_core::bridge::StoreEvent;
use dragline_core::stop::StopReason;
use dragline_core::store::{Refill, RefillScope};
use dragline_core::{PageState, StoreError};
use dragline_testkit::{patience, wait_until};

use super::super::PersistenceSettings;
use super::harness::{Bridge, LIMIT, folder, page, quick, slow, url_of};

fn ask() -> Refill {
    Refill { scope: RefillScope::After(None), per_host: 10, max_requests: 10, in_hand: Vec::new() }
}

#[test]
fn nothing_is_lost_while_the_store_is_away() {
    let (_folder, url) = folder();
    let bridge = Bridge::open(&url, quick(), 40);
    bridge.submit(0..10);
    bridge.receipts(10);
    bridge.store.set(|faults| faults.away = true);
    let (tried, beats) = (bridge.store.flushes(), bridge.beats.count());
    bridge.submit(10..40);
    bridge.sink.refill(ask()).unwrap();
    wait_until("several tries", LIMIT, || bridge.store.flushes() > tried + 5);
    assert!(bridge.pipeline.status().outage_since.is_some());
    wait_until("the loop goes on", LIMIT, || bridge.beats.count() > beats + 2);
    assert!(bridge.events.is_empty(), "nothing is claimed that is not durable");
    bridge.store.set(|faults| faults.away = false);
    let (mut pages, mut refills) = (0, 0);
    while pages < 30 || refills < 1 {
        match bridge.event() {
            StoreEvent::Receipt(receipt) => pages += receipt.pages.len(),
            StoreEvent::Refilled(_) => refills += 1,
            StoreEvent::Links(_) | StoreEvent::Kept(_) | StoreEvent::Marked => {
                panic!("nobody asked for links")
            }
            StoreEvent::Failed(error) => panic!("{error}"),
        }
    }
    assert!(bridge.pipeline.status().outage_since.is_none());
    assert!(!bridge.stop.is_requested());
    let report = bridge.close(LIMIT);
    assert_eq!((report.flushed_pages, report.pages_left_unflushed, report.error), (40, 0, None));
    assert_eq!(bridge.pages_in(PageState::Done), 40);
}

#[test]
fn a_commit_whose_answer_was_lost_is_tried_again_and_counts_once() {
    let (_folder, url) = folder();
    let bridge = Bridge::open(&url, quick(), 5);
    bridge.store.set(|faults| faults.lost_answers = 3);
    bridge.submit(0..5);
    bridge.receipts(5);
    bridge.close(LIMIT);
    let (summary, _) = bridge.stored();
    assert_eq!(summary.pages.of(PageState::Done), 5);
    assert_eq!(summary.items, [("note".to_owned(), 5)]);
}

#[test]
fn an_outage_longer_than_allowed_ends_the_crawl() {
    let (_folder, url) = folder();
    let settings = PersistenceSettings { max_outage: Some(Duration::from_millis(50)), ..quick() };
    let bridge = Bridge::open(&url, settings, 1);
    bridge.store.set(|faults| faults.away = true);
    bridge.submit(0..1);
    assert!(matches!(bridge.event(), StoreEvent::Failed(StoreError::Unavailable { .. })));
    assert!(matches!(bridge.stop.reason(), Some(StopReason::Failed(_))));
    let report = bridge.close(Duration::from_secs(3));
    assert_eq!((report.pages_left_unflushed, report.end_written), (1, false), "{report:?}");
}

#[test]
fn a_superseded_process_stops_and_writes_nothing_more() {
    let (_folder, url) = folder();
    let bridge = Bridge::open(&url, quick(), 20);
    bridge.store.set(|faults| faults.superseded = true);
    bridge.submit(0..1);
    assert!(matches!(bridge.event(), StoreEvent::Failed(StoreError::Superseded { .. })));
    assert!(bridge.stop.is_requested());
    // Nobody waits for a thread that stores nothing: what still comes is taken and dropped.
    bridge.submit(1..20);
    let report = bridge.close(LIMIT);
    assert_eq!((report.flushed_pages, report.pages_left_unflushed), (0, 20), "{report:?}");
    assert_eq!(bridge.pages_in(PageState::Done), 0);
}

#[test]
fn a_panic_in_a_flush_ends_the_crawl() {
    let (_folder, url) = folder();
    let bridge = Bridge::open(&url, quick(), 1);
    bridge.store.set(|faults| faults.flush_panics = true);
    bridge.submit(0..1);
    assert!(matches!(bridge.event(), StoreEvent::Failed(StoreError::Broken { .. })));
    assert!(matches!(bridge.stop.reason(), Some(StopReason::Failed(what)) if what.contains("panics")));
    let report = bridge.close(LIMIT);
    assert_eq!((report.pages_left_unflushed, report.tasks_cancelled), (1, 0), "{report:?}");
}

#[test]
fn a_panic_in_a_refill_leaves_nobody_waiting() {
    let (_folder, url) = folder();
    let bridge = Bridge::open(&url, quick(), 1);
    bridge.store.set(|faults| faults.refill_panics = true);
    bridge.sink.refill(ask()).unwrap();
    assert!(matches!(bridge.event(), StoreEvent::Failed(StoreError::Broken { .. })));
}

#[test]
fn a_thread_that_dies_stops_the_crawl_and_refuses_what_comes() {
    let (_folder, url) = folder();
    let bridge = Bridge::open(&url, quick(), 2);
    bridge.beats.panic_at_the_next();
    assert!(bridge.pipeline.ended().recv_timeout(patience(LIMIT)).is_err());
    assert!(matches!(bridge.event(), StoreEvent::Failed(StoreError::Broken { .. })));
    assert!(matches!(bridge.stop.reason(), Some(StopReason::Failed(_))));
    assert!(bridge.sink.submit(page(0)).is_err());
    let report = bridge.close(LIMIT);
    assert!(report.error.is_some_and(|error| error.contains("panicked")));
}

#[test]
fn a_page_that_is_given_up_again_and_again_holds_up_no_other() {
    let (_folder, url) = folder();
    let settings = PersistenceSettings { max_lone_failures: u32::MAX, ..slow() };
    let bridge = Bridge::open(&url, settings, 20);
    bridge.store.set(|faults| faults.given_up = [url_of(7), url_of(13)].into());
    bridge.submit(0..20);
    bridge.receipts(18);
    wait_until("it is tried on", LIMIT, || bridge.pipeline.status().outage_since.is_some());
    bridge.store.set(|faults| faults.given_up.clear());
    bridge.receipts(2);
    assert!(bridge.pipeline.status().outage_since.is_none());
    bridge.close(LIMIT);
    assert_eq!((bridge.pages_in(PageState::Done), bridge.pages_in(PageState::Dead)), (20, 0));
}

#[test]
fn a_page_that_is_given_up_while_others_are_stored_is_dead_in_the_end() {
    let (_folder, url) = folder();
    let bridge = Bridge::open(&url, slow(), 20);
    bridge.store.set(|faults| faults.unmanageable = [url_of(7)].into());
    bridge.submit(0..20);
    bridge.receipts(20);
    assert!(bridge.pipeline.status().outage_since.is_none());
    bridge.close(LIMIT);
    assert_eq!((bridge.pages_in(PageState::Done), bridge.pages_in(PageState::Dead)), (19, 1));
}

#[test]
fn a_store_that_is_away_costs_no_page_however_long() {
    let (_folder, url) = folder();
    let settings =
        PersistenceSettings { max_lone_failures: 3, lone_failures_last: Duration::ZERO, ..quick() };
    let bridge = Bridge::open(&url, settings, 1);
    bridge.store.set(|faults| faults.away = true);
    bridge.submit(0..1);
    let tried = bridge.store.flushes();
    wait_until("many tries", LIMIT, || bridge.store.flushes() > tried + 12);
    bridge.store.set(|faults| faults.away = false);
    bridge.receipts(1);
    bridge.close(LIMIT);
    assert_eq!((bridge.pages_in(PageState::Done), bridge.pages_in(PageState::Dead)), (1, 0));
}

#[test]
fn a_batch_that_takes_the_store_too_long_is_written_in_parts() {
    let (_folder, url) = folder();
    let bridge = Bridge::open(&url, slow(), 20);
    bridge.store.set(|faults| faults.most_at_once = Some(3));
    bridge.submit(0..20);
    bridge.receipts(20);
    bridge.close(LIMIT);
    assert_eq!(bridge.pages_in(PageState::Done), 20);
}
