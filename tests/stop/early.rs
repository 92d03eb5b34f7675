//! Signals in the first moments of the process. A deploy may stop a container that has just been started.

use std::fs;
use std::time::{Duration, Instant};

use dragline_testkit::{Answer, Running, Site, wait_until};

use crate::stored::{Stored, crawl_site, dragline};

const SOON: Duration = Duration::from_secs(30);
/// SIGTERM in the mask of `/proc/PID/status`.
const SIGTERM: u64 = 1 << 14;

/// Whether the process has a handler for SIGTERM. Before that, it is not the program yet but its loader, and only the kernel could
/// answer a signal.
fn catches(running: &Running) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", running.pid())).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap_or_default() & SIGTERM != 0)
}

fn at_once_and_later(mut each: impl FnMut(Duration)) {
    for after in [0, 1, 2, 4, 8, 15, 25, 40, 60, 80, 100, 150] {
        each(Duration::from_millis(after));
    }
}

/// Sends SIGTERM when this much time has passed since the program had handlers.
fn terminate_after(running: &mut Running, time: Duration) {
    running.wait_until("it has handlers", SOON, catches);
    let since = Instant::now();
    running.wait_until("the moment has come", SOON, |_| since.elapsed() >= time);
    running.signal("TERM");
}

pub(super) fn a_crawl_that_has_just_begun_stops_cleanly(stored: &Stored) {
    let site = Site::builder().page("/", Answer::html("late")).start();
    site.hold();
    at_once_and_later(|after| {
        let mut crawl = crawl_site(&site.url("/"), stored).args(["--run", &format!("{after:?}")]).spawn();
        terminate_after(&mut crawl, after);
        crawl.finish_within(SOON).assert_code(75);
    });
    site.release();
    // Each of them can still be resumed, or begins now.
    crawl_site(&site.url("/"), stored).args(["--run", "0ns"]).run().assert_code(0);
}

#[test]
fn other_commands_simply_end() {
    // It would serve until someone stops it.
    let mut serving = dragline().args(["demo", "--serve"]).spawn();
    terminate_after(&mut serving, Duration::ZERO);
    serving.finish_within(SOON).assert_code(0);
    // A command that listens to nothing ends by the signal, as it would without handlers, or was faster.
    let stored = Stored::sqlite();
    crawl_site(&Site::builder().page("/", Answer::html("x")).start().url("/"), &stored).run().assert_code(0);
    at_once_and_later(|after| {
        let mut list = dragline().args(["runs", "list", "--store", &stored.url()]).spawn();
        let since = Instant::now();
        wait_until("the moment has come", SOON, || since.elapsed() >= after);
        if list.is_running() {
            list.signal("TERM");
        }
        let ended = list.finish_within(SOON);
        ended.assert("it has ended", ended.code.is_none_or(|code| code == 0));
    });
}
