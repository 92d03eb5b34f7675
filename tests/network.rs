//! The network, the proxy or the machine fails, and the crawl waits: nothing is charged to pages.

use std::time::Duration;

use dragline_testkit::forward_proxy::Manner;
use dragline_testkit::{Answer, Dragline, ForwardProxy, Site};

use crate::stored::dragline;

const SOON: Duration = Duration::from_secs(30);

/// The proxy answers for all hosts itself: the first page links to `hosts` others.
fn page(hosts: usize) -> Manner {
    let links: String = (0..hosts).map(|host| format!("<a href='http://h{host}.example/'>x</a>")).collect();
    let body = format!("<title>page</title>{links}");
    let length = body.len();
    Manner::Answers(format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    ))
}

fn crawl_through(proxy: &ForwardProxy) -> Dragline {
    dragline()
        .args(["crawl", "site", "--start-url", "http://start.example/", "--allow-domain", "*"])
        .args(["--proxy", &format!("http://{}", proxy.host()), "--rate", "0", "--retries", "0"])
        .env("DRAGLINE_LOG", "info")
}

#[test]
fn a_proxy_that_goes_away_costs_no_page() {
    let proxy = ForwardProxy::start();
    proxy.set(page(60));
    proxy.set_after(40, Manner::Gone);
    let mut running = crawl_through(&proxy).spawn();
    running
        .wait_until("the outage is told", SOON, |running| running.stderr().contains("so the crawl pauses"));
    assert!(running.is_running());
    proxy.set(page(60));
    let ended = running.finish();
    ended.assert_code(0).assert_stdout("done 61, failed 0").assert_stderr("so the crawl goes on");
    let warnings = ended.stderr.lines().filter(|line| line.contains("WARN")).count();
    ended.assert("one warning", warnings == 1);
}

#[test]
fn a_stop_while_the_proxy_is_away() {
    let proxy = ForwardProxy::start();
    proxy.set(page(10));
    proxy.set_after(6, Manner::Gone);
    let crawl = crawl_through(&proxy);
    let running = {
        let mut running = crawl.spawn();
        running.wait_until("the outage is told", SOON, |running| {
            running.stderr().contains("so the crawl pauses")
        });
        running.signal("TERM");
        running
    };
    running.finish_within(Duration::from_secs(20)).assert_code(75);
    // It stays away for longer than the run may wait.
    let ended = crawl.clone().args(["--max-network-outage", "1s"]).run();
    ended.assert_code(75).assert_stderr("no host could be reached for too long").assert_stdout("network: ");
    proxy.set(page(10));
    crawl.run().assert_code(0).assert_stdout("done 11, failed 0");
}

#[test]
fn many_hosts_fit_into_few_file_descriptors() {
    let hosts = 600;
    let site = Site::builder().bind("0.0.0.0:0").page("/", Answer::html("<title>host</title>"));
    let site = site.handler(move |asked| {
        let port = asked.header("host")?.rsplit(':').next()?.to_owned();
        let link =
            |host: usize| format!("<a href='http://127.2.{}.{}:{port}/'>x</a>", host / 200, host % 200 + 1);
        (asked.path == "/start").then(|| Answer::html((0..hosts).map(link).collect::<String>()))
    });
    let site = site.start();
    let port = site.host().rsplit(':').next().unwrap().to_owned();
    let program = dragline();
    // The soft limit is raised to the hard one, and that is low.
    let limited = Dragline::new("/bin/sh")
        .args(["-c", "ulimit -Sn 128; ulimit -Hn 256; exec \"$0\" \"$@\""])
        .arg(program.program())
        .args(["crawl", "site", "--start-url", &format!("http://127.0.0.1:{port}/start")])
        .args(["--allow-domain", "*", "--rate", "0", "--retries", "0"])
        .limit(Duration::from_secs(120));
    let ended = limited.run();
    ended.assert_code(0).assert_stdout(&format!("done {}, failed 0", hosts + 1));
    ended.assert("there was no outage", !ended.stderr.contains("WARN"));
}

#[test]
fn a_process_that_was_stopped_fails_no_request() {
    let site = Site::builder().page("/", Answer::html("<title>page</title>")).start();
    site.hold();
    let crawl = dragline()
        .args(["crawl", "site", "--start-url", &site.url("/"), "--retries", "0", "--robots", "false"])
        .args(["--first-byte-timeout", "4s", "--request-timeout", "5s", "--max-duration", "8s"]);
    let running = crawl.spawn();
    dragline_testkit::wait_until("the page is asked for", SOON, || site.total_hits() > 0);
    running.signal("STOP");
    // Longer than its time-outs, and than what counts as a delay of a busy machine. Nothing else shows that time has passed.
    #[allow(clippy::disallowed_methods)]
    std::thread::sleep(Duration::from_secs(10));
    site.release();
    running.signal("CONT");
    let ended = running.finish();
    ended.assert_code(0).assert_stdout("done 1, failed 0").assert_stderr("did not run for a while");
}
