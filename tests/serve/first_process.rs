//! The server as process 1 of a container: it is the parent of everything whose own parent has ended.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::Instant;

use dragline_testkit::{patience, wait_for};

use super::*;
use crate::container::first_process::{alone, children, first, kill, orphans};
use crate::stored::example_path;

const WHAT: &str = "a server as process 1";
const START: &str = "2026-03-01T02:59:58Z";
/// The default of `--shutdown-timeout`.
const BOUND: Duration = Duration::from_secs(25);

fn is_there(pid: u32) -> bool {
    fs::exists(format!("/proc/{pid}")).unwrap()
}

/// Kills these, and waits until the server has reaped them.
fn end(orphans: &[u32]) {
    for orphan in orphans {
        kill("-KILL", *orphan);
    }
    wait_until("they are reaped", SOON, || !orphans.iter().any(|orphan| is_there(*orphan)));
}

on_both_stores!(what_crawls_and_others_leave_behind_is_reaped);

fn what_crawls_and_others_leave_behind_is_reaped(stored: &Stored) {
    // Each page `helper` starts a program that outlives its crawl.
    let html = "<a href=/1/helper>1</a><a href=/2/helper>2</a>";
    let site = Site::builder()
        .page("/", Answer::html(html))
        .page("/1/helper", Answer::html(""))
        .page("/2/helper", Answer::html(""))
        .start();
    let other = Site::generated(20, 3);
    other.hold_after(5);
    let file = schedule("leaves", &site, "0 3 * * *", "") + &schedule("waits", &other, "0 3 * * *", "");
    let file = file.replace("'site'", "'nasty'");
    let Some(program) = alone(&example_path("nasty_spiders"), WHAT) else { return };
    let mut running = server(stored, program, &clock(START, 1), &file).spawn();
    let first = first(&running);
    until(&mut running, stored, "done", 1);
    let left = stored.query("select text from nasty_things where url like '%/helper'");
    assert_eq!(left.len(), 2, "the crawl has left programs behind");
    running.wait_until("the other one crawls", SOON, |_| other.waiting() > 0);
    // The other crawl stays, and it is the only one.
    wait_for("only the crawl is left, and no zombie", SOON, || {
        Some(children(first)).filter(|all| matches!(all[..], [crawl] if is_named(crawl, "crawl")))
    });
    assert!(running.stderr().contains("killed a program that a crawl has started and left behind"));
    // Programs that others have put into the container are not killed. They are reaped when they end.
    let (ends, stays) = (orphans(first), orphans(first));
    end(&ends);
    assert!(stays.iter().all(|orphan| is_there(*orphan)));
    assert_eq!(of_state(stored, "running"), 1, "{}", told(stored));
    let asked_at = Instant::now();
    kill("-TERM", first);
    running.finish_within(SOON).assert_code(0).assert_stderr("This is normal during deploys");
    assert!(asked_at.elapsed() < patience(BOUND), "{:?}", asked_at.elapsed());
    assert_eq!(of_state(stored, "waiting"), 1, "its crawl has stopped, and goes on later: {}", told(stored));
    // The container ends with its first process.
    wait_until("nothing is left", SOON, || !stays.iter().any(|orphan| is_there(*orphan)));
}

fn is_named(pid: u32, word: &str) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).any(|part| part == word.as_bytes())
}

/// Health checks don't wait until the store is there.
#[test]
fn a_server_that_waits_for_its_store_reaps_too() {
    // A server that takes the connection and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://me@{}/db", silent.local_addr().unwrap());
    let Some(program) = alone(Path::new(dragline().program()), WHAT) else { return };
    let server = program.args(["serve", "--store", &url, "--listen", "127.0.0.1:0"]).limit(SOON);
    let site = Site::generated(1, 1);
    fs::write(server.folder().join("dragline.toml"), schedule("nightly", &site, "0 3 * * *", "")).unwrap();
    let mut running = server.spawn();
    running.wait_until("the store is away", SOON, |it| it.stderr().contains("the store is away"));
    let first = first(&running);
    end(&orphans(first));
    let asked = dragline_testkit::ask(address(&running.stderr()).unwrap(), "/health").unwrap();
    assert!(asked.status == 200 && asked.body.contains("\"status\": \"starting\""), "{asked:?}");
    assert!(asked.body.contains("has not answered yet: ") && asked.body.contains("in time"), "{asked:?}");
    kill("-TERM", first);
    running.finish_within(SOON).assert_code(0);
}
