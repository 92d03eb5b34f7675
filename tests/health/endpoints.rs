//! The endpoints, and whoever asks them wrongly.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Instant;

use dragline_testkit::bad_server::NOBODY;
use dragline_testkit::wait_until;

use super::*;

#[test]
fn each_path_has_its_answer_and_others_are_told() {
    let (site, stored) = (Site::generated(60, 3), Stored::sqlite());
    site.hold();
    let watched = Watched::start(crawl_site(&site.url("/"), &stored));
    for path in ["/health", "/ready", "/status?pretty=1"] {
        let asked = watched.ask(path);
        assert!(asked.headers.to_lowercase().contains("content-type: application/json"), "{asked:?}");
    }
    let unknown = watched.ask("/nothing");
    assert!(unknown.status == 404 && unknown.body.contains("/metrics"), "{unknown:?}");
    let post =
        ask_with(&watched.address, "POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").unwrap();
    assert!(post.status == 405 && post.headers.to_lowercase().contains("allow: get, head"), "{post:?}");
    let head = ask_with(&watched.address, "HEAD /health HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(head.status == 200 && head.body.is_empty(), "{head:?}");
}

#[test]
fn who_asks_nonsense_or_nothing_holds_up_nobody() {
    let (site, stored) = (Site::generated(60, 3), Stored::sqlite());
    site.hold();
    let watched = Watched::start(crawl_site(&site.url("/"), &stored));
    let silent: Vec<TcpStream> = (0..40).map(|_| TcpStream::connect(&watched.address).unwrap()).collect();
    let mut garbage = TcpStream::connect(&watched.address).unwrap();
    garbage.write_all(&[0xff; 1_000]).unwrap();
    let huge = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(1 << 20));
    // Refused or cut off, as it likes.
    let _ = ask_with(&watched.address, &huge);
    assert_eq!(watched.ask("/health").status, 200);
    drop(silent);
}

#[test]
fn connections_that_say_nothing_make_way_for_one_that_asks() {
    let (site, stored) = (Site::generated(60, 3), Stored::sqlite());
    site.hold();
    let watched = Watched::start(crawl_site(&site.url("/"), &stored));
    let address = watched.address.clone();
    let idle: Vec<TcpStream> = (0..200).map(|_| TcpStream::connect(&address).unwrap()).collect();
    watched.check_endpoint().run().assert_code(0);
    drop(idle);
}

#[test]
fn the_answer_comes_at_once_also_under_full_load() {
    let (site, stored) = (endless_site().start(), Stored::sqlite());
    let mut watched = Watched::start(crawl_site(&site.url("/"), &stored).args(["--concurrency", "64"]));
    wait_until("it is busy", SOON, || site.total_hits() > 100);
    let mut took = Vec::new();
    while took.len() < 60 {
        for path in ["/health", "/ready", "/status", "/metrics"] {
            let asked = Instant::now();
            assert_eq!(watched.ask(path).status, 200);
            took.push(asked.elapsed());
        }
    }
    assert!(watched.running.is_running(), "it was busy all the while");
    let body: serde_json::Value = serde_json::from_str(&watched.ask("/status").body).unwrap();
    assert!(body["store"]["seconds_since_commit"].as_f64().is_some_and(|seconds| seconds < 10.0), "{body}");
    assert!(body["pages"]["stored"].as_u64().unwrap() > 0 && body["items"]["stored"].as_u64().unwrap() > 0);
    took.sort();
    // The tests beside this one have the same processors: a few answers may wait for one.
    let (most, all) = (took[took.len() * 9 / 10], took[took.len() - 1]);
    println!("nine of ten within {most:?}, all within {all:?}");
    assert!(most < Duration::from_millis(100), "{took:?}");
}

#[test]
fn dropped_items_are_told_by_step_and_reason() {
    let (site, stored) = (dragline().args(["demo", "--serve"]).spawn(), Stored::sqlite());
    let url = wait_for("the demo's site", SOON, || {
        let stdout = site.stdout();
        Some(stdout.strip_prefix("serving ")?.split_once(' ')?.0.to_owned())
    });
    let crawl = example("own_pipeline").args(["crawl", "bargains", "--start-url", &url]);
    // Slow enough to be asked.
    let watched = Watched::start(crawl.args(["--store", &stored.url(), "--rate", "20"]));
    wait_for("an item is dropped", SOON, || {
        let body: serde_json::Value = serde_json::from_str(&watched.ask("/status").body).unwrap();
        body["items"]["dropped_by_reason"]["available: not in stock"].as_u64().filter(|dropped| *dropped > 0)
    });
}

#[test]
fn a_crawl_that_listens_elsewhere_is_found_by_its_file() {
    let (site, stored) = (Site::generated(60, 3), Stored::sqlite());
    site.hold();
    let mut watched = Watched::start(crawl_site(&site.url("/"), &stored));
    watched.is("running", true, true);
    // As in the image, where the health check knows the variable, and not the flag that the crawl was given.
    let check = watched.check_file().args(["--listen", NOBODY]);
    check.run().assert_code(0).assert_stdout(" is running: ");
    watched.running.signal("KILL");
    watched.running.finish_within(SOON);
    // At once, though the file it left behind is fresh.
    check.run().assert_code(1).assert_stdout("nothing listens");
}

#[test]
fn an_address_that_cannot_be_had_is_told() {
    let (site, stored) = (Site::generated(2, 1), Stored::sqlite());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let crawl = crawl_site(&site.url("/"), &stored);
    let refused = crawl.clone().args(["--listen", &taken.local_addr().unwrap().to_string()]).run();
    refused.assert_code(1).assert_stderr("cannot listen at 127.0.0.1:").assert_stderr("--listen");
    crawl.clone().args(["--listen", "everywhere"]).run().assert_code(2).assert_stderr("127.0.0.1:8080");
    assert_eq!(site.total_hits(), 0, "a crawl that cannot be watched does not begin");
    // The platform's port, as the image has it.
    let port = taken.local_addr().unwrap().port().to_string();
    crawl.env("DRAGLINE_LISTEN", "127.0.0.1").env("PORT", &port).run().assert_code(1).assert_stderr(&port);
}
