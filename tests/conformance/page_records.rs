//! Records of pages: kept by an incremental run in the transaction of the page, and read by the next one.

use std::collections::BTreeMap;

use dragline_core::earlier::{Validators, body_hash};
use dragline_core::letters::LetterRetry;
use dragline_core::outcome::PageState;
use dragline_core::store::{RunSpec, RunState};
use dragline_core::{
    ColumnType, DeadLetter, ItemRecord, ItemType, PageOutcome, PageRecord, ParserVersion, QueuedRequest,
    Reason, Request, Value,
};
use dragline_store::{StoreSettings, open_runs};

use super::fixture::{RUN, Session, done, done_with, ended, everything, prepared, request, run, spec};
use super::item_types::{NOTE, QUOTE, all_types, note, quote, visit};
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    the_next_run_reads_what_a_run_recorded,
    a_page_that_is_not_done_is_not_recorded,
    a_visit_without_a_question_is_no_check,
    rows_that_are_as_they_were_are_not_written_but_belong_to_the_run,
    a_row_whose_page_is_gone_does_not_belong_to_the_run,
    an_item_on_two_pages_belongs_to_a_run_that_saw_one_of_them,
    keys_of_every_kind_are_found_again,
    pages_that_disagree_about_an_item_are_always_parsed,
    the_stored_items_of_a_dead_page_count_as_seen,
    an_old_letter_does_not_replace_a_row_that_later_runs_have_seen,
    a_run_without_records_removes_those_of_its_pages,
    a_repeated_batch_counts_a_visit_once,
);

fn incremental(start: &[QueuedRequest]) -> RunSpec {
    RunSpec { incremental: true, start: start.to_vec(), ..spec() }
}

fn parser() -> ParserVersion {
    ParserVersion::from_bytes(&[7; 16]).unwrap()
}

fn validators(etag: &str) -> Validators {
    Validators { etag: Some(etag.to_owned()), last_modified: None }
}

/// A page that was parsed, with this body.
fn parsed(of: &QueuedRequest, body: &str, items: Vec<ItemRecord>) -> PageOutcome {
    let link = Request::get("http://a.example/linked").unwrap().with_tag("list").with_meta("rank", 1);
    let record = PageRecord::Parsed {
        tag: "detail".to_owned(),
        validators: validators(body),
        body_hash: body_hash(body.as_bytes()),
        parser: parser(),
        links: vec![link],
    };
    PageOutcome { record: Some(Box::new(record)), ..done_with(of, items) }
}

fn unchanged(of: &QueuedRequest, etag: &str) -> PageOutcome {
    PageOutcome::as_before(of, Reason::Unchanged, PageRecord::Unchanged(validators(etag)))
}

fn fresh(of: &QueuedRequest) -> PageOutcome {
    PageOutcome::as_before(of, Reason::Fresh, PageRecord::Fresh)
}

/// Ends a session's run as finished.
async fn finish(session: Session) {
    session.store.end_run(session.key(), RunState::Finished, "finished").await.unwrap();
    session.store.close().await;
}

/// One incremental run in which these outcomes are flushed. Returns its id.
async fn night(stored: &Stored, start: &[QueuedRequest], outcomes: &[PageOutcome]) -> i64 {
    let session = Session::open(stored, &incremental(start)).await;
    session.flush(outcomes).await.unwrap();
    let run_id = session.key().run_id;
    finish(session).await;
    run_id
}

/// How many items of each type a run has seen, by its summary, by its figures and by an export.
async fn seen(stored: &Stored, run_id: i64, item: &ItemType) -> [u64; 3] {
    let store = prepared(stored, &all_types()).await;
    let summary = store.summary(run_id, std::slice::from_ref(item)).await.unwrap();
    let mut exported = 0;
    let mut each = |_| {
        exported += 1;
        Ok(())
    };
    store.read_items(run_id, "spider", item, &mut each).await.unwrap();
    store.close().await;
    let runs = open_runs(&stored.url(), &StoreSettings::default()).unwrap();
    runs.reach().await.unwrap();
    let figures = runs.inspect_run(run_id, &all_types()).await.unwrap();
    let of_type = |items: &[(String, Option<u64>)]| {
        items.iter().find(|(name, _)| name == item.name()).and_then(|(_, rows)| *rows).unwrap_or_default()
    };
    [summary.items[0].1, of_type(&figures.items), exported]
}

fn the_next_run_reads_what_a_run_recorded(stored: &Stored) {
    run(async {
        let page = request("1");
        night(stored, std::slice::from_ref(&page), &[parsed(&page, "one", vec![])]).await;
        let session = Session::open(stored, &incremental(std::slice::from_ref(&page))).await;
        let refilled = session.refill(&everything()).await;
        let earlier = &refilled.earlier[&page.fingerprint];
        assert_eq!((&earlier.validators, earlier.parser), (&validators("one"), parser()));
        assert_eq!((earlier.body_hash, earlier.changes), (body_hash(b"one"), 0));
        assert_eq!(earlier.first_at, earlier.checked_at);
        let unknown = request("unknown").fingerprint;
        let kept = session.store.links(session.key(), &[page.fingerprint, unknown]).await.unwrap();
        let link = Request::get("http://a.example/linked").unwrap().with_tag("list").with_meta("rank", 1);
        assert_eq!(kept, BTreeMap::from([(page.fingerprint, vec![link])]));
        // A request that is found on the way has its record in the receipt.
        let found = page.child(Request::get("http://a.example/2").unwrap(), 0);
        let receipt = session
            .flush(&[PageOutcome { requests: vec![found.clone()], ..unchanged(&page, "one, again") }])
            .await
            .unwrap();
        assert!(receipt.earlier.is_empty(), "nobody has seen it");
        session.flush(&[parsed(&found, "two", vec![])]).await.unwrap();
        finish(session).await;
        let session = Session::open(stored, &incremental(std::slice::from_ref(&page))).await;
        let changed = [PageOutcome { requests: vec![found.clone()], ..parsed(&page, "changed", vec![]) }];
        let receipt = session.flush(&changed).await.unwrap();
        assert_eq!(receipt.earlier[&found.fingerprint].validators, validators("two"));
        finish(session).await;
        let visits = "SELECT checks, changes, run_id FROM crawl_page_visits ORDER BY checks";
        assert_eq!(stored.query(visits), [["1", "0", "2"], ["3", "1", "3"]]);
        let etags = stored.query("SELECT etag, tag FROM crawl_pages ORDER BY etag");
        assert_eq!(etags, [["changed", "detail"], ["two", "detail"]]);
    });
}

fn a_page_that_is_not_done_is_not_recorded(stored: &Stored) {
    run(async {
        let pages = ["failed", "skipped", "dead"].map(request);
        let states = [PageState::Failed, PageState::Skipped, PageState::Dead];
        let outcomes: Vec<PageOutcome> = pages
            .iter()
            .zip(states)
            .map(|(page, state)| PageOutcome {
                record: parsed(page, "x", vec![]).record,
                ..ended(page, state)
            })
            .collect();
        night(stored, &pages, &outcomes).await;
        assert_eq!(stored.count("SELECT count(*) FROM crawl_pages"), 0);
        assert_eq!(stored.count("SELECT count(*) FROM crawl_page_visits"), 0);
    });
}

fn a_visit_without_a_question_is_no_check(stored: &Stored) {
    run(async {
        let page = request("1");
        let start = std::slice::from_ref(&page);
        night(stored, start, &[parsed(&page, "one", vec![])]).await;
        let checked = stored.query("SELECT checked_at FROM crawl_page_visits");
        let second = night(stored, start, &[fresh(&page)]).await;
        assert_eq!(stored.query("SELECT checked_at FROM crawl_page_visits"), checked);
        let visits = stored.query("SELECT run_id, checks, changes FROM crawl_page_visits");
        assert_eq!(visits, [[second.to_string(), "1".to_owned(), "0".to_owned()]]);
        let pages = stored.query("SELECT state, reason FROM crawl_requests ORDER BY run_id");
        assert_eq!(pages, [["done", "NULL"], ["done", "fresh"]]);
    });
}

fn rows_that_are_as_they_were_are_not_written_but_belong_to_the_run(stored: &Stored) {
    run(async {
        let pages = ["1", "2"].map(request);
        let items =
            |author: &str| vec![quote("a", "x"), quote("b", author), note("a", "x"), note("b", author)];
        let first = night(
            stored,
            &pages,
            &[parsed(&pages[0], "1", items("y")), parsed(&pages[1], "2", vec![visit(1)])],
        )
        .await;
        let rows = "SELECT text, author, run_id FROM quotes ORDER BY text";
        let times = "SELECT scraped_at FROM quotes WHERE text = 'a'";
        let time = stored.query(times);
        // The first page is another one, with one item that has changed. The second page is as it was.
        let session = Session::open(stored, &incremental(&pages)).await;
        let outcomes = [parsed(&pages[0], "1b", items("z")), unchanged(&pages[1], "2")];
        let receipt = session.flush(&outcomes).await.unwrap();
        let second = session.key().run_id;
        assert_eq!((receipt.items, receipt.tables["quotes"], receipt.tables["crawl_items"]), (2, 1, 1));
        finish(session).await;
        let (one, two) = (first.to_string(), second.to_string());
        assert_eq!(stored.query(rows), [["a", "x", one.as_str()], ["b", "z", two.as_str()]]);
        assert_eq!(stored.query(times), time);
        let shared = "SELECT item_key, run_id FROM crawl_items ORDER BY item_key";
        assert_eq!(stored.query(shared), [["a", one.as_str()], ["b", two.as_str()]]);
        for item in [&*QUOTE, &*NOTE] {
            assert_eq!(seen(stored, second, item).await, [2, 2, 2], "{}", item.name());
        }
        // In the third night nothing has changed.
        let third = night(stored, &pages, &[unchanged(&pages[0], "1b"), fresh(&pages[1])]).await;
        assert_eq!(stored.query(rows), [["a", "x", one.as_str()], ["b", "z", two.as_str()]]);
        for item in [&*QUOTE, &*NOTE] {
            assert_eq!(seen(stored, third, item).await, [2, 2, 2], "{}", item.name());
        }
        let keys = stored
            .query("SELECT item_type, item_key, first_run FROM crawl_item_keys ORDER BY item_type, item_key");
        assert_eq!(
            keys,
            [["note", "a", &one], ["note", "b", &one], ["quote", "a", &one], ["quote", "b", &one]]
        );
    });
}

fn a_row_whose_page_is_gone_does_not_belong_to_the_run(stored: &Stored) {
    run(async {
        let pages = ["1", "2"].map(request);
        night(
            stored,
            &pages,
            &[
                parsed(&pages[0], "1", vec![quote("a", "x"), quote("b", "x")]),
                parsed(&pages[1], "2", vec![quote("c", "x")]),
            ],
        )
        .await;
        // The first page has lost an item. The second one is gone.
        let outcomes = [parsed(&pages[0], "1b", vec![quote("a", "x")]), ended(&pages[1], PageState::Failed)];
        let second = night(stored, &pages, &outcomes).await;
        assert_eq!(seen(stored, second, &QUOTE).await, [1, 1, 1]);
        assert_eq!(stored.count("SELECT count(*) FROM quotes"), 3, "the rows stay");
    });
}

fn an_item_on_two_pages_belongs_to_a_run_that_saw_one_of_them(stored: &Stored) {
    run(async {
        let pages = ["1", "2"].map(request);
        let both = || vec![quote("a", "x"), note("a", "x")];
        night(stored, &pages, &[parsed(&pages[0], "1", both()), parsed(&pages[1], "2", both())]).await;
        let second =
            night(stored, &pages, &[unchanged(&pages[0], "1"), ended(&pages[1], PageState::Failed)]).await;
        assert_eq!(seen(stored, second, &QUOTE).await, [1, 1, 1]);
        assert_eq!(seen(stored, second, &NOTE).await, [1, 1, 1]);
        let third =
            night(stored, &pages, &[ended(&pages[0], PageState::Failed), unchanged(&pages[1], "2")]).await;
        assert_eq!(seen(stored, third, &QUOTE).await, [1, 1, 1]);
    });
}

fn keys_of_every_kind_are_found_again(stored: &Stored) {
    run(async {
        let kinds = [
            (
                "t",
                ColumnType::Text,
                vec![Value::Text("ü \"quoted\" \\ back\u{1}\n\t/".into()), Value::Text(String::new())],
            ),
            ("s", ColumnType::SmallInt, vec![Value::Int(-3)]),
            ("i", ColumnType::Integer, vec![Value::Int(0)]),
            ("b", ColumnType::BigInt, vec![Value::Int(i64::MAX)]),
            ("o", ColumnType::Boolean, vec![Value::Bool(true), Value::Bool(false)]),
            (
                "n",
                ColumnType::Numeric,
                ["1.50", "-0.00", "100", "0.000100", "79228162514264337593543950335"]
                    .map(|text| Value::Decimal(text.parse().unwrap()))
                    .to_vec(),
            ),
            (
                "d",
                ColumnType::Date,
                ["0001-02-03", "2026-11-30", "9999-12-31"]
                    .map(|text| Value::Date(text.parse().unwrap()))
                    .to_vec(),
            ),
            (
                "m",
                ColumnType::Timestamp,
                ["2026-11-30T01:02:03.000004Z", "0001-01-01T00:00:00Z"]
                    .map(|text| Value::Timestamp(text.parse().unwrap()))
                    .to_vec(),
            ),
        ];
        let mut types = Vec::new();
        let mut items = Vec::new();
        for (name, kind, values) in &kinds {
            let one = ItemType::builder(format!("one_{name}"))
                .with_table(format!("one_{name}"))
                .with_column("k", *kind)
                .with_key(["k"])
                .build()
                .unwrap();
            items.extend(
                values.iter().map(|value| ItemRecord { item_type: one.clone(), values: vec![value.clone()] }),
            );
            types.push((one, values.len() as u64));
        }
        let mut all = ItemType::builder("all_kinds").with_table("all_kinds");
        for (name, kind, _) in &kinds {
            all = all.with_column(*name, *kind);
        }
        let all = all.with_key(kinds.iter().map(|(name, ..)| *name)).build().unwrap();
        items.push(ItemRecord {
            item_type: all.clone(),
            values: kinds.iter().map(|(_, _, values)| values[0].clone()).collect(),
        });
        types.push((all, 1));
        let names: Vec<ItemType> = types.iter().map(|(item, _)| item.clone()).collect();
        let page = request("1");
        let start = std::slice::from_ref(&page);
        for outcome in [parsed(&page, "1", items), unchanged(&page, "1")] {
            let store = prepared(stored, &names).await;
            store.lock_run(RUN, super::fixture::PATIENCE).await.unwrap();
            let opened = store.open_run(&incremental(start)).await.unwrap();
            store.flush(&opened.key, &[outcome]).await.unwrap();
            let summary = store.summary(opened.key.run_id, &names).await.unwrap();
            let expected: Vec<(String, u64)> =
                types.iter().map(|(item, count)| (item.name().to_owned(), *count)).collect();
            assert_eq!(summary.items, expected);
            store.end_run(&opened.key, RunState::Finished, "finished").await.unwrap();
            store.close().await;
        }
    });
}

fn a_run_without_records_removes_those_of_its_pages(stored: &Stored) {
    run(async {
        let pages = ["1", "2", "3", "4"].map(request);
        let night_of = |session: Session, outcomes: Vec<PageOutcome>| async move {
            session.flush(&outcomes).await.unwrap();
            finish(session).await;
        };
        let all = pages.iter().enumerate().map(|(at, page)| parsed(page, &(at + 1).to_string(), vec![]));
        night_of(Session::open(stored, &incremental(&pages)).await, all.collect()).await;
        let session = Session::begin(stored, &pages).await;
        assert!(session.refill(&everything()).await.earlier.is_empty(), "it does not want to know");
        // A failed page has changed no row, unless the spider made an item of the failure.
        let mut told = ended(&pages[2], PageState::Failed);
        told.items = vec![quote("failed", "x")];
        let outcomes = vec![
            done(&pages[0]),
            ended(&pages[1], PageState::Failed),
            told,
            ended(&pages[3], PageState::Skipped),
        ];
        night_of(session, outcomes).await;
        assert_eq!(stored.query("SELECT etag FROM crawl_pages ORDER BY etag"), [["2"], ["4"]]);
        let session = Session::open(stored, &incremental(&pages)).await;
        let earlier = session.refill(&everything()).await.earlier;
        assert_eq!(earlier.len(), 2);
        // Nor does a record outlive a page that is done or dead without one, also in an incremental run.
        night_of(session, vec![done(&pages[1]), ended(&pages[3], PageState::Dead)]).await;
        assert_eq!(stored.count("SELECT count(*) FROM crawl_pages"), 0);
    });
}

fn a_repeated_batch_counts_a_visit_once(stored: &Stored) {
    run(async {
        let page = request("1");
        let session = Session::open(stored, &incremental(std::slice::from_ref(&page))).await;
        let outcome = || parsed(&page, "1", vec![quote("a", "x")]);
        session.flush(&[outcome(), outcome()]).await.unwrap();
        session.flush(&[outcome()]).await.unwrap();
        assert_eq!(stored.query("SELECT checks FROM crawl_page_visits"), [["1"]]);
        assert_eq!(stored.count("SELECT count(*) FROM crawl_page_items"), 1);
        finish(session).await;
    });
}

fn pages_that_disagree_about_an_item_are_always_parsed(stored: &Stored) {
    run(async {
        let pages = ["list", "detail", "other"].map(request);
        let outcomes = || {
            [
                parsed(&pages[0], "list", vec![quote("a", "short")]),
                parsed(&pages[1], "detail", vec![quote("a", "in full"), quote("b", "x")]),
                parsed(&pages[2], "other", vec![quote("b", "x")]),
            ]
        };
        let known = async |stored: &Stored| {
            let session = Session::open(stored, &incremental(&pages)).await;
            let earlier = session.refill(&everything()).await.earlier;
            let known: Vec<bool> = pages.iter().map(|page| earlier.contains_key(&page.fingerprint)).collect();
            (session, known)
        };
        night(stored, &pages, &outcomes()).await;
        let (session, pages_known) = known(stored).await;
        assert_eq!(pages_known, [false, false, true], "those that agree need no parse");
        session.flush(&outcomes()).await.unwrap();
        finish(session).await;
        // The list is gone. So nothing contradicts the other page any more, once it has been parsed again.
        let (session, pages_known) = known(stored).await;
        assert_eq!(pages_known, [false, false, true]);
        let [_, detail, _] = outcomes();
        session
            .flush(&[ended(&pages[0], PageState::Failed), detail, unchanged(&pages[2], "other")])
            .await
            .unwrap();
        finish(session).await;
        let (session, pages_known) = known(stored).await;
        assert_eq!(pages_known, [false, true, true]);
        finish(session).await;
    });
}

fn the_stored_items_of_a_dead_page_count_as_seen(stored: &Stored) {
    run(async {
        let page = request("1");
        let start = std::slice::from_ref(&page);
        night(stored, start, &[parsed(&page, "1", vec![quote("a", "x"), note("a", "x")])]).await;
        let mut dead = parsed(&page, "2", vec![quote("a", "x")]);
        dead.state = PageState::Dead;
        let second = night(stored, start, &[dead]).await;
        assert_eq!(seen(stored, second, &QUOTE).await, [1, 1, 1]);
        assert_eq!(seen(stored, second, &NOTE).await, [0, 0, 0]);
        assert_eq!(stored.count("SELECT count(*) FROM crawl_pages"), 0, "the next run parses it again");
    });
}

fn an_old_letter_does_not_replace_a_row_that_later_runs_have_seen(stored: &Stored) {
    run(async {
        let page = request("1");
        let start = std::slice::from_ref(&page);
        night(stored, start, &[parsed(&page, "1", vec![quote("a", "x"), note("a", "x")])]).await;
        let letter = |record: ItemRecord| DeadLetter::of(record, "refused", None);
        let letters = vec![letter(quote("a", "old")), letter(note("a", "old")), letter(quote("new", "y"))];
        let dead = PageOutcome { dead_letters: letters, ..ended(&page, PageState::Dead) };
        let second = night(stored, start, &[dead]).await;
        night(stored, start, &[parsed(&page, "1", vec![quote("a", "x"), note("a", "x")])]).await;
        let store = prepared(stored, &all_types()).await;
        let ids: Vec<i64> = stored
            .query("SELECT letter_id FROM crawl_dead_letters ORDER BY letter_id")
            .iter()
            .map(|row| row[0].parse().unwrap())
            .collect();
        let records = [quote("a", "old"), note("a", "old"), quote("new", "y")];
        let retry = LetterRetry {
            run_id: second,
            epoch: None,
            spider: "spider".into(),
            fingerprint: page.fingerprint,
            url: "http://a.example/1".to_owned(),
            letters: ids.iter().copied().zip(records).collect(),
        };
        let receipt = store.retry_letters(&retry).await.unwrap();
        assert_eq!((receipt.applied, receipt.page_done), (ids, true));
        store.close().await;
        assert_eq!(stored.query("SELECT text, author FROM quotes ORDER BY text"), [["a", "x"], ["new", "y"]]);
        assert_eq!(stored.count("SELECT count(*) FROM crawl_items WHERE run_id = 1"), 1);
    });
}
