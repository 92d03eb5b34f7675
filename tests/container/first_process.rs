//! As process 1 of its own namespace.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use dragline_testkit::{Dragline, Running, Site, wait_for, wait_until};

use super::{can, not_tested};
use crate::stored::{Stored, dragline};

const SOON: Duration = Duration::from_secs(30);
const NAMESPACE: [&str; 5] = ["--pid", "--fork", "--kill-child", "--mount-proc", "--"];

/// The program as process 1; `None` where there can be no such thing.
fn alone(words: &[&str], what: &str) -> Option<Dragline> {
    if !can(&[&["unshare"], &NAMESPACE[..], &["true"]].concat()) {
        not_tested(
            what,
            "A namespace for processes could not be made: run the tests as root with CAP_SYS_ADMIN.",
        );
        return None;
    }
    let unshare = Dragline::new("unshare").args(NAMESPACE).arg(dragline().program());
    Some(unshare.args(words))
}

/// Process 1, as it is called outside.
fn first(unshare: &Running) -> u32 {
    wait_for("process 1", SOON, || children(unshare.pid()).first().copied())
}

fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    children
        .flat_map(|line| line.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>())
        .collect()
}

fn kill(signal: &str, pid: u32) {
    assert!(can(&["kill", signal, &pid.to_string()]), "kill {signal} {pid}");
}

fn a_crawl_that_waits(site: &Site, stored: &Stored) -> Option<Running> {
    site.hold();
    let words = ["crawl", "site", "--start-url", &site.url("/"), "--store", &stored.url()];
    let running = alone(&words, "a crawl as process 1")?.spawn();
    wait_until("the start page is asked for", SOON, || site.waiting() == 1);
    Some(running)
}

#[test]
fn a_crawl_is_stopped_by_sigterm() {
    let (site, stored) = (Site::generated(20, 3), Stored::sqlite());
    let Some(running) = a_crawl_that_waits(&site, &stored) else { return };
    kill("-TERM", first(&running));
    running.finish_within(SOON).assert_code(75).assert_stderr("normal during deploys");
}

#[test]
fn any_other_command_ends_at_once() {
    // A server that takes the connection and never says a word: the command would wait for seconds.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://me@{}/db", silent.local_addr().unwrap());
    let Some(list) = alone(&["runs", "list", "--store", &url], "commands as process 1") else { return };
    let running = list.spawn();
    let (_connection, _) = silent.accept().unwrap();
    kill("-TERM", first(&running));
    // As a shell tells of a process that SIGTERM has ended.
    running.finish_within(SOON).assert_code(143);
}

#[test]
fn orphans_are_taken_note_of() {
    let (site, stored) = (Site::generated(20, 3), Stored::sqlite());
    let Some(running) = a_crawl_that_waits(&site, &stored) else { return };
    let first = first(&running);
    // A process that is put into the container and leaves two of its own behind, as a health check that is cut off.
    let inside = format!("--target={first}");
    assert!(can(&["nsenter", &inside, "--pid", "sh", "-c", "sleep 60 & sleep 60 &"]));
    let adopted = wait_for("orphans", SOON, || Some(children(first)).filter(|orphans| orphans.len() == 2));
    for orphan in &adopted {
        kill("-KILL", *orphan);
    }
    wait_until("none is left, alive or dead", SOON, || children(first).is_empty());
    assert!(adopted.iter().all(|orphan| !fs::exists(format!("/proc/{orphan}")).unwrap()));
    kill("-TERM", first);
    running.finish_within(SOON).assert_code(75);
}
