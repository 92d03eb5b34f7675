//! Cancelled, dropped, closed: whatever ends a flush, nothing is half done and no session is left behind.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dragline_core::StoreError;
use dragline_core::store::OpenedRun;
use dragline_core::{PageOutcome, Store};
use dragline_testkit::{TestDatabase, database, patience};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, NoTls};

use crate::support::{run_of, sessions, spec, store, until, with_quote};

/// Somebody else's session that holds a table until it is dropped.
struct Holder {
    _session: Client,
}

impl Holder {
    async fn of(database: &TestDatabase, table: &str) -> Self {
        let (session, connection) = tokio_postgres::connect(&database.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        session.batch_execute(&format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")).await.unwrap();
        Self { _session: session }
    }
}

type Flushing = JoinHandle<Result<(), StoreError>>;

fn start_flush(store: &Arc<dyn Store>, run: &OpenedRun, outcomes: Vec<PageOutcome>) -> Flushing {
    let (store, key) = (Arc::clone(store), run.key.clone());
    tokio::spawn(async move { store.flush(&key, &outcomes).await.map(drop) })
}

async fn until_waiting(database: &TestDatabase, flushes: usize) {
    let waiting = "SELECT count(*) FROM pg_stat_activity
                   WHERE application_name = 'dragline' AND datname = current_database()
                   AND wait_event_type = 'Lock'";
    until("the flushes wait", || database.value(waiting) == flushes.to_string()).await;
}

#[tokio::test]
async fn a_cancelled_flush_says_so_and_leaves_nothing() {
    let database = database();
    let (store, run) = run_of(&database, 4).await;
    let holder = Holder::of(&database, "quotes").await;
    let first = start_flush(&store, &run, vec![with_quote(0, "a", 1)]);
    let second = start_flush(&store, &run, vec![with_quote(1, "b", 1)]);
    until_waiting(&database, 2).await;
    let begin = Instant::now();
    assert_eq!(store.cancel_flushes().await, 2);
    for flush in [first, second] {
        assert!(matches!(flush.await.unwrap(), Err(StoreError::Cancelled)));
    }
    assert!(begin.elapsed() < patience(Duration::from_secs(10)), "{:?}", begin.elapsed());
    assert_eq!(store.cancel_flushes().await, 0);
    drop(holder);
    assert_eq!(database.value("SELECT count(*) FROM crawl_requests WHERE state = 'queued'"), "4");
    // A cancel is for what was under way, and for nothing that comes after it.
    store.flush(&run.key, &[with_quote(0, "a", 1), with_quote(1, "b", 1)]).await.unwrap();
    assert_eq!(database.value("SELECT count(*) FROM quotes"), "2");
    store.close().await;
    until("no session is left", || sessions(&database) == 0).await;
}

#[tokio::test]
async fn a_dropped_flush_is_given_up_by_the_server_too() {
    let database = database();
    let (store, run) = run_of(&database, 2).await;
    let holder = Holder::of(&database, "quotes").await;
    let flush = start_flush(&store, &run, vec![with_quote(0, "a", 1)]);
    until_waiting(&database, 1).await;
    flush.abort();
    assert!(flush.await.unwrap_err().is_cancelled());
    until_waiting(&database, 0).await;
    let open = "SELECT count(*) FROM pg_stat_activity
                WHERE application_name = 'dragline' AND datname = current_database() AND state LIKE 'idle in transaction%'";
    assert_eq!(database.value(open), "0");
    drop(holder);
    store.flush(&run.key, &[with_quote(0, "a", 1)]).await.unwrap();
    assert_eq!(database.query("SELECT text FROM quotes"), [["a"]]);
    store.close().await;
    until("no session is left", || sessions(&database) == 0).await;
}

#[tokio::test]
async fn a_flush_dropped_anywhere_is_whole_or_nothing() {
    let database = database();
    let (store, run) = run_of(&database, 60).await;
    for number in 0..60 {
        let flush = start_flush(&store, &run, vec![with_quote(number, &format!("q{number}"), 1)]);
        tokio::time::sleep(Duration::from_micros(number as u64 * 60)).await;
        flush.abort();
        let _ = flush.await;
    }
    store.close().await;
    until("no session is left", || sessions(&database) == 0).await;
    let done = database.value("SELECT count(*) FROM crawl_requests WHERE state = 'done'");
    assert_eq!(database.value("SELECT count(*) FROM quotes"), done);
}

#[tokio::test]
async fn a_start_waits_for_the_flush_that_has_checked_its_epoch() {
    let database = database();
    let (old, run) = run_of(&database, 1).await;
    let holder = Holder::of(&database, "quotes").await;
    let flush = start_flush(&old, &run, vec![with_quote(0, "a", 1)]);
    until_waiting(&database, 1).await;
    let new = store(&database.url());
    let starting = tokio::spawn({
        let new = Arc::clone(&new);
        async move { new.open_run(&spec("run", 1)).await }
    });
    until_waiting(&database, 2).await;
    drop(holder);
    flush.await.unwrap().unwrap();
    let started = starting.await.unwrap().unwrap();
    assert_eq!((started.done, started.key.epoch), (1, run.key.epoch + 1));
    old.close().await;
    new.close().await;
}

#[tokio::test]
async fn close_does_not_wait_for_a_flush_that_hangs() {
    let database = database();
    let (store, run) = run_of(&database, 1).await;
    let _holder = Holder::of(&database, "quotes").await;
    let flush = start_flush(&store, &run, vec![with_quote(0, "a", 1)]);
    until_waiting(&database, 1).await;
    let begin = Instant::now();
    store.close().await;
    assert!(begin.elapsed() < patience(Duration::from_secs(10)), "{:?}", begin.elapsed());
    assert!(matches!(flush.await.unwrap(), Err(StoreError::Cancelled)));
    until("no session is left", || sessions(&database) == 0).await;
    assert!(store.flush(&run.key, &[with_quote(0, "a", 1)]).await.is_err());
    store.close().await;
}
