//! The history of an item type: one version for each run that changed a row, whatever the order of pages.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use dragline_core::store::{OpenedRun, RunKey, RunSpec, RunState};
use dragline_core::{Column, ColumnType, ItemRecord, ItemType, QueuedRequest, Reason, Store, Value};

use super::fixture::{PATIENCE, done_with, execute, prepared, request, run, spec};
use super::letters::{all, retry_as};
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    a_change_leaves_one_version,
    an_incremental_run_leaves_the_same_versions,
    a_run_ends_at_most_one_version_of_a_row,
    a_change_that_is_taken_back_leaves_none,
    the_order_of_pages_makes_no_difference,
    a_flush_that_is_repeated_writes_no_version_twice,
    a_row_that_is_older_than_its_history_has_no_beginning,
    a_letter_that_is_retried_keeps_the_version_before,
    every_type_of_column_is_compared,
    two_runs_that_make_the_same_row_agree_who_was_first,
    flushes_at_once_neither_deadlock_nor_lose_a_version,
);

pub(super) static BOOK: LazyLock<ItemType> = LazyLock::new(|| {
    ItemType::builder("book")
        .with_table("books")
        .with_key(["isbn"])
        .with_column("isbn", ColumnType::Text)
        .with_nullable_column("price", ColumnType::Numeric)
        .with_nullable_column("title", ColumnType::Text)
        .with_history()
        .build()
        .unwrap()
});

/// A book as it is written: key, price and title.
pub(super) type Book = (&'static str, i64, &'static str);

fn book((isbn, price, title): Book) -> ItemRecord {
    let title = Value::Text(title.to_owned());
    ItemRecord { item_type: BOOK.clone(), values: vec![Value::Text(isbn.to_owned()), price_of(price), title] }
}

fn price_of(price: i64) -> Value {
    Value::Decimal(price.into())
}

/// Runs of one name, one after the other.
pub(super) struct Nights {
    store: Arc<dyn Store>,
    name: String,
    incremental: bool,
}

/// A run with pages that are still queued.
struct Night {
    key: RunKey,
    pages: Vec<QueuedRequest>,
}

impl Nights {
    pub(super) async fn of(stored: &Stored, name: &str, incremental: bool) -> Self {
        let store = prepared(stored, std::slice::from_ref(&*BOOK)).await;
        store.lock_run(name, PATIENCE).await.unwrap();
        Self { store, name: name.to_owned(), incremental }
    }

    async fn begin(&self, pages: usize) -> Night {
        let pages: Vec<_> = (0..pages).map(|page| request(&format!("{page}"))).collect();
        let spec = RunSpec {
            name: self.name.clone(),
            start: pages.clone(),
            incremental: self.incremental,
            ..spec()
        };
        let OpenedRun { key, .. } = self.store.open_run(&spec).await.unwrap();
        Night { key, pages }
    }

    async fn flush(&self, night: &Night, page: usize, books: &[Book]) {
        let items = books.iter().copied().map(book).collect();
        self.store.flush(&night.key, &[done_with(&night.pages[page], items)]).await.unwrap();
    }

    async fn end(&self, night: &Night) {
        self.store.end_run(&night.key, RunState::Finished, "finished").await.unwrap();
    }

    /// A night whose pages have these books. Returns its run.
    pub(super) async fn night(&self, pages: &[&[Book]]) -> i64 {
        let night = self.begin(pages.len()).await;
        for (page, books) in pages.iter().enumerate() {
            self.flush(&night, page, books).await;
        }
        self.end(&night).await;
        night.key.run_id
    }
}

/// Key, price, title, run, the run that replaced it and the changed columns of each version.
pub(super) fn versions(stored: &Stored) -> Vec<Vec<String>> {
    let sql = "SELECT isbn, price, title, run_id, replaced_by_run, changed FROM books_history ORDER BY isbn, replaced_by_run";
    let mut rows = stored.query(sql);
    for row in &mut rows {
        row[5] = names(&row[5]);
    }
    rows
}

/// The names in a list of text, as either database writes it.
fn names(list: &str) -> String {
    list.replace(['{', '}', '[', ']', '"', ' '], "")
}

fn rows(stored: &Stored) -> Vec<Vec<String>> {
    stored.query("SELECT isbn, price, title FROM books ORDER BY isbn")
}

fn a_change_leaves_one_version(stored: &Stored) {
    leaves_one_version(stored, false);
}

fn an_incremental_run_leaves_the_same_versions(stored: &Stored) {
    leaves_one_version(stored, true);
}

fn leaves_one_version(stored: &Stored, incremental: bool) {
    run(async {
        let nights = Nights::of(stored, "books", incremental).await;
        nights.night(&[&[("a", 1, "A"), ("b", 2, "B")], &[("c", 3, "C")]]).await;
        assert_eq!(versions(stored), Vec::<Vec<String>>::new(), "new rows have no earlier version");
        nights.night(&[&[("a", 1, "A"), ("b", 3, "B")], &[("c", 4, "Ç")]]).await;
        let second = [["b", "2", "B", "1", "2", "price"], ["c", "3", "C", "1", "2", "price,title"]];
        assert_eq!(versions(stored), second);
        nights.night(&[&[("b", 3, "B"), ("c", 4, "C")]]).await;
        let third = [second[0], second[1], ["c", "4", "Ç", "2", "3", "title"]];
        assert_eq!(versions(stored), third);
        assert_eq!(rows(stored), [["a", "1", "A"], ["b", "3", "B"], ["c", "4", "C"]]);
        let connected = "SELECT count(*) FROM books_history later JOIN books_history earlier
            ON earlier.isbn = later.isbn AND earlier.replaced_by_run = later.run_id
            AND earlier.valid_to = later.valid_from";
        assert_eq!(stored.count(connected), 1, "a version begins when the one before it ends");
        let whole = "SELECT count(*) FROM books_history WHERE valid_from < valid_to";
        assert_eq!(stored.count(whole), 3);
        let written_by =
            |run_id: i64| stored.count(&format!("SELECT count(*) FROM books WHERE run_id = {run_id}"));
        // An incremental run doesn't write a row that is as it was.
        assert_eq!(written_by(3), if incremental { 1 } else { 2 });
    });
}

fn a_run_ends_at_most_one_version_of_a_row(stored: &Stored) {
    run(async {
        let nights = Nights::of(stored, "books", false).await;
        nights.night(&[&[("a", 1, "A")], &[("a", 2, "A")], &[("a", 2, "AA")]]).await;
        assert_eq!(versions(stored), Vec::<Vec<String>>::new(), "the run has made the row itself");
        // First as it was, then another one, and another one again, also within one page.
        nights.night(&[&[("a", 2, "AA")], &[("a", 3, "AA")], &[("a", 9, "x"), ("a", 2, "B")]]).await;
        assert_eq!(versions(stored), [["a", "2", "AA", "1", "2", "title"]]);
    });
}

fn a_change_that_is_taken_back_leaves_none(stored: &Stored) {
    run(async {
        for incremental in [false, true] {
            let nights = Nights::of(stored, &format!("books {incremental}"), incremental).await;
            nights.night(&[&[("a", 1, "A")]]).await;
            let before = versions(stored);
            nights.night(&[&[("a", 2, "B")], &[("a", 1, "A")]]).await;
            assert_eq!(versions(stored), before, "incremental: {incremental}");
            assert_eq!(rows(stored), [["a", "1", "A"]]);
            // And changed for good.
            nights.night(&[&[("a", 2, "B")], &[("a", 1, "A")], &[("a", 1, "B")]]).await;
            assert_eq!(versions(stored).len(), before.len() + 1);
            assert_eq!(versions(stored).last().unwrap()[5], "title");
            nights.night(&[&[("a", 1, "A")]]).await;
        }
    });
}

/// All pages of a night in every order, in one flush each and in one flush for all.
fn the_order_of_pages_makes_no_difference(stored: &Stored) {
    run(async {
        let nights = Nights::of(stored, "books", false).await;
        let pages: [&[Book]; 4] = [
            &[("a", 5, "A"), ("b", 2, "B")],
            &[("b", 2, "B"), ("c", 9, "C")],
            &[("a", 5, "A")],
            &[("d", 1, "D")],
        ];
        let reset: &[Book] = &[("a", 1, "A"), ("b", 2, "B"), ("c", 3, "C")];
        let mut expected: Option<Vec<Vec<String>>> = None;
        for (number, order) in orders(pages.len()).into_iter().enumerate() {
            nights.night(&[reset]).await;
            execute(stored, "DELETE FROM books_history; DELETE FROM books WHERE isbn = 'd'");
            let night = nights.begin(pages.len()).await;
            if number % 2 == 0 {
                for page in &order {
                    nights.flush(&night, *page, pages[*page]).await;
                }
            } else {
                let outcomes = order.iter().map(|page| {
                    done_with(&night.pages[*page], pages[*page].iter().copied().map(book).collect())
                });
                nights.store.flush(&night.key, &outcomes.collect::<Vec<_>>()).await.unwrap();
            }
            nights.end(&night).await;
            let found: Vec<Vec<String>> =
                versions(stored).iter().map(|row| [&row[..3], &row[5..]].concat()).collect();
            assert_eq!(found, *expected.get_or_insert(found.clone()), "{order:?}");
        }
        assert_eq!(expected.unwrap(), [["a", "1", "A", "price"], ["c", "3", "C", "price"]]);
    });
}

fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let last = count - 1;
    let longer =
        |order: Vec<usize>| (0..=order.len()).map(move |at| [&order[..at], &[last], &order[at..]].concat());
    orders(last).into_iter().flat_map(longer).collect()
}

fn a_flush_that_is_repeated_writes_no_version_twice(stored: &Stored) {
    run(async {
        let nights = Nights::of(stored, "books", false).await;
        nights.night(&[&[("a", 1, "A")]]).await;
        let night = nights.begin(2).await;
        for _ in 0..3 {
            nights.flush(&night, 0, &[("a", 2, "A")]).await;
        }
        let before = stored.query("SELECT valid_to FROM books_history");
        nights.flush(&night, 1, &[("a", 2, "A")]).await;
        assert_eq!(versions(stored), [["a", "1", "A", "1", "2", "price"]]);
        assert_eq!(stored.query("SELECT valid_to FROM books_history"), before);
    });
}

fn a_row_that_is_older_than_its_history_has_no_beginning(stored: &Stored) {
    run(async {
        let plain = BOOK.to_builder().without_history().build().unwrap();
        let store = prepared(stored, std::slice::from_ref(&plain)).await;
        store.lock_run("books", PATIENCE).await.unwrap();
        let spec = RunSpec { name: "books".to_owned(), start: vec![request("0")], ..spec() };
        let key = store.open_run(&spec).await.unwrap().key;
        let items = vec![ItemRecord { item_type: plain, ..book(("a", 1, "A")) }];
        store.flush(&key, &[done_with(&request("0"), items)]).await.unwrap();
        store.end_run(&key, RunState::Finished, "finished").await.unwrap();
        store.close().await;

        let nights = Nights::of(stored, "books", false).await;
        nights.night(&[&[("a", 2, "A"), ("b", 1, "B")]]).await;
        assert_eq!(versions(stored), [["a", "1", "A", "NULL", "2", "price"]]);
        nights.night(&[&[("a", 3, "A"), ("b", 2, "B")]]).await;
        let later = [["a", "2", "A", "2", "3", "price"], ["b", "1", "B", "2", "3", "price"]];
        assert_eq!(versions(stored)[1..], later);
        let unknown = "SELECT isbn, replaced_by_run FROM books_history WHERE valid_from IS NULL";
        assert_eq!(stored.query(unknown), [["a", "2"]]);
        // Somebody removes a row, and a run finds it again.
        execute(stored, "DELETE FROM books WHERE isbn = 'b'");
        nights.night(&[&[("b", 7, "B")]]).await;
        assert_eq!(versions(stored).len(), 3, "a row that is made has no version before it");
        nights.night(&[&[("b", 8, "B")]]).await;
        assert_eq!(versions(stored)[3], ["b", "7", "B", "4", "5", "price"]);
    });
}

fn a_letter_that_is_retried_keeps_the_version_before(stored: &Stored) {
    run(async {
        let nights = Nights::of(stored, "books", false).await;
        nights.night(&[&[("a", 1, "A"), ("b", 1, "B")]]).await;
        let night = nights.begin(1).await;
        let mut dead = done_with(&night.pages[0], vec![book(("a", 2, "A")), book(("b", 2, "B"))]);
        dead.kill(Reason::StoreRefused, "refused", Some("23514"));
        nights.store.flush(&night.key, &[dead]).await.unwrap();
        nights.end(&night).await;
        assert_eq!(versions(stored), Vec::<Vec<String>>::new());
        // A later run has changed one of them meanwhile.
        nights.night(&[&[("b", 3, "B")]]).await;
        let letters = nights.store.read_letters(&all()).await.unwrap();
        let retry = retry_as(&letters, std::slice::from_ref(&*BOOK));
        assert_eq!(nights.store.retry_letters(&retry).await.unwrap().applied.len(), 2);
        assert_eq!(rows(stored), [["a", "2", "A"], ["b", "3", "B"]]);
        let expected = [["a", "1", "A", "1", "2", "price"], ["b", "1", "B", "1", "3", "price"]];
        assert_eq!(versions(stored), expected);
        nights.store.retry_letters(&retry).await.unwrap();
        assert_eq!(versions(stored), expected);
    });
}

fn every_type_of_column_is_compared(stored: &Stored) {
    let kinds = [
        ("text", ColumnType::Text, Value::Text("é".into()), Value::Text("É".into())),
        // Names that the statements use themselves.
        ("made_by", ColumnType::Text, Value::Null, Value::Text("x".into())),
        ("spider", ColumnType::Text, Value::Text("x".into()), Value::Null),
        ("small", ColumnType::SmallInt, Value::Int(1), Value::Int(2)),
        ("integer", ColumnType::Integer, Value::Int(1), Value::Int(2)),
        ("big", ColumnType::BigInt, Value::Int(i64::MAX), Value::Int(i64::MAX - 1)),
        ("real", ColumnType::Real, Value::Float(0.1), Value::Float(0.25)),
        ("double", ColumnType::Double, Value::Float(0.1), Value::Float(0.1 + f64::EPSILON)),
        ("boolean", ColumnType::Boolean, Value::Bool(true), Value::Bool(false)),
        ("numeric", ColumnType::Numeric, price_of(1), price_of(2)),
        ("list", ColumnType::TextList, list(&["a", "b"]), list(&["b", "a"])),
        (
            "json",
            ColumnType::Json,
            Value::Json(serde_json::json!({"a": [1]})),
            Value::Json(serde_json::json!({"a": [2]})),
        ),
    ];
    let columns = kinds.iter().map(|(name, kind, ..)| Column::nullable(*name, *kind));
    let item = ItemType::builder("order").with_table("order").with_key(["user", "at"]).with_history();
    let item = item.with_column("user", ColumnType::Text).with_column("at", ColumnType::BigInt);
    let item = item.with_columns(columns).build().unwrap();
    run(async {
        let store = prepared(stored, std::slice::from_ref(&item)).await;
        store.lock_run("orders", PATIENCE).await.unwrap();
        let night = async |values: Vec<Vec<Value>>| {
            let spec = RunSpec { name: "orders".to_owned(), start: vec![request("0")], ..spec() };
            let key = store.open_run(&spec).await.unwrap().key;
            let items = values.into_iter().map(|values| ItemRecord { item_type: item.clone(), values });
            store.flush(&key, &[done_with(&request("0"), items.collect())]).await.unwrap();
            store.end_run(&key, RunState::Finished, "finished").await.unwrap();
        };
        // A row for each column, which changes in that one only; and one that is absent at first, in each.
        let row = |number: usize, of: &dyn Fn(usize) -> Value| -> Vec<Value> {
            let key = [Value::Text("it's".to_owned()), Value::Int(i64::try_from(number).unwrap())];
            key.into_iter().chain((0..kinds.len()).map(of)).collect()
        };
        let first = |at: usize| kinds[at].2.clone();
        let rows = 0..kinds.len();
        let all_first = rows.clone().map(|number| row(number, &first));
        night(all_first.clone().chain([row(99, &|_| Value::Null)]).collect()).await;
        night(all_first.clone().chain([row(99, &|_| Value::Null)]).collect()).await;
        assert_eq!(stored.count("SELECT count(*) FROM order_history"), 0, "nothing has changed");
        let second = rows
            .clone()
            .map(|number| row(number, &|at| if at == number { kinds[at].3.clone() } else { first(at) }));
        night(second.chain([row(99, &first)]).collect()).await;
        let found = stored.query("SELECT changed FROM order_history ORDER BY at");
        let found: Vec<String> = found.iter().map(|row| names(&row[0])).collect();
        let each = kinds.iter().map(|kind| kind.0.to_owned());
        let all: Vec<&str> = kinds.iter().filter(|kind| kind.2 != Value::Null).map(|kind| kind.0).collect();
        assert_eq!(found, each.chain([all.join(",")]).collect::<Vec<_>>());
        // The version has what the row had.
        night(all_first.collect()).await;
        let text = stored.query("SELECT text, big FROM order_history WHERE at = 0 ORDER BY replaced_by_run");
        let big = i64::MAX.to_string();
        assert_eq!(text, [["é", &*big], ["É", &*big]]);
    });
}

fn list(texts: &[&str]) -> Value {
    Value::TextList(texts.iter().map(|text| (*text).to_owned()).collect())
}

fn two_runs_that_make_the_same_row_agree_who_was_first(stored: &Stored) {
    run(async {
        let (one, other) = (Nights::of(stored, "one", false).await, Nights::of(stored, "other", false).await);
        let keys: Vec<String> = (0..200).map(|key| format!("key {key:03}")).collect();
        let books = |price: i64| -> Vec<ItemRecord> {
            let values = |key: &String| vec![Value::Text(key.clone()), price_of(price), Value::Null];
            keys.iter().map(|key| ItemRecord { item_type: BOOK.clone(), values: values(key) }).collect()
        };
        let (first, second) = (one.begin(1).await, other.begin(1).await);
        let pages = [done_with(&first.pages[0], books(1)), done_with(&second.pages[0], books(2))];
        let (left, right) = tokio::join!(
            one.store.flush(&first.key, &pages[..1]),
            other.store.flush(&second.key, &pages[1..])
        );
        left.unwrap();
        right.unwrap();
        // The second one has replaced the row of the first one, which is a change.
        let found = versions(stored);
        assert_eq!(found.len(), keys.len());
        let prices: BTreeMap<String, String> =
            rows(stored).into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
        for version in found {
            let now = &prices[&version[0]];
            assert_ne!(version[1], *now);
            assert_eq!(
                (&version[3], &version[4]),
                (&version[1], now),
                "run 1 wrote 1, and run 2 wrote 2: {version:?}"
            );
        }
    });
}

fn flushes_at_once_neither_deadlock_nor_lose_a_version(stored: &Stored) {
    const ROUNDS: usize = 20;
    const KEYS: i64 = 40;
    run(async {
        let nights = Nights::of(stored, "books", false).await;
        let record = |key: i64, price: i64| {
            let values = vec![Value::Text(format!("{key:02}")), price_of(price), Value::Null];
            ItemRecord { item_type: BOOK.clone(), values }
        };
        let first = nights.begin(1).await;
        let half: Vec<ItemRecord> = (0..KEYS / 2).map(|key| record(key, 0)).collect();
        nights.store.flush(&first.key, &[done_with(&first.pages[0], half)]).await.unwrap();
        nights.end(&first).await;
        let night = nights.begin(2 * ROUNDS).await;
        for round in 0..ROUNDS {
            let flush = |side: usize| {
                let keys: Vec<i64> = if side == 0 { (0..KEYS).collect() } else { (0..KEYS).rev().collect() };
                // Every second round ends with the values before the run.
                let price = if round % 2 == 1 { 0 } else { i64::try_from(side + 1).unwrap() };
                let items = keys.into_iter().map(|key| record(key, price)).collect();
                [done_with(&night.pages[2 * round + side], items)]
            };
            let (left, right) = (flush(0), flush(1));
            let (left, right) =
                tokio::join!(nights.store.flush(&night.key, &left), nights.store.flush(&night.key, &right));
            left.unwrap();
            right.unwrap();
            let kept = versions(stored);
            if round % 2 == 1 {
                assert_eq!(kept, Vec::<Vec<String>>::new(), "round {round}");
            } else {
                assert_eq!(kept.len(), usize::try_from(KEYS / 2).unwrap(), "round {round}");
                assert!(
                    kept.iter().all(|row| row[1] == "0" && row[3] == "1" && row[5] == "price"),
                    "{kept:?}"
                );
            }
        }
    });
}
