//! Tables that refer to each other: parents are written first, in a batch and in a retry.

use std::sync::LazyLock;

use dragline_core::letters::{LetterRetry, is_missing_parent};
use dragline_core::{ColumnType, ItemRecord, ItemType, PageOutcome, Reason, StoreError, Value};
use dragline_store::{StoreSettings, open_admin};

use super::fixture::{Session, done_with, execute, request, run};
use super::letters;
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    parents_come_first_in_a_batch_of_many_pages,
    rows_of_one_table_may_refer_to_each_other,
    tables_may_refer_to_each_other_if_their_checks_can_wait,
    a_row_without_its_parent_is_refused_by_name,
    letters_are_applied_parents_first,
);

/// By their names, the children come first.
static BOOK: LazyLock<ItemType> = LazyLock::new(|| {
    let book = ItemType::builder("book").with_table("a_books").with_key(["title"]);
    let book = book.with_column("title", ColumnType::Text).with_nullable_column("author", ColumnType::Text);
    book.build().unwrap()
});

static AUTHOR: LazyLock<ItemType> = LazyLock::new(|| {
    let author = ItemType::builder("author").with_table("b_authors").with_key(["name"]);
    let author =
        author.with_column("name", ColumnType::Text).with_nullable_column("favourite", ColumnType::Text);
    author.build().unwrap()
});

fn book(title: &str, author: &str) -> ItemRecord {
    ItemRecord { item_type: BOOK.clone(), values: vec![title.into(), author.into()] }
}

fn author(name: &str) -> ItemRecord {
    ItemRecord { item_type: AUTHOR.clone(), values: vec![name.into(), Value::Null] }
}

fn author_who_likes(name: &str, favourite: &str) -> ItemRecord {
    ItemRecord { item_type: AUTHOR.clone(), values: vec![name.into(), favourite.into()] }
}

/// Both tables, with these rules on the columns `author` and `favourite`.
fn make(stored: &Stored, of_book: &str, of_author: &str) {
    let (time, end) = match stored {
        Stored::Postgres(_) => ("timestamptz", ""),
        Stored::Sqlite(_) => ("text", " STRICT"),
    };
    let row = format!(
        "run_id {0} NOT NULL, source_url text NOT NULL, scraped_at {time} NOT NULL",
        match stored {
            Stored::Postgres(_) => "bigint",
            Stored::Sqlite(_) => "integer",
        }
    );
    let author = format!(
        "CREATE TABLE b_authors (name text NOT NULL PRIMARY KEY, favourite text{of_author}, {row}){end};"
    );
    let book =
        format!("CREATE TABLE a_books (title text NOT NULL PRIMARY KEY, author text{of_book}, {row}){end};");
    // SQLite knows no ALTER TABLE … ADD CONSTRAINT, and doesn't mind a parent that comes later. Postgres does.
    match stored {
        Stored::Postgres(_) if of_author.contains("a_books") => {
            let plain = author.replace(of_author, "");
            let (constraint, rule) = of_author.split_once("REFERENCES").unwrap();
            let add =
                format!("ALTER TABLE b_authors ADD{constraint}FOREIGN KEY (favourite) REFERENCES{rule};");
            execute(stored, &format!("{plain}{book}{add}"));
        }
        _ => execute(stored, &format!("{author}{book}")),
    }
}

const OF_AUTHOR: &str = " REFERENCES b_authors";

/// A session whose run has these start requests.
async fn session(stored: &Stored, pages: &[dragline_core::QueuedRequest]) -> Session {
    let session = Session::begin(stored, pages).await;
    session.store.prepare_items(&[BOOK.clone(), AUTHOR.clone()]).await.unwrap();
    session
}

fn rows(stored: &Stored, table: &str) -> usize {
    stored.count(&format!("select count(*) from {table}"))
}

fn parents_come_first_in_a_batch_of_many_pages(stored: &Stored) {
    make(stored, OF_AUTHOR, "");
    run(async {
        let pages: Vec<_> = (0..20).map(|number| request(&number.to_string())).collect();
        let session = session(stored, &pages).await;
        // Each page has a book of the next page's author, and the last page has that of the first one.
        let outcome = |(number, page): (usize, _)| {
            let next = (number + 1) % 20;
            done_with(
                page,
                vec![book(&format!("book {number}"), &next.to_string()), author(&number.to_string())],
            )
        };
        let outcomes: Vec<PageOutcome> = pages.iter().enumerate().map(outcome).collect();
        session.flush(&outcomes).await.unwrap();
        assert_eq!((rows(stored, "a_books"), rows(stored, "b_authors")), (20, 20));
    });
}

fn rows_of_one_table_may_refer_to_each_other(stored: &Stored) {
    make(stored, "", " REFERENCES b_authors");
    run(async {
        let pages = [request("one"), request("two")];
        let session = session(stored, &pages).await;
        let outcomes = [
            done_with(&pages[0], vec![author_who_likes("a", "b"), author_who_likes("b", "c")]),
            done_with(&pages[1], vec![author_who_likes("c", "a"), author_who_likes("d", "d")]),
        ];
        session.flush(&outcomes).await.unwrap();
        assert_eq!(rows(stored, "b_authors"), 4);
    });
}

fn tables_may_refer_to_each_other_if_their_checks_can_wait(stored: &Stored) {
    make(
        stored,
        &format!(" CONSTRAINT written_by{OF_AUTHOR} DEFERRABLE"),
        " CONSTRAINT likes REFERENCES a_books DEFERRABLE",
    );
    run(async {
        let page = request("page");
        let session = session(stored, std::slice::from_ref(&page)).await;
        let items = vec![book("emma", "jane"), author_who_likes("jane", "emma")];
        session.flush(&[done_with(&page, items)]).await.unwrap();
        assert_eq!((rows(stored, "a_books"), rows(stored, "b_authors")), (1, 1));
        let admin = open_admin(&stored.url(), &StoreSettings::default()).unwrap();
        admin.check(&[BOOK.clone(), AUTHOR.clone()]).await.unwrap();
    });
}

fn a_row_without_its_parent_is_refused_by_name(stored: &Stored) {
    make(stored, OF_AUTHOR, "");
    run(async {
        let pages = [request("one"), request("two")];
        let session = session(stored, &pages).await;
        let outcomes = [
            done_with(&pages[0], vec![author("jane")]),
            done_with(&pages[1], vec![book("emma", "jane"), book("ulysses", "james")]),
        ];
        let refused = session.flush(&outcomes).await.unwrap_err();
        let StoreError::Refused { sqlstate, .. } = refused else { panic!("{refused}") };
        assert!(is_missing_parent(sqlstate.as_deref()), "{sqlstate:?}");
        assert_eq!((rows(stored, "a_books"), rows(stored, "b_authors")), (0, 0));
    });
}

fn letters_are_applied_parents_first(stored: &Stored) {
    make(stored, OF_AUTHOR, "");
    run(async {
        let page = request("page");
        let session = session(stored, std::slice::from_ref(&page)).await;
        let mut dead = done_with(&page, vec![book("emma", "jane"), author("jane")]);
        dead.kill(Reason::StoreRefused, "no parent", Some("23503"));
        session.flush(&[dead]).await.unwrap();
        let letters = session.store.read_letters(&letters::all()).await.unwrap();
        let retry = LetterRetry {
            epoch: Some(session.key().epoch),
            ..letters::retry_as(&letters, &[BOOK.clone(), AUTHOR.clone()])
        };
        let receipt = session.store.retry_letters(&retry).await.unwrap();
        assert_eq!((receipt.applied.len(), receipt.page_done), (2, true));
        assert_eq!((rows(stored, "a_books"), rows(stored, "b_authors")), (1, 1));
    });
}

#[test]
fn a_circle_that_is_checked_at_once_is_told_with_its_remedy() {
    let stored = Stored::postgres();
    make(&stored, &format!(" CONSTRAINT written_by{OF_AUTHOR}"), " CONSTRAINT likes REFERENCES a_books");
    run(async {
        let page = request("page");
        let session = session(&stored, std::slice::from_ref(&page)).await;
        let items = vec![book("emma", "jane"), author_who_likes("jane", "emma")];
        let outcomes = [done_with(&page, items)];
        session.flush(&outcomes).await.unwrap_err();
        let admin = open_admin(&stored.url(), &StoreSettings::default()).unwrap();
        let types = [BOOK.clone(), AUTHOR.clone()];
        let told = admin.check(&types).await.unwrap_err();
        let StoreError::Schema { problem, remedy } = told else { panic!("{told}") };
        assert!(problem.contains("a_books and b_authors refer to each other"), "{problem}");
        assert!(
            remedy.contains("ALTER TABLE \"a_books\" ALTER CONSTRAINT \"written_by\" DEFERRABLE"),
            "{remedy}"
        );
        execute(&stored, &remedy);
        admin.check(&types).await.unwrap();
        session.store.prepare_items(&types).await.unwrap();
        session.flush(&outcomes).await.unwrap();
        assert_eq!((rows(&stored, "a_books"), rows(&stored, "b_authors")), (1, 1));
    });
}
