//! Memory stays under the budget and a fixed allowance, whatever pages, items and the database do.

use std::time::Duration;

use dragline_testkit::{Answer, ChaosProxy, Dragline, Finished, Link, Running, Site, wait_until};

use crate::stored::{Stored, crawl_nasty, example};

const MIB: usize = 1 << 20;
/// `--memory-budget`.
const BUDGET: usize = 64 * MIB;
/// What is beyond the budget: the program itself; the text and the tree of a page, and its items, on each of
/// two crawl threads; two flushes, each with its rows once more as they are sent. Here all of these are 20 MiB.
const ALLOWANCE: usize = 256 * MIB;
/// A debug build takes seconds for 20 MiB of text.
const LIMIT: Duration = Duration::from_secs(240);

/// A page of links to `count` pages with this body, whose paths end in `name`.
fn site(count: usize, name: &str, body: &str) -> Site {
    let path = |page: usize| format!("/{page}/{name}");
    let links: String = (0..count).map(|page| format!("<a href={}>{page}</a>", path(page))).collect();
    let mut site = Site::builder().page("/", Answer::html(links));
    let answer = Answer::html(body.to_owned());
    for page in 0..count {
        site = site.page(&path(page), answer.clone());
    }
    site.start()
}

fn limited(crawl: Dragline) -> Dragline {
    crawl.limit(LIMIT).args(["--memory-budget", "64MiB", "--crawl-threads", "2"])
}

/// The most that was resident so far.
fn peak(running: &Running) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", running.pid())).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.map_or(0, |peak| peak.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10)
}

/// Waits for a good end and holds the most that was ever resident against the limit.
fn stays_small(mut running: Running) -> Finished {
    let mut most = 0;
    wait_until("the end", LIMIT, || {
        most = most.max(peak(&running));
        !running.is_running()
    });
    let finished = running.finish();
    finished.assert_code(0);
    assert!(most > 0 && most < BUDGET + ALLOWANCE, "{} MiB\n{finished}", most / MIB);
    println!("at most {} MiB were resident", most / MIB);
    finished
}

#[test]
fn huge_pages_wait_for_each_other() {
    let stored = Stored::postgres();
    let paragraph = format!("<p>{}\n", "many words ".repeat(90));
    let site = site(24, "large", &paragraph.repeat(20 * MIB / paragraph.len()));
    stays_small(limited(crawl_nasty(&site.url("/"), &stored)).spawn());
    assert_eq!((stored.pages("done"), stored.pages("failed")), (25, 0));
}

#[test]
fn a_page_larger_than_the_budget_goes_alone() {
    let stored = Stored::sqlite();
    let site = site(3, "larger", &"words ".repeat(4 * MIB));
    crawl_nasty(&site.url("/"), &stored).limit(LIMIT).args(["--memory-budget", "1MiB"]).run().assert_code(0);
    assert_eq!((stored.pages("done"), stored.pages("failed")), (4, 0));
}

#[test]
fn huge_items_of_small_pages_wait_for_an_absent_database() {
    let stored = Stored::postgres();
    let Stored::Postgres(database) = &stored else { unreachable!() };
    let (proxy, url) = ChaosProxy::before(&database.url());
    // Together as much as budget and allowance, in items that each are larger than a batch.
    let site = site(16, "huge", "a small page");
    let crawl =
        example("nasty_spiders").args(["crawl", "nasty", "--start-url", &site.url("/"), "--store", &url]);
    // Robots.txt, the first page and six items: the others come when the database is away.
    site.hold_after(8);
    let mut running = limited(crawl).args(["--rate", "0", "--host-concurrency", "16"]).spawn();
    running.wait_until("the first pages are done", LIMIT, |_| stored.pages("done") > 0);
    proxy.go_away();
    site.release();
    running.wait_until("it waits", LIMIT, |running| running.stderr().contains("pages_per_second=0.0"));
    assert!(peak(&running) < BUDGET + ALLOWANCE, "{} MiB", peak(&running) / MIB);
    proxy.set(Link::Pass);
    running.wait_until("it goes on", LIMIT, |_| stored.pages("done") > 4);
    assert!(peak(&running) < BUDGET + ALLOWANCE, "{} MiB", peak(&running) / MIB);
    let whole = "select count(*) from nasty_things where length(text) = 20 * 1024 * 1024";
    assert!(stored.count(whole) >= 4);
    // The rest would take a debug build a minute more.
    running.kill9();
}

#[test]
fn a_spider_that_hoards_is_stopped_before_the_kernel_does_it() {
    let stored = Stored::sqlite();
    let links: String = (0..60).map(|page| format!("<a href=/{page}/hoard>{page}</a>")).collect();
    let site = Site::builder().page("/", Answer::html(links));
    let site = (0..60).fold(site, |site, page| {
        site.page(&format!("/{page}/hoard"), Answer::html("a page").delay(Duration::from_millis(300)))
    });
    let site = site.start();
    // One page is held back: the crawl does not come to its end before its memory is looked at.
    site.hold_page("/59/hoard");
    let hoard = crawl_nasty(&site.url("/"), &stored).limit(LIMIT).args(["--memory-limit", "160MiB"]);
    let stopped = hoard.run();
    site.release();
    stopped.assert_code(75).assert_stderr("fetching pauses").assert_stderr("stays above its soft limit");
    assert!(stored.pages("queued") > 0, "it stopped before the site was done");
    let (state, reason) = stored.runs().remove(0);
    assert!(state == "stopped" && reason.starts_with("memory: "), "{reason}");
    // With more memory the same command goes on.
    crawl_nasty(&site.url("/"), &stored).limit(LIMIT).run().assert_code(0);
    assert_eq!(stored.pages("done"), 61);
}
