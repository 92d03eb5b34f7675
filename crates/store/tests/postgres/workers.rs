//! The workers of a shared run: each shard has one owner, and a worker that was declared dead can do nothing more.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dragline_core::queued_request::QueuedRequest;
use dragline_core::shared_run::{
    Judged, NewWorker, Peer, Renewal, SilenceWatch, WorkerKey, WorkerState, WorkerStore, quota,
};
use dragline_core::store::{BoxFuture, OpenedRun, RunKey, RunState, StoreResult};
use dragline_core::{HostNote, PageOutcome, Request, Store, StoreError};
use dragline_testkit::{TestDatabase, database, patience};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::support::{PAGE, QUOTE, page_item, quote, spec, store, until};

/// Long enough that nobody is declared dead by mistake.
const LONG: Duration = Duration::from_secs(300);
/// So short that it has expired as soon as somebody looks.
const SHORT: Duration = Duration::from_millis(1);
/// Hosts of a run in these tests, and pages of each.
const HOSTS: usize = 64;
const PAGES: usize = 4;

/// A worker with sessions of its own, as another process would have.
struct Member {
    store: Arc<dyn Store>,
    worker: WorkerKey,
    run: RunKey,
}

impl Member {
    async fn of(database: &TestDatabase, run: &OpenedRun, lease: Duration) -> Self {
        let store = connected(database).await;
        let worker = store.workers().unwrap().join(&run.key, "run", &a_process(lease)).await.unwrap();
        let run = RunKey { worker: Some(worker.worker_id), ..run.key.clone() };
        Self { store, worker, run }
    }

    fn workers(&self) -> &dyn WorkerStore {
        self.store.workers().unwrap()
    }

    async fn claim(&self, most: u16) -> Vec<i16> {
        self.workers().claim(&self.worker, most).await.unwrap()
    }

    async fn renew(&self) -> Renewal {
        self.workers().renew(&self.worker).await.unwrap()
    }

    /// This worker as the others see it now.
    async fn as_peer(&self) -> Peer {
        let listed = self.workers().list_workers(self.worker.run_id, 1_000).await.unwrap();
        let record = listed.into_iter().find(|it| it.key == self.worker).unwrap();
        Peer {
            worker_id: record.key.worker_id,
            pid: record.worker.pid,
            place: record.worker.place,
            lease: record.worker.lease,
            expires_at: record.expires_at,
        }
    }

    async fn flush(&self, outcomes: &[PageOutcome]) -> Result<(), StoreError> {
        self.store.flush(&self.run, outcomes).await.map(drop)
    }
}

fn a_process(lease: Duration) -> NewWorker {
    NewWorker {
        hostname: "test-host".to_owned(),
        pid: 4711,
        place: "here".to_owned(),
        version: "1".to_owned(),
        lease,
    }
}

async fn connected(database: &TestDatabase) -> Arc<dyn Store> {
    let store = store(&database.url());
    store.connect().await.unwrap();
    store.prepare_items(&[QUOTE.clone(), PAGE.clone()]).await.unwrap();
    store
}

/// A run on which nobody works, with `PAGES` start requests for each host.
async fn a_run(database: &TestDatabase) -> OpenedRun {
    let opener = connected(database).await;
    let start = (0..HOSTS).flat_map(|host| (0..PAGES).map(move |page| request(host, page))).collect();
    let opened = opener.open_run(&dragline_core::store::RunSpec { start, ..spec("run", 0) }).await.unwrap();
    opener.close().await;
    database.query("UPDATE crawl_runs SET found = (SELECT count(*) FROM crawl_requests)");
    opened
}

fn request(host: usize, page: usize) -> QueuedRequest {
    QueuedRequest::start(Request::get(format!("http://h{host}.example/{page}")).unwrap(), 0)
}

fn shard(run: &OpenedRun, host: usize) -> i16 {
    run.key.shards.shard_of(&request(host, 0).host)
}

fn is_fenced<T: std::fmt::Debug>(result: Result<T, StoreError>) -> bool {
    match result {
        Err(StoreError::Fenced { .. }) => true,
        Err(error) => panic!("{error:?}"),
        Ok(_) => false,
    }
}

/// An operation of a worker whose session may just have been ended by somebody who declares it dead.
async fn until_answered<'a, T>(mut ask: impl FnMut() -> BoxFuture<'a, StoreResult<T>>) -> StoreResult<T> {
    for _ in 0..50 {
        match ask().await {
            Err(error) if error.is_retryable() => sleep(Duration::from_millis(20)).await,
            answer => return answer,
        }
    }
    panic!("the store does not answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_claim_each_shard_once_and_share_them_evenly() {
    let database = database();
    let run = a_run(&database).await;
    let mut members = Vec::new();
    for _ in 0..8 {
        members.push(Arc::new(Member::of(&database, &run, LONG).await));
    }
    let mut claims = JoinSet::new();
    for member in &members {
        let member = Arc::clone(member);
        claims.spawn(async move {
            let most = member.renew().await.quota_of(member.worker.worker_id);
            let mut own = BTreeSet::new();
            while own.len() < usize::from(most) {
                let claimed = member.claim((most - u16::try_from(own.len()).unwrap()).min(10)).await;
                assert!(!claimed.is_empty(), "the quotas add up to all shards");
                own.extend(claimed);
            }
            let renewal = member.renew().await;
            assert_eq!(renewal.owned, own.iter().copied().collect::<Vec<_>>());
            assert_eq!(renewal.run_state, RunState::Running);
            own
        });
    }
    let mut all = BTreeSet::new();
    while let Some(own) = claims.join_next().await {
        let own = own.unwrap();
        assert_eq!(own.len(), 128);
        all.extend(own);
    }
    assert_eq!(all, (0..1_024).collect(), "no shard has two owners");
    let renewal = members[0].renew().await;
    assert_eq!((renewal.free, renewal.peers.len(), renewal.shards), (0, 8, 1_024));
    assert!(members[0].claim(10).await.is_empty());

    // What one gives back, another may have. Nobody gives back what it does not own.
    let own = members[0].renew().await.owned;
    members[1].workers().release(&members[1].worker, &own[..4]).await.unwrap();
    assert_eq!(members[1].renew().await.free, 0);
    members[0].workers().release(&members[0].worker, &own[..4]).await.unwrap();
    assert_eq!(members[1].claim(10).await, own[..4]);
    for member in &members {
        assert!(member.workers().leave(&member.worker).await.unwrap());
        assert!(is_fenced(member.workers().renew(&member.worker).await));
    }
    assert_eq!(database.value("SELECT count(*) FROM crawl_shards WHERE worker_id IS NULL"), "1024");
    assert_eq!(database.query("SELECT DISTINCT state FROM crawl_workers"), [["left"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_reapers_declare_each_worker_dead_once() {
    let database = database();
    let run = a_run(&database).await;
    let mut sleepers = Vec::new();
    let reaper = connected(&database).await;
    for _ in 0..16 {
        let member = Member::of(&database, &run, LONG).await;
        assert_eq!(member.claim(64).await.len(), 64);
        let peer = member.as_peer().await;
        let reaped = reaper.workers().unwrap().reap(&peer, Judged::Silent).await.unwrap();
        assert!(!reaped, "its lease has not expired");
        sleepers.push(member);
    }
    database.query(
        "UPDATE crawl_workers SET expires_at = date_trunc('second', clock_timestamp()) - interval '1 s'",
    );
    let mut dead = Vec::new();
    for member in &sleepers {
        dead.push(member.as_peer().await);
    }
    let (dead, mut reapers) = (Arc::new(dead), JoinSet::new());
    for number in 0..16 {
        let (dead, reaper) = (Arc::clone(&dead), Arc::clone(&reaper));
        reapers.spawn(async move {
            let mut reaped = 0;
            for at in 0..dead.len() {
                // Each begins with another one.
                let peer = &dead[(at + number) % dead.len()];
                let judged = reaper.workers().unwrap().reap(peer, Judged::Silent).await.unwrap();
                reaped += usize::from(judged);
            }
            reaped
        });
    }
    let reaped: usize = reapers.join_all().await.into_iter().sum();
    assert_eq!(reaped, 16);
    assert_eq!(database.value("SELECT count(*) FROM crawl_shards WHERE worker_id IS NOT NULL"), "0");
    for member in &sleepers {
        assert!(is_fenced(until_answered(|| member.workers().renew(&member.worker)).await));
        assert!(member.claim(1).await.is_empty());
        assert!(!member.workers().leave(&member.worker).await.unwrap());
    }
    assert_eq!(database.query("SELECT DISTINCT state FROM crawl_workers"), [["dead"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_or_a_reap_wins_and_never_both() {
    let database = database();
    let run = a_run(&database).await;
    let reaper = connected(&database).await;
    let mut renewals = 0;
    for round in 0..60_u64 {
        let member = Member::of(&database, &run, SHORT).await;
        let peer = member.as_peer().await;
        // Sometimes one of them begins earlier.
        let (before, after) =
            (Duration::from_micros(round % 7 * 300), Duration::from_micros(round % 5 * 300));
        let renew = async {
            sleep(before).await;
            until_answered(|| member.workers().renew(&member.worker)).await
        };
        let reap = async {
            sleep(after).await;
            reaper.workers().unwrap().reap(&peer, Judged::Silent).await.unwrap()
        };
        let (renewed, reaped) = tokio::join!(renew, reap);
        // A renewal after the reap finds it. One before it may have a lost answer, and is repeated.
        let is_alive = !is_fenced(renewed);
        assert_ne!(is_alive, reaped, "in round {round}");
        renewals += usize::from(is_alive);
        let states = format!("SELECT state FROM crawl_workers WHERE worker_id = {}", peer.worker_id);
        assert_eq!(database.value(&states), if reaped { "dead" } else { "live" });
        member.store.close().await;
    }
    println!("{renewals} of 60 renewals were faster");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_or_a_reap_wins_and_no_shard_is_left_with_the_dead() {
    let database = database();
    let run = a_run(&database).await;
    let reaper = connected(&database).await;
    let mut claims = 0;
    for round in 0..60_u64 {
        let member = Member::of(&database, &run, LONG).await;
        let peer = member.as_peer().await;
        let (before, after) =
            (Duration::from_micros(round % 7 * 300), Duration::from_micros(round % 5 * 300));
        let claim = async {
            sleep(before).await;
            member.workers().claim(&member.worker, 1_024).await
        };
        let reap = async {
            sleep(after).await;
            reaper.workers().unwrap().reap(&peer, Judged::Gone).await.unwrap()
        };
        let (claimed, reaped) = tokio::join!(claim, reap);
        assert!(reaped, "in round {round}");
        claims += usize::from(claimed.is_ok_and(|shards| !shards.is_empty()));
        let left = "SELECT count(*) FROM crawl_shards WHERE worker_id IS NOT NULL";
        assert_eq!(database.value(left), "0", "in round {round}");
        member.store.close().await;
    }
    println!("{claims} of 60 claims were faster");
}

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

/// Workers that join, leave, die and sleep at random end with even shares, and each of them that is dead was declared dead once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_storm_the_workers_that_are_left_share_the_run_evenly() {
    const SEATS: usize = 6;
    const LEASE: Duration = Duration::from_millis(600);
    let database = database();
    let run = Arc::new(a_run(&database).await);
    let storm_ends = Instant::now() + patience(Duration::from_secs(6));
    let all_end = storm_ends + patience(Duration::from_secs(20));
    let mut seats = JoinSet::new();
    let url = Arc::new(database);
    for seat in 0..SEATS {
        let (database, run) = (Arc::clone(&url), Arc::clone(&run));
        seats.spawn(async move {
            let (mut reaped, mut chance) = (0, 7_919 * (seat + 1));
            'life: loop {
                let member = Member::of(&database, &run, LEASE).await;
                let (mut watch, clock) = (SilenceWatch::default(), Instant::now());
                loop {
                    let renewal = match until_answered(|| member.workers().renew(&member.worker)).await {
                        Ok(renewal) => renewal,
                        Err(StoreError::Fenced { .. }) => continue 'life,
                        Err(error) => panic!("{error:?}"),
                    };
                    for dead in watch.look(clock.elapsed(), &renewal.peers) {
                        reaped += usize::from(member.workers().reap(dead, Judged::Silent).await.unwrap());
                    }
                    let (owned, most) =
                        (renewal.owned.len(), usize::from(renewal.quota_of(member.worker.worker_id)));
                    if owned > most {
                        member.workers().release(&member.worker, &renewal.owned[most..]).await.unwrap();
                    } else if owned < most {
                        let wanted = u16::try_from(most - owned).unwrap();
                        // Its session may have been ended meanwhile.
                        let _ = until_answered(|| member.workers().claim(&member.worker, wanted)).await;
                    }
                    let is_even = renewal.peers.len() == SEATS && owned == most && renewal.free == 0;
                    let now = Instant::now();
                    if now > storm_ends && is_even {
                        return (member, reaped);
                    }
                    assert!(now < all_end, "{} workers, {owned} of {most}", renewal.peers.len());
                    chance = (chance * 1_103_515_245 + 12_345) % 2_147_483_648;
                    match if now < storm_ends { chance / 65_536 % 24 } else { 99 } {
                        // It dies without a word.
                        0 => continue 'life,
                        1 => {
                            assert!(member.workers().leave(&member.worker).await.is_ok());
                            continue 'life;
                        }
                        // It is suspended.
                        2 => sleep(LEASE * 5 / 2).await,
                        _ => sleep(LEASE / 4).await,
                    }
                }
            }
        });
    }
    // Those that are ready go on renewing, so that the others find them.
    let mut ready: Vec<(Member, usize)> = Vec::new();
    let mut declared = 0;
    while !seats.is_empty() {
        while let Some(seat) = seats.try_join_next() {
            ready.push(seat.unwrap());
        }
        for (member, _) in &ready {
            let owned = member.renew().await.owned.len();
            assert!((170..=171).contains(&owned), "{owned}");
        }
        sleep(LEASE / 8).await;
    }
    for (member, reaped) in &ready {
        declared += reaped;
        member.workers().leave(&member.worker).await.unwrap();
    }
    let dead = url.value("SELECT count(*) FROM crawl_workers WHERE state = 'dead'");
    assert_eq!(dead, declared.to_string());
    let of_them = "SELECT count(*) FROM crawl_workers WHERE state = 'left'";
    println!("{dead} workers were declared dead, {} left", url.value(of_them));
    assert_eq!(url.value("SELECT count(*) FROM crawl_workers WHERE state = 'live'"), "0");
}

/// A page done with items of both kinds.
fn with_items(host: usize, page: usize) -> PageOutcome {
    let queued = request(host, page);
    let name = format!("{host}/{page}");
    let items = vec![quote(&name, 1), page_item(queued.request.url().as_str(), &name)];
    PageOutcome { items, status: Some(200), ..PageOutcome::done(&queued) }
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
