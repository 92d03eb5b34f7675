//! Workers that come and go.

use std::sync::Arc;
use std::time::Duration;

use dragline_core::StoreError;
use dragline_core::store::workers::{Judged, SilenceWatch};
use dragline_testkit::{database, patience};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::{Member, a_run, until_answered};

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
