//! As process 1 of its own namespace.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use dragline_testkit::{Dragline, Running, Site, wait_for, wait_until};

use super::{can, not_tested};
use crate::stored::{Stored, dragline};

const SOON: Duration = Duration::from_secs(30);
const NAMESPACE: [&str; 5] = ["--pid", "--fork", "--kill-child", "--mount-proc", "--"];

/// The program as process 1; `None` where there can be no such thing.
pub(crate) fn alone(program: &Path, what: &str) -> Option<Dragline> {
    if !can(&[&["unshare"], &NAMESPACE[..], &["true"]].concat()) {
        not_tested(
            what,
            "A namespace for processes could not be made: run the tests as root with CAP_SYS_ADMIN.",
        );
        return None;
    }
    Some(Dragline::new("unshare").args(NAMESPACE).arg(program))
}

/// Process 1, as it is called outside.
pub(crate) fn first(unshare: &Running) -> u32 {
    wait_for("process 1", SOON, || children(unshare.pid()).first().copied())
}

pub(crate) fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    children
        .flat_map(|line| line.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>())
        .collect()
}

pub(crate) fn kill(signal: &str, pid: u32) {
    assert!(can(&["kill", signal, &pid.to_string()]), "kill {signal} {pid}");
}

fn a_crawl_that_waits(site: &Site, stored: &Stored) -> Option<Running> {
    site.hold();
    let words = ["crawl", "site", "--start-url", &site.url("/"), "--store", &stored.url()];
    let running = alone(dragline().program(), "a crawl as process 1")?.args(words).spawn();
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
    let Some(list) = alone(dragline().program(), "commands as process 1") else { return };
    let running = list.args(["runs", "list", "--store", &url]).spawn();
    let (_connection, _) = silent.accept().unwrap();
    kill("-TERM", first(&running));
    // As a shell tells of a process that SIGTERM has ended.
    running.finish_within(SOON).assert_code(143);
}

/// Two processes that nobody waits for but process 1. As a health check that is cut off, a process that is put into the container
/// leaves them behind.
pub(crate) fn orphans(first: u32) -> Vec<u32> {
    let (inside, before) = (format!("--target={first}"), children(first));
    assert!(can(&["nsenter", &inside, "--pid", "sh", "-c", "sleep 600 & sleep 600 &"]));
    wait_for("orphans", SOON, || {
        let now = children(first).into_iter().filter(|pid| !before.contains(pid) && is_sleep(*pid));
        Some(now.collect::<Vec<_>>()).filter(|orphans| orphans.len() == 2)
    })
}

/// A process that has ended has no command line.
fn is_sleep(pid: u32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(b"sleep"))
}

#[test]
fn orphans_are_taken_note_of() {
    let (site, stored) = (Site::generated(20, 3), Stored::sqlite());
    let Some(running) = a_crawl_that_waits(&site, &stored) else { return };
    let first = first(&running);
    let adopted = orphans(first);
    for orphan in &adopted {
        kill("-KILL", *orphan);
    }
    wait_until("none is left, alive or dead", SOON, || children(first).is_empty());
    assert!(adopted.iter().all(|orphan| !fs::exists(format!("/proc/{orphan}")).unwrap()));
    kill("-TERM", first);
    running.finish_within(SOON).assert_code(75);
}
