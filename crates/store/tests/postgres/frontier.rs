//! A frontier that is larger than what is asked for.

use std::time::{Duration, Instant};

use dragline_core::store::{Refill, RefillScope};
use dragline_testkit::{database, patience};

use crate::support::{page, run_of};

const HOSTS: usize = 300;
/// A refill takes some milliseconds; a loaded machine has more time.
const QUICK: Duration = Duration::from_secs(5);

fn fill(database: &dragline_testkit::TestDatabase) {
    // 300 hosts; the first has 50,000 requests, the others 100 each. Never analyzed, as in mid-crawl.
    database.query(&format!(
        "INSERT INTO crawl_requests (run_id, shard, fingerprint, url, method, headers, tag, meta, priority, depth,
                                     host, redirects, dont_filter)
         SELECT 1, (get_byte(digest, 0) << 8 | get_byte(digest, 1)) % 1024, decode(md5(n::text), 'hex'),
                'http://h/' || n, 'GET', '[]', '', '{{}}', n % 3, 1, host, '[]', false
         FROM generate_series(0, 50000 + 100 * {HOSTS}) n
         CROSS JOIN LATERAL (
             SELECT 'h' || lpad((CASE WHEN n < 50000 THEN 0 ELSE n % {HOSTS} END)::text, 3, '0') || ':80' AS host
         ) h
         CROSS JOIN LATERAL (SELECT sha256(convert_to(host, 'UTF8')) AS digest) d"
    ));
}

#[tokio::test]
async fn a_refill_reads_the_front_of_each_host_and_walks_all_hosts() {
    let database = database();
    let (store, run) = run_of(&database, 0).await;
    fill(&database);
    let mut ask = Refill {
        scope: RefillScope::After(None),
        per_host: 10,
        max_requests: 500,
        in_hand: vec![page(1).fingerprint],
    };
    let (mut hosts, mut requests, mut rounds) = (Vec::new(), 0, 0);
    loop {
        let begin = Instant::now();
        let refilled = store.refill(&run.key, &ask).await.unwrap();
        assert!(begin.elapsed() < patience(QUICK), "{:?}", begin.elapsed());
        assert!(refilled.requests.len() <= 500);
        requests += refilled.requests.len();
        rounds += 1;
        let pairs = refilled.requests.windows(2);
        for pair in pairs.map(|pair| (&pair[0], &pair[1])).filter(|(a, b)| a.host == b.host) {
            assert!(pair.0.fetch_order(pair.1).is_lt());
        }
        hosts.extend(refilled.more_of);
        match refilled.next_host {
            Some(host) => ask.scope = RefillScope::After(Some(host)),
            None => break,
        }
    }
    hosts.dedup();
    assert_eq!(hosts.len(), HOSTS, "every host has more");
    assert!(requests > HOSTS * 9 && rounds < 10, "{requests} requests in {rounds} rounds");
    store.close().await;
}

#[tokio::test]
async fn a_refill_of_shards_reads_only_these_and_empty_ones_cost_nothing() {
    let database = database();
    let (store, run) = run_of(&database, 0).await;
    fill(&database);
    let own = "SELECT DISTINCT shard FROM crawl_requests WHERE shard % 4 = 1 ORDER BY shard";
    let own: Vec<i16> = database.query(own).iter().map(|row| row[0].parse().unwrap()).collect();
    let hosts_of_own = "SELECT count(DISTINCT host) FROM crawl_requests WHERE shard % 4 = 1";
    let hosts_of_own: usize = database.value(hosts_of_own).parse().unwrap();
    // A quarter of all shards; most of them are empty.
    let shards: Vec<i16> = (0..1_024).filter(|shard| shard % 4 == 1).collect();
    let (mut after, mut hosts, mut rounds) = (None, Vec::new(), 0);
    loop {
        let scope = RefillScope::Shards { shards: shards.clone(), after };
        let ask = Refill { scope, per_host: 10, max_requests: 100, in_hand: Vec::new() };
        let begin = Instant::now();
        let refilled = store.refill(&run.key, &ask).await.unwrap();
        assert!(begin.elapsed() < patience(QUICK), "{:?}", begin.elapsed());
        println!("{:?}", begin.elapsed());
        let of = |host: &str| run.key.shards.shard_of(host);
        assert!(refilled.requests.iter().all(|queued| own.contains(&of(&queued.host))));
        assert!(refilled.requests.is_sorted_by_key(|queued| (of(&queued.host), queued.host.clone())));
        hosts.extend(refilled.more_of);
        rounds += 1;
        after = refilled.next_host;
        if after.is_none() {
            break;
        }
    }
    hosts.dedup();
    assert_eq!(hosts.len(), hosts_of_own);
    assert!(rounds <= hosts_of_own.div_ceil(9) + 1, "{rounds} rounds for {hosts_of_own} hosts");
    store.close().await;
}

#[tokio::test]
async fn a_refill_of_named_hosts_skips_what_is_in_hand() {
    let database = database();
    let (store, run) = run_of(&database, 0).await;
    fill(&database);
    let mut ask = Refill {
        scope: RefillScope::Hosts(vec!["h000:80".to_owned(), "h001:80".to_owned(), "none:80".to_owned()]),
        per_host: 1000,
        max_requests: 10_000,
        in_hand: Vec::new(),
    };
    let first = store.refill(&run.key, &ask).await.unwrap();
    assert_eq!(first.requests.len(), 1100);
    assert_eq!(first.more_of, ["h000:80"]);
    assert_eq!(first.next_host, None);
    ask.in_hand = first.requests.iter().map(|queued| queued.fingerprint).collect();
    let begin = Instant::now();
    let second = store.refill(&run.key, &ask).await.unwrap();
    assert!(begin.elapsed() < patience(QUICK), "{:?}", begin.elapsed());
    assert_eq!(second.requests.len(), 1000);
    assert!(second.requests.iter().all(|queued| !ask.in_hand.contains(&queued.fingerprint)));
    ask.max_requests = 10;
    let little = store.refill(&run.key, &ask).await.unwrap();
    assert_eq!(little.requests.len(), 10);
    assert_eq!(little.more_of, ["h000:80", "h001:80", "none:80"]);
    store.close().await;
}
