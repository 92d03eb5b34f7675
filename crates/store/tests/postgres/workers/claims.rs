//! Leases and owners of shards.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dragline_core::store::RunState;
use dragline_core::store::workers::Judged;
use dragline_testkit::database;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{LONG, Member, SHORT, a_run, connected, is_fenced, until_answered};

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
