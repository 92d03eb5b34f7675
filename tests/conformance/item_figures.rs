//! Both stores give the same figures of a run's columns, for a table of its own and for `crawl_items`.

use std::sync::LazyLock;
use std::time::Duration;

use dragline_core::item_figures::{ColumnFigures, ItemFigures, MAX_SAMPLED_ROWS};
use dragline_core::store::RunSpec;
use dragline_core::{Column, ColumnType, ItemRecord, ItemType, Value};
use serde_json::{Value as Json, json};

use super::fixture::{PATIENCE, RUN, Session, done, done_with, execute, prepared, request, run, spec};
use super::item_types::{REMARK, all_types, note, quote, remark};
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    columns_of_a_table_are_measured,
    columns_of_crawl_items_are_measured,
    only_the_rows_that_the_run_saw_count,
    many_rows_are_sampled,
    it_ends_in_time,
    a_missing_table_has_no_figures,
);

const LIMIT: Duration = Duration::from_secs(30);

/// Names that are words of SQL, and one with a quotation mark, which only a field can have.
static GOODS: LazyLock<ItemType> = LazyLock::new(|| {
    let column = Column::nullable;
    let columns = [
        Column::new("id", ColumnType::BigInt),
        column("order", ColumnType::Text),
        column("small", ColumnType::SmallInt),
        column("double", ColumnType::Double),
        column("price", ColumnType::Numeric),
        column("is_new", ColumnType::Boolean),
        column("day", ColumnType::Date),
        column("at", ColumnType::Timestamp),
        column("tags", ColumnType::TextList),
        column("more", ColumnType::Json),
        column("never", ColumnType::Text),
    ];
    ItemType::builder("goods").with_table("goods").with_key(["id"]).with_columns(columns).build().unwrap()
});

fn goods(id: i64, values: [Value; 9]) -> Vec<Value> {
    std::iter::once(Value::Int(id)).chain(values).chain([Value::Null]).collect()
}

/// Two rows with values, one with what looks like values, and one with none.
fn rows() -> Vec<Vec<Value>> {
    let text = |text: &str| Value::Text(text.to_owned());
    let list = |texts: &[&str]| Value::TextList(texts.iter().map(|text| (*text).to_owned()).collect());
    let nothing = || std::array::from_fn(|_| Value::Null);
    vec![
        goods(
            1,
            [
                text("Grüße 🕷"),
                Value::Int(-7),
                Value::Float(0.5),
                Value::Decimal("3.50".parse().unwrap()),
                Value::Bool(false),
                Value::Date("2026-02-28".parse().unwrap()),
                Value::Timestamp("2026-03-29T01:30:00.5Z".parse().unwrap()),
                list(&["a", "b"]),
                Value::Json(json!({"a": null})),
            ],
        ),
        goods(
            2,
            [
                text("a'b\"c\\d"),
                Value::Int(70),
                Value::Float(-1e300),
                Value::Decimal("12.25".parse().unwrap()),
                Value::Bool(false),
                Value::Date("1999-12-31".parse().unwrap()),
                Value::Timestamp("1969-12-31T23:59:59Z".parse().unwrap()),
                list(&["c"]),
                Value::Json(json!(0)),
            ],
        ),
        goods(
            3,
            [
                text(" \t\n\r\u{a0}"),
                Value::Int(70),
                Value::Null,
                Value::Decimal("-0.5".parse().unwrap()),
                Value::Bool(true),
                Value::Null,
                Value::Null,
                list(&[]),
                Value::Json(json!([])),
            ],
        ),
        goods(4, nothing()),
    ]
}

/// The figures of all columns as they should be, for four rows.
fn expected() -> Vec<(&'static str, ColumnFigures)> {
    let of = |filled: u64, distinct: u64| ColumnFigures {
        rows: 4,
        sampled: 4,
        filled,
        distinct,
        ..ColumnFigures::default()
    };
    let within = |figures: ColumnFigures, least: Json, greatest: Json| ColumnFigures {
        least: Some(least),
        greatest: Some(greatest),
        ..figures
    };
    let long = |figures: ColumnFigures, shortest: u64, longest: u64| ColumnFigures {
        shortest: Some(shortest),
        longest: Some(longest),
        ..figures
    };
    vec![
        ("id", within(of(4, 4), json!(1), json!(4))),
        ("order", long(of(2, 2), 7, 7)),
        ("small", within(of(3, 2), json!(-7), json!(70))),
        ("double", within(of(2, 2), json!(-1e300), json!(0.5))),
        ("price", within(of(3, 3), json!(-0.5), json!(12.25))),
        ("is_new", of(3, 2)),
        ("day", within(of(2, 2), json!("1999-12-31"), json!("2026-02-28"))),
        ("at", within(of(2, 2), json!("1969-12-31T23:59:59.000000Z"), json!("2026-03-29T01:30:00.500000Z"))),
        ("tags", long(of(2, 2), 1, 2)),
        ("more", of(2, 2)),
        ("never", of(0, 0)),
    ]
}

fn columns_of_a_table_are_measured(stored: &Stored) {
    are_measured(stored, &GOODS);
}

fn columns_of_crawl_items_are_measured(stored: &Stored) {
    are_measured(stored, &GOODS.to_builder().without_table().build().unwrap());
}

fn are_measured(stored: &Stored, item: &ItemType) {
    run(async {
        let items = std::slice::from_ref(item);
        let store = prepared(stored, items).await;
        store.lock_run(RUN, PATIENCE).await.unwrap();
        let page = request("page");
        let key = store.open_run(&RunSpec { start: vec![page.clone()], ..spec() }).await.unwrap().key;
        let before = store.item_figures(key.run_id, items, LIMIT).await.unwrap();
        assert_eq!(before["goods"]["id"], ColumnFigures::default(), "without rows");
        let records = rows().into_iter().map(|values| ItemRecord { item_type: item.clone(), values });
        store.flush(&key, &[done_with(&page, records.collect())]).await.unwrap();
        let figures = store.item_figures(key.run_id, items, LIMIT).await.unwrap();
        let columns = &figures["goods"];
        assert_eq!(columns.len(), expected().len());
        for (name, expected) in expected() {
            let mut found = columns[name].clone();
            if item.table().is_none() && name == "at" {
                // The text of an item is kept as it is. Its order is the same.
                found.least = expected.least.clone().filter(|_| found.least.is_some());
                found.greatest = expected.greatest.clone().filter(|_| found.greatest.is_some());
            }
            assert_eq!(found, expected, "{name}");
        }
        store.close().await;
    });
}

/// Figures of one column.
fn column<'a>(figures: &'a ItemFigures, item: &str, name: &str) -> &'a ColumnFigures {
    &figures[item][name]
}

fn only_the_rows_that_the_run_saw_count(stored: &Stored) {
    run(async {
        let pages = ["one", "two"].map(request);
        let first = Session::begin(stored, &pages).await;
        let items = [quote("a", "x"), quote("b", ""), note("a", "x"), note("b", ""), remark(1)];
        first.flush(&[done_with(&pages[0], items.to_vec()), done(&pages[1])]).await.unwrap();
        let read = async |session: &Session| {
            session.store.item_figures(session.key().run_id, &all_types(), LIMIT).await.unwrap()
        };
        let figures = read(&first).await;
        for item in ["quote", "note"] {
            let author = column(&figures, item, "author");
            assert_eq!((author.rows, author.filled, author.distinct), (2, 1, 1), "{item}");
        }
        assert_eq!(column(&figures, "remark", "line").rows, 1);
        assert_eq!(column(&figures, "visit", "line").rows, 0);
        first.store.end_run(first.key(), dragline_core::store::RunState::Finished, "finished").await.unwrap();
        first.store.close().await;

        // The next run sees one of the rows with a key again. That row belongs to it from now on.
        let second = Session::begin(stored, &pages).await;
        second.flush(&[done_with(&pages[0], vec![quote("a", "y"), note("a", "y")])]).await.unwrap();
        let figures = read(&second).await;
        for item in ["quote", "note"] {
            let author = column(&figures, item, "author");
            assert_eq!((author.rows, author.filled), (1, 1), "{item}");
        }
        assert_eq!(column(&figures, "remark", "line").rows, 0);
        second.store.close().await;
    });
}

/// A run with more rows than the sample has.
async fn with_many_rows(stored: &Stored) -> Session {
    let pages = ["one", "two", "three"].map(request);
    let session = Session::begin(stored, &pages).await;
    for (at, page) in (0..).zip(&pages) {
        let lines = (0..5_000).map(|line| remark(5_000 * at + line)).collect();
        session.flush(&[done_with(page, lines)]).await.unwrap();
    }
    session
}

fn many_rows_are_sampled(stored: &Stored) {
    run(async {
        let session = with_many_rows(stored).await;
        let figures = session
            .store
            .item_figures(session.key().run_id, std::slice::from_ref(&*REMARK), LIMIT)
            .await
            .unwrap();
        let line = column(&figures, "remark", "line");
        // Everything else is exact.
        assert_eq!((line.rows, line.filled), (15_000, 15_000));
        assert_eq!((line.least.clone(), line.greatest.clone()), (Some(json!(0)), Some(json!(14_999))));
        assert_eq!((line.sampled, line.distinct), (u64::from(MAX_SAMPLED_ROWS), u64::from(MAX_SAMPLED_ROWS)));
        assert!(line.is_sampled());
        session.store.close().await;
    });
}

fn it_ends_in_time(stored: &Stored) {
    run(async {
        let session = with_many_rows(stored).await;
        let (items, run_id) = ([REMARK.clone()], session.key().run_id);
        let late = session.store.item_figures(run_id, &items, Duration::ZERO).await;
        assert!(late.is_err(), "{late:?}");
        // The store works as before.
        assert!(session.store.item_figures(run_id, &items, LIMIT).await.is_ok());
        session.store.close().await;
    });
}

fn a_missing_table_has_no_figures(stored: &Stored) {
    run(async {
        let session = Session::begin(stored, &[request("page")]).await;
        execute(stored, "DROP TABLE quotes");
        let figures = session.store.item_figures(session.key().run_id, &all_types(), LIMIT).await.unwrap();
        let known: Vec<&str> = figures.keys().map(String::as_str).collect();
        assert_eq!(known, ["note", "remark", "visit"]);
        session.store.close().await;
    });
}
