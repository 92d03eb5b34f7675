//! A crawl that takes too much memory, hangs, or leaves programs behind is ended, and a recycled one loses no page.

use std::fs;

use dragline_testkit::{Answer, Running, Site, ask_with, wait_until};

use super::{SOON, clock, is_alive, schedule, server, stop, told, until};
use crate::health::address;
use crate::stored::{Stored, dragline, example, on_both_stores};

const START: &str = "2026-03-01T02:59:58Z";
const DAILY: &str = "0 3 * * *";

on_both_stores!(
    a_crawl_over_its_memory_is_stopped_and_goes_on,
    a_crawl_far_over_its_memory_is_killed_at_once,
    a_crawl_that_stands_still_is_noticed,
    a_crawl_that_hangs_and_does_not_stop_is_killed,
    a_recycled_crawl_loses_no_page,
    what_a_crawl_leaves_behind_ends_with_it,
);

/// A page of links to `count` pages with this name.
fn site(count: usize, name: &str) -> Site {
    let links: String = (0..count).map(|page| format!("<a href=/{page}/{name}>{page}</a>")).collect();
    let mut site = Site::builder().page("/", Answer::html(links));
    for page in 0..count {
        site = site.page(&format!("/{page}/{name}"), Answer::html(format!("<title>{page}</title>")));
    }
    site.start()
}

/// The same schedule for the spider whose pages say what it does.
fn nasty(site: &Site, more: &str) -> String {
    schedule("nightly", site, DAILY, more).replace("'site'", "'nasty'")
}

fn reason(stored: &Stored) -> String {
    stored.query("select coalesce(reason, '') from crawl_ticks")[0][0].clone()
}

fn pid(running: &mut Running, stored: &Stored) -> String {
    let sql = "select pid from crawl_ticks where state = 'running' and pid is not null";
    running.wait_until("its crawl runs", SOON, |_| !stored.query(sql).is_empty());
    stored.query(sql)[0][0].clone()
}

fn kill(signal: &str, pid: &str) {
    assert!(std::process::Command::new("kill").args([signal, pid]).status().unwrap().success());
}

fn a_crawl_over_its_memory_is_stopped_and_goes_on(stored: &Stored) {
    // Each page keeps 8 MiB.
    let site = site(40, "hoard");
    site.hold_after(30);
    let file = nasty(&site, "max_memory = '250MiB'\nrestart_delay = '1s'\nmemory_limit = 0");
    let mut running = server(stored, example("nasty_spiders"), &clock(START, 1), &file).spawn();
    let failed = "select count(*) from crawl_ticks where failures = 1";
    running.wait_until("it is stopped", SOON, |_| stored.count(failed) == 1);
    site.release();
    until(&mut running, stored, "done", 1);
    assert!(running.stderr().contains("max_memory: the server looks once a second"), "{}", running.stderr());
    running.wait_until("it says why", SOON, |it| it.stderr().contains("its max_memory is 250.0 MiB"));
    stop(running, stored);
    let tick = &stored.query("select attempts, failures, forced_kills from crawl_ticks")[0];
    assert_eq!(tick[..], ["2", "1", "0"], "{}", told(stored));
    assert_eq!((stored.pages("done"), stored.runs().len()), (41, 1));
}

fn a_crawl_far_over_its_memory_is_killed_at_once(stored: &Stored) {
    let site = site(60, "hoard");
    site.hold_after(50);
    let file = nasty(&site, "max_memory = '100MiB'\nrestarts = 0\nmemory_limit = 0");
    let server = server(stored, example("nasty_spiders"), &clock(START, 1), &file);
    let mut running = server.args(["--listen", "127.0.0.1:0"]).spawn();
    until(&mut running, stored, "failed", 1);
    let told = running.stderr();
    assert!(
        told.contains("CRITICAL: the crawl of the schedule nightly") && told.contains("Raise max_memory"),
        "{told}"
    );
    let address = address(&told).unwrap();
    let metrics =
        ask_with(&address, "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap().body;
    let kills = "dragline_serve_forced_kills_total{spider=\"nasty\",run=\"nightly\",reason=\"memory\"} 1\n";
    assert!(metrics.contains(kills), "{metrics}");
    site.release();
    stop(running, stored);
    assert!(reason(stored).contains("its max_memory is 100.0 MiB"), "{}", reason(stored));
    assert_eq!(stored.count("select forced_kills from crawl_ticks"), 1);
}

fn a_crawl_that_stands_still_is_noticed(stored: &Stored) {
    let site = Site::generated(20, 3);
    site.hold_after(5);
    let file =
        schedule("nightly", &site, DAILY, "max_silence = '5s'\nrestart_delay = '1s'\nhost_concurrency = 2");
    let mut running = server(stored, dragline(), &clock(START, 1), &file).spawn();
    running.wait_until("it crawls", SOON, |_| site.waiting() > 0);
    kill("-STOP", &pid(&mut running, stored));
    let failed = "select count(*) from crawl_ticks where failures = 1";
    running.wait_until("it is stopped", SOON, |_| stored.count(failed) == 1);
    assert!(reason(stored).contains("it hung: the scheduler's last heartbeat is"), "{}", told(stored));
    site.release();
    until(&mut running, stored, "done", 1);
    stop(running, stored);
    assert_eq!(stored.titles(), *site.truth());
}

fn a_crawl_that_hangs_and_does_not_stop_is_killed(stored: &Stored) {
    let site = Site::generated(20, 3);
    site.hold_after(5);
    let file = schedule("nightly", &site, DAILY, "max_silence = '5s'\nrestarts = 0");
    let server = server(stored, dragline(), &clock(START, 1), &file);
    // Its crawls have 4 s to stop.
    let mut running = server.args(["--shutdown-timeout", "6s"]).spawn();
    running.wait_until("it crawls", SOON, |_| site.waiting() > 0);
    let pid = pid(&mut running, stored);
    kill("-STOP", &pid);
    running.wait_until("it is asked to stop", SOON, |it| it.stderr().contains("stopping: it hung"));
    // The server let it go on, so that it hears the stop.
    kill("-STOP", &pid);
    until(&mut running, stored, "failed", 1);
    let told = running.stderr();
    assert!(told.contains("is killed: it hung: ") && told.contains("did not do so within 4 s"), "{told}");
    // The server itself stops as it should.
    site.release();
    stop(running, stored);
    assert_eq!(stored.query("select forced_kills, exit_code from crawl_ticks")[0][..], ["1", "137"]);
}

fn a_recycled_crawl_loses_no_page(stored: &Stored) {
    let site = Site::generated(60, 3);
    // The restart is at once, although restart_delay is long.
    let file =
        schedule("nightly", &site, DAILY, "max_pages = 10\nrestart_delay = '1h'\nhost_concurrency = 2");
    let mut running = server(stored, dragline(), &clock(START, 1), &file).spawn();
    until(&mut running, stored, "done", 1);
    let starts = running.stderr().matches("INFO started ").count();
    assert!((4..=7).contains(&starts), "{starts} processes\n{}", running.stderr());
    stop(running, stored);
    assert_eq!(stored.titles(), *site.truth());
    assert_eq!(site.hits("/"), 1);
    assert_eq!(stored.runs(), [("finished".to_owned(), "finished".to_owned())]);
    assert_eq!(stored.query("select failures, forced_kills from crawl_ticks")[0][..], ["0", "0"]);
}

fn what_a_crawl_leaves_behind_ends_with_it(stored: &Stored) {
    let site = site(2, "helper");
    let mut running = server(stored, example("nasty_spiders"), &clock(START, 1), &nasty(&site, "")).spawn();
    until(&mut running, stored, "done", 1);
    let helpers = stored.query("select text from nasty_things where text <> ''");
    assert_eq!(helpers.len(), 2);
    for pid in helpers {
        wait_until("the helper is gone", SOON, || !is_alive(&pid[0]));
        // It is reaped as well.
        wait_until("no zombie is left", SOON, || fs::metadata(format!("/proc/{}", pid[0])).is_err());
    }
    stop(running, stored);
}
