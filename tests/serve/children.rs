//! What a server tells about its crawls: while they run, while one stands still, and after they have ended.

use std::time::Instant;

use dragline_testkit::{Asked, patience, wait_for};
use serde_json::Value as Json;

use super::*;

fn ask(address: &str, path: &str) -> Asked {
    let words = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let began = Instant::now();
    let asked = ask_with(address, &words).unwrap();
    assert!(began.elapsed() < patience(Duration::from_secs(5)), "{path}: {:?}", began.elapsed());
    asked
}

fn json(address: &str, path: &str) -> Json {
    serde_json::from_str(&ask(address, path).body).unwrap()
}

/// The value of a series, if it is there.
fn series(metrics: &str, name: &str) -> Option<f64> {
    let labels = "{run=\"nightly\",spider=\"site\"} ";
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(labels))?;
    line.trim().parse().ok()
}

fn pages_of(site: &Site) -> f64 {
    f64::from(u32::try_from(site.truth().len()).unwrap())
}

fn fetched(address: &str) -> Option<f64> {
    series(&ask(address, "/metrics").body, "dragline_fetched_pages_total")
}

fn serving(stored: &Stored, site: &Site) -> (Running, String) {
    let file = schedule("nightly", site, "0 3 * * *", "host_concurrency = 2\nrestart_delay = '1s'");
    let server = server(stored, dragline(), &clock("2026-03-01T02:59:58Z", 1), &file);
    let mut running = server.args(["--listen", "127.0.0.1:0", "--log-dir", "logs"]).spawn();
    running.wait_until("it listens", SOON, |it| address(&it.stderr()).is_some());
    let address = address(&running.stderr()).unwrap();
    (running, address)
}

fn pid(stored: &Stored) -> String {
    wait_for("a crawl runs", SOON, || {
        let rows = stored.query("select pid from crawl_ticks where state = 'running' and pid is not null");
        rows.first().map(|row| row[0].clone())
    })
}

fn kill(signal: &str, pid: &str) {
    assert!(std::process::Command::new("kill").args([signal, pid]).status().unwrap().success());
}

on_both_stores!(a_crawl_that_stands_still_keeps_its_last_figures, counts_go_on_over_a_restart);

fn a_crawl_that_stands_still_keeps_its_last_figures(stored: &Stored) {
    let site = Site::generated(40, 3);
    site.hold_after(10);
    let (running, address) = serving(stored, &site);
    let run = wait_for("its hosts are on the page", SOON, || {
        let run = json(&address, "/api/v1/runs/1");
        (run["live"]["hosts"][0]["in_flight"].as_u64()? > 0).then_some(run)
    });
    assert_eq!(run["live"]["hosts"][0]["host"], site.host(), "{run}");
    assert_eq!(run["live"]["status"]["run"], "nightly", "{run}");
    wait_for("its metrics are there", SOON, || fetched(&address).filter(|pages| *pages > 0.0));
    let pid = pid(stored);
    let age = |address: &str| {
        series(&ask(address, "/metrics").body, "dragline_serve_crawl_answer_age_seconds").unwrap()
    };
    wait_for("it answers", SOON, || (age(&address) < 4.0).then_some(()));
    kill("-STOP", &pid);
    let before = fetched(&address).unwrap();
    wait_for("it is silent", SOON, || {
        assert_eq!(ask(&address, "/health").status, 200, "a new start of the server would not help");
        assert_eq!(ask(&address, "/ready").status, 200);
        let status = json(&address, "/status");
        (status["running"][0]["crawl"]["status"] == "silent").then_some(())
    });
    assert!(age(&address) > 9.0, "{}", age(&address));
    assert!(fetched(&address).unwrap() >= before, "the last known values stay");
    let run = json(&address, "/api/v1/runs/1");
    assert!(run["live"]["age_seconds"].as_f64().unwrap() > 5.0, "{run}");
    assert_eq!(run["live"]["hosts"][0]["host"], site.host(), "{run}");
    assert!(ask(&address, "/runs/1").body.contains("has not answered for"));
    kill("-CONT", &pid);
    wait_for("it answers again", SOON, || (age(&address) < 4.0).then_some(()));
    assert_eq!(json(&address, "/status")["running"][0]["crawl"]["status"], "running");
    site.release();
    wait_until("it is done", SOON, || of_state(stored, "done") == 1);
    // What it counted until its end stays, and what was only true while it ran goes.
    let metrics = ask(&address, "/metrics").body;
    assert_eq!(series(&metrics, "dragline_fetched_pages_total"), Some(pages_of(&site)), "{metrics}");
    assert_eq!(series(&metrics, "dragline_exit_code"), Some(0.0), "{metrics}");
    assert!(!metrics.contains("dragline_serve_crawl_answer_age_seconds{"), "{metrics}");
    assert_eq!(json(&address, "/status")["running"], Json::Array(Vec::new()));
    stop(running, stored);
}

fn counts_go_on_over_a_restart(stored: &Stored) {
    let site = Site::builder().generated(60, 3).delay(Duration::from_millis(20)).start();
    site.hold_after(15);
    let (running, address) = serving(stored, &site);
    let mut highest = 0.0;
    let mut look = |what: &str| {
        if let Some(now) = fetched(&address) {
            assert!(now >= highest, "{what}: {now} after {highest}");
            highest = now;
        }
        highest
    };
    wait_for("some pages are counted", SOON, || (look("first process") > 5.0).then_some(()));
    kill("-KILL", &pid(stored));
    wait_for("the second process runs", SOON, || {
        look("between the processes");
        (stored.count("select coalesce(max(attempts), 0) from crawl_ticks") == 2).then_some(())
    });
    site.release();
    wait_for("it is done", SOON, || {
        look("second process");
        (of_state(stored, "done") == 1).then_some(())
    });
    let all = look("after the end");
    let metrics = ask(&address, "/metrics").body;
    assert!(all >= pages_of(&site), "{all}: pages of both processes: {metrics}\n{}", running.stderr());
    stop(running, stored);
}
