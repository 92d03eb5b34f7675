//! When batches are flushed, and what comes back.

use std::time::Duration;

use dragline_core::PageState;
use dragline_core::bridge::StoreEvent;
use dragline_core::budget::ByteBudget;
use dragline_core::credit::Credits;
use dragline_core::store::{Refill, RefillScope};
use dragline_testkit::wait_until;

use super::super::PersistenceSettings;
use super::harness::{Bridge, LIMIT, folder, page, quick, slow, start, url_of};

#[test]
fn a_batch_is_flushed_when_its_rows_are_there() {
    let (_folder, url) = folder();
    // A page has three rows: itself, its item, its request.
    let bridge = Bridge::open(&url, PersistenceSettings { flush_rows: 9, ..slow() }, 4);
    bridge.submit(0..4);
    let receipts = bridge.receipts(3);
    assert_eq!(receipts.len(), 1, "one transaction");
    assert_eq!((receipts[0].pages.len(), receipts[0].items, receipts[0].new_requests.len()), (3, 3, 1));
    assert_eq!(bridge.pipeline.status().flushed_pages, 3);
    assert_eq!(bridge.close(LIMIT).flushed_pages, 4);
    assert_eq!(bridge.pages_in(PageState::Done), 4);
}

#[test]
fn a_batch_is_flushed_when_it_is_old_enough() {
    let (_folder, url) = folder();
    let settings = PersistenceSettings { flush_interval: Duration::from_millis(30), ..slow() };
    let bridge = Bridge::open(&url, settings, 1);
    bridge.submit(0..1);
    bridge.receipts(1);
}

#[test]
fn an_idle_engine_gets_its_receipt_at_once() {
    let (_folder, url) = folder();
    let bridge = Bridge::open(&url, slow(), 3);
    bridge.submit(0..3);
    bridge.sink.flush_now();
    let receipts = bridge.receipts(3);
    assert_eq!(receipts.len(), 1);
    assert_eq!(receipts[0].new_requests[0].request.url().as_str(), "http://a.example/next");
    assert!(bridge.pipeline.status().last_commit.is_some());
}

#[test]
fn a_new_request_is_told_once() {
    let (_folder, url) = folder();
    let bridge = Bridge::open(&url, quick(), 20);
    bridge.submit(0..20);
    let told: usize = bridge.receipts(20).iter().map(|receipt| receipt.new_requests.len()).sum();
    assert_eq!(told, 1);
}

#[test]
fn a_credit_is_back_when_the_outcome_is_taken_and_its_charge_when_it_is_durable() {
    let (_folder, url) = folder();
    let bridge = Bridge::open(&url, slow(), 1);
    let (credits, budget) = (Credits::new(1, || {}), ByteBudget::new(1_000, || {}));
    let mut outcome = page(0);
    outcome.credit = credits.try_take();
    let mut charge = budget.charge();
    charge.grow(700);
    outcome.charge = Some(charge);
    bridge.sink.submit(outcome).unwrap();
    wait_until("the credit is back", LIMIT, || credits.in_use() == 0);
    assert_eq!(budget.held(), 700);
    bridge.sink.flush_now();
    bridge.receipts(1);
    wait_until("the charge is released", LIMIT, || budget.held() == 0);
}

#[test]
fn a_busy_store_slows_the_crawl_down_and_holds_no_more_than_its_batches() {
    // Of pages of three rows: a batch is full with ten of them, and grown with forty.
    for (flush_growth, most_rows) in [(1, 30), (4, 120)] {
        let (_folder, url) = folder();
        let settings = PersistenceSettings { flush_rows: 30, flush_growth, inbox_capacity: 8, ..quick() };
        let bridge = Bridge::open(&url, settings, 100);
        bridge.store.set(|faults| faults.flush_hangs = true);
        let credits = Credits::new(100, || {});
        std::thread::scope(|scope| {
            let crawling = scope.spawn(|| {
                for number in 0..100 {
                    let mut outcome = page(number);
                    outcome.credit = credits.try_take();
                    bridge.sink.submit(outcome).unwrap();
                }
            });
            // One flush hangs, one batch is full, eight pages wait in the inbox.
            wait_until("the crawl has halted", LIMIT, || {
                bridge.pipeline.status().batch_rows >= most_rows && credits.in_use() >= 8
            });
            let status = bridge.pipeline.status();
            assert!(status.batch_rows <= most_rows + 3, "{status:?}");
            assert!(!crawling.is_finished());
            bridge.store.set(|faults| faults.flush_hangs = false);
            bridge.receipts(100);
        });
        assert_eq!(credits.in_use(), 0);
        let most_pages = bridge.store.most_pages();
        assert!(most_pages <= most_rows / 3, "{most_pages}");
        assert!(most_pages > 10 || flush_growth == 1, "a grown batch goes as one: {most_pages}");
    }
}

#[test]
fn a_refused_page_costs_itself_and_few_transactions() {
    let (_folder, url) = folder();
    let bridge = Bridge::open(&url, slow(), 64);
    bridge.store.set(|faults| faults.refused = [url_of(37)].into());
    bridge.submit(0..64);
    bridge.sink.flush_now();
    let receipts = bridge.receipts(64);
    let states: Vec<_> = receipts.iter().flat_map(|receipt| &receipt.pages).copied().collect();
    assert_eq!(states.iter().filter(|(_, state)| *state == PageState::Done).count(), 63);
    assert!(states.contains(&(start(37).fingerprint, PageState::Dead)));
    assert!(bridge.store.flushes() <= 1 + 2 * 6 + 2, "{} transactions", bridge.store.flushes());
    assert_eq!(bridge.pipeline.status().dead_pages, 1);
    bridge.close(LIMIT);
    let (summary, _) = bridge.stored();
    assert_eq!((summary.pages.of(PageState::Dead), summary.dead_letters), (1, 1));
    assert_eq!(summary.pages.queued, 1, "the request that all pages found");
}

#[test]
fn the_frontier_is_read_beside_a_hanging_flush() {
    let (_folder, url) = folder();
    let bridge = Bridge::open(&url, quick(), 5);
    bridge.store.set(|faults| faults.flush_hangs = true);
    bridge.submit(0..1);
    wait_until("a flush hangs", LIMIT, || bridge.store.under_way() == 1);
    let ask = Refill {
        scope: RefillScope::After(None),
        per_host: 10,
        max_requests: 10,
        in_hand: vec![start(0).fingerprint],
    };
    bridge.sink.refill(ask).unwrap();
    match bridge.event() {
        StoreEvent::Refilled(refilled) => assert_eq!(refilled.requests.len(), 4),
        other => panic!("{other:?}"),
    }
    bridge.store.set(|faults| faults.flush_hangs = false);
}

#[test]
fn heartbeats_are_given_while_nothing_happens_and_written_beside_a_hanging_flush() {
    let (_folder, url) = folder();
    let settings = PersistenceSettings { heartbeat_interval: Duration::from_millis(20), ..quick() };
    let bridge = Bridge::open(&url, settings, 1);
    bridge.store.set(|faults| (faults.flush_hangs, faults.hears_cancel) = (true, true));
    bridge.submit(0..1);
    wait_until("a flush hangs", LIMIT, || bridge.store.under_way() == 1);
    let (beats, written) = (bridge.beats.count(), bridge.store.heartbeats());
    wait_until("beats", LIMIT, || bridge.beats.count() > beats + 3);
    wait_until("heartbeats in the store", LIMIT, || bridge.store.heartbeats() > written + 3);
}

#[test]
fn heartbeats_never_pile_up() {
    let (_folder, url) = folder();
    let settings = PersistenceSettings { heartbeat_interval: Duration::from_millis(5), ..quick() };
    let bridge = Bridge::open(&url, settings, 2);
    bridge.store.set(|faults| faults.heartbeat_hangs = true);
    let (written, beats) = (bridge.store.heartbeats(), bridge.beats.count());
    wait_until("the loop has come round often", LIMIT, || bridge.beats.count() > beats + 50);
    assert!(bridge.store.heartbeats() <= written + 1, "the one that hangs");
    bridge.submit(0..2);
    bridge.receipts(2);
    let report = bridge.close(Duration::from_secs(8));
    assert_eq!((report.tasks_not_gathered, report.error), (0, None));
}
