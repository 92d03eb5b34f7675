//! The frontier as it is read back: whole, in order, per host, with caps, without what is in hand.

use dragline_core::store::{Refill, RefillScope};
use dragline_core::{Fingerprint, QueuedRequest, Request, RequestOptions, SitemapRole};

use super::fixture::{Session, discovers, done, everything, request, request_to, run};
use crate::stored::{Stored, on_both_stores};

on_both_stores!(
    a_request_comes_back_as_it_was,
    requests_come_in_fetch_order,
    a_refill_skips_what_is_in_hand,
    caps_are_kept_and_what_is_left_is_told,
    hosts_are_walked_to_the_end,
    hosts_of_asked_shards_are_walked_to_the_end,
    asked_hosts_alone_are_read,
    nul_characters_do_not_keep_a_request_out,
);

fn urls(requests: &[QueuedRequest]) -> Vec<String> {
    requests.iter().map(|queued| queued.request.url().to_string()).collect()
}

fn a_request_comes_back_as_it_was(stored: &Stored) {
    run(async {
        let page = request("page");
        let session = Session::begin(stored, std::slice::from_ref(&page)).await;
        let rich = Request::post("http://b.example:8080/ä?q=1&r=\\n#part", vec![0, 9, 10, 13, 92, 255])
            .unwrap()
            .with_header("X-Odd", "a\tb\\c \"d\"")
            .with_header("X-Odd", "again")
            .with_tag("detail\\.")
            .with_meta("nested", serde_json::json!({"list": [1, 2.5, null, true, "\n\t\\N"]}))
            .with_priority(-7);
        let unfiltered = Request::get("http://a.example/page").unwrap().without_filter();
        let mut hop = page.child(Request::get("http://c.example/").unwrap(), 5);
        hop.depth = 0;
        hop.redirects = vec!["http://a.example/1".into(), "http://a.example/2".into()];
        let listed = |role| {
            let mut options = RequestOptions::default();
            (options.sitemap, options.lastmod) = (Some(role), Some("2026-03-09T08:20:30Z".parse().unwrap()));
            let request = Request::get("http://d.example/").unwrap().with_options(options);
            page.listed_named(Fingerprint::of(&request), request)
        };
        let mut new = vec![page.child(rich, 0), page.child(unfiltered, 3), hop];
        new.extend([listed(SitemapRole::Page), listed(SitemapRole::Found(2))]);
        session.flush(&[discovers(&page, &new)]).await.unwrap();
        let mut queued = session.queued().await;
        new.sort_by_key(|queued| queued.fingerprint);
        queued.sort_by_key(|queued| queued.fingerprint);
        assert_eq!(queued, new);
        let resumed = session.store.open_run(&super::fixture::spec()).await.unwrap();
        assert_eq!(resumed.start_hosts, ["a.example:80", "c.example:80"]);
    });
}

fn requests_come_in_fetch_order(stored: &Stored) {
    run(async {
        let mut start = Vec::new();
        for (number, (priority, depth)) in
            [(0, 0), (5, 3), (-2, 0), (5, 1), (0, 2), (0, 1), (0, 1), (0, 1)].into_iter().enumerate()
        {
            let request = Request::get(format!("http://a.example/{number}")).unwrap().with_priority(priority);
            start.push(QueuedRequest { depth, ..QueuedRequest::start(request, 0) });
        }
        let session = Session::begin(stored, &start).await;
        let read = session.queued().await;
        start.sort_by(QueuedRequest::fetch_order);
        assert_eq!(urls(&read), urls(&start));
        assert!(urls(&read)[0].ends_with("/3"), "priority 5 at depth 1 is first: {:?}", urls(&read));
    });
}

fn a_refill_skips_what_is_in_hand(stored: &Stored) {
    run(async {
        let start: Vec<_> = (0..9).map(|page| request(&page.to_string())).collect();
        let session = Session::begin(stored, &start).await;
        session.flush(&[done(&start[0])]).await.unwrap();
        let in_hand: Vec<_> = start[..5].iter().map(|queued| queued.fingerprint).collect();
        let mut read = urls(&session.refill(&Refill { in_hand, ..everything() }).await.requests);
        read.sort();
        assert_eq!(read, urls(&start[5..]));
        let all = start.iter().map(|queued| queued.fingerprint).collect();
        let nothing = session.refill(&Refill { in_hand: all, per_host: 2, ..everything() }).await;
        assert_eq!((nothing.requests.len(), nothing.more_of.len(), nothing.next_host), (0, 0, None));
    });
}

fn caps_are_kept_and_what_is_left_is_told(stored: &Stored) {
    run(async {
        let mut start: Vec<_> = (0..5).map(|page| request(&page.to_string())).collect();
        start.extend((0..2).map(|page| request_to(&format!("http://b.example/{page}"))));
        let session = Session::begin(stored, &start).await;
        let read = session.refill(&Refill { per_host: 2, ..everything() }).await;
        assert_eq!(read.requests.len(), 4);
        assert_eq!((read.more_of, read.next_host), (vec!["a.example:80".to_owned()], None));
        // Exactly as many as there are is not more.
        let read = session.refill(&Refill { per_host: 5, ..everything() }).await;
        assert_eq!((read.requests.len(), read.more_of.len(), read.next_host), (7, 0, None));
    });
}

/// Everything that a walk over hosts finds.
struct Walk {
    /// The host of each request, in the order of the answers.
    seen: Vec<String>,
    /// The hosts that have more, sorted.
    more: Vec<String>,
}

async fn walk(session: &Session, most_asks: usize, scope: impl Fn(Option<String>) -> RefillScope) -> Walk {
    let (mut seen, mut more, mut after, mut asks) = (Vec::new(), Vec::new(), None, 0);
    loop {
        let ask = Refill { scope: scope(after), per_host: 2, max_requests: 8, in_hand: Vec::new() };
        let read = session.refill(&ask).await;
        assert!(read.requests.len() <= 10, "about 8 were asked for, not {}", read.requests.len());
        seen.extend(read.requests.into_iter().map(|queued| queued.host));
        more.extend(read.more_of);
        asks += 1;
        after = read.next_host;
        if after.is_none() {
            break;
        }
        assert!(asks < most_asks, "the walk does not end");
    }
    more.sort();
    Walk { seen, more }
}

fn hosts_are_walked_to_the_end(stored: &Stored) {
    run(async {
        let hosts: Vec<String> = (0..25).map(|host| format!("h{host}.example:80")).collect();
        let page_of = |host: &String, page: usize| request_to(&format!("http://{host}/{page}"));
        let start: Vec<_> = hosts.iter().flat_map(|host| (0..3).map(move |page| (host, page))).collect();
        let start: Vec<_> = start.into_iter().map(|(host, page)| page_of(host, page)).collect();
        let session = Session::begin(stored, &start).await;
        let Walk { mut seen, more } = walk(&session, 25, RefillScope::After).await;
        // Two of each host. A host that was cut off has at least one, and the answer names it.
        let mut expected = hosts.clone();
        expected.sort();
        assert_eq!(more, expected, "each host has more than was given");
        seen.dedup();
        seen.sort();
        assert_eq!(seen, expected, "each host comes once, and its requests together");
    });
}

fn hosts_of_asked_shards_are_walked_to_the_end(stored: &Stored) {
    run(async {
        let hosts: Vec<String> = (0..40).map(|host| format!("h{host}.example:80")).collect();
        let start: Vec<_> = hosts
            .iter()
            .flat_map(|host| (0..3).map(move |page| request_to(&format!("http://{host}/{page}"))))
            .collect();
        let session = Session::begin(stored, &start).await;
        let rule = session.key().shards;
        // The shards of every other host, and one that has no host.
        let mut shards: Vec<i16> = hosts.iter().step_by(2).map(|host| rule.shard_of(host)).collect();
        let empty =
            (0..rule.shards()).find(|shard| hosts.iter().all(|host| rule.shard_of(host) != *shard)).unwrap();
        shards.push(empty);
        shards.sort_unstable();
        shards.dedup();
        let mut expected: Vec<String> =
            hosts.iter().filter(|host| shards.contains(&rule.shard_of(host))).cloned().collect();
        expected.sort();
        assert!((20..30).contains(&expected.len()), "{expected:?}");
        let scope = |after| RefillScope::Shards { shards: shards.clone(), after };
        let Walk { mut seen, more } = walk(&session, 30, scope).await;
        assert_eq!(more, expected, "each host has more than was given");
        seen.dedup();
        seen.sort();
        assert_eq!(seen, expected, "each host of these shards comes once, and no other");
        let scope = RefillScope::Shards { shards: vec![empty], after: None };
        let read = session.refill(&Refill { scope, per_host: 2, max_requests: 8, in_hand: Vec::new() }).await;
        assert_eq!((read.requests.len(), read.more_of.len(), read.next_host), (0, 0, None));
    });
}

fn asked_hosts_alone_are_read(stored: &Stored) {
    run(async {
        let start: Vec<_> = ["a", "b", "c"]
            .iter()
            .flat_map(|host| (0..3).map(move |page| format!("http://{host}.example/{page}")))
            .collect();
        let start: Vec<_> = start.iter().map(|url| request_to(url)).collect();
        let session = Session::begin(stored, &start).await;
        let hosts = |hosts: &[&str]| {
            RefillScope::Hosts(hosts.iter().map(|host| format!("{host}.example:80")).collect())
        };
        let ask =
            Refill { scope: hosts(&["c", "a", "unknown"]), per_host: 2, max_requests: 100, in_hand: vec![] };
        let read = session.refill(&ask).await;
        let mut given: Vec<_> = read.requests.iter().map(|queued| queued.host.as_str()).collect();
        given.sort_unstable();
        assert_eq!(given, ["a.example:80", "a.example:80", "c.example:80", "c.example:80"]);
        let mut more = read.more_of;
        more.sort();
        assert_eq!(
            (more, read.next_host),
            (vec!["a.example:80".to_owned(), "c.example:80".to_owned()], None)
        );
        // The answer names the hosts that the cap left out, even a host that was not read at all.
        let read = session.refill(&Refill { scope: hosts(&["a", "b"]), max_requests: 2, ..ask }).await;
        let mut more = read.more_of;
        more.sort();
        assert_eq!(read.next_host, None);
        assert!(
            more.contains(&"a.example:80".to_owned()) && more.contains(&"b.example:80".to_owned()),
            "{more:?}"
        );
    });
}

fn nul_characters_do_not_keep_a_request_out(stored: &Stored) {
    run(async {
        let page = request("page");
        let session = Session::begin(stored, std::slice::from_ref(&page)).await;
        let odd = Request::get("http://a.example/x")
            .unwrap()
            .with_tag("a\0b")
            .with_meta("k", "v\0")
            .with_header("X-Odd", "\0");
        let receipt = session.flush(&[discovers(&page, &[page.child(odd, 0)])]).await.unwrap();
        assert_eq!(receipt.new_requests.len(), 1);
        assert_eq!(session.queued().await[0].request.tag(), "a\u{fffd}b");
    });
}
