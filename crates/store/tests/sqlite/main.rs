//! Tests that only `SQLite` needs: files that are not databases, other writers, files that disappear during the crawl.
//! The promises that every store keeps are shown by the conformance suite at the top of the repository.

#![allow(clippy::unwrap_used)]

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dragline_core::store::{ProcessInfo, RunKey, RunSpec};
use dragline_core::{
    ColumnType, ItemRecord, ItemType, PageOutcome, QueuedRequest, Request, Store, StoreError, Value,
};
use dragline_store::{StoreSettings, open, open_admin};

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(test)
}

fn store(path: &Path) -> Arc<dyn Store> {
    open(&format!("sqlite:{}", path.display()), &StoreSettings::default()).unwrap()
}

fn request(number: usize) -> QueuedRequest {
    QueuedRequest::start(Request::get(format!("http://a.example/{number}")).unwrap(), 0)
}

fn done(number: usize) -> PageOutcome {
    PageOutcome::done(&request(number))
}

/// A connected store that owns a run with a hundred requests.
async fn with_run(path: &Path) -> (Arc<dyn Store>, RunKey) {
    let store = store(path);
    store.connect().await.unwrap();
    let spec = RunSpec {
        name: "run".to_owned(),
        spider: "spider".to_owned(),
        kind: dragline_core::RunKind::Crawl,
        args: serde_json::json!({}),
        start: (0..100).map(request).collect(),
        reparse: None,
        fresh: false,
        force: false,
        after_run: None,
        min_interval: None,
        tally: dragline_core::tally::TallyOf::default(),
        incremental: false,
        keeps_pages: false,
        process: ProcessInfo { pid: 1, hostname: "here".to_owned() },
    };
    let key = store.open_run(&spec).await.unwrap().key;
    (store, key)
}

#[test]
fn a_wrong_place_is_told_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.db");
    std::fs::write(&text, "not a database, although it is quite long").unwrap();
    let missing = folder.path().join("missing/crawl.db");
    for (path, part) in [
        (text.as_path(), "not an SQLite database"),
        (&missing, "there is no folder"),
        (folder.path(), "cannot be opened"),
    ] {
        let error = run(store(path).connect()).unwrap_err();
        assert!(matches!(error, StoreError::Setup { .. }), "{}: {error:?}", path.display());
        assert!(error.to_string().contains(part), "{error}");
        assert!(error.hint().is_some());
    }
    let error = open("sqlite::memory:", &StoreSettings::default()).err().unwrap();
    assert!(error.to_string().contains("memory is not a store") && error.hint().is_some(), "{error}");
}

#[test]
fn a_check_makes_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("crawl.db").display());
    let admin = open_admin(&url, &StoreSettings::default()).unwrap();
    assert!(matches!(run(admin.check(&[])), Err(StoreError::Setup { .. })));
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn tables_of_the_first_version_are_raised() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crawl.db");
    let first = run(async {
        let (store, key) = with_run(&path).await;
        store.close().await;
        key.run_id
    });
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "UPDATE crawl_schema SET version = 1;
             ALTER TABLE crawl_runs DROP COLUMN last_start_at;
             ALTER TABLE crawl_runs RENAME COLUMN ended_at_start TO done_at_start;
             DROP INDEX crawl_dead_letters_page;
             DROP INDEX crawl_requests_not_done;
             DROP TABLE crawl_cookies;
             DROP TABLE crawl_hosts;
             DROP TABLE crawl_suspects;
             DROP TABLE crawl_servers;
             DROP TABLE crawl_schedules;
             DROP TABLE crawl_ticks;
             CREATE INDEX crawl_dead_letters_run ON crawl_dead_letters (run_id);
             ALTER TABLE crawl_runs DROP COLUMN shards;
             ALTER TABLE crawl_runs DROP COLUMN shard_rule;
             ALTER TABLE crawl_runs DROP COLUMN figures;
             ALTER TABLE crawl_runs DROP COLUMN verdict;
             ALTER TABLE crawl_runs DROP COLUMN problems;
             ALTER TABLE crawl_runs DROP COLUMN incremental;
             ALTER TABLE crawl_runs DROP COLUMN kind;
             DROP TABLE crawl_kept_pages;
             DROP TABLE crawl_changes;
             DROP TABLE crawl_item_shares;
             DROP TABLE crawl_bodies;
             DROP TABLE crawl_pages;
             DROP TABLE crawl_page_visits;
             DROP TABLE crawl_page_items;
             DROP TABLE crawl_item_keys;
             ALTER TABLE crawl_requests DROP COLUMN shard;
             ALTER TABLE crawl_requests DROP COLUMN parent;
             ALTER TABLE crawl_requests DROP COLUMN options;
             ALTER TABLE crawl_requests DROP COLUMN reason;
             DROP INDEX crawl_items_key;
             DROP INDEX crawl_items_without_key;
             ALTER TABLE crawl_items DROP COLUMN key_digest;
             ALTER TABLE crawl_items DROP COLUMN fingerprint;
             CREATE UNIQUE INDEX crawl_items_key ON crawl_items (spider, item_type, item_key)",
        )
        .unwrap();
    let error = run(store(&path).connect()).unwrap_err();
    assert!(error.hint().is_some_and(|hint| hint.contains("schema apply")), "{error:?}");
    let admin = open_admin(&format!("sqlite:{}", path.display()), &StoreSettings::default()).unwrap();
    assert_eq!(run(admin.apply(&[])).unwrap(), ["upgraded Dragline's tables from version 1 to 16"]);
    assert_eq!(run(admin.apply(&[])).unwrap(), Vec::<String>::new());
    assert_eq!(run(with_run(&path)).1.run_id, first);
}

#[test]
fn tables_that_a_crawl_uses_are_not_raised() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crawl.db");
    run(async {
        let (crawling, _) = with_run(&path).await;
        crawling.lock_run("run", Duration::ZERO).await.unwrap();
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.execute_batch("UPDATE crawl_schema SET version = 5").unwrap();
        let admin = open_admin(&format!("sqlite:{}", path.display()), &StoreSettings::default()).unwrap();
        let error = admin.apply(&[]).await.unwrap_err();
        assert!(error.to_string().contains("pid 1 on here works on the run \"run\""), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("stop every crawl")), "{error:?}");
        crawling.close().await;
    });
}

#[test]
fn a_table_changed_by_hand_is_told_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crawl.db");
    run(async { with_run(&path).await.0.close().await });
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("ALTER TABLE crawl_requests DROP COLUMN error").unwrap();
    let error = run(store(&path).connect()).unwrap_err();
    assert!(
        matches!(&error, StoreError::Schema { problem, remedy }
        if problem.contains("crawl_requests") && remedy.contains("ADD COLUMN \"error\"")),
        "{error:?}"
    );
    connection.execute_batch(error.hint().unwrap()).unwrap();
    run(store(&path).connect()).unwrap();
    connection.execute_batch("DROP INDEX crawl_runs_unfinished").unwrap();
    let error = run(store(&path).connect()).unwrap_err();
    assert!(error.to_string().contains("crawl_runs_unfinished"), "{error}");
    let admin = open_admin(&format!("sqlite:{}", path.display()), &StoreSettings::default()).unwrap();
    assert_eq!(run(admin.apply(&[])).unwrap(), ["created the index crawl_runs_unfinished"]);
    run(store(&path).connect()).unwrap();
}

#[test]
fn another_writer_is_waited_for_and_then_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crawl.db");
    run(async {
        let (store, key) = with_run(&path).await;
        let other = rusqlite::Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let begun = Instant::now();
        let error = store.flush(&key, &[done(1)]).await.unwrap_err();
        assert!(error.is_retryable(), "{error:?}");
        // Shorter than a stop waits for a cancelled flush.
        assert!(
            begun.elapsed() < dragline_testkit::patience(Duration::from_secs(2)),
            "{:?}",
            begun.elapsed()
        );
        other.execute_batch("COMMIT").unwrap();
        assert_eq!(store.flush(&key, &[done(1)]).await.unwrap().pages.len(), 1);
    });
}

#[test]
fn readers_do_not_hold_a_flush_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crawl.db");
    run(async {
        let (store, key) = with_run(&path).await;
        let reader = rusqlite::Connection::open(&path).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM crawl_requests").unwrap();
        store.flush(&key, &[done(1)]).await.unwrap();
    });
}

#[test]
fn a_database_that_goes_away_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crawl.db");
    run(async {
        let (store, key) = with_run(&path).await;
        store.flush(&key, &[done(1)]).await.unwrap();
        std::fs::rename(&path, folder.path().join("elsewhere.db")).unwrap();
        let error = store.flush(&key, &[done(2)]).await.unwrap_err();
        assert!(error.to_string().contains("moved") && !error.is_retryable(), "{error:?}");
        std::fs::rename(folder.path().join("elsewhere.db"), &path).unwrap();
        store.flush(&key, &[done(2)]).await.unwrap();
    });
}

#[test]
fn a_trigger_that_refuses_a_row_is_a_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crawl.db");
    run(async {
        let (store, key) = with_run(&path).await;
        let other = rusqlite::Connection::open(&path).unwrap();
        other
            .execute_batch(
                "CREATE TRIGGER refuse BEFORE UPDATE ON crawl_requests BEGIN SELECT RAISE(ABORT, 'no'); END",
            )
            .unwrap();
        let error = store.flush(&key, &[done(1)]).await.unwrap_err();
        assert!(matches!(&error, StoreError::Refused { message, .. } if message.contains("no")), "{error:?}");
        other.execute_batch("DROP TRIGGER refuse").unwrap();
        store.flush(&key, &[done(1)]).await.unwrap();
    });
}

#[test]
fn a_close_that_must_wait_can_be_timed_out() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let (store, key) = with_run(&folder.path().join("crawl.db")).await;
        let item = ItemType::builder("page").with_nullable_column("title", ColumnType::Text).build().unwrap();
        let page = PageOutcome {
            items: vec![ItemRecord { item_type: item.clone(), values: vec![Value::Null] }],
            ..done(0)
        };
        store.flush(&key, &[page]).await.unwrap();
        let (reading, is_reading) = tokio::sync::oneshot::channel();
        let (goes_on, waits) = std::sync::mpsc::sync_channel::<()>(1);
        let reader = Arc::clone(&store);
        let slow = tokio::spawn(async move {
            let mut reading = Some(reading);
            let mut each = move |_| {
                reading.take().unwrap().send(()).unwrap();
                waits
                    .recv_timeout(dragline_testkit::patience(Duration::from_secs(20)))
                    .map_err(std::io::Error::other)
            };
            reader.read_items(key.run_id, "spider", &item, &mut each).await
        });
        is_reading.await.unwrap();
        let begun = Instant::now();
        assert!(tokio::time::timeout(Duration::from_millis(100), store.close()).await.is_err());
        assert!(
            begun.elapsed() < dragline_testkit::patience(Duration::from_secs(5)),
            "{:?}",
            begun.elapsed()
        );
        goes_on.send(()).unwrap();
        slow.await.unwrap().unwrap();
        store.close().await;
    });
}
