//! The page of runs and its API: what they show, what they refuse, and that nothing hostile gets through them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use dragline_testkit::{Answer, Asked, Running, Site, ask_with, patience, wait_for};
use serde_json::Value as Json;

use self::description::Description;
use crate::health::address;
use crate::stored::{Stored, crawl_site, dragline, on_both_stores};

mod browser;
mod control;
mod description;
mod hostile;
mod live;
mod nights;
mod questions;
mod socket;
mod web_driver;

const SOON: Duration = Duration::from_secs(30);

/// `dragline board` over a store.
pub(crate) struct Board {
    running: Running,
    pub(crate) address: String,
}

impl Board {
    pub(crate) fn of(stored: &Stored) -> Self {
        Self::with(stored, &[])
    }

    fn with(stored: &Stored, flags: &[&str]) -> Self {
        let board =
            dragline().args(["board", "--listen", "127.0.0.1:0", "--store", &stored.url()]).args(flags);
        let mut running = board.spawn();
        running.wait_until("it serves", SOON, |it| it.stdout().contains("until Ctrl-C"));
        let out = running.stdout();
        let address = out.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
        Self { running, address }
    }

    fn ask(&self, path: &str) -> Asked {
        asked(&self.address, path)
    }

    /// The answer of the API, which is as the description says.
    fn api(&self, path: &str) -> Json {
        answer_of_api(&self.address, path)
    }
}

/// Asks as a browser on this machine does.
fn asked(address: &str, path: &str) -> Asked {
    let words = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    ask_with(address, &words).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn answer_of_api(address: &str, path: &str) -> Json {
    let asked = asked(address, path);
    let json: Json =
        serde_json::from_str(&asked.body).unwrap_or_else(|error| panic!("{path}: {error}: {asked:?}"));
    Description::of(address).check(path, asked.status, &json);
    assert_eq!(asked.status, 200, "{path}: {json}");
    json
}

/// 60 pages that link to each other, and one that fails.
fn site() -> Site {
    Site::builder().generated(60, 3).page("/page/3.html", Answer::new(500).body("broken")).start()
}

on_both_stores!(
    every_page_and_every_answer_is_there,
    rows_are_paged_filtered_and_counted,
    a_killed_run_has_one_timeline
);

fn every_page_and_every_answer_is_there(stored: &Stored) {
    let site = site();
    crawl_site(&site.url("/"), stored).args(["--retries", "0"]).run();
    let board = Board::of(stored);
    for path in [
        "/",
        "/runs",
        "/runs?state=finished&spider=site",
        "/runs/1",
        "/spiders",
        "/spiders/site",
        "/schedules",
        "/items",
        "/items/page",
    ] {
        let page = board.ask(path);
        assert_eq!(page.status, 200, "{path}: {page:?}");
        assert!(page.body.starts_with("<!DOCTYPE html>") && page.body.contains("<title>"), "{path}");
        assert!(!page.body.contains("style="), "the policy forbids it: {path}");
    }
    for path in [
        "/api/v1/overview",
        "/api/v1/runs?limit=1&kind=crawl",
        "/api/v1/runs/1",
        "/api/v1/runs/1/log",
        "/api/v1/spiders",
        "/api/v1/spiders/site",
        "/api/v1/schedules",
        "/api/v1/items",
        "/api/v1/items/page?limit=3",
    ] {
        board.api(path);
    }
    let run = board.api("/api/v1/runs/1");
    let count = |state: &str| stored.pages(state) as u64;
    for state in ["done", "failed", "skipped", "queued"] {
        assert_eq!(run["pages"][state], count(state), "{state}: {run}");
    }
    assert_eq!(run["items"][0]["rows"], count("done"));
    assert_eq!(run["failed_by_reason"]["largest"][0]["key"], "http_status", "{run}");
    assert!(
        run["failed_by_reason"]["largest"][0]["example"].as_str().unwrap().ends_with("/page/3.html"),
        "{run}"
    );
    let points = run["timeline"].as_array().unwrap();
    assert_eq!(points.last().unwrap()[1], count("done") + count("failed") + count("skipped"), "{run}");
    let page = board.ask("/runs/1").body;
    assert!(page.contains("/page/3.html") && page.contains("http_status"), "{page}");
    board.running.signal("TERM");
    board.running.finish().assert_code(0);
}

fn rows_are_paged_filtered_and_counted(stored: &Stored) {
    let site = Site::builder().generated(40, 3).start();
    crawl_site(&site.url("/"), stored).run().assert_code(0);
    let board = Board::of(stored);
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let part = board.api(&format!("/api/v1/items/page?limit=7{after}"));
        assert_eq!(part["count"], stored.titles().len(), "{part}");
        let url = part["columns"].as_array().unwrap().iter().position(|name| name == "url").unwrap();
        seen.extend(
            part["rows"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["values"][url].as_str().unwrap().to_owned()),
        );
        let Some(next) = part["next_after"].as_str() else { break };
        after = format!("&after={}", next.replace('(', "%28").replace(')', "%29").replace('+', "%2B"));
    }
    let mut sorted = seen.clone();
    sorted.sort();
    assert_eq!(sorted, stored.titles().into_keys().collect::<Vec<_>>(), "each row once");
    let one = board.api("/api/v1/items/page?contains=%2FPAGE%2F7&limit=200");
    let matching = stored.titles().into_iter().filter(|(url, _)| url.contains("/page/7")).count();
    assert!(matching > 0 && one["rows"].as_array().unwrap().len() >= matching, "{one}");
    assert_eq!(one["count"], one["rows"].as_array().unwrap().len(), "{one}");
    let none = board.api("/api/v1/items/page?contains=%25nothing%27");
    assert_eq!((none["count"].as_u64(), none["next_after"].as_str()), (Some(0), None));
}

fn a_killed_run_has_one_timeline(stored: &Stored) {
    let site = Site::generated(60, 3);
    site.hold_after(20);
    let mut first = crawl_site(&site.url("/"), stored).args(["--flush-interval", "50ms"]).spawn();
    first.wait_until("some pages are stored", SOON, |_| stored.pages("done") > 5);
    first.kill9();
    site.release();
    crawl_site(&site.url("/"), stored).run().assert_code(0);
    let run = Board::of(stored).api("/api/v1/runs/1");
    let points = run["timeline"].as_array().unwrap();
    let pages: Vec<u64> = points.iter().map(|point| point[1].as_u64().unwrap()).collect();
    // The first process may have been killed before it noted anything.
    assert!(pages.is_sorted() && pages.len() > 1, "{pages:?}");
    assert_eq!(*pages.last().unwrap(), stored.pages("done") as u64);
    assert_eq!(run["run"]["starts"], 2);
}

#[test]
fn a_stopped_run_shows_its_report() {
    let (site, stored, logs) = (Site::generated(60, 3), Stored::sqlite(), tempfile::tempdir().unwrap());
    site.hold_after(10);
    let mut crawl = crawl_site(&site.url("/"), &stored).arg("--log-dir").arg(logs.path()).spawn();
    crawl.wait_until("it crawls", SOON, |_| site.waiting() > 0);
    crawl.signal("TERM");
    crawl.finish().assert_code(75);
    let board = Board::with(&stored, &["--log-dir", logs.path().to_str().unwrap()]);
    let page = board.ask("/runs/1").body;
    for told in [
        ">stopped<",
        "signal SIGTERM",
        "stopping: no new requests",
        "pipeline_tasks_cancelled_total=0",
        "steps=&quot;downloads ",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
}

#[test]
fn the_runs_that_come_next_are_those_of_the_settings_file() {
    let (stored, folder) = (Stored::sqlite(), tempfile::tempdir().unwrap());
    crawl_site(&Site::generated(5, 2).url("/"), &stored).run().assert_code(0);
    let file = folder.path().join("dragline.toml");
    let schedule =
        "[schedule.nightly]\nspider = \"quotes\"\ncron = \"30 3 * * *\"\ntime_zone = \"Asia/Kolkata\"\n";
    std::fs::write(&file, schedule).unwrap();
    let board = Board::with(&stored, &["--config", file.to_str().unwrap()]);
    let next = &board.api("/api/v1/overview")["next"];
    assert_eq!(next.as_array().unwrap().len(), 10, "{next}");
    assert_eq!((&next[0]["schedule"], &next[0]["spider"]), (&"nightly".into(), &"quotes".into()));
    assert!(next[0]["due_at"].as_str().unwrap().ends_with("T22:00:00Z"), "{next}");
    assert!(next[0]["local"].as_str().unwrap().contains("03:30 IST"), "{next}");
    assert!(board.ask("/").body.contains("03:30 IST"));
}

#[test]
fn a_wrong_question_is_told_what_is_right() {
    let stored = Stored::sqlite();
    crawl_site(&Site::generated(5, 2).url("/"), &stored).run().assert_code(0);
    let board = Board::of(&stored);
    for (path, status) in [
        ("/api/v1/runs/999", 404),
        ("/api/v1/runs/0", 400),
        ("/api/v1/runs/x", 400),
        ("/api/v1/runs?limit=0", 400),
        ("/api/v1/runs?before=", 400),
        ("/api/v1/runs?state=nice", 400),
        ("/api/v1/runs?colour=red", 400),
        ("/api/v1/items/nothing", 404),
        ("/api/v1/items/page?after=x", 400),
        ("/api/v1/spiders/nobody", 404),
        ("/api/v1/schedules/nobody", 404),
        ("/api/v1/events?run=999", 404),
        ("/api/v1/nothing", 404),
    ] {
        let asked = board.ask(path);
        assert_eq!(asked.status, status, "{path}: {asked:?}");
        let told: Json = serde_json::from_str(&asked.body).unwrap();
        Description::of(&board.address).check_refusal(&told);
        let page = board.ask(&path.replace("/api/v1", ""));
        assert!(page.status == status || path.contains("events"), "{path}: {page:?}");
        assert!(page.headers.contains("text/html"), "{path}: {page:?}");
    }
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let words = format!(
            "{method} /api/v1/runs/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        let refused = ask_with(&board.address, &words).unwrap();
        assert!(
            refused.status == 405 && refused.headers.to_lowercase().contains("allow: get"),
            "{refused:?}"
        );
    }
    let head =
        ask_with(&board.address, "HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    assert!(head.status == 200 && head.body.is_empty(), "{head:?}");
    for host in ["evil.example", "evil.example:80", "127.0.0.1.evil.example"] {
        for path in ["/", "/api/v1/overview", "/assets/board.js"] {
            let words = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            let refused = ask_with(&board.address, &words).unwrap();
            assert!(refused.status == 421 && refused.body.contains("--listen-host"), "{refused:?}");
        }
    }
    let named = Board::with(&stored, &["--listen-host", "crawls.example.com"]);
    let words = "GET / HTTP/1.1\r\nHost: crawls.example.com\r\nConnection: close\r\n\r\n";
    assert_eq!(ask_with(&named.address, words).unwrap().status, 200);
}

#[test]
fn every_answer_tells_the_browser_what_it_must_not_do() {
    let stored = Stored::sqlite();
    crawl_site(&Site::generated(5, 2).url("/"), &stored).run().assert_code(0);
    let board = Board::of(&stored);
    for path in [
        "/",
        "/runs/1",
        "/assets/board.css",
        "/assets/board.js",
        "/api/v1/overview",
        "/nothing",
        "/api/v1/nothing",
    ] {
        let headers = board.ask(path).headers.to_lowercase();
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';",
            "frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
            "x-content-type-options: nosniff",
            "referrer-policy: same-origin",
            "cache-control: no-store",
        ] {
            assert!(headers.contains(header), "{path}: {header}: {headers}");
        }
    }
}

#[test]
fn a_store_without_tables_or_without_a_server_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let missing = format!("sqlite:{}/none.db", folder.path().display());
    let mut running = dragline().args(["board", "--listen", "127.0.0.1:0", "--store", &missing]).spawn();
    running.wait_until("it serves", SOON, |it| it.stdout().contains("until Ctrl-C"));
    let address = running.stdout().split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
    let page = asked(&address, "/");
    assert!(page.status == 503 && page.body.contains("there is no database"), "{page:?}");
    let crawl = dragline().args(["board", "--listen", &address, "--store", &missing]).run();
    crawl.assert_code(1).assert_stderr("cannot listen at").assert_stderr("choose another port");
    dragline().args(["board", "--store", "mysql://x"]).run().assert_code(2);
    dragline()
        .args(["board", "--listen-host", "https://x"])
        .run()
        .assert_code(2)
        .assert_stderr("not a host name");
}
