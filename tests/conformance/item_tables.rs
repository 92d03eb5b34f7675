//! Item tables are compared with the database before the first request, and the remedy in the error mends every
//! difference.

use dragline_core::{ColumnType, ItemType, StoreError};
use dragline_store::{StoreSettings, open_admin};

use super::fixture::{connected, execute, prepared, run};
use super::item_types::{QUOTE, VISIT, all_types};
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    missing_tables_are_created_once,
    a_forbidden_table_is_told_with_its_ddl,
    a_missing_column_is_told,
    a_wrong_type_is_told,
    a_missing_unique_index_is_told,
    a_column_that_the_item_cannot_fill_is_told,
    a_column_that_is_narrower_than_the_item_is_told,
    what_fits_is_left_as_it_is,
    all_differences_are_told_at_once,
    names_that_are_no_names_are_refused,
    the_printed_schema_makes_the_tables,
    apply_makes_everything_and_check_agrees,
);

/// Expects a start-up error that names all of `parts`, runs its remedy, and expects none any more.
fn told_and_mended(stored: &Stored, item: ItemType, parts: &[&str]) {
    run(async {
        let store = connected(stored).await;
        let error = store.prepare_items(std::slice::from_ref(&item)).await.unwrap_err();
        let StoreError::Schema { problem, remedy } = &error else { panic!("{error:?}") };
        for part in parts {
            assert!(problem.contains(part), "no {part:?} in {problem:?}");
        }
        assert!(remedy.contains("quotes"), "{remedy}");
        execute(stored, remedy);
        let mended = store.prepare_items(&[item]).await;
        mended.unwrap_or_else(|error| panic!("{error}\nafter the remedy\n{remedy}"));
        store.close().await;
    });
}

/// The table of quotes, made by the store and then changed by hand.
fn changed(stored: &Stored, sql: &str) {
    run(async { prepared(stored, std::slice::from_ref(&*QUOTE)).await.close().await });
    execute(stored, sql);
}

fn missing_tables_are_created_once(stored: &Stored) {
    run(async {
        let (one, other) = (connected(stored).await, connected(stored).await);
        // Two processes that start at once do not stumble over each other.
        let types = all_types();
        let (first, second) = tokio::join!(one.prepare_items(&types), other.prepare_items(&types));
        first.unwrap();
        second.unwrap();
        assert_eq!(stored.count("SELECT count(*) FROM quotes"), 0);
        assert_eq!(stored.count("SELECT count(*) FROM visits"), 0);
    });
}

fn a_forbidden_table_is_told_with_its_ddl(stored: &Stored) {
    told_and_mended(stored, QUOTE.to_builder().without_auto_create().build().unwrap(), &["quotes"]);
}

fn a_missing_column_is_told(stored: &Stored) {
    changed(stored, "ALTER TABLE quotes DROP COLUMN author");
    told_and_mended(stored, QUOTE.clone(), &["quotes", "author"]);
}

fn a_wrong_type_is_told(stored: &Stored) {
    changed(stored, "ALTER TABLE quotes DROP COLUMN author; ALTER TABLE quotes ADD COLUMN author integer");
    told_and_mended(
        stored,
        QUOTE.clone(),
        &["quotes", "author", "integer"].map(|part| {
            if matches!((stored, part), (Stored::Sqlite(_), "integer")) { "INTEGER" } else { part }
        }),
    );
}

fn a_missing_unique_index_is_told(stored: &Stored) {
    let copy =
        "CREATE TABLE copy AS SELECT * FROM quotes; DROP TABLE quotes; ALTER TABLE copy RENAME TO quotes";
    changed(stored, copy);
    told_and_mended(stored, QUOTE.clone(), &["quotes", "text", "unique"]);
}

fn a_column_that_the_item_cannot_fill_is_told(stored: &Stored) {
    let sql = match stored {
        Stored::Postgres(_) => "ALTER TABLE quotes ADD COLUMN language text NOT NULL",
        Stored::Sqlite(_) => {
            "DROP TABLE quotes; CREATE TABLE quotes (text TEXT NOT NULL UNIQUE, author TEXT,
             language TEXT NOT NULL, run_id INTEGER NOT NULL, source_url TEXT NOT NULL,
             scraped_at TEXT NOT NULL) STRICT"
        }
    };
    changed(stored, sql);
    told_and_mended(stored, QUOTE.clone(), &["quotes", "language", "NOT NULL"]);
}

fn a_column_that_is_narrower_than_the_item_is_told(stored: &Stored) {
    let stricter = ItemType::builder("quote").with_table("quotes").with_column("text", ColumnType::Text);
    let stricter = stricter.with_column("author", ColumnType::Text).with_key(["text"]).build().unwrap();
    run(async { prepared(stored, &[stricter]).await.close().await });
    told_and_mended(stored, QUOTE.clone(), &["quotes", "author", "NOT NULL"]);
}

fn what_fits_is_left_as_it_is(stored: &Stored) {
    // More columns, wider ones, other indexes: all of it is the owner's business.
    changed(
        stored,
        "ALTER TABLE quotes ADD COLUMN seen integer;
         ALTER TABLE quotes ADD COLUMN rating integer NOT NULL DEFAULT 3;
         CREATE INDEX by_author ON quotes (author)",
    );
    run(async { prepared(stored, std::slice::from_ref(&*QUOTE)).await.close().await });
    assert_eq!(stored.query("SELECT seen, rating FROM quotes"), Vec::<Vec<String>>::new());
}

fn all_differences_are_told_at_once(stored: &Stored) {
    run(async { prepared(stored, &all_types()).await.close().await });
    execute(stored, "ALTER TABLE quotes DROP COLUMN author; ALTER TABLE visits DROP COLUMN line");
    run(async {
        let store = connected(stored).await;
        let error = store.prepare_items(&all_types()).await.unwrap_err();
        let (told, remedy) = (error.to_string(), error.hint().unwrap_or_default().to_owned());
        for part in ["quotes", "author", "visits", "line"] {
            assert!(told.contains(part) && remedy.contains(part), "no {part:?} in {told:?}, {remedy:?}");
        }
        execute(stored, &remedy);
        store.prepare_items(&all_types()).await.unwrap();
    });
}

fn names_that_are_no_names_are_refused(stored: &Stored) {
    run(async {
        let store = connected(stored).await;
        for table in [
            "quotes; DROP TABLE crawl_runs",
            "crawl_runs",
            "\"",
            "Quotes",
            "a.b.c",
            ".quotes",
            "pg_temp.quotes",
        ] {
            let quote = QUOTE.to_builder().with_table(table);
            assert!(quote.clone().build().is_err(), "{table}");
            // The store doesn't rely on the builder.
            let quote =
                quote.derived([("text", ColumnType::Text, false), ("author", ColumnType::Text, false)]);
            let error = store.prepare_items(&[quote]).await.unwrap_err();
            assert!(matches!(error, StoreError::Setup { .. }), "{table}: {error:?}");
        }
        assert_eq!(stored.count("SELECT count(*) FROM crawl_runs"), 0);
    });
}

fn the_printed_schema_makes_the_tables(stored: &Stored) {
    let admin = open_admin(&stored.url(), &StoreSettings::default()).unwrap();
    execute(stored, &admin.ddl(&all_types()).unwrap());
    run(async {
        // No table is missing, at most the entry of the version.
        admin.apply(&all_types()).await.unwrap();
        admin.check(&all_types()).await.unwrap();
        admin.close().await;
        let store = prepared(
            stored,
            &[&QUOTE, &VISIT].map(|item| item.to_builder().without_auto_create().build().unwrap()),
        )
        .await;
        store.close().await;
    });
}

fn apply_makes_everything_and_check_agrees(stored: &Stored) {
    run(async {
        let items = all_types().map(|item| item.to_builder().without_auto_create().build().unwrap());
        let admin = open_admin(&stored.url(), &StoreSettings::default()).unwrap();
        let told = admin.check(&items).await.unwrap_err();
        assert!(told.hint().is_some(), "{told:?}");
        assert!(!admin.apply(&items).await.unwrap().is_empty());
        admin.check(&items).await.unwrap();
        assert_eq!(admin.apply(&items).await.unwrap(), Vec::<String>::new(), "nothing is left to do");
        admin.close().await;
    });
}
