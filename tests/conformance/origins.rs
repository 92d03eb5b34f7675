//! Where rows come from: a request's parent, an item's page, and a digest that identifies the item.

use dragline_core::runs::Requeue;
use dragline_core::{PageOutcome, Reason};

use super::fixture::{Session, discovers, done_with, request, run};
use super::item_types::{note, one_of_each, remark};
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    a_request_has_the_page_that_it_was_found_on,
    every_item_row_has_its_page,
    a_key_may_be_long,
    items_without_a_key_are_kept_beside_letters_of_their_page,
    items_without_a_key_of_a_failure_are_kept_after_a_retry,
);

fn a_request_has_the_page_that_it_was_found_on(stored: &Stored) {
    run(async {
        let [start, list, detail] = ["start", "list", "detail"].map(request);
        let session = Session::begin(stored, std::slice::from_ref(&start)).await;
        session.flush(&[discovers(&start, std::slice::from_ref(&list))]).await.unwrap();
        // It is known already: its first parent stays.
        session.flush(&[discovers(&list, &[detail.clone(), list.clone()])]).await.unwrap();
        let parents = "SELECT url, parent FROM crawl_requests WHERE parent IS NOT NULL ORDER BY url";
        let url = |of: &dragline_core::QueuedRequest| of.request.url().to_string();
        let expected = [
            [url(&detail), hex(list.fingerprint.as_bytes())],
            [url(&list), hex(start.fingerprint.as_bytes())],
        ];
        assert_eq!(bytes_in_hex(stored.query(parents)), expected);
        assert_eq!(stored.query("SELECT url FROM crawl_requests WHERE parent IS NULL"), [[url(&start)]]);
    });
}

fn every_item_row_has_its_page(stored: &Stored) {
    run(async {
        let page = request("page");
        let session = Session::begin(stored, std::slice::from_ref(&page)).await;
        session.flush(&[done_with(&page, one_of_each("x"))]).await.unwrap();
        let fingerprint = hex(page.fingerprint.as_bytes());
        for sql in [
            "SELECT source_fingerprint FROM quotes",
            "SELECT source_fingerprint FROM visits",
            "SELECT DISTINCT fingerprint FROM crawl_items",
        ] {
            assert_eq!(bytes_in_hex(stored.query(sql)), [[fingerprint.clone()]], "{sql}");
        }
    });
}

fn a_key_may_be_long(stored: &Stored) {
    run(async {
        let pages = [0, 1, 2].map(|page| request(&page.to_string()));
        let session = Session::begin(stored, &pages).await;
        let long = |last: char| format!("{}{last}", "0123456789".repeat(1_000));
        let notes = || vec![note(&long('a'), "first"), note(&long('b'), "other")];
        session.flush(&[done_with(&pages[0], notes())]).await.unwrap();
        session.flush(&[done_with(&pages[1], vec![note(&long('a'), "second")])]).await.unwrap();
        let rows = stored.query("SELECT item_key, data FROM crawl_items ORDER BY item_key");
        assert_eq!(rows.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), [long('a'), long('b')]);
        assert!(
            rows[0][1].contains("second") && rows[1][1].contains("other"),
            "the same key is the same row"
        );
    });
}

fn items_without_a_key_are_kept_beside_letters_of_their_page(stored: &Stored) {
    run(async {
        let page = request("page");
        let session = Session::begin(stored, std::slice::from_ref(&page)).await;
        // A page whose second item was put aside.
        let mut outcome = done_with(&page, vec![remark(1)]);
        let mut dead = PageOutcome { items: vec![remark(2)], ..PageOutcome::done(&page) };
        dead.kill(Reason::StoreRefused, "put aside", None);
        outcome.dead_letters = dead.dead_letters;
        session.flush(&[outcome]).await.unwrap();
        let letters = session.store.read_letters(&super::letters::all()).await.unwrap();
        session.store.retry_letters(&super::letters::retry(&letters)).await.unwrap();
        let rows = stored.query("SELECT count(*), count(DISTINCT key_digest) FROM crawl_items");
        assert_eq!(rows, [["2", "2"]]);
    });
}

fn items_without_a_key_of_a_failure_are_kept_after_a_retry(stored: &Stored) {
    run(async {
        let page = request("page");
        let session = Session::begin(stored, std::slice::from_ref(&page)).await;
        let failed = PageOutcome::failed(&page, Reason::Timeout, "timed out");
        session.flush(&[PageOutcome { items: vec![remark(1)], ..failed }]).await.unwrap();
        session.store.close().await;
        let ask = Requeue { run_id: session.key().run_id, ..Requeue::default() };
        assert_eq!(super::run_admin::requeue(stored, &ask).await.unwrap().requests, 1);
        let session = Session::begin(stored, &[]).await;
        session.flush(&[done_with(&page, vec![remark(2)])]).await.unwrap();
        let rows = stored
            .query("SELECT count(*), count(DISTINCT key_digest), count(DISTINCT run_id) FROM crawl_items");
        assert_eq!(rows, [["2", "2", "1"]]);
    });
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes as both stores' tools print them: psql with `\x` in front.
fn bytes_in_hex(rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    let bare = |value: String| value.strip_prefix("\\x").map_or(value.clone(), str::to_owned);
    rows.into_iter().map(|row| row.into_iter().map(bare).collect()).collect()
}
