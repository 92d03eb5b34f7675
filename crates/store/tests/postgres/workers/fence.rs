//! What workers store, and who may not store anything any more.

use std::sync::Arc;
use std::time::Duration;

use dragline_core::store::workers::{Judged, WorkerState, quota};
use dragline_core::{HostNote, PageOutcome, StoreError};
use dragline_testkit::{TestDatabase, database, patience};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::{
    HOSTS, LONG, Member, PAGES, SHORT, a_process, a_run, connected, is_fenced, request, shard,
    until_answered, with_items,
};
use crate::support::{spec, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_was_declared_dead_stores_nothing_however_late_it_wakes_up() {
    let database = database();
    let run = a_run(&database).await;
    let (sleeper, other) =
        (Member::of(&database, &run, SHORT).await, Member::of(&database, &run, LONG).await);
    let shards: Vec<i16> = (0..1_024).collect();
    let renewed = until_claimed(&sleeper).await;
    assert_eq!(renewed, shards);
    sleeper.flush(&[with_items(0, 0)]).await.unwrap();

    // It is suspended in the middle of a flush: the table of its items is locked, so it waits while it holds its requests.
    let holder = Locked::of(&database, "quotes").await;
    let (store, key) = (Arc::clone(&sleeper.store), sleeper.run.clone());
    let flush = tokio::spawn(async move { store.flush(&key, &[with_items(1, 0), with_items(2, 1)]).await });
    let waits = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'dragline' AND wait_event_type = 'Lock'";
    until("the flush waits", || database.value(waits) == "1").await;
    let peer = sleeper.as_peer().await;
    let begun = Instant::now();
    assert!(other.workers().reap(&peer, Judged::Silent).await.unwrap());
    assert!(begun.elapsed() < patience(Duration::from_secs(5)), "{:?}", begun.elapsed());
    let ended = flush.await.unwrap().unwrap_err();
    assert!(ended.is_retryable(), "{ended:?}");
    drop(holder);

    // The other one goes on with the same pages at once, and the sleeper repeats its flush for ever in vain.
    assert_eq!(other.claim(1_024).await, shards);
    other.flush(&[with_items(1, 0)]).await.unwrap();
    let late = [with_items(1, 0), with_items(2, 1)];
    for _ in 0..3 {
        assert!(is_fenced(until_answered(|| sleeper.store.flush(&sleeper.run, &late)).await));
    }
    assert!(is_fenced(until_answered(|| sleeper.store.flush(&sleeper.run, &[])).await));
    let note = HostNote::kept("h1.example:80".to_owned(), None, None, Some(Duration::from_secs(9)), None);
    assert!(is_fenced(sleeper.store.note_hosts(&sleeper.run, std::slice::from_ref(&note)).await));
    assert_eq!(database.value("SELECT count(*) FROM crawl_hosts"), "0");
    other.store.note_hosts(&other.run, &[note]).await.unwrap();
    assert_eq!(database.value("SELECT count(*) FROM crawl_hosts"), "1");

    let done = "SELECT url FROM crawl_requests WHERE state = 'done' ORDER BY url";
    assert_eq!(database.query(done), [["http://h0.example/0"], ["http://h1.example/0"]]);
    assert_eq!(database.value("SELECT count(*) FROM quotes"), "2");
    let counted = "SELECT found, ended, done, items FROM crawl_workers ORDER BY worker_id";
    assert_eq!(database.query(counted), [["0", "1", "1", "2"], ["0", "1", "1", "2"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_stores_no_page_of_a_shard_that_it_does_not_own() {
    let database = database();
    let run = a_run(&database).await;
    let member = Member::of(&database, &run, LONG).await;
    assert!(member.claim(1_024).await.len() == 1_024);
    member.workers().release(&member.worker, &[shard(&run, 5)]).await.unwrap();
    member.flush(&[with_items(4, 0)]).await.unwrap();
    let error = member.flush(&[with_items(5, 0), with_items(6, 0)]).await.unwrap_err();
    assert!(matches!(error, StoreError::Broken { .. }), "{error:?}");
    assert_eq!(database.value("SELECT count(*) FROM crawl_requests WHERE state = 'done'"), "1");
    // A flush that is repeated changes no page, so it needs no shard.
    member.workers().release(&member.worker, &[shard(&run, 4)]).await.unwrap();
    member.flush(&[with_items(4, 0)]).await.unwrap();
    assert_eq!(database.value("SELECT ended FROM crawl_workers"), "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_and_a_process_that_does_not_share_keep_each_other_out() {
    let database = database();
    let run = a_run(&database).await;
    let member = Member::of(&database, &run, LONG).await;
    let second = Member::of(&database, &run, LONG).await;
    let alone = connected(&database).await;
    let moment = Duration::from_millis(50);
    let refused = alone.lock_run("run", moment).await.unwrap_err();
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused:?}");
    assert!(second.workers().leave(&second.worker).await.unwrap());
    alone.lock_run("run", moment).await.unwrap_err();
    alone.lock_run("another", moment).await.unwrap();

    // The session of the lease is lost, as after an outage, and comes back with its lock.
    assert_eq!(member.claim(3).await.len(), 3);
    let sessions = "FROM pg_stat_activity activity JOIN pg_locks held USING (pid)
        WHERE held.locktype = 'advisory' AND held.mode = 'ShareLock' AND activity.datname = current_database()";
    assert_eq!(database.value(&format!("SELECT count(*) {sessions}")), "2", "of the run and of the worker");
    database.query(&format!("SELECT pg_terminate_backend(pid) {sessions}"));
    let renewal = until_answered(|| member.workers().renew(&member.worker)).await.unwrap();
    assert_eq!(renewal.owned.len(), 3);
    alone.lock_run("run", moment).await.unwrap_err();

    // It is lost again, and the other process is faster. Its start ends the worker.
    database.query(&format!("SELECT pg_terminate_backend(pid) {sessions}"));
    until("the lock is free", || database.value(&format!("SELECT count(*) {sessions}")) == "0").await;
    alone.lock_run("run", moment).await.unwrap();
    let waiting = member.workers().renew(&member.worker).await.unwrap_err();
    assert!(waiting.is_retryable(), "{waiting:?}");
    let opened = alone.open_run(&spec("run", 0)).await.unwrap();
    assert_eq!(opened.key.run_id, run.key.run_id);
    assert!(is_fenced(until_answered(|| member.workers().renew(&member.worker)).await));
    assert!(is_fenced(member.flush(&[with_items(0, 0)]).await));
    assert_eq!(database.value("SELECT count(*) FROM crawl_shards"), "0");
    let newcomer = connected(&database).await;
    let process = a_process(LONG);
    let locked = newcomer.workers().unwrap().join(&opened.key, "run", &process).await.unwrap_err();
    assert!(matches!(locked, StoreError::Locked { .. }), "{locked:?}");
    alone.flush(&opened.key, &[with_items(0, 0)]).await.unwrap();
    alone.close().await;

    // The run that the newcomer knows has been opened since, or has ended.
    let old = newcomer.workers().unwrap().join(&run.key, "run", &process).await.unwrap_err();
    assert!(matches!(old, StoreError::Superseded { .. }), "{old:?}");
    newcomer.workers().unwrap().join(&opened.key, "run", &process).await.unwrap();
    let listed = newcomer.workers().unwrap().list_workers(run.key.run_id, 10).await.unwrap();
    let states: Vec<_> = listed.iter().map(|it| it.state).collect();
    assert_eq!(states, [WorkerState::Live, WorkerState::Left, WorkerState::Dead]);
    assert_eq!(listed[0].worker, process);
    assert!(listed[0].ended_at.is_none() && listed[2].ended_at.is_some());
    assert!(listed[0].expires_at > listed[0].read_at && listed[0].joined_at <= listed[0].read_at);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_counters_of_workers_say_at_every_moment_how_many_requests_are_queued() {
    const WORKERS: usize = 8;
    let database = database();
    let run = a_run(&database).await;
    let mut members = Vec::new();
    for rank in 0..WORKERS {
        let member = Member::of(&database, &run, LONG).await;
        assert_eq!(member.claim(quota(1_024, WORKERS, rank)).await.len(), 128);
        members.push(member);
    }
    let mut flushes = JoinSet::new();
    for (at, member) in members.into_iter().enumerate() {
        let owned = member.renew().await.owned;
        let hosts: Vec<usize> = (0..HOSTS).filter(|host| owned.contains(&shard(&run, *host))).collect();
        flushes.spawn(async move {
            // The pages link to all hosts, so the new requests are mostly those of other workers, and several workers find each.
            for page in 0..PAGES {
                let outcomes: Vec<PageOutcome> = hosts
                    .iter()
                    .map(|host| PageOutcome {
                        requests: (0..HOSTS)
                            .map(|other| request((other * 7 + at) % HOSTS, PAGES + page))
                            .chain([request(*host, 100 + page), request(*host, 0)])
                            .collect(),
                        ..with_items(*host, page)
                    })
                    .collect();
                let (one, two) = outcomes.split_at(outcomes.len() / 2);
                let (one, two) = tokio::join!(member.flush(one), member.flush(two));
                // A deadlock would be an error.
                one.unwrap();
                two.unwrap();
                member.renew().await;
            }
            member
        });
    }
    let open = "SELECT (SELECT count(*) FROM crawl_requests WHERE state = 'queued'),
        (SELECT run.found - run.ended + sum(worker.found - worker.ended)
         FROM crawl_runs run JOIN crawl_workers worker USING (run_id, epoch) GROUP BY run.run_id)";
    let mut looks = 0;
    while !flushes.is_empty() {
        let row = &database.query(open)[0];
        assert_eq!(row[0], row[1], "after {looks} looks");
        looks += 1;
        sleep(Duration::from_millis(5)).await;
        while let Some(member) = flushes.try_join_next() {
            member.unwrap().store.close().await;
        }
    }
    println!("{looks} looks");
    let row = &database.query(open)[0];
    let queued = (HOSTS * PAGES * 2).to_string();
    assert_eq!((&row[0], &row[1]), (&queued, &queued), "each page has ended and has led to as many new ones");
    let done = (HOSTS * PAGES).to_string();
    let sums = "SELECT sum(done), sum(ended), sum(items) FROM crawl_workers";
    assert_eq!(database.query(sums), [[done.clone(), done.clone(), (2 * HOSTS * PAGES).to_string()]]);
}

/// All shards. With a lease so short, a claim may come too late.
async fn until_claimed(member: &Member) -> Vec<i16> {
    for _ in 0..1_000 {
        let renewal = member.renew().await;
        if renewal.free == 0 {
            return renewal.owned;
        }
        member.claim(1_024).await;
    }
    panic!("a renewal lasts for a millisecond, but no claim came in time");
}

/// A session that locks a table until it is dropped.
struct Locked {
    _session: tokio_postgres::Client,
}

impl Locked {
    async fn of(database: &TestDatabase, table: &str) -> Self {
        let (session, connection) =
            tokio_postgres::connect(&database.url(), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        session.batch_execute(&format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")).await.unwrap();
        Self { _session: session }
    }
}
