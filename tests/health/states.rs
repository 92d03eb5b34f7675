//! The states, one after the other and each for a reason that is real.

use super::*;
use dragline_testkit::{ChaosProxy, Link, database, wait_until};

#[test]
fn starting_while_the_store_is_being_opened() {
    // A server that takes the connection and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://me@{}/db", silent.local_addr().unwrap());
    let crawl = dragline().args(["crawl", "site", "--start-url", "http://127.0.0.1:9/", "--store", &url]);
    let mut watched = Watched::start(crawl);
    let body = watched.is("starting", true, false);
    assert_eq!((body["spider"].as_str(), body["run_id"].as_i64()), (Some("site"), None));
    watched.running.signal("TERM");
    watched.running.finish_within(SOON).assert_code(75);
}

#[test]
fn running_then_gone() {
    let (site, stored) = (Site::generated(60, 3), Stored::sqlite());
    site.hold();
    let mut watched = Watched::start(crawl_site(&site.url("/"), &stored));
    wait_until("the start page is asked for", SOON, || site.waiting() == 1);
    let body = watched.is("running", true, true);
    assert_eq!(body["pid"].as_u64(), Some(u64::from(watched.running.pid())));
    assert!(body["run_id"].as_i64() == Some(1) && body["tasks"]["in_flight"].as_u64() == Some(1), "{body}");
    assert!(body["uptime_seconds"].as_f64().is_some() && body["timestamp"].as_str().unwrap().ends_with('Z'));
    assert!(body["process"]["memory_bytes"].as_u64().unwrap() > 1 << 20, "{body}");
    assert!(
        body["process"]["cpu_seconds"].is_number() && body["memory"]["fetching_pauses"] == false,
        "{body}"
    );
    for (part, number) in [
        ("pages", "stored"),
        ("items", "stored"),
        ("queues", "window_requests"),
        ("queues", "waiting_pages"),
        ("queues", "inbox_pages"),
        ("queues", "batch_rows"),
        ("tasks", "pending_flushes"),
        ("store", "rows_stored"),
    ] {
        assert!(body[part][number].is_u64(), "{part} {number}: {body}");
    }
    assert_eq!(
        (&body["store"]["reachable"], &body["tasks"]["parsing"]),
        (&true.into(), &Vec::<u8>::new().into())
    );

    // A process that hangs says nothing, though its port still takes connections.
    watched.running.signal("STOP");
    watched.check_endpoint().run().assert_code(1).assert_stdout("did not answer within");
    wait_until("the file is old", SOON, || watched.check_file().run().code == Some(1));
    watched.running.signal("CONT");
    wait_until("the file is new again", SOON, || watched.check_file().run().code == Some(0));
    watched.is("running", true, true);
    site.release();
    let (endpoint, file) = (watched.check_endpoint(), watched.check_file());
    watched.running.finish_within(SOON).assert_code(0);
    endpoint.run().assert_code(1).assert_stdout("no crawl is running");
    file.run().assert_code(1).assert_stdout("no crawl is running");
}

#[test]
fn a_killed_process_is_not_alive() {
    let (site, stored) = (Site::generated(60, 3), Stored::sqlite());
    site.hold();
    let mut watched = Watched::start(crawl_site(&site.url("/"), &stored));
    watched.is("running", true, true);
    watched.running.signal("KILL");
    let (endpoint, file) = (watched.check_endpoint(), watched.check_file());
    watched.running.finish_within(SOON);
    endpoint.run().assert_code(1).assert_stdout("nothing listens");
    wait_until("the file it left behind is old", SOON, || file.run().code == Some(1));
}

#[test]
fn degraded_while_the_store_is_away_and_running_again() {
    let site = endless_site().delay(Duration::from_millis(2)).start();
    let database = database();
    let (proxy, url) = ChaosProxy::before(&database.url());
    let crawl = dragline().args(["crawl", "site", "--start-url", &site.url("/"), "--store", &url]);
    let mut watched =
        Watched::start(crawl.args(["--rate", "0", "--host-concurrency", "2", "--health-max-age", MAX_AGE]));
    watched.is("running", true, true);
    proxy.go_away();
    let body = watched.is("degraded", true, true);
    assert!(body["why"].as_str().unwrap().contains("waiting for its store"), "{body}");
    // However long it lasts: who waits for a store is not restarted for it.
    wait_until("it has lasted for longer than a heartbeat may", SOON, || {
        let body: serde_json::Value = serde_json::from_str(&watched.ask("/status").body).unwrap();
        body["store"]["unreachable_seconds"].as_f64().is_some_and(|seconds| seconds > 7.0)
    });
    watched.is("degraded", true, true);
    proxy.set(Link::Pass);
    watched.is("running", true, true);
    watched.running.signal("TERM");
    watched.running.finish_within(SOON);
}

/// Otherwise an orchestrator would restart the container at the same page for ever.
#[test]
fn a_parse_within_its_limit_is_work_however_short_a_heartbeat_is() {
    let site = Site::builder().page("/hang", Answer::html("h")).start();
    let stored = Stored::sqlite();
    let nasty = crawl_nasty(&site.url("/hang"), &stored).args(["--health-max-age", MAX_AGE]);
    let mut watched = Watched::start(nasty);
    wait_until("the parse takes longer than a heartbeat may", SOON, || {
        let body: serde_json::Value = serde_json::from_str(&watched.ask("/status").body).unwrap();
        let parsing = &body["tasks"]["parsing"][0];
        assert_ne!(body["status"], "stuck", "{body}");
        parsing["url"] == site.url("/hang") && parsing["seconds"].as_f64().is_some_and(|long| long > 8.0)
    });
    watched.is("running", true, true);
    watched.running.signal("KILL");
    watched.running.finish_within(SOON);
}

/// A crawl whose only page hangs in its parse. The supervisor hangs too, so it does not end the parse after its limit.
#[cfg(debug_assertions)]
fn nobody_ends_a_parse(site: &Site, stored: &Stored) -> Dragline {
    let nasty = crawl_nasty(&site.url("/hang"), stored).args(["--health-max-age", MAX_AGE]);
    let nasty = nasty.args(["--parse-timeout", "1s"]);
    nasty.env("DRAGLINE_PROBE", "supervisor: looks").env("DRAGLINE_PROBE_DEED", "hang")
}

#[cfg(debug_assertions)]
#[test]
fn a_parse_is_not_stuck_because_the_process_was_stopped() {
    let site = Site::builder().page("/hang", Answer::html("h")).start();
    let stored = Stored::sqlite();
    let mut watched = Watched::start(nobody_ends_a_parse(&site, &stored));
    let is_parsing = |body: &serde_json::Value| body["tasks"]["parsing"][0]["url"] == site.url("/hang");
    wait_until("the page is parsed", SOON, || {
        is_parsing(&serde_json::from_str(&watched.ask("/status").body).unwrap())
    });
    watched.running.signal("STOP");
    // Longer than a parse may take. Nothing else shows that time has passed.
    #[allow(clippy::disallowed_methods)]
    std::thread::sleep(Duration::from_secs(9));
    watched.running.signal("CONT");
    wait_until("the file is new again", SOON, || watched.check_file().run().code == Some(0));
    let body = watched.is("running", true, true);
    assert!(is_parsing(&body), "{body}");
    // Time in which the process runs does count.
    let body = watched.is("stuck", false, false);
    assert!(body["why"].as_str().unwrap().contains("has been parsing"), "{body}");
    watched.running.signal("KILL");
    watched.running.finish_within(SOON);
}

#[cfg(debug_assertions)]
#[test]
fn stuck_when_nobody_ends_a_parse_and_stopping_from_the_first_signal_on() {
    let site = Site::builder().page("/hang", Answer::html("h")).start();
    let stored = Stored::sqlite();
    // Time enough to look at a stop that waits for the parse.
    let nasty = nobody_ends_a_parse(&site, &stored).env("SHUTDOWN_TIMEOUT_SECONDS", "25");
    let mut watched = Watched::start(nasty);
    let body = watched.is("stuck", false, false);
    let why = body["why"].as_str().unwrap();
    assert!(why.contains(&format!("has been parsing {}", site.url("/hang"))), "{why}");
    watched.running.wait_until("the log says it, too", SOON, |it| it.stderr().contains("stuck: crawl-"));
    watched.running.signal("TERM");
    watched.is("stopping", true, false);
    watched.running.signal("KILL");
    watched.running.finish_within(SOON);
}
