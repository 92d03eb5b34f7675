//! The end of a shared run is decided once, when nothing is queued.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dragline_core::store::workers::{Finish, Judged};
use dragline_core::store::{Refill, RefillScope, RunState};
use dragline_core::{PageOutcome, QueuedRequest, StoreError};
use dragline_testkit::{database, patience};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::{
    HOSTS, LONG, Member, PAGES, a_run, connected, is_fenced, request, spec, until_answered, with_items,
};

/// Pages lead to further pages until this one.
const DEEPEST: usize = 14;
const WORKERS: usize = 6;
/// How many workers die in the middle of a flush.
const DEATHS: usize = 12;

/// The links of a page go to hosts of other workers, and sometimes several pages have the same one.
fn links(host: usize, page: usize) -> Vec<(usize, usize)> {
    if page >= DEEPEST {
        return Vec::new();
    }
    vec![((host * 3 + page) % HOSTS, page + 1), ((host * 5 + 1) % HOSTS, page + 1)]
}

/// All pages that the run leads to.
fn whole_site() -> BTreeSet<(usize, usize)> {
    let mut site: BTreeSet<_> =
        (0..HOSTS).flat_map(|host| (0..PAGES).map(move |page| (host, page))).collect();
    for page in 0..DEEPEST {
        let further: Vec<_> = (0..HOSTS)
            .filter(|host| site.contains(&(*host, page)))
            .flat_map(|host| links(host, page))
            .collect();
        site.extend(further);
    }
    site
}

fn outcome(queued: &QueuedRequest) -> PageOutcome {
    let host = queued.host.trim_start_matches('h').split('.').next().unwrap().parse().unwrap();
    let page = queued.request.url().path().trim_start_matches('/').parse().unwrap();
    let requests = links(host, page).into_iter().map(|(host, page)| request(host, page)).collect();
    PageOutcome { requests, ..with_items(host, page) }
}

/// What is queued of the shards that the worker owns, some pages of it.
async fn some_of_its_own(member: &Member, owned: &[i16]) -> Vec<QueuedRequest> {
    let mut shards = owned.to_vec();
    shards.sort_unstable();
    let scope = RefillScope::Shards { shards, after: None };
    let ask = Refill { scope, per_host: 3, max_requests: 20, in_hand: Vec::new() };
    member.store.refill(&member.run, &ask).await.unwrap().requests
}

/// Links lead from worker to worker, and workers die while they flush. The run ends once, when everything is done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_finished_once_and_only_when_nothing_is_queued() {
    let database = Arc::new(database());
    let run = Arc::new(a_run(&database).await);
    // Deaths that are left, and the workers that are dead and not yet declared so.
    let (deaths, dead) = (Arc::new(Mutex::new(DEATHS)), Arc::new(Mutex::new(Vec::new())));
    let limit = Instant::now() + patience(Duration::from_secs(60));
    let mut seats = JoinSet::new();
    for seat in 0..WORKERS {
        let (database, run) = (Arc::clone(&database), Arc::clone(&run));
        let (deaths, dead) = (Arc::clone(&deaths), Arc::clone(&dead));
        seats.spawn(async move {
            let mut flushes = seat;
            'life: loop {
                let member = Arc::new(match Member::try_of(&database, &run, LONG).await {
                    Ok(member) => member,
                    // It has ended.
                    Err(StoreError::Superseded { .. }) => return 0,
                    Err(error) => panic!("{error:?}"),
                });
                loop {
                    assert!(Instant::now() < limit, "the run does not end");
                    let next = dead.lock().await.pop();
                    if let Some(peer) = next {
                        assert!(member.workers().reap(&peer, Judged::Gone).await.unwrap());
                    }
                    let renewal = member.renew().await;
                    let quota = usize::from(renewal.quota_of(member.worker.worker_id));
                    let mut owned = renewal.owned;
                    if owned.len() < quota {
                        let missing = u16::try_from(quota - owned.len()).unwrap();
                        owned.extend(member.claim(missing).await);
                    } else {
                        let more = owned.split_off(quota);
                        member.workers().release(&member.worker, &more).await.unwrap();
                    }
                    let own = some_of_its_own(&member, &owned).await;
                    if own.is_empty() {
                        match member.workers().finish(&member.worker, "finished").await.unwrap() {
                            Finish::Now => return 1,
                            Finish::Before(state) => {
                                assert_eq!(state, RunState::Finished);
                                return 0;
                            }
                            Finish::NotYet(open) => assert!(open > 0),
                        }
                        sleep(Duration::from_millis(10)).await;
                        continue;
                    }
                    flushes += 1;
                    let outcomes: Vec<PageOutcome> = own.iter().map(outcome).collect();
                    let flusher = Arc::clone(&member);
                    let flush = tokio::spawn(async move { flusher.flush(&outcomes).await });
                    if flushes % 5 == 0 && take_one(&deaths).await {
                        // Nobody knows whether it was committed.
                        sleep(Duration::from_millis(flushes as u64 % 9 * 2)).await;
                        flush.abort();
                        let _ = flush.await;
                        dead.lock().await.push(member.as_peer().await);
                        continue 'life;
                    }
                    flush.await.unwrap().unwrap();
                }
            }
        });
    }
    let ended: usize = seats.join_all().await.into_iter().sum();
    assert_eq!(ended, 1, "one worker has ended the run");
    assert_eq!(*deaths.lock().await, 0, "too short for {DEATHS} deaths");
    let site = whole_site().len().to_string();
    let states = database.query("SELECT state, count(*) FROM crawl_requests GROUP BY state");
    assert_eq!(states, [["done".to_owned(), site.clone()]]);
    assert_eq!(database.value("SELECT count(*) FROM quotes"), site);
    let runs = "SELECT state, stop_reason, finished_at IS NOT NULL FROM crawl_runs";
    assert_eq!(database.query(runs), [["finished", "finished", "t"]]);
    assert_eq!(database.value("SELECT count(*) FROM crawl_shards"), "0");
    assert_eq!(database.value("SELECT sum(done) FROM crawl_workers"), site);
}

async fn take_one(left: &Mutex<usize>) -> bool {
    let mut left = left.lock().await;
    let is_left = *left > 0;
    *left = left.saturating_sub(1);
    is_left
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_shared_again_is_counted_anew() {
    let database = database();
    let run = a_run(&database).await;
    let first = Member::of(&database, &run, LONG).await;
    assert_eq!(first.claim(1_024).await.len(), 1_024);
    first.flush(&[PageOutcome { requests: vec![request(3, 900)], ..with_items(0, 0) }]).await.unwrap();
    let queued = (HOSTS * PAGES) as u64;
    let finish = async |member: &Member| member.workers().finish(&member.worker, "finished").await;
    assert_eq!(finish(&first).await.unwrap(), Finish::NotYet(queued));
    // A second worker counts nothing.
    let second = Member::of(&database, &run, LONG).await;
    assert_eq!(finish(&second).await.unwrap(), Finish::NotYet(queued));
    assert!(second.workers().leave(&second.worker).await.unwrap());
    assert!(first.workers().leave(&first.worker).await.unwrap());

    // Nobody works on the run. A person removes a request, and the next start opens the run.
    database.query("DELETE FROM crawl_requests WHERE url LIKE '%/900'");
    let opener = connected(&database).await;
    let again = opener.open_run(&spec("run", 0)).await.unwrap();
    opener.close().await;
    let third = Member::of(&database, &again, LONG).await;
    assert_eq!(finish(&third).await.unwrap(), Finish::NotYet(queued - 1));
    let peer = third.as_peer().await;
    let fourth = Member::of(&database, &again, LONG).await;
    assert!(fourth.workers().reap(&peer, Judged::Gone).await.unwrap());
    database.query("UPDATE crawl_requests SET state = 'done'; UPDATE crawl_runs SET ended = found");
    let late = until_answered(|| third.workers().finish(&third.worker, "finished")).await;
    assert!(is_fenced(late), "the dead end nothing");
    assert_eq!(finish(&fourth).await.unwrap(), Finish::Now);
    assert_eq!(finish(&fourth).await.unwrap(), Finish::Before(RunState::Finished));
}
