//! A page that ends the process is found and given up, and no other page is: after an unclean end, the next starts are careful.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use dragline_testkit::{Answer, Dragline, Finished, Site};

use crate::stored::{Stored, crawl_nasty, example, on_both_stores};

on_both_stores!(
    a_page_that_ends_the_process_is_given_up,
    two_pages_that_end_the_process_are_given_up,
    the_only_page_that_is_left_is_given_up,
    what_is_given_up_can_be_tried_again,
    random_kills_blame_no_page,
    a_clean_crawl_writes_no_marks,
);

/// A page is given up long before that.
const MOST_STARTS: usize = 24;

/// Pages with these last parts of their paths among many others.
fn site_with(killers: &[&str]) -> Site {
    let mut links: Vec<String> = (0..40).map(|number| format!("/leaf/{number}")).collect();
    for (number, killer) in killers.iter().enumerate() {
        links.insert(10 + 7 * number, format!("/killer{number}/{killer}"));
    }
    let mut root = String::new();
    for link in &links {
        let _ = write!(root, "<a href='{link}'>page</a>");
    }
    let mut site = Site::builder().page("/", Answer::html(root));
    for link in links {
        // Each leaf leads to one more page.
        let body = format!("<p>a page</p><a href='{link}/more'>more</a>");
        let more = format!("{link}/more");
        site = site.page(&link, Answer::html(body)).page(&more, Answer::html("<p>the end</p>"));
    }
    site.start()
}

fn crawl(site: &Site, stored: &Stored, threads: &str) -> Dragline {
    crawl_nasty(&site.url("/"), stored).args(["--crawl-threads", threads, "--flush-interval", "50ms"])
}

/// With so few requests in a second that the crawl takes some seconds.
fn slow_crawl(site: &Site, stored: &Stored, rate: &str) -> Dragline {
    example("nasty_spiders")
        .args(["crawl", "nasty", "--start-url", &site.url("/"), "--store", &stored.url()])
        .args(["--rate", rate, "--host-concurrency", "8", "--flush-interval", "50ms"])
}

/// Starts the crawl again until it ends by itself, as an orchestrator does.
fn keep_running(crawl: &Dragline) -> Vec<Finished> {
    let mut ends = Vec::new();
    loop {
        ends.push(crawl.run());
        if ends.last().is_some_and(|end| end.code.is_some()) {
            return ends;
        }
        assert!(ends.len() < MOST_STARTS, "it ends again and again: {}", ends[ends.len() - 1]);
    }
}

/// All rows of items and of the frontier, without the killers and without the pages that only they lead to.
fn rows(stored: &Stored) -> Vec<Vec<Vec<String>>> {
    [
        "SELECT url, text FROM nasty_things ORDER BY url",
        "SELECT url, data FROM crawl_items ORDER BY url",
        "SELECT url, state, status, depth FROM crawl_requests WHERE url NOT LIKE '%/killer%' ORDER BY url",
    ]
    .map(|sql| stored.query(sql))
    .into()
}

/// The rows of a crawl in which the killers can't be fetched.
fn rows_without(site: &Site, killers: &[&str], stored: &Stored) -> Vec<Vec<Vec<String>>> {
    let undisturbed =
        if matches!(stored, Stored::Postgres(_)) { Stored::postgres() } else { Stored::sqlite() };
    let path = |(number, killer): (usize, &&str)| format!("/killer{number}/{killer}");
    for killer in killers.iter().enumerate() {
        site.set_answers(&path(killer), [Answer::new(404)]);
    }
    let finished = crawl(site, &undisturbed, "2").run();
    assert!(finished.code.is_some_and(|code| code != 1), "{finished}");
    for killer in killers.iter().enumerate() {
        site.set_answers(&path(killer), [Answer::html("<p>boo</p>")]);
    }
    rows(&undisturbed)
}

fn given_up(stored: &Stored) -> BTreeSet<String> {
    let sql = "SELECT url FROM crawl_requests WHERE state = 'failed' AND reason = 'kills_the_process'";
    stored.query(sql).into_iter().map(|row| row[0].clone()).collect()
}

fn found(killers: &[&str], threads: &str, stored: &Stored) -> (Site, Vec<Finished>) {
    let site = site_with(killers);
    let wanted = rows_without(&site, killers, stored);
    let ends = keep_running(&crawl(&site, stored, threads));
    let last = &ends[ends.len() - 1];
    let urls =
        killers.iter().enumerate().map(|(number, killer)| site.url(&format!("/killer{number}/{killer}")));
    last.assert("all killers, and only they", given_up(stored) == urls.collect());
    assert_eq!(stored.pages("failed"), killers.len(), "{last}");
    assert_eq!(stored.pages("queued"), 0, "{last}");
    assert_eq!(rows(stored), wanted, "{last}");
    assert_eq!(stored.count("SELECT count(*) FROM crawl_runs"), 1, "no run was given up: {last}");
    assert_eq!(stored.count("SELECT count(*) FROM crawl_suspects"), 0, "{last}");
    // The first end marks nothing, the second one marks a group, and each page has three deaths.
    let most = 2 + 4 * killers.len();
    last.assert("it is found soon", ends.len() <= most + 1);
    ends[1].assert_stderr("so this start is careful: for 10 minutes, each page is marked");
    (site, ends)
}

fn a_page_that_ends_the_process_is_given_up(stored: &Stored) {
    let (site, ends) = found(&["abort"], "4", stored);
    let (url, last) = (site.url("/killer0/abort"), &ends[ends.len() - 1]);
    last.assert_stderr("this page ended the process 3 times and is given up");
    last.assert_stdout(&format!("given up  1 page: {url} ended the process 3 times"));
    let shown = example("nasty_spiders").args(["runs", "show", "nasty", "--store", &stored.url()]).run();
    shown.assert_code(0).assert_stdout("kills_the_process").assert_stdout(&url);
    let before = &ends[ends.len() - 2];
    before.assert_stderr("a process ended while this page was the only one in hand; it is tried again in");
}

fn two_pages_that_end_the_process_are_given_up(stored: &Stored) {
    let (_site, ends) = found(&["abort", "deep"], "2", stored);
    ends[ends.len() - 1].assert_stdout("given up  1 page");
}

fn the_only_page_that_is_left_is_given_up(stored: &Stored) {
    let site = Site::builder().page("/abort", Answer::html("<p>boo</p>")).start();
    let ends = keep_running(&crawl_nasty(&site.url("/abort"), stored));
    let last = &ends[ends.len() - 1];
    // No page was done.
    last.assert_code(1).assert("three deaths after the first end", ends.len() == 5);
    assert_eq!(given_up(stored), [site.url("/abort")].into());
    assert_eq!(stored.count("SELECT count(*) FROM crawl_runs"), 1, "{last}");
}

fn what_is_given_up_can_be_tried_again(stored: &Stored) {
    let (site, _) = found(&["abort"], "1", stored);
    // As if the spider had been mended.
    site.set_answers("/killer0/abort", [Answer::new(301).header("location", "/killer0/fine")]);
    site.set_answers("/killer0/fine", [Answer::html("<p>mended</p>")]);
    let retry = ["runs", "retry", "nasty", "--reason", "kills_the_process", "--store", &stored.url()];
    example("nasty_spiders").args(retry).run().assert_code(0).assert_stdout("1 ");
    crawl(&site, stored, "1").run().assert_code(0);
    assert_eq!(given_up(stored), BTreeSet::new());
    assert_eq!(stored.pages("failed") + stored.pages("queued"), 0);
    assert_eq!(stored.count("SELECT count(*) FROM nasty_things WHERE url LIKE '%/killer0/fine'"), 1);
}

fn random_kills_blame_no_page(stored: &Stored) {
    let site = site_with(&["drowsy", "drowsy", "drowsy"]);
    // Three short lives in a row without a page would end the run, which is not what this is about.
    let crawl = slow_crawl(&site, stored, "9").arg("--force-run");
    let seed = dragline_testkit::torture::new_seed();
    println!("seed {seed}");
    // The generator of Knuth's MMIX: any spread of the kills is good enough.
    let mut random = seed;
    let mut kills = 0;
    let end = loop {
        let mut running = crawl.spawn();
        // Some lives are long enough for a page with deaths to be tried again.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let until = Instant::now() + Duration::from_millis(50 + (random >> 33) % 2_450);
        while Instant::now() < until && running.is_running() {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        if !running.is_running() || kills == 25 {
            break running.finish();
        }
        running.kill9();
        kills += 1;
    };
    println!("{kills} kills");
    end.assert_code(0).assert("it was killed a few times", kills > 2);
    assert_eq!(stored.pages("failed") + stored.pages("queued"), 0, "{end}");
    // A process that was killed between the end of its run and its own end has finished the run, so the next one began another.
    let runs = stored.runs().len();
    assert_eq!(stored.pages("done"), 87 * runs, "{end}");
    // The slow ones have only notes.
    assert_eq!(stored.count("SELECT count(*) FROM nasty_things"), 84);
    assert_eq!(stored.count("SELECT count(*) FROM crawl_items"), 87 * runs);
}

fn a_clean_crawl_writes_no_marks(stored: &Stored) {
    let site = site_with(&[]);
    let mut running = slow_crawl(&site, stored, "30").spawn();
    let marks = || stored.count("SELECT count(*) FROM crawl_suspects");
    running.wait_until("some pages are done", Duration::from_secs(20), |_| stored.pages("done") > 10);
    assert_eq!(marks(), 0);
    running.signal("TERM");
    let stopped = running.finish();
    stopped.assert_code(75);
    let done = stored.pages("done");
    let mut resumed = slow_crawl(&site, stored, "30").spawn();
    resumed.wait_until("more pages are done", Duration::from_secs(20), |_| stored.pages("done") > done + 10);
    assert_eq!(marks(), 0);
    let resumed = resumed.finish();
    resumed.assert_code(0).assert("not careful", !resumed.stderr.contains("careful"));
}
