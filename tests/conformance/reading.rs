//! Items and figures of a run, as exports and reports read them.

use dragline_core::chrono::{DateTime, Utc};
use dragline_core::outcome::PageState;
use dragline_core::value::timestamp_text;
use dragline_core::{ItemType, Reason};
use serde_json::Value as Json;

use super::fixture::{RUN, Session, done_with, ended, request, run};
use super::item_types::{NOTE, QUOTE, REMARK, VISIT, all_types, note, one_of_each, quote, remark, visit};
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    items_come_in_a_fixed_order,
    a_run_has_the_items_that_it_was_the_last_to_see,
    a_summary_counts_what_is_there,
    a_reader_that_fails_ends_the_reading,
);

async fn read(session: &Session, run_id: i64, item: &ItemType, column: &str) -> Vec<Json> {
    let mut values = Vec::new();
    session
        .store
        .read_items(run_id, "spider", item, &mut |row| {
            // RFC 3339, UTC, microseconds, as core writes moments.
            let moment: DateTime<Utc> = row.scraped_at.parse().unwrap();
            assert_eq!(timestamp_text(&moment), row.scraped_at);
            values.push(row.fields[column].clone());
            Ok(())
        })
        .await
        .unwrap();
    values
}

fn items_come_in_a_fixed_order(stored: &Stored) {
    run(async {
        let pages = [request("b"), request("a"), request("c")];
        let session = Session::begin(stored, &pages).await;
        let items = |key: &str, line: i64| {
            vec![
                quote(key, "x"),
                note(key, "x"),
                visit(line),
                visit(line + 1),
                remark(line),
                remark(line + 1),
            ]
        };
        session.flush(&[done_with(&pages[0], items("z", 30))]).await.unwrap();
        session
            .flush(&[done_with(&pages[1], items("B", 10)), done_with(&pages[2], items("a", 50))])
            .await
            .unwrap();
        let run_id = session.key().run_id;
        for keyed in [&QUOTE, &NOTE] {
            // Byte order, whatever the database's language is.
            assert_eq!(read(&session, run_id, keyed, "text").await, ["B", "a", "z"], "{}", keyed.name());
        }
        for keyless in [&VISIT, &REMARK] {
            let mut lines = read(&session, run_id, keyless, "line").await;
            assert_eq!(lines, read(&session, run_id, keyless, "line").await);
            // By page; on a page in whatever order the values give.
            lines.chunks_mut(2).for_each(|page| page.sort_by_key(Json::to_string));
            assert_eq!(lines, [10, 11, 30, 31, 50, 51], "{}", keyless.name());
        }
    });
}

fn a_run_has_the_items_that_it_was_the_last_to_see(stored: &Stored) {
    run(async {
        let pages = [request("1"), request("2")];
        let first = Session::begin(stored, &pages).await;
        first
            .flush(&[done_with(&pages[0], one_of_each("old")), done_with(&pages[1], one_of_each("both"))])
            .await
            .unwrap();
        let reason = dragline_core::store::RunState::Finished;
        first.store.end_run(first.key(), reason, "done").await.unwrap();
        first.store.close().await;
        let second = Session::begin(stored, &pages).await;
        second.flush(&[done_with(&pages[0], one_of_each("both"))]).await.unwrap();
        let (old, new) = (first.key().run_id, second.key().run_id);
        for keyed in [&QUOTE, &NOTE] {
            assert_eq!(read(&second, old, keyed, "text").await, ["old"]);
            assert_eq!(read(&second, new, keyed, "text").await, ["both"]);
        }
        for keyless in [&VISIT, &REMARK] {
            assert_eq!(read(&second, old, keyless, "line").await.len(), 2);
            assert_eq!(read(&second, new, keyless, "line").await.len(), 1);
        }
        // Another spider's items of the same name are another's.
        second.store.read_items(new, "other", &NOTE, &mut |row| panic!("{row:?}")).await.unwrap();
    });
}

fn a_summary_counts_what_is_there(stored: &Stored) {
    run(async {
        let pages = [request("1"), request("2"), request("3"), request("4"), request("5")];
        let session = Session::begin(stored, &pages).await;
        let mut dead = done_with(&pages[2], one_of_each("dead"));
        dead.kill(Reason::StoreRefused, "refused", None);
        let batch = [
            done_with(&pages[0], one_of_each("x")),
            done_with(&pages[1], one_of_each("y")),
            dead,
            ended(&pages[3], PageState::Skipped),
        ];
        session.flush(&batch).await.unwrap();
        let summary = session.store.summary(session.key().run_id, &all_types()).await.unwrap();
        assert_eq!(summary.pages.queued, 1);
        let counts = PageState::ALL.map(|state| summary.pages.of(state));
        assert_eq!(counts, [2, 0, 1, 1]);
        let expected = all_types().map(|item| (item.name().to_owned(), 2));
        assert_eq!(summary.items, expected);
        assert_eq!(summary.dead_letters, 4);
        assert!(session.store.find_run(RUN).await.unwrap().is_some());
    });
}

fn a_reader_that_fails_ends_the_reading(stored: &Stored) {
    run(async {
        let page = request("page");
        let session = Session::begin(stored, std::slice::from_ref(&page)).await;
        session.flush(&[done_with(&page, vec![quote("a", "x"), quote("b", "x")])]).await.unwrap();
        let mut rows = 0;
        let run_id = session.key().run_id;
        let mut full = |_| {
            rows += 1;
            Err(std::io::Error::other("no room"))
        };
        let error = session.store.read_items(run_id, "spider", &QUOTE, &mut full).await.unwrap_err();
        assert!(!error.is_retryable(), "{error:?}");
        assert_eq!(rows, 1);
        assert_eq!(read(&session, run_id, &QUOTE, "text").await.len(), 2);
    });
}
