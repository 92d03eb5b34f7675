//! Item types with ids and references: their tables, and what a flush does with parents and children.

use std::sync::Arc;

use dragline::prelude::*;
use dragline_core::letters::is_missing_parent;
use dragline_core::store::RunState;
use dragline_core::{Item, ItemRecord, PageOutcome, QueuedRequest, StoreError};
use dragline_store::{StoreSettings, open_admin};

use super::fixture::{Session, connected, done_with, execute, prepared, request, run};
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    tables_are_made_with_their_references,
    the_printed_schema_makes_them_too,
    a_missing_foreign_key_is_told_with_its_remedy,
    a_table_that_is_made_anew_takes_its_indexes_along,
    a_foreign_key_to_another_table_is_told,
    a_parent_that_nobody_names_is_told,
    a_table_whose_parent_may_not_be_made_waits_for_it,
    parents_and_children_come_in_any_order,
    a_child_without_its_parent_costs_its_page_only,
    rows_refer_to_each_other_in_a_circle,
    flushes_that_share_parents_neither_wait_for_ever_nor_fail,
);

/// How many flushes share their parents here. `DRAGLINE_SHARED_FLUSHES` sets another number.
const SHARED_FLUSHES: usize = 120;

/// By the names of the tables, children come first.
#[derive(Item)]
#[item(table = "shop.a_tracks", id = "artist, title", index = "seconds")]
pub(super) struct Track {
    pub(super) artist: Key<Artist>,
    pub(super) title: String,
    pub(super) seconds: Option<i32>,
    #[item(references = Label)]
    pub(super) label: Option<String>,
}

#[derive(Item)]
#[item(table = "b_artists", id = "name")]
pub(super) struct Artist {
    pub(super) name: String,
    pub(super) alias_of: Option<Key<Artist>>,
    #[item(deferrable)]
    pub(super) best: Option<Key<Track>>,
    pub(super) note: Option<String>,
}

#[derive(Item)]
#[item(table = "c_labels", key = "code")]
pub(super) struct Label {
    code: String,
}

fn types() -> Vec<ItemType> {
    vec![Track::item_type(), Artist::item_type(), Label::item_type()]
}

fn artist(name: &str) -> Artist {
    Artist { name: name.to_owned(), alias_of: None, best: None, note: None }
}

fn track(name: &str, title: &str) -> Track {
    Track { artist: Artist::key_of(name), title: title.to_owned(), seconds: None, label: None }
}

fn label(code: &str) -> ItemRecord {
    Label { code: code.to_owned() }.into_record()
}

/// A store for the tables. A crawl does not create the schema.
fn begin(stored: &Stored) {
    if let Stored::Postgres(_) = stored {
        execute(stored, "CREATE SCHEMA shop");
    }
}

async fn session(stored: &Stored, pages: &[QueuedRequest]) -> Session {
    begin(stored);
    let session = Session::begin(stored, pages).await;
    session.store.prepare_items(&types()).await.unwrap();
    session
}

/// The name of a table as a statement needs it.
fn name(stored: &Stored, table: &str) -> String {
    match stored {
        Stored::Sqlite(_) => format!("\"{table}\""),
        Stored::Postgres(_) => table.to_owned(),
    }
}

fn rows(stored: &Stored, table: &str) -> usize {
    stored.count(&format!("select count(*) from {}", name(stored, table)))
}

/// The foreign keys of these tables: child, column, parent.
fn foreign_keys(stored: &Stored) -> Vec<String> {
    let sql = match stored {
        Stored::Postgres(_) => {
            "select regexp_replace(conrelid::regclass::text, '.*[.]', ''), attname, regexp_replace(confrelid::regclass::text, '.*[.]', '')
             from pg_constraint join pg_attribute on attrelid = conrelid and attnum = conkey[1]
             where contype = 'f' and conrelid::regclass::text !~ 'crawl_' order by 1, 2"
        }
        Stored::Sqlite(_) => {
            "select replace(child.name, 'shop.', ''), \"from\", replace(\"table\", 'shop.', '')
             from sqlite_schema child, pragma_foreign_key_list(child.name)
             where child.type = 'table' and child.name not like 'crawl%' and child.name not like '%_old' order by 1, 2"
        }
    };
    stored.query(sql).into_iter().map(|row| row.join(" ")).collect()
}

const ALL_KEYS: [&str; 4] = [
    "a_tracks artist b_artists",
    "a_tracks label c_labels",
    "b_artists alias_of b_artists",
    "b_artists best a_tracks",
];

fn tables_are_made_with_their_references(stored: &Stored) {
    begin(stored);
    run(async {
        let (one, other) = (connected(stored).await, connected(stored).await);
        // Two processes that start at once do not stumble over each other.
        let types = types();
        let (first, second) = tokio::join!(one.prepare_items(&types), other.prepare_items(&types));
        first.unwrap();
        second.unwrap();
        assert_eq!(foreign_keys(stored), ALL_KEYS);
        let admin = open_admin(&stored.url(), &StoreSettings::default()).unwrap();
        admin.check(&types).await.unwrap();
        assert_eq!(admin.apply(&types).await.unwrap(), Vec::<String>::new(), "nothing is left to do");
    });
    let indexes = match stored {
        Stored::Postgres(_) => {
            "select count(*) from pg_indexes where tablename = 'a_tracks' and (indexdef like '%(artist)' or indexdef like '%(seconds)')"
        }
        Stored::Sqlite(_) => {
            "select count(*) from sqlite_schema where name in ('shop.a_tracks_by_artist', 'shop.a_tracks_by_seconds')"
        }
    };
    assert_eq!(stored.count(indexes), 2);
}

fn the_printed_schema_makes_them_too(stored: &Stored) {
    let admin = open_admin(&stored.url(), &StoreSettings::default()).unwrap();
    execute(stored, &admin.ddl(&types()).unwrap());
    run(async {
        admin.apply(&types()).await.unwrap();
        admin.check(&types()).await.unwrap();
        assert_eq!(foreign_keys(stored), ALL_KEYS);
        admin.close().await;
        prepared(stored, &types()).await.close().await;
    });
}

/// Removes the foreign keys of the tracks.
fn without_keys(stored: &Stored, instead: &str) {
    let sql = match stored {
        Stored::Postgres(_) => format!(
            "ALTER TABLE shop.a_tracks DROP CONSTRAINT a_tracks_artist_fkey;
             ALTER TABLE shop.a_tracks DROP CONSTRAINT a_tracks_label_fkey;{instead}"
        ),
        Stored::Sqlite(_) => format!(
            "PRAGMA foreign_keys = OFF; DROP TABLE \"shop.a_tracks\";
             CREATE TABLE \"shop.a_tracks\" (id TEXT NOT NULL UNIQUE, artist TEXT NOT NULL{instead}, title TEXT NOT NULL,
             seconds INTEGER, label TEXT, run_id INTEGER NOT NULL, source_url TEXT NOT NULL, source_fingerprint BLOB,
             scraped_at TEXT NOT NULL) STRICT"
        ),
    };
    execute(stored, &sql);
}

/// Expects a start-up error with all of `parts`, runs its remedy, and expects none any more.
fn told_and_mended(stored: &Stored, parts: &[&str]) {
    run(async {
        let store = connected(stored).await;
        let error = store.prepare_items(&types()).await.unwrap_err();
        let StoreError::Schema { problem, remedy } = &error else { panic!("{error:?}") };
        for part in parts {
            assert!(problem.contains(part), "no {part:?} in {problem:?}");
        }
        execute(stored, remedy);
        let mended = store.prepare_items(&types()).await;
        mended.unwrap_or_else(|error| panic!("{error}\nafter the remedy\n{remedy}"));
        store.close().await;
    });
    assert_eq!(foreign_keys(stored), ALL_KEYS);
}

fn a_missing_foreign_key_is_told_with_its_remedy(stored: &Stored) {
    begin(stored);
    run(async { prepared(stored, &types()).await.close().await });
    without_keys(stored, "");
    told_and_mended(
        stored,
        &[
            "table shop.a_tracks: column artist has no foreign key to b_artists (id)",
            "column label has no foreign key to c_labels (code)",
        ],
    );
}

/// The remedy of SQLite renames the old table, which then still has the names of the indexes.
fn a_table_that_is_made_anew_takes_its_indexes_along(stored: &Stored) {
    begin(stored);
    run(async { prepared(stored, &types()).await.close().await });
    without_keys(stored, "");
    if let Stored::Sqlite(_) = stored {
        execute(stored, "CREATE INDEX \"shop.a_tracks_by_artist\" ON \"shop.a_tracks\" (artist)");
    }
    told_and_mended(stored, &["column artist has no foreign key"]);
    let by_artist = match stored {
        Stored::Postgres(_) => {
            "select count(*) from pg_indexes where tablename = 'a_tracks' and indexdef like '%(artist)'"
        }
        Stored::Sqlite(_) => {
            "select count(*) from sqlite_schema where name = 'shop.a_tracks_by_artist' and tbl_name = 'shop.a_tracks'"
        }
    };
    assert_eq!(stored.count(by_artist), 1);
}

fn a_foreign_key_to_another_table_is_told(stored: &Stored) {
    begin(stored);
    run(async { prepared(stored, &types()).await.close().await });
    execute(stored, "CREATE TABLE others (id text PRIMARY KEY)");
    let instead = match stored {
        Stored::Sqlite(_) => " REFERENCES others",
        Stored::Postgres(_) => {
            "ALTER TABLE others ALTER COLUMN id TYPE uuid USING id::uuid;
             ALTER TABLE shop.a_tracks ADD CONSTRAINT wrong FOREIGN KEY (artist) REFERENCES others"
        }
    };
    without_keys(stored, instead);
    let told = match stored {
        Stored::Sqlite(_) => "column artist has no foreign key to b_artists (id)",
        Stored::Postgres(_) => "column artist has no foreign key to b_artists (id), but one to others (id)",
    };
    told_and_mended(stored, &[told]);
}

fn a_parent_that_nobody_names_is_told(stored: &Stored) {
    run(async {
        let store = connected(stored).await;
        let error = store.prepare_items(&[Artist::item_type(), Track::item_type()]).await.unwrap_err();
        let StoreError::Setup { problem, hint } = &error else { panic!("{error:?}") };
        assert!(problem.contains("track: its column label refers to the item type label"), "{problem}");
        assert!(hint.contains("items()"), "{hint}");
    });
}

fn a_table_whose_parent_may_not_be_made_waits_for_it(stored: &Stored) {
    begin(stored);
    run(async {
        let store = connected(stored).await;
        let label = Label::item_type().to_builder().without_auto_create().build().unwrap();
        let types = [Track::item_type(), Artist::item_type(), label];
        let error = store.prepare_items(&types).await.unwrap_err();
        let StoreError::Schema { problem, remedy } = &error else { panic!("{error:?}") };
        assert!(problem.contains("table c_labels is missing"), "{problem}");
        execute(stored, remedy);
        store.prepare_items(&types).await.unwrap();
    });
    assert_eq!(foreign_keys(stored), ALL_KEYS);
}

fn parents_and_children_come_in_any_order(stored: &Stored) {
    run(async {
        let pages = [request("one"), request("two")];
        let session = session(stored, &pages).await;
        let on_label = Track { label: Some("W".to_owned()), ..track("BJÖRK ", "Jóga") };
        let outcomes = [
            done_with(&pages[0], vec![on_label.into_record(), artist("Björk").into_record()]),
            done_with(&pages[1], vec![track("Björk", "JÓGA").into_record(), label("W")]),
        ];
        session.flush(&outcomes).await.unwrap();
        assert_eq!((rows(stored, "shop.a_tracks"), rows(stored, "b_artists")), (1, 1));
        let id = track("björk", "jóga").key().to_string();
        assert_eq!(stored.query(&format!("select id from {}", name(stored, "shop.a_tracks"))), [[id]]);
    });
}

fn a_child_without_its_parent_costs_its_page_only(stored: &Stored) {
    run(async {
        let pages = [request("one"), request("two")];
        let session = session(stored, &pages).await;
        let bad = done_with(&pages[0], vec![track("nobody", "a").into_record()]);
        let refused = session.flush(std::slice::from_ref(&bad)).await.unwrap_err();
        let StoreError::Refused { message, sqlstate } = refused else { panic!("{refused}") };
        assert!(is_missing_parent(sqlstate.as_deref()), "{sqlstate:?}");
        let key =
            format!("Key (artist)=({}) is not present in table \"b_artists\"", Artist::key_of("nobody"));
        assert!(message.contains(&key), "{message}");
        let good =
            done_with(&pages[1], vec![track("Björk", "a").into_record(), artist("Björk").into_record()]);
        session.flush(&[good]).await.unwrap();
        assert_eq!(rows(stored, "shop.a_tracks"), 1);
    });
}

fn rows_refer_to_each_other_in_a_circle(stored: &Stored) {
    run(async {
        let pages = [request("one"), request("two")];
        let session = session(stored, &pages).await;
        let hit = track("a", "hit");
        let items = vec![
            Artist { best: Some(hit.key()), alias_of: Some(Artist::key_of("b")), ..artist("a") }
                .into_record(),
            hit.into_record(),
            Artist { alias_of: Some(Artist::key_of("a")), ..artist("b") }.into_record(),
        ];
        session.flush(&[done_with(&pages[0], items)]).await.unwrap();
        assert_eq!(rows(stored, "b_artists"), 2);
        // A check that waits for the end of the transaction still refuses.
        let lost = Artist { best: Some(Track::key_of(Artist::key_of("c"), "lost")), ..artist("c") };
        let refused = session.flush(&[done_with(&pages[1], vec![lost.into_record()])]).await.unwrap_err();
        let StoreError::Refused { message, .. } = refused else { panic!("{refused}") };
        assert!(message.contains("(best)=("), "{message}");
        assert_eq!(rows(stored, "b_artists"), 2);
    });
}

/// Pages of several flushes at once have the same artists, in other orders, some of them changed and some as they were.
fn flushes_that_share_parents_neither_wait_for_ever_nor_fail(stored: &Stored) {
    const OF_A_RUN: usize = 1_000;
    let flushes =
        std::env::var("DRAGLINE_SHARED_FLUSHES").map_or(SHARED_FLUSHES, |text| text.parse().unwrap());
    begin(stored);
    let pages: Vec<_> = (0..flushes).map(|number| request(&number.to_string())).collect();
    for (number, pages) in pages.chunks(OF_A_RUN).enumerate() {
        run(shared_flushes(stored, number * OF_A_RUN, pages.to_vec()));
    }
    assert_eq!(rows(stored, "shop.a_tracks"), 20 * 3);
    let orphans = format!(
        "select count(*) from {} where artist not in (select id from b_artists)",
        name(stored, "shop.a_tracks")
    );
    assert_eq!(stored.count(&orphans), 0);
}

/// A run of these pages, each in a flush of its own.
async fn shared_flushes(stored: &Stored, first: usize, pages: Vec<QueuedRequest>) {
    const AT_ONCE: usize = 3;
    let session = Arc::new(Session::begin(stored, &pages).await);
    session.store.prepare_items(&types()).await.unwrap();
    let lanes = (0..AT_ONCE).map(|lane| {
        let (session, pages) = (Arc::clone(&session), pages.clone());
        tokio::spawn(async move {
            for (number, page) in pages.iter().enumerate().skip(lane).step_by(AT_ONCE) {
                session.flush(&[shared_page(page, first + number, lane)]).await.unwrap();
            }
        })
    });
    for lane in lanes.collect::<Vec<_>>() {
        lane.await.unwrap();
    }
    session.store.end_run(session.key(), RunState::Finished, "finished").await.unwrap();
}

fn shared_page(page: &QueuedRequest, number: usize, lane: usize) -> PageOutcome {
    let mut names: Vec<String> = (0..20).map(|artist| format!("artist {artist}")).collect();
    let parts = names.len();
    names.rotate_left(number % parts);
    if lane == 0 {
        names.reverse();
    }
    let tracks =
        names.iter().flat_map(|name| (0..3).map(move |title| track(name, &format!("title {title}"))));
    let tracks = tracks.map(|track| Track { seconds: i32::try_from(number).ok(), ..track }.into_record());
    let note = number.is_multiple_of(2).then(|| number.to_string());
    let artists = names.iter().map(|name| Artist { note: note.clone(), ..artist(name) }.into_record());
    done_with(page, tracks.chain(artists).collect())
}
