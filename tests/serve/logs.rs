//! `dragline runs logs`: of a crawl that a server has started.

use std::fs;

use dragline_testkit::{Dragline, Finished, Site};

use super::{SOON, clock, schedule, server, stop, until};
use crate::stored::{Stored, dragline, on_both_stores};

const START: &str = "2026-03-01T02:59:58Z";

on_both_stores!(
    the_log_is_followed_over_the_processes_of_a_run,
    a_log_that_is_not_here_is_an_error_that_says_where,
);

fn logs(stored: &Stored, words: &[&str]) -> Dragline {
    dragline().args(["runs", "logs"]).args(words).args(["--store", &stored.url()]).limit(SOON)
}

fn the_log_is_followed_over_the_processes_of_a_run(stored: &Stored) {
    let site = Site::generated(30, 3);
    site.hold_after(12);
    let more = "max_pages = 8\nhost_concurrency = 2";
    let file = schedule("nightly", &site, "0 3 * * *", more);
    let server = server(stored, dragline(), &clock(START, 1), &file).args(["--log-dir", "logs"]);
    let mut running = server.spawn();
    running.wait_until("its second process crawls", SOON, |_| site.waiting() > 0);
    let mut followed = logs(stored, &["nightly", "--follow", "--lines", "1"]).spawn();
    // One line that was there already.
    followed.wait_until("it follows", SOON, |it| it.stdout().lines().count() >= 1);
    site.release();
    until(&mut running, stored, "done", 1);
    let followed = followed.finish();
    followed.assert_code(0).assert_stdout("no more requests are claimed").assert_stdout("start of the log");
    assert!(followed.stdout.matches("closed").count() >= 2, "{followed}");
    let last = logs(stored, &["1", "--lines", "2"]).run();
    last.assert_code(0);
    assert_eq!(last.stdout.lines().count(), 2, "{last}");
    let all = logs(stored, &["nightly"]).run().stdout;
    assert!(all.ends_with(&last.stdout) && all.lines().count() > 2, "{all}");
    // Each process has written a file of its own.
    let files = fs::read_dir(server.folder().join("logs/nightly")).unwrap().count();
    assert_eq!(files, stored_processes(&running.stderr()), "{}", running.stderr());
    stop(running, stored);
}

fn stored_processes(log: &str) -> usize {
    log.matches("INFO started ").count()
}

fn a_log_that_is_not_here_is_an_error_that_says_where(stored: &Stored) {
    let site = Site::generated(3, 2);
    let file = schedule("nightly", &site, "0 3 * * *", "");
    let server = server(stored, dragline(), &clock(START, 1), &file);
    let mut running = server.clone().spawn();
    until(&mut running, stored, "done", 1);
    stop(running, stored);
    let asked = |words: &[&str]| -> Finished { logs(stored, words).run() };
    asked(&["nobody"]).assert_code(1).assert_stderr("has no run");
    asked(&["nightly"])
        .assert_code(1)
        .assert_stderr("start `dragline serve` or the crawl with --log-dir DIR");
    let nowhere = asked(&["nightly", "--log-dir", "nowhere"]);
    nowhere
        .assert_code(1)
        .assert_stderr("the last process of the run nightly (id 1) has no log file in nowhere");
    stored.execute("update crawl_servers set hostname = 'crawler-7'");
    stored.execute("update crawl_ticks set log_dir = '/var/log/dragline/nightly'");
    asked(&["nightly"]).assert_code(1).assert_stderr("its server ran on crawler-7");
}
