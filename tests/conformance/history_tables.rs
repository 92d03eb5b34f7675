//! The tables of histories are created, and compared with the item's own tables, before the first request.

use dragline_core::StoreError;
use dragline_store::{StoreSettings, open_admin};

use super::fixture::{connected, execute, prepared, run};
use super::history::{BOOK, Nights, versions};
use crate::stored::{Stored, on_both_stores};

on_both_stores!(a_table_of_versions_is_compared_with_its_rows, a_history_is_made_printed_and_checked,);

fn a_table_of_versions_is_compared_with_its_rows(stored: &Stored) {
    run(async { prepared(stored, std::slice::from_ref(&*BOOK)).await.close().await });
    let told_and_mended = |change: &str, parts: &[&str]| {
        execute(stored, change);
        run(async {
            let store = connected(stored).await;
            let error = store.prepare_items(std::slice::from_ref(&*BOOK)).await.unwrap_err();
            let StoreError::Schema { problem, remedy } = &error else { panic!("{error:?}") };
            for part in parts {
                assert!(problem.contains(part), "no {part:?} in {problem:?}");
            }
            execute(stored, remedy);
            let mended = store.prepare_items(std::slice::from_ref(&*BOOK)).await;
            mended.unwrap_or_else(|error| panic!("{error}\nafter the remedy\n{remedy}"));
            store.close().await;
        });
    };
    told_and_mended("ALTER TABLE books_history DROP COLUMN price", &["books_history", "price"]);
    told_and_mended("ALTER TABLE books_history DROP COLUMN valid_from", &["books_history", "valid_from"]);
    let as_integer =
        "ALTER TABLE books_history DROP COLUMN title; ALTER TABLE books_history ADD COLUMN title integer";
    told_and_mended(as_integer, &["books_history", "title"]);
    let without_key = "CREATE TABLE copy AS SELECT * FROM books_history; DROP TABLE books_history;
        ALTER TABLE copy RENAME TO books_history";
    told_and_mended(without_key, &["books_history", "unique", "isbn, replaced_by_run"]);
    // A history that a person has narrowed would make a page dead whose old row doesn't fit.
    if matches!(stored, Stored::Postgres(_)) {
        let narrow = "ALTER TABLE books_history ALTER COLUMN title TYPE varchar(2)";
        told_and_mended(narrow, &["books_history", "character varying(2), and the rows have text"]);
    } else {
        execute(stored, "DROP TABLE books_history; DROP TABLE books_history_old; DROP TABLE books");
        run(async { prepared(stored, std::slice::from_ref(&*BOOK)).await.close().await });
        let wide = "DROP TABLE books; CREATE TABLE books (isbn TEXT NOT NULL UNIQUE, price TEXT, title ANY,
             run_id INTEGER NOT NULL, source_url TEXT NOT NULL, scraped_at TEXT NOT NULL) STRICT";
        told_and_mended(wide, &["books_history: column title is TEXT, and the rows have ANY"]);
    }
}

fn a_history_is_made_printed_and_checked(stored: &Stored) {
    run(async {
        let items = [BOOK.to_builder().without_auto_create().build().unwrap()];
        let admin = open_admin(&stored.url(), &StoreSettings::default()).unwrap();
        admin.apply(&[]).await.unwrap();
        let error = admin.check(&items).await.unwrap_err();
        let (told, remedy) = (error.to_string(), error.hint().unwrap_or_default().to_owned());
        assert!(told.contains("table books_history is missing, which holds the history of books"), "{told}");
        execute(stored, &remedy);
        admin.check(&items).await.unwrap();
        execute(stored, "DROP TABLE books_history");
        let made = admin.apply(&items).await.unwrap();
        assert_eq!(made, ["created the table books_history"]);
        admin.check(&items).await.unwrap();
        let printed = admin.ddl(&items).unwrap();
        assert!(printed.contains("CREATE TABLE \"books_history\" ("), "{printed}");
        admin.close().await;
        // A person may have made the rows' columns wider. Then those of the versions are as wide.
        let wide = match stored {
            Stored::Postgres(_) => "ALTER TABLE books ALTER COLUMN title TYPE varchar(500)",
            Stored::Sqlite(_) => {
                "DROP TABLE books; CREATE TABLE books (isbn TEXT NOT NULL UNIQUE, price TEXT, title ANY,
                 run_id INTEGER NOT NULL, source_url TEXT NOT NULL, scraped_at TEXT NOT NULL) STRICT"
            }
        };
        execute(stored, &format!("DROP TABLE books_history; {wide}"));
        let nights = Nights::of(stored, "books", false).await;
        nights.night(&[&[("a", 1, "A")]]).await;
        nights.night(&[&[("a", 1, "B")]]).await;
        assert_eq!(versions(stored), [["a", "1", "A", "1", "2", "title"]]);
    });
}
