//! Several flushes at once: no deadlock, nothing twice.

use std::sync::Arc;

use dragline_core::{ItemRecord, PageOutcome};
use dragline_testkit::database;

use crate::support::{QUOTE, done, page, page_item, quote, run_of, store};

const FLUSHES: usize = 4;
/// Pages that each flush has in hand.
const PAGES: usize = 40;
const ROUNDS: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flushes_that_discover_each_others_pages_and_write_the_same_keys_all_end() {
    let database = database();
    let (store, run) = run_of(&database, ROUNDS * FLUSHES * PAGES).await;
    for round in 0..ROUNDS {
        let flushes: Vec<_> = (0..FLUSHES)
            .map(|flush| {
                let outcomes = batch(round, flush);
                let (store, key) = (Arc::clone(&store), run.key.clone());
                tokio::spawn(async move { store.flush(&key, &outcomes).await })
            })
            .collect();
        let mut discovered = Vec::new();
        for flush in flushes {
            discovered.extend(flush.await.unwrap().unwrap().new_requests);
        }
        assert_eq!(discovered.len(), PAGES, "a new request is new to only one flush");
    }
    assert_eq!(database.value("SELECT count(*) FROM quotes"), PAGES.to_string());
    assert_eq!(database.value("SELECT count(*) FROM crawl_items"), PAGES.to_string());
    let left = "SELECT count(*) FROM crawl_requests WHERE state = 'queued'";
    assert_eq!(database.value(left), (ROUNDS * PAGES).to_string());
    store.close().await;
}

/// Every flush of a round discovers the pages that the others have in hand, and the same new ones; writes the
/// same keys; and has all of it in an order of its own.
fn batch(round: usize, flush: usize) -> Vec<PageOutcome> {
    let in_hand = |flush: usize, n: usize| (round * FLUSHES + flush) * PAGES + n;
    let outcome = |n: usize| PageOutcome {
        items: vec![
            quote(&format!("key {n}"), 1),
            page_item(&format!("http://a.example/{n}"), &format!("{round}")),
        ],
        requests: (0..FLUSHES)
            .map(|other| page(in_hand(other, n)))
            .chain([page(100_000 + round * PAGES + n)])
            .collect(),
        ..done(in_hand(flush, n))
    };
    (0..PAGES).map(|n| outcome((n * 7 + flush * 13) % PAGES)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_batch_in_several_flushes_at_once_is_applied_once() {
    let log = QUOTE.to_builder().with_name("log").with_table("log").with_key::<&str>([]).build().unwrap();
    let database = database();
    let (store, run) = run_of(&database, PAGES).await;
    store.prepare_items(std::slice::from_ref(&log)).await.unwrap();
    let flushes: Vec<_> = (0..FLUSHES)
        .map(|_| {
            let row = |n: usize| ItemRecord { item_type: log.clone(), ..quote(&format!("{n}"), 1) };
            let outcomes: Vec<_> =
                (0..PAGES).map(|n| PageOutcome { items: vec![row(n)], ..done(n) }).collect();
            let (store, key) = (Arc::clone(&store), run.key.clone());
            tokio::spawn(async move { store.flush(&key, &outcomes).await })
        })
        .collect();
    let mut rows = 0;
    for flush in flushes {
        let receipt = flush.await.unwrap().unwrap();
        assert_eq!(receipt.pages.len(), PAGES, "each of them learns the states of the pages");
        rows += receipt.items;
    }
    assert_eq!(rows, PAGES as u64);
    assert_eq!(database.value("SELECT count(*) FROM log"), PAGES.to_string());
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_at_once_make_the_tables_once() {
    let database = database();
    let starts: Vec<_> = (0..4)
        .map(|_| {
            let store = store(&database.url());
            tokio::spawn(async move {
                store.connect().await.unwrap();
                store.prepare_items(std::slice::from_ref(&*QUOTE)).await.unwrap();
                store.close().await;
            })
        })
        .collect();
    for start in starts {
        start.await.unwrap();
    }
    assert_eq!(database.value("SELECT count(*) FROM crawl_schema"), "1");
}
