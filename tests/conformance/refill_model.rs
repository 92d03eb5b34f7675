//! Refills against a simple model: a sorted list.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use dragline_core::store::{Refill, RefillScope, RunSpec};
use dragline_core::{Fingerprint, QueuedRequest, Request};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::fixture::{connected, run, spec};
use crate::stored::{Stored, on_both_stores};

on_both_stores!(a_walk_over_the_frontier_gives_what_the_model_gives,);

/// Each is a run of its own in one database.
const CASES: u32 = 40;

#[derive(Clone, Debug)]
struct Frontier {
    requests: Vec<(QueuedRequest, bool)>,
    per_host: usize,
    max_requests: usize,
}

fn a_walk_over_the_frontier_gives_what_the_model_gives(stored: &Stored) {
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let number = Cell::new(0);
    let tested = runner.run(&frontiers(), |case| {
        number.set(number.get() + 1);
        check(stored, format!("run {}", number.get()), &case);
        Ok(())
    });
    tested.unwrap();
}

fn check(stored: &Stored, name: String, case: &Frontier) {
    // What should come: for each host the requests that are not in hand, in fetch order.
    let mut model: BTreeMap<&str, Vec<&QueuedRequest>> = BTreeMap::new();
    for (request, in_hand) in &case.requests {
        let of_host = model.entry(&request.host).or_default();
        if !in_hand {
            of_host.push(request);
        }
    }
    for of_host in model.values_mut() {
        of_host.sort_by(|a, b| a.fetch_order(b));
    }
    let in_hand: Vec<_> = case
        .requests
        .iter()
        .filter(|(_, in_hand)| *in_hand)
        .map(|(request, _)| request.fingerprint)
        .collect();
    let start = case.requests.iter().map(|(request, _)| request.clone()).collect();

    let (given, more) = run(async {
        let store = connected(stored).await;
        let key = store.open_run(&RunSpec { name, start, ..spec() }).await.unwrap().key;
        let (mut given, mut more): (BTreeMap<String, Vec<Fingerprint>>, _) =
            (BTreeMap::new(), BTreeSet::new());
        let (mut after, mut asks) = (None, 0);
        loop {
            let ask = Refill {
                scope: RefillScope::After(after.clone()),
                per_host: case.per_host,
                max_requests: case.max_requests,
                in_hand: in_hand.clone(),
            };
            let read = store.refill(&key, &ask).await.unwrap();
            assert!(read.requests.len() <= case.max_requests + case.per_host);
            let earlier: BTreeSet<String> = given.keys().cloned().collect();
            for request in read.requests {
                assert!(!earlier.contains(&request.host), "{} came again", request.host);
                given.entry(request.host).or_default().push(request.fingerprint);
            }
            more.extend(read.more_of);
            asks += 1;
            assert!(asks <= case.requests.len() + 1, "the walk does not end");
            match read.next_host {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        store.close().await;
        (given, more)
    });

    for (host, expected) in model {
        let expected: Vec<_> = expected.iter().map(|request| request.fingerprint).collect();
        let given = given.get(host).cloned().unwrap_or_default();
        assert!(given.len() <= case.per_host);
        assert_eq!(given, expected[..given.len()], "{host}: not the first in fetch order");
        // Either cap may cut a share short, even to nothing, but then the answer names the host. If it names a host that
        // has no more, this costs a needless refill and no page.
        let (share, all) = (given.len(), expected.len());
        assert!(share == all || more.contains(host), "{host}: {share} of {all}, and {more:?}");
    }
}

fn frontiers() -> impl Strategy<Value = Frontier> {
    let request = (0..6_u8, 0..8_u8, -1..2_i32, 0..3_u32, any::<bool>());
    (proptest::collection::vec(request, 0..40), 1..5_usize, 1..12_usize).prop_map(
        |(requests, per_host, max_requests)| {
            // One of each URL, as the store's key demands.
            let mut known = BTreeMap::new();
            for (host, page, priority, depth, in_hand) in requests {
                let url = format!("http://h{host}.example/{page}");
                let request = Request::get(&url).unwrap().with_priority(priority);
                let queued = QueuedRequest { depth, ..QueuedRequest::start(request, 0) };
                known.insert(url, (queued, in_hand));
            }
            Frontier { requests: known.into_values().collect(), per_host, max_requests }
        },
    )
}
