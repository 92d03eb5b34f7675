//! Two flushes at once, and flushes that are cancelled.

use std::sync::Arc;
use std::time::Duration;

use dragline_core::outcome::PageState;
use dragline_core::{PageOutcome, QueuedRequest, StoreError};

use super::fixture::{Session, discovers, done_with, request, run, states};
use super::item_types::{note, one_of_each, quote};
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    two_flushes_discover_each_others_pages,
    two_flushes_write_the_same_keys,
    two_flushes_of_the_same_page_apply_it_once,
    a_cancelled_flush_is_whole_or_absent,
);

/// Rounds enough for flushes to meet in the middle of each other's work, and for a wrong order to deadlock.
const ROUNDS: usize = 12;
const PAGES: usize = 40;

fn two_flushes_discover_each_others_pages(stored: &Stored) {
    run(async {
        let round = |round: usize, side: &str| -> Vec<QueuedRequest> {
            (0..PAGES).map(|page| request(&format!("{side}{round}/{page}"))).collect()
        };
        let start: Vec<_> = (0..ROUNDS)
            .flat_map(|number| [round(number, "left"), round(number, "right")])
            .flatten()
            .collect();
        let session = Arc::new(Session::begin(stored, &start).await);
        for number in 0..ROUNDS {
            let (left, right) = (round(number, "left"), round(number, "right"));
            // Each page finds all pages of the other side, and both sides find the same new ones.
            let new = round(number, "new");
            let finds =
                |own: &[QueuedRequest], other: &[QueuedRequest], reversed: bool| -> Vec<PageOutcome> {
                    let mut found = [other, &new].concat();
                    if reversed {
                        found.reverse();
                    }
                    own.iter().map(|page| discovers(page, &found)).collect()
                };
            let (one, two) = (finds(&left, &right, false), finds(&right, &left, true));
            let (one, two) = tokio::join!(flush(&session, one), flush(&session, two));
            assert_eq!(one.len() + two.len(), PAGES, "each new request is new to one of the two");
        }
        let states = states(stored);
        let in_state = |state: &str| states.values().filter(|found| *found == state).count();
        assert_eq!((in_state("done"), in_state("queued")), (2 * PAGES * ROUNDS, PAGES * ROUNDS));
    });
}

fn two_flushes_write_the_same_keys(stored: &Stored) {
    run(async {
        let start: Vec<_> = (0..2 * ROUNDS).map(|page| request(&format!("{page}"))).collect();
        let session = Arc::new(Session::begin(stored, &start).await);
        for pages in start.chunks(2) {
            let items = |author: &str, reversed: bool| {
                let mut items: Vec<_> = (0..PAGES)
                    .flat_map(|key| [quote(&format!("k{key}"), author), note(&format!("k{key}"), author)])
                    .collect();
                if reversed {
                    items.reverse();
                }
                items
            };
            let one = vec![done_with(&pages[0], items("one", false))];
            let two = vec![done_with(&pages[1], items("two", true))];
            tokio::join!(flush(&session, one), flush(&session, two));
        }
        assert_eq!(stored.count("SELECT count(*) FROM quotes"), PAGES);
        assert_eq!(stored.count("SELECT count(*) FROM crawl_items"), PAGES);
        // One of the two was last, for all keys: flushes do not mix.
        assert_eq!(stored.count("SELECT count(DISTINCT author) FROM quotes"), 1);
    });
}

fn two_flushes_of_the_same_page_apply_it_once(stored: &Stored) {
    run(async {
        let start: Vec<_> = (0..ROUNDS).map(|page| request(&format!("{page}"))).collect();
        let session = Arc::new(Session::begin(stored, &start).await);
        for page in &start {
            let outcome = || vec![done_with(page, one_of_each("x"))];
            tokio::join!(flush(&session, outcome()), flush(&session, outcome()));
        }
        assert_eq!(stored.count("SELECT count(*) FROM visits"), ROUNDS);
        assert_eq!(stored.count("SELECT count(*) FROM crawl_items WHERE item_type = 'remark'"), ROUNDS);
    });
}

fn a_cancelled_flush_is_whole_or_absent(stored: &Stored) {
    run(async {
        let start: Vec<_> = (0..1000).map(|page| request(&format!("{page}"))).collect();
        let session = Arc::new(Session::begin(stored, &start).await);
        let batch = || -> Vec<PageOutcome> {
            start.iter().map(|page| done_with(page, one_of_each(page.request.url().path()))).collect()
        };
        assert_eq!(session.store.cancel_flushes().await, 0);
        let mut cancelled = 0;
        for wait_ms in [0, 1, 3, 10, 30] {
            let (flushing, outcomes) = (Arc::clone(&session), batch());
            let flush = tokio::spawn(async move { flushing.flush(&outcomes).await.map(drop) });
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            session.store.cancel_flushes().await;
            let applied = match flush.await.unwrap() {
                Ok(()) => true,
                Err(StoreError::Cancelled) => false,
                Err(error) => panic!("{error:?}"),
            };
            let states = states(stored);
            let done = states.values().filter(|state| *state == "done").count();
            assert!(done == 0 || done == start.len(), "{done} of a batch of {}", start.len());
            assert!(!applied || done == start.len());
            assert_eq!(stored.count("SELECT count(*) FROM visits"), done);
            cancelled += usize::from(!applied);
        }
        let receipt = session.flush(&batch()).await.unwrap();
        assert!(receipt.pages.iter().all(|(_, state)| *state == PageState::Done));
        assert_eq!(stored.count("SELECT count(*) FROM visits"), start.len());
        println!("{cancelled} of 5 flushes were cancelled");
    });
}

/// A flush as a task of its own, as the persistence thread makes them. Gives the new requests.
async fn flush(session: &Arc<Session>, outcomes: Vec<PageOutcome>) -> Vec<dragline_core::Fingerprint> {
    let session = Arc::clone(session);
    let flush = tokio::spawn(async move { session.flush(&outcomes).await });
    flush.await.unwrap().unwrap().new_requests
}
