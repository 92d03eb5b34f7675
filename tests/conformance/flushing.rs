//! One flush: all of a page or nothing, once, in whatever order pages come.

use dragline_core::outcome::PageState;
use dragline_core::{ItemRecord, PageOutcome, Reason, StoreError, Value};

use super::fixture::{Session, discovers, done_with, ended, execute, request, run, states};
use super::item_types::{QUOTE, note, one_of_each, quote, remark, visit};
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    a_page_is_stored_whole,
    an_outcome_applied_twice_counts_once,
    a_commit_whose_answer_was_lost_is_reported_as_it_stands,
    outcomes_may_come_out_of_order,
    the_same_page_twice_in_a_batch_counts_once,
    the_last_of_a_key_wins,
    a_dead_page_keeps_its_requests_and_its_items,
    a_quarantined_item_leaves_its_page_done,
    failed_and_skipped_pages_keep_their_reason,
    a_refused_row_leaves_nothing_of_its_batch,
    what_no_store_takes_is_refused,
);

fn a_page_is_stored_whole(stored: &Stored) {
    run(async {
        let (page, next) = (request("page"), request("next"));
        let session = Session::begin(stored, std::slice::from_ref(&page)).await;
        let outcome =
            PageOutcome { items: one_of_each("x"), ..discovers(&page, std::slice::from_ref(&next)) };
        let receipt = session.flush(&[outcome]).await.unwrap();
        assert_eq!(receipt.pages, [(page.fingerprint, PageState::Done)]);
        assert_eq!(receipt.new_requests, [next.fingerprint]);
        assert_eq!(receipt.items, 4);
        assert_eq!(states(stored), [("page".into(), "done".into()), ("next".into(), "queued".into())].into());
        let run_id = session.key().run_id.to_string();
        let url = page.request.url().to_string();
        assert_eq!(
            stored.query("SELECT text, author, run_id, source_url FROM quotes"),
            [["x", "a", &run_id, &url]]
        );
        assert_eq!(stored.query("SELECT line, run_id, source_url FROM visits"), [["1", &run_id, &url]]);
        let shared = "SELECT spider, item_type, item_key, run_id, url FROM crawl_items ORDER BY item_type";
        assert_eq!(
            stored.query(shared),
            [["spider", "note", "x", &run_id, &url], ["spider", "remark", "NULL", &run_id, &url]]
        );
        let page =
            "SELECT status, attempts, error, done_at IS NOT NULL FROM crawl_requests WHERE state = 'done'";
        let row = &stored.query(page)[0];
        assert_eq!(row[..3], ["200", "1", "NULL"]);
        assert!(["1", "t"].contains(&row[3].as_str()), "{row:?}");
    });
}

fn an_outcome_applied_twice_counts_once(stored: &Stored) {
    run(async {
        let (page, next) = (request("page"), request("next"));
        let session = Session::begin(stored, std::slice::from_ref(&page)).await;
        let again =
            || PageOutcome { items: one_of_each("x"), ..discovers(&page, std::slice::from_ref(&next)) };
        session.flush(&[again()]).await.unwrap();
        let receipt = session.flush(&[again()]).await.unwrap();
        assert_eq!(receipt.pages, [(page.fingerprint, PageState::Done)]);
        assert_eq!((receipt.new_requests.len(), receipt.items), (0, 0));
        for table in ["quotes", "visits"] {
            assert_eq!(stored.count(&format!("SELECT count(*) FROM {table}")), 1, "{table}");
        }
        assert_eq!(stored.count("SELECT count(*) FROM crawl_items"), 2);
    });
}

fn a_commit_whose_answer_was_lost_is_reported_as_it_stands(stored: &Stored) {
    run(async {
        let pages = [request("done"), request("failed"), request("new")];
        let session = Session::begin(stored, &pages).await;
        let first = || [done_with(&pages[0], one_of_each("x")), ended(&pages[1], PageState::Failed)];
        // Its answer never comes.
        drop(session.flush(&first()).await.unwrap());
        // Meanwhile another page has joined the batch, and one of the pages has another outcome.
        let [again, _] = first();
        let retried = [again, done_with(&pages[1], one_of_each("y")), done_with(&pages[2], one_of_each("z"))];
        let mut receipt = session.flush(&retried).await.unwrap();
        receipt.pages.sort();
        let mut expected = vec![
            (pages[0].fingerprint, PageState::Done),
            (pages[1].fingerprint, PageState::Failed),
            (pages[2].fingerprint, PageState::Done),
        ];
        expected.sort();
        assert_eq!(receipt.pages, expected);
        assert_eq!(receipt.items, 4);
        assert_eq!(stored.query("SELECT text FROM quotes ORDER BY text"), [["x"], ["z"]]);
        assert_eq!(stored.count("SELECT count(*) FROM visits"), 2);
        assert_eq!(stored.count("SELECT count(*) FROM crawl_items WHERE item_type = 'remark'"), 2);
    });
}

fn outcomes_may_come_out_of_order(stored: &Stored) {
    run(async {
        let [first, second, third] = [request("1"), request("2"), request("3")];
        let session = Session::begin(stored, &[first.clone(), second.clone()]).await;
        // The later page is stored first, and it has found what the earlier one finds too.
        let late = session.flush(&[discovers(&second, &[third.clone(), first.clone()])]).await.unwrap();
        assert_eq!(late.new_requests, [third.fingerprint]);
        let early = session.flush(&[discovers(&first, &[second.clone(), third.clone()])]).await.unwrap();
        assert_eq!(early.new_requests, []);
        let queued = session.queued().await;
        assert_eq!(queued.iter().map(|queued| queued.fingerprint).collect::<Vec<_>>(), [third.fingerprint]);
    });
}

fn the_same_page_twice_in_a_batch_counts_once(stored: &Stored) {
    run(async {
        let page = request("page");
        let session = Session::begin(stored, std::slice::from_ref(&page)).await;
        let batch = [done_with(&page, vec![visit(1)]), done_with(&page, vec![visit(1)])];
        let receipt = session.flush(&batch).await.unwrap();
        assert_eq!(receipt.pages, [(page.fingerprint, PageState::Done)]);
        assert_eq!(stored.count("SELECT count(*) FROM visits"), 1);
    });
}

fn the_last_of_a_key_wins(stored: &Stored) {
    run(async {
        let pages = [request("1"), request("2"), request("3")];
        let session = Session::begin(stored, &pages).await;
        let batch = [
            done_with(&pages[0], vec![quote("k", "first"), quote("k", "second"), note("k", "first")]),
            done_with(&pages[1], vec![quote("k", "third"), note("k", "second")]),
        ];
        session.flush(&batch).await.unwrap();
        assert_eq!(stored.query("SELECT author, source_url FROM quotes"), [["third", "http://a.example/2"]]);
        session.flush(&[done_with(&pages[2], vec![quote("k", "fourth"), note("k", "last")])]).await.unwrap();
        assert_eq!(stored.query("SELECT author, source_url FROM quotes"), [["fourth", "http://a.example/3"]]);
        let notes = stored.query("SELECT data, url FROM crawl_items");
        assert_eq!((notes.len(), notes[0][1].as_str()), (1, "http://a.example/3"));
        let data: serde_json::Value = serde_json::from_str(&notes[0][0]).unwrap();
        assert_eq!(data, serde_json::json!({"text": "k", "author": "last"}));
    });
}

fn a_dead_page_keeps_its_requests_and_its_items(stored: &Stored) {
    run(async {
        let (page, next) = (request("page"), request("next"));
        let session = Session::begin(stored, std::slice::from_ref(&page)).await;
        let items = vec![quote("x", "a"), note("y\0", "b"), remark(3)];
        let mut outcome = PageOutcome { items, ..discovers(&page, std::slice::from_ref(&next)) };
        outcome.kill(Reason::StoreRefused, "a row was refused", Some("22P02"));
        let receipt = session.flush(&[outcome]).await.unwrap();
        assert_eq!(receipt.pages, [(page.fingerprint, PageState::Dead)]);
        assert_eq!(receipt.new_requests, [next.fingerprint]);
        assert_eq!(states(stored), [("page".into(), "dead".into()), ("next".into(), "queued".into())].into());
        let letters = "SELECT item_type, url, error, sqlstate FROM crawl_dead_letters ORDER BY item_type";
        let url = page.request.url().as_str();
        let row = |item_type| [item_type, url, "a row was refused", "22P02"].map(str::to_owned).to_vec();
        assert_eq!(stored.query(letters), [row("note"), row("quote"), row("remark")]);
        let payload = &stored.query("SELECT payload FROM crawl_dead_letters WHERE item_type = 'note'")[0][0];
        let payload: serde_json::Value = serde_json::from_str(payload).unwrap();
        assert_eq!(payload, serde_json::json!({"text": "y\u{fffd}", "author": "b"}));
        assert_eq!(stored.count("SELECT count(*) FROM quotes"), 0);
        assert_eq!(stored.count("SELECT count(*) FROM crawl_items"), 0);
        let summary =
            session.store.summary(session.key().run_id, std::slice::from_ref(&*QUOTE)).await.unwrap();
        assert_eq!(summary.dead_letters, 3);
    });
}

fn a_quarantined_item_leaves_its_page_done(stored: &Stored) {
    run(async {
        let page = request("page");
        let session = Session::begin(stored, std::slice::from_ref(&page)).await;
        let mut outcome = done_with(&page, vec![quote("good", "a")]);
        outcome.dead_letters.push(dragline_core::DeadLetter::of(quote("bad", "b"), "no author", None));
        session.flush(&[outcome]).await.unwrap();
        assert_eq!(states(stored)["page"], "done");
        assert_eq!(stored.query("SELECT text FROM quotes"), [["good"]]);
        assert_eq!(stored.query("SELECT error, sqlstate FROM crawl_dead_letters"), [["no author", "NULL"]]);
    });
}

fn failed_and_skipped_pages_keep_their_reason(stored: &Stored) {
    run(async {
        let (failed, skipped, target) = (request("failed"), request("skipped"), request("target"));
        let session = Session::begin(stored, &[failed.clone(), skipped.clone()]).await;
        let mut given_up =
            PageOutcome::failed(&failed, Reason::HttpStatus, "status 503").with_answer(Some(503), 4);
        // One that nobody has cleaned.
        given_up.error = Some("status 503\0".to_owned());
        let mut redirected = PageOutcome::skipped(&skipped, Reason::Redirected, "redirected");
        redirected.requests.push(target);
        session.flush(&[given_up, redirected]).await.unwrap();
        let rows = stored.query("SELECT state, status, attempts, error FROM crawl_requests ORDER BY state");
        assert_eq!(rows[0], ["failed", "503", "4", "status 503\u{fffd}"]);
        assert_eq!(rows[1][..2], ["queued", "NULL"]);
        assert_eq!(rows[2], ["skipped", "NULL", "1", "redirected"]);
    });
}

fn a_refused_row_leaves_nothing_of_its_batch(stored: &Stored) {
    run(async {
        let pages = [request("good"), request("bad")];
        let session = Session::begin(stored, &pages).await;
        execute(stored, "CREATE UNIQUE INDEX one_quote_each ON quotes (author)");
        let good =
            || PageOutcome { requests: vec![request("next")], ..done_with(&pages[0], one_of_each("x")) };
        let bad = done_with(&pages[1], vec![quote("y", "twin"), quote("z", "twin")]);
        let error = session.flush(&[good(), bad]).await.unwrap_err();
        assert!(matches!(&error, StoreError::Refused { sqlstate: Some(_), .. }), "{error:?}");
        assert!(!error.is_retryable());
        assert_eq!(
            states(stored),
            [("good".into(), "queued".into()), ("bad".into(), "queued".into())].into()
        );
        for table in ["quotes", "visits", "crawl_items", "crawl_dead_letters"] {
            assert_eq!(stored.count(&format!("SELECT count(*) FROM {table}")), 0, "{table}");
        }
        // The store goes on as if nothing had been.
        session.flush(&[good()]).await.unwrap();
        assert_eq!(states(stored)["good"], "done");
    });
}

fn what_no_store_takes_is_refused(stored: &Stored) {
    run(async {
        let page = request("page");
        let session = Session::begin(stored, std::slice::from_ref(&page)).await;
        let long_key = "k".repeat(2_601);
        for item in [quote("a\0b", "x"), note("x", "a\0b"), quote(&long_key, "x")] {
            let error = session.flush(&[done_with(&page, vec![item])]).await.unwrap_err();
            assert!(matches!(&error, StoreError::Refused { .. }), "{error:?}");
        }
        let not_a_number =
            ItemRecord { values: vec![Value::Text("x".into()), Value::Float(f64::NAN)], ..note("", "") };
        let error = session.flush(&[done_with(&page, vec![not_a_number])]).await.unwrap_err();
        assert!(error.to_string().contains("note.author"), "{error}");
        // The digest of a key is indexed where there is no table, and the longest key of a table fits into every index.
        let (mut state, mut noise) = (7_u64, String::new());
        while noise.len() < 2_600 - 2 {
            // Characters that no compression makes shorter.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            noise.extend(char::from_u32(0x4e00 + u32::try_from(state >> 50).unwrap()));
        }
        let items = vec![quote(&noise, "x"), note(&noise.repeat(10), "x")];
        let receipt = session.flush(&[done_with(&page, items)]).await.unwrap();
        assert_eq!((receipt.pages.len(), receipt.items), (1, 2));
    });
}
