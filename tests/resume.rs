//! A run killed at any moment and resumed ends with the rows of one never disturbed.

use std::time::Duration;

use dragline_testkit::{Answer, Running, Site, wait_until};

use crate::stored::{Stored, crawl_site, example, on_both_stores};

const SOON: Duration = Duration::from_secs(20);

on_both_stores!(
    killed_between_commits_and_resumed_ends_the_same,
    a_limit_holds_over_a_kill,
    a_budget_holds_over_kills,
    a_second_process_is_refused,
    fresh_begins_anew,
    fruitless_starts_end_a_run,
    quick_kills_never_end_a_run,
    a_run_that_waits_as_it_was_asked_to_makes_progress,
    of_two_started_at_once_one_crawls,
    item_types_made_at_run_time_survive_kills,
);

/// Rows that must be equal after any disturbance: items and the states of the frontier. Not the depth: which of
/// several pages was the first to name a request depends on the order of answers, with or without a kill.
fn rows(stored: &Stored) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    (
        stored.query("select item_key, url, data, content_hash from crawl_items order by item_key"),
        stored.query("select url, method, state, status from crawl_requests order by url"),
    )
}

fn killed_between_commits_and_resumed_ends_the_same(stored: &Stored) {
    let site = Site::generated(300, 3);
    let undisturbed =
        if matches!(stored, Stored::Postgres(_)) { Stored::postgres() } else { Stored::sqlite() };
    crawl_site(&site.url("/"), &undisturbed).run().assert_code(0);

    let crawl = crawl_site(&site.url("/"), stored).args(["--flush-rows", "10", "--flush-interval", "50ms"]);
    for kill in 1..=5 {
        // So few that a fast machine is not at the end before the kill.
        site.hold_after(50);
        let mut running = crawl.spawn();
        running.wait_until("more pages are done", SOON, |_| stored.pages("done") >= kill * 40);
        running.kill9();
        // After the first commit, for pages are done; before the last, for others are not.
        let (done, queued) = (stored.pages("done"), stored.pages("queued"));
        assert!(done >= kill * 40 && queued > 0, "kill {kill}: {done} done, {queued} queued");
    }
    site.release();
    let finished = crawl.run();
    finished.assert_code(0).assert_stderr("was killed or crashed");
    assert_eq!(rows(stored), rows(&undisturbed));
    assert_eq!(&stored.titles(), site.truth());
    assert_eq!(stored.runs(), [("finished".to_owned(), "finished".to_owned())]);
}

fn a_limit_holds_over_a_kill(stored: &Stored) {
    let site = Site::generated(200, 5);
    site.hold_after(40);
    let crawl = crawl_site(&site.url("/"), stored).args(["--limit", "60", "--flush-rows", "5"]);
    let mut running = crawl.spawn();
    running.wait_until("some pages are done", SOON, |_| stored.pages("done") >= 10);
    running.kill9();
    site.release();
    assert!(stored.pages("done") < 60, "the kill came before the limit");
    crawl.run().assert_code(0).assert_stdout("finished: limit");
    assert_eq!(stored.pages("done"), 60);
}

fn a_budget_holds_over_kills(stored: &Stored) {
    let site = Site::generated(200, 5);
    let budget = ["--max-pages-per-host", "60", "--flush-rows", "5"];
    let crawl = crawl_site(&site.url("/"), stored).args(budget);
    for kill in 1..=2 {
        site.hold_after(25);
        let mut running = crawl.spawn();
        running.wait_until("more pages are done", SOON, |_| stored.pages("done") >= kill * 15);
        running.kill9();
        assert!(stored.pages("done") < 60, "the kill came before the end");
    }
    site.release();
    crawl.run().assert_code(0).assert_stdout("host-full");
    assert_eq!((stored.pages("done"), stored.pages("queued")), (60, 0));
    let reasons = "select distinct error from crawl_requests where state = 'skipped'";
    let reason = "host-full: as many pages as max_pages_per_host allows are done";
    assert_eq!(stored.query(reasons), [[reason]]);
}

fn a_second_process_is_refused(stored: &Stored) {
    let site = Site::generated(30, 3);
    site.hold();
    let crawl = crawl_site(&site.url("/"), stored);
    let first = crawl.spawn();
    wait_until("the first waits for its page", SOON, || site.waiting() > 0);
    let second = crawl.run();
    second
        .assert_code(1)
        .assert_stderr("held by another process")
        .assert_stderr(&format!("pid {}", first.pid()))
        .assert_stderr("hint");
    site.release();
    first.finish().assert_code(0);
    assert_eq!(&stored.titles(), site.truth());
}

fn fresh_begins_anew(stored: &Stored) {
    let site = Site::generated(100, 4);
    site.hold_after(40);
    let crawl = crawl_site(&site.url("/"), stored).args(["--flush-rows", "5"]);
    let mut running = crawl.spawn();
    running.wait_until("some pages are done", SOON, |_| stored.pages("done") >= 5);
    running.kill9();
    site.release();
    // A slip must not throw a run away.
    crawl.clone().env("DRAGLINE_FRESH", "flase").run().assert_code(2).assert_stderr("--fresh");
    crawl.clone().arg("--fresh").run().assert_code(0);
    let runs = stored.runs();
    assert_eq!(runs[0], ("failed".to_owned(), "superseded".to_owned()));
    assert_eq!(runs[1].0, "finished");
    crawl.run().assert_code(0).assert_stderr("new run");
    assert_eq!(stored.runs().len(), 3, "a finished run is final");
}

fn fruitless_starts_end_a_run(stored: &Stored) {
    let site = Site::generated(20, 3);
    site.hold();
    let crawl = crawl_site(&site.url("/"), stored);
    for _ in 0..3 {
        let asked = site.received().len();
        let running = crawl.spawn();
        wait_until("the page is asked for", SOON, || site.received().len() > asked);
        wait_until("the start has had its chance", SOON, || {
            stored.count("select count(*) from crawl_runs where heartbeat_at > last_start_at") > 0
        });
        running.kill9();
    }
    site.release();
    crawl.run().assert_code(0).assert_stderr("it ends as failed");
    let runs = stored.runs();
    assert_eq!(runs[0], ("failed".to_owned(), "no-progress".to_owned()));
    assert_eq!(runs[1].0, "finished");
}

/// Four starts in a row only wait, because the site asked for that. None of them asks again, and the run goes on.
fn a_run_that_waits_as_it_was_asked_to_makes_progress(stored: &Stored) {
    let busy = Answer::new(429).header("Retry-After", "120");
    let site = Site::builder().answers("/", [busy, Answer::html("<title>ready</title>")]).start();
    let crawl = crawl_site(&site.url("/"), stored);
    for start in 1..=5 {
        let mut running = crawl.spawn();
        running.wait_until("it waits, and the row knows", SOON, |_| {
            let waits = match stored {
                Stored::Postgres(_) => "stats ->> 'waits' = 'true'",
                Stored::Sqlite(_) => "stats ->> '$.waits'",
            };
            let knows = format!(
                "select count(*) from crawl_runs where epoch = {start} and {waits} and {}",
                lived(stored)
            );
            stored.count(&knows) == 1
        });
        // A stop and a kill, by turns.
        if start % 2 == 0 {
            running.kill9();
        } else {
            running.signal("TERM");
            running.finish().assert_code(75);
        }
        assert_eq!(site.hits("/"), 1, "start {start} waits for the rest of the time, and doesn't ask again");
    }
    assert_eq!(stored.runs().len(), 1);
    // The wait is over: as if two minutes had passed.
    stored.execute("delete from crawl_hosts");
    crawl.run().assert_code(0).assert_stderr("resuming");
    assert_eq!(stored.runs(), [("finished".to_owned(), "finished".to_owned())]);
}

/// Whether the start lived for more than a second, and so would count.
fn lived(stored: &Stored) -> &'static str {
    match stored {
        Stored::Postgres(_) => "heartbeat_at - last_start_at > interval '1 second'",
        Stored::Sqlite(_) => "julianday(heartbeat_at) - julianday(last_start_at) > 1.0 / 86400.0",
    }
}

fn quick_kills_never_end_a_run(stored: &Stored) {
    let site = Site::generated(20, 3);
    site.hold();
    let crawl = crawl_site(&site.url("/"), stored);
    for _ in 0..12 {
        let asked = site.received().len();
        let running = crawl.spawn();
        wait_until("the page is asked for", SOON, || site.received().len() > asked);
        running.kill9();
    }
    site.release();
    crawl.run().assert_code(0).assert_stderr("resuming");
    assert_eq!(stored.runs(), [("finished".to_owned(), "finished".to_owned())]);
    assert_eq!(&stored.titles(), site.truth());
    if let Stored::Sqlite(_) = stored {
        assert_eq!(stored.query("pragma integrity_check"), [["ok"]]);
    }
}

fn of_two_started_at_once_one_crawls(stored: &Stored) {
    let site = Site::builder().generated(20, 3).delay(Duration::from_millis(50)).start();
    let crawl = crawl_site(&site.url("/"), stored);
    // The one does not end before the other is at the lock, or that one would find a run that has ended.
    site.hold();
    let mut both = [crawl.spawn(), crawl.spawn()];
    wait_until("one crawls", SOON, || site.waiting() > 0);
    // On a busy machine, the other may have given up before anybody looks.
    wait_until("the other is there", SOON, || {
        both.iter_mut().any(|it| !it.is_running())
            || match stored {
                Stored::Postgres(_) => {
                    let tries = "select count(*) from pg_stat_activity where datname = current_database()
                         and query like '%pg_try_advisory_lock%' and pid <> pg_backend_pid()";
                    stored.count(tries) == 2
                }
                Stored::Sqlite(_) => both.iter().all(|it| has_opened(it, "crawl.db")),
            }
    });
    site.release();
    let both = both.map(Running::finish);
    let refused = usize::from(both[0].code == Some(0));
    both[1 - refused].assert_code(0);
    // It waits 5 s for the one, which is long enough on most machines.
    let says_why = ["just ended it as finished", "is held by another process"];
    both[refused].assert_code(1).assert("why", says_why.iter().any(|why| both[refused].stderr.contains(why)));
    assert_eq!(stored.runs().len(), 1);
    assert_eq!(&stored.titles(), site.truth());
}

fn has_opened(process: &Running, name: &str) -> bool {
    let files = std::fs::read_dir(format!("/proc/{}/fd", process.pid())).unwrap();
    files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok()).any(|file| file.ends_with(name))
}

/// Ten item types that were made at run time: with and without a table of their own, with and without a key.
fn item_types_made_at_run_time_survive_kills(stored: &Stored) {
    let site = Site::generated(120, 4);
    let crawl = example("nasty_spiders")
        .args(["crawl", "shapes", "--rate", "0", "--host-concurrency", "8", "--start-url", &site.url("/")])
        .args(["--store", &stored.url(), "--flush-rows", "10", "--flush-interval", "50ms"]);
    for kill in 1..=2 {
        site.hold_after(40);
        let mut running = crawl.spawn();
        running.wait_until("more pages are done", SOON, |_| stored.pages("done") >= kill * 30);
        running.kill9();
        assert!(stored.pages("queued") > 0, "kill {kill} came before the last commit");
    }
    site.release();
    crawl.run().assert_code(0).assert_stderr("was killed or crashed");
    let pages = site.truth().len();
    assert_eq!(stored.pages("done"), pages);
    for number in 0..10 {
        let rows = if number % 2 == 0 {
            stored.query(&format!("select url, corners, title from shapes_{number} order by url"))
        } else {
            let shared =
                format!("select url, data from crawl_items where item_type = 'shape_{number}' order by url");
            stored.query(&shared)
        };
        assert_eq!(rows.len(), pages, "shape_{number}");
        let urls: std::collections::BTreeSet<_> = rows.iter().map(|row| &row[0]).collect();
        assert_eq!(urls.len(), pages, "shape_{number}: each page once");
    }
}
