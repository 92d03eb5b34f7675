//! `dragline runs prune`: what ended runs lose, what they keep, and what is never touched.

use std::time::Duration;

use dragline_testkit::{Answer, Dragline, Finished, Site};
use serde_json::{Value as Json, json};

use crate::stored::{Stored, crawl_site, dragline, on_both_stores};

const SOON: Duration = Duration::from_secs(20);

on_both_stores!(
    old_runs_lose_their_requests_and_keep_their_figures,
    both_conditions_must_be_met,
    an_unfinished_run_is_never_pruned,
    a_killed_pruning_goes_on,
    a_crawl_goes_on_meanwhile,
    bodies_go_with_the_last_page_that_has_them,
    an_answer_that_a_later_run_needs_stays,
    the_oldest_runs_lose_their_kept_pages_first,
    bodies_that_rows_deleted_by_hand_leave_are_removed,
);

fn runs(stored: &Stored, words: &[&str]) -> Dragline {
    dragline().arg("runs").args(words).args(["--store", &stored.url()])
}

fn prune(stored: &Stored, words: &[&str]) -> Finished {
    let done = runs(stored, &[&["prune"], words].concat()).run();
    done.assert_code(0);
    done
}

fn shown(stored: &Stored, run: &str) -> Json {
    let shown = runs(stored, &["show", run, "--json"]).run();
    serde_json::from_str(&shown.assert_code(0).stdout).unwrap()
}

/// Requests of a run.
fn requests(stored: &Stored, run_id: usize) -> usize {
    stored.count(&format!("select count(*) from crawl_requests where run_id = {run_id}"))
}

fn shaky_site() -> Site {
    Site::builder()
        .page("/", Answer::html("<title>start</title><a href='/down'>x</a><a href='/well'>x</a>"))
        .page("/down", Answer::html("<p>down for today</p>").status(503))
        .page("/well", Answer::html("<title>well</title>"))
        .start()
}

fn crawl(site: &Site, stored: &Stored) -> Dragline {
    crawl_site(&site.url("/"), stored).args(["--retries", "0", "--robots", "false", "--run", "nightly"])
}

/// Many more requests of a run that has ended, as a large site gives them.
fn grow(stored: &Stored, run_id: usize, requests: usize) {
    let (numbers, digest) = match stored {
        Stored::Postgres(_) => (
            format!("generate_series(1, {requests}) AS numbers (n)"),
            "decode(md5(n::text), 'hex')",
        ),
        Stored::Sqlite(_) => (
            format!(
                "(WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {requests})
                  SELECT n FROM numbers)"
            ),
            "randomblob(16)",
        ),
    };
    let no = if matches!(stored, Stored::Postgres(_)) { "false" } else { "0" };
    stored.execute(&format!(
        "INSERT INTO crawl_requests (run_id, shard, fingerprint, url, method, headers, tag, meta, priority, depth,
             host, redirects, dont_filter, state)
         SELECT {run_id}, 0, {digest}, 'http://a.example/' || n, 'GET', '[]', '', '{{}}', 0, 1, 'a.example:80',
             '[]', {no}, 'done'
         FROM {numbers}"
    ));
}

fn old_runs_lose_their_requests_and_keep_their_figures(stored: &Stored) {
    let site = shaky_site();
    for _ in 0..3 {
        crawl(&site, stored).arg("--keep-failed").run();
    }
    let items = stored.query("select * from crawl_items order by key_digest");
    let tables = ["crawl_requests", "crawl_kept_pages"];
    let rows = |table: &str| stored.count(&format!("select count(*) from {table}"));
    assert_eq!(tables.map(rows), [9, 3]);
    let told = |run_id: usize| shown(stored, &run_id.to_string());
    let before = told(1);

    let dry = prune(stored, &["--keep", "1", "--dry-run"]);
    dry.assert_stdout("6 requests, 2 kept pages (42 B) of 2 runs").assert_stdout("nothing was removed");
    assert_eq!(tables.map(rows), [9, 3]);
    let done = prune(stored, &["--keep", "1"]);
    done.assert_stdout("run nightly (id 1): removed 3 requests, 1 kept page (21 B)")
        .assert_stdout("pruned 2 runs");
    let space = if matches!(stored, Stored::Sqlite(_)) { "VACUUM" } else { "autovacuum" };
    done.assert_stdout(space);
    assert_eq!(tables.map(rows), [3, 1]);
    assert_eq!((requests(stored, 3), stored.runs().len()), (3, 3));
    prune(stored, &["--keep", "1"]).assert_stdout("there is nothing to prune");
    prune(stored, &["--keep", "1", "--dry-run"]).assert_stdout("there is nothing to prune");

    // Its figures are those of its end.
    let after = told(1);
    assert!(before["pruned_at"].is_null() && after["pruned_at"].is_string(), "{after}");
    assert_eq!(after["pages"], json!({"done": 2, "failed": 1, "skipped": 0, "dead": 0, "queued": 0}));
    for field in ["state", "verdict", "figures", "pages", "items", "started_at", "finished_at", "problems"] {
        assert_eq!(before[field], after[field], "{field}");
    }
    let text = runs(stored, &["show", "1"]).run();
    text.assert_code(0).assert_stdout("pruned at 20").assert_stdout("done 2, failed 1");
    text.assert_stdout("the next crawl starts a new run");
    runs(stored, &["list"]).run().assert_code(0).assert_stdout("nightly");
    assert!(told(3)["pruned_at"].is_null());

    // Commands that need the requests report that they are gone.
    let page = site.url("/down");
    for words in [vec!["show", "1", "--path", &page], vec!["show", "1", "--kept", &page]] {
        let refused = runs(stored, &words).run();
        refused.assert_code(1).assert_stderr("was pruned at 20").assert_stderr("hint");
    }
    let newest = prune(stored, &["--older-than", "0"]);
    newest.assert_stdout("run nightly (id 3)").assert_stdout("pruned 1 run");
    let refused = runs(stored, &["retry", "nightly", "--failed"]).run();
    refused.assert_code(1).assert_stderr("run 3 was pruned").assert_stderr("starts a new run");
    assert_eq!(stored.query("select * from crawl_items order by key_digest"), items);
    assert_eq!(tables.map(rows), [0, 0]);

    // Somebody who makes it resumable by hand doesn't get an empty run.
    stored.execute("update crawl_runs set state = 'stopped', finished_at = null where run_id = 3");
    crawl(&site, stored).run().assert_code(1).assert_stderr("run 3 was pruned");
    runs(stored, &["end", "3"]).run().assert_code(0);
    crawl(&site, stored).run();
    let fourth = told(4);
    assert_eq!((&fourth["pages"]["done"], &fourth["change"]["done"]), (&json!(2), &json!(0)), "{fourth}");
}

fn both_conditions_must_be_met(stored: &Stored) {
    let site = shaky_site();
    for name in ["one", "one", "one", "two", "two"] {
        crawl_site(&site.url("/well"), stored).args(["--run", name]).run().assert_code(0);
    }
    let left = || stored.query("select distinct run_id from crawl_requests order by run_id").concat();
    let long_ago = match stored {
        Stored::Postgres(_) => "now() - interval '100 days'",
        Stored::Sqlite(_) => "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '-100 days')",
    };
    stored.execute(&format!("update crawl_runs set finished_at = {long_ago} where run_id in (1, 3, 4)"));
    prune(stored, &["--keep", "5"]).assert_stdout("nothing to prune");
    prune(stored, &["--older-than", "101d"]).assert_stdout("nothing to prune");
    // Run 3 is old too, but it is the newest of its name; run 2 is not old.
    prune(stored, &["--keep", "1", "--older-than", "90d"]).assert_stdout("pruned 2 runs");
    assert_eq!(left(), ["2", "3", "5"]);
    prune(stored, &["--older-than", "0", "--run", "two"]);
    assert_eq!(left(), ["2", "3"]);
    prune(stored, &["--older-than", "90d", "--spider", "site"]);
    assert_eq!(left(), ["2"]);

    for (wrong, code, told) in [
        (vec![], 2, "--keep"),
        (vec!["--keep", "0"], 2, "at least 1"),
        (vec!["--older-than", "yesterday"], 2, "--older-than"),
        (vec!["--keep", "1", "--run", "thre"], 1, "no run of the name \"thre\""),
        (vec!["--keep", "1", "--spider", "sight"], 1, "no run of the spider \"sight\""),
    ] {
        let refused = runs(stored, &[&["prune"], &wrong[..]].concat()).run();
        refused.assert_code(code).assert_stderr(told);
    }
}

fn an_unfinished_run_is_never_pruned(stored: &Stored) {
    let site = shaky_site();
    site.hold();
    let mut running = crawl(&site, stored).spawn();
    running.wait_until("the first request is out", SOON, |_| site.waiting() > 0);
    prune(stored, &["--older-than", "0"]).assert_stdout("nothing to prune");
    running.kill9();
    prune(stored, &["--older-than", "0"]).assert_stdout("nothing to prune");
    assert_eq!(requests(stored, 1), 1);
    runs(stored, &["end", "nightly"]).run().assert_code(0);
    // Nobody has counted what it held, so for five minutes somebody may still do that.
    prune(stored, &["--older-than", "0"]).assert_stdout("nothing to prune");
    let earlier = match stored {
        Stored::Postgres(_) => "now() - interval '6 minutes'",
        Stored::Sqlite(_) => "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '-6 minutes')",
    };
    stored.execute(&format!("update crawl_runs set finished_at = {earlier}"));
    prune(stored, &["--older-than", "0"]).assert_stdout("removed 1 request");
    assert_eq!(requests(stored, 1), 0);
    assert_eq!(shown(stored, "1")["pages"]["queued"], 1, "it was counted before");
}

fn a_killed_pruning_goes_on(stored: &Stored) {
    let site = shaky_site();
    for _ in 0..2 {
        crawl(&site, stored).run();
    }
    grow(stored, 1, 35_000);
    let killed = runs(stored, &["prune", "--keep", "1"]).env("DRAGLINE_PROBE", "prune: batch done:3").run();
    assert!(killed.stderr.contains("probe: killed"), "{killed}");
    let left = requests(stored, 1);
    assert!((10_000..30_000).contains(&left), "{left} are left: some batches, and no half of one");
    assert!(shown(stored, "1")["pruned_at"].is_string(), "it can't be opened again");
    let dry = prune(stored, &["--keep", "1", "--dry-run"]);
    dry.assert_stdout(&format!("{left} requests of 1 run"));
    prune(stored, &["--keep", "1"]).assert_stdout(&format!("removed {left} requests"));
    assert_eq!((requests(stored, 1), requests(stored, 2)), (0, 3));
}

fn a_crawl_goes_on_meanwhile(stored: &Stored) {
    let old = shaky_site();
    for _ in 0..2 {
        crawl(&old, stored).run();
    }
    grow(stored, 1, 60_000);
    let site = Site::generated(300, 3);
    site.hold_after(100);
    let mut running =
        crawl_site(&site.url("/"), stored).args(["--flush-rows", "5", "--flush-interval", "20ms"]).spawn();
    running.wait_until("pages are done", SOON, |_| stored.pages("done") > 60);
    let mut pruning = runs(stored, &["prune", "--keep", "1"]).spawn();
    pruning.wait_until("rows are gone", SOON, |_| requests(stored, 1) < 60_000);
    site.release();
    let crawled = running.finish();
    crawled.assert_code(0);
    assert!(!crawled.stderr.contains("flushing fails"), "{crawled}");
    pruning.finish().assert_code(0).assert_stdout("pruned 1 run");
    assert_eq!((requests(stored, 1), requests(stored, 2)), (0, 3));
    let titles = stored.titles();
    assert!(site.truth().iter().all(|page| titles.get(page.0) == Some(page.1)), "every page is there");
}

fn keeping(site: &Site, stored: &Stored) -> Dragline {
    crawl_site(&site.url("/"), stored).args(["--robots", "false", "--run", "nightly", "--keep-pages"])
}

/// A page that tells its version, and one that is always the same.
fn versioned_site() -> Site {
    let site =
        Site::builder().page("/same", Answer::html("<title>same</title>").header("ETag", "\"s\"")).start();
    set(&site, "one");
    site
}

fn set(site: &Site, version: &str) {
    let page = format!("<title>{version}</title><a href='/same'>x</a>{}", version.repeat(400));
    site.set("/", Answer::html(page).header("ETag", &format!("\"{version}\"")));
}

fn bodies(stored: &Stored) -> usize {
    stored.count("select count(*) from crawl_bodies")
}

/// Runs whose answers are kept, each with the number of its pages.
fn kept(stored: &Stored) -> Vec<Vec<String>> {
    stored.query("select run_id, count(*) from crawl_kept_pages group by run_id order by run_id")
}

fn bodies_go_with_the_last_page_that_has_them(stored: &Stored) {
    let site = versioned_site();
    for version in ["one", "two", "three"] {
        set(&site, version);
        keeping(&site, stored).run().assert_code(0);
    }
    assert_eq!((kept(stored).len(), bodies(stored)), (3, 4));
    let dry = prune(stored, &["--keep", "1", "--dry-run"]);
    dry.assert_stdout("4 requests, 4 kept pages (").assert_stdout("of 2 runs");
    assert_eq!((kept(stored).len(), bodies(stored)), (3, 4));
    let told = |finished: &Finished| {
        let (_, rest) = finished.stdout.split_once("4 kept pages (").unwrap();
        rest.split_once(')').unwrap().0.to_owned()
    };
    let done = prune(stored, &["--keep", "1"]);
    assert_eq!(told(&dry), told(&done));
    assert_eq!((kept(stored), bodies(stored)), (vec![vec!["3".to_owned(), "2".to_owned()]], 2));
    prune(stored, &["--keep", "1"]).assert_stdout("there is nothing to prune");
    prune(stored, &["--older-than", "0"]).assert_stdout("2 kept pages");
    assert_eq!((kept(stored).len(), bodies(stored)), (0, 0));
}

fn an_answer_that_a_later_run_needs_stays(stored: &Stored) {
    let site = versioned_site();
    let night = || {
        let night = keeping(&site, stored).arg("--incremental").run();
        night.assert_code(0);
        night.stdout
    };
    // The test site sends the whole page again, and the crawl sees by its hash that it is unchanged.
    for _ in 0..3 {
        night();
    }
    assert_eq!(kept(stored), [["1", "2"]]);
    let stays = "2 kept pages of these runs stay,";
    prune(stored, &["--keep", "1", "--dry-run"]).assert_stdout("4 requests of 2 runs").assert_stdout(stays);
    prune(stored, &["--keep", "1"]).assert_stdout("removed 2 requests\n").assert_stdout(stays);
    let again = prune(stored, &["--keep", "1"]);
    again.assert_stdout("there is nothing to prune").assert_stdout("2 kept pages");
    assert_eq!((kept(stored), requests(stored, 1)), (vec![vec!["1".to_owned(), "2".to_owned()]], 0));

    set(&site, "two");
    let told = night();
    assert!(told.contains("kept      1 page"), "{told}");
    // Only the page that has not changed is still needed, and not by run 3 any more.
    let done = prune(stored, &["--keep", "1"]);
    done.assert_stdout("run nightly (id 1): removed 1 kept page (")
        .assert_stdout("1 kept page of these runs stays");
    assert_eq!(kept(stored), [["1", "1"], ["4", "1"]]);
    assert_eq!(bodies(stored), 2);
    // A crawl that fetches everything needs nothing older.
    keeping(&site, stored).run().assert_code(0);
    prune(stored, &["--keep", "1"]);
    assert_eq!((kept(stored), bodies(stored)), (vec![vec!["5".to_owned(), "2".to_owned()]], 2));
}

fn the_oldest_runs_lose_their_kept_pages_first(stored: &Stored) {
    let site = versioned_site();
    for version in ["one", "two", "three", "four"] {
        set(&site, version);
        keeping(&site, stored).run().assert_code(0);
    }
    let length = if matches!(stored, Stored::Postgres(_)) { "octet_length" } else { "length" };
    let since = |run_id: usize| {
        let of_runs = format!("select body_hash from crawl_kept_pages where run_id >= {run_id}");
        let sum = format!("select sum({length}(body)) from crawl_bodies where body_hash in ({of_runs})");
        stored.count(&sum).to_string()
    };
    prune(stored, &["--max-kept", &since(1)]).assert_stdout("are kept, no more than --max-kept");
    let limit = since(3);
    let dry = prune(stored, &["--max-kept", &limit, "--dry-run"]);
    dry.assert_stdout("this would remove the kept pages of 2 runs").assert_stdout("nothing was removed");
    assert_eq!(kept(stored).len(), 4);
    prune(stored, &["--max-kept", &limit]).assert_stdout("removed 4 kept pages (").assert_stdout("of 2 runs");
    assert_eq!(
        (kept(stored), bodies(stored)),
        ([["3", "2"], ["4", "2"]].map(|row| row.map(str::to_owned).to_vec()).to_vec(), 3)
    );
    // Nothing else of the runs is gone.
    assert_eq!((requests(stored, 1), requests(stored, 2)), (2, 2));
    let one = shown(stored, "1");
    assert!(one["pruned_at"].is_null() && one["kept_pruned_at"].is_string(), "{one}");
    let gone = runs(stored, &["show", "1", "--kept", &site.url("/")]).run();
    gone.assert_code(1).assert_stderr("lost its kept pages at 20").assert_stderr("--max-kept");
    prune(stored, &["--max-kept", "0"]).assert_stdout("0 B are still kept");
    assert_eq!((kept(stored).len(), bodies(stored)), (0, 0));
    let refused = runs(stored, &["prune", "--max-kept", "much"]).run();
    refused.assert_code(2).assert_stderr("--max-kept");
}

fn bodies_that_rows_deleted_by_hand_leave_are_removed(stored: &Stored) {
    let site = versioned_site();
    keeping(&site, stored).run().assert_code(0);
    stored.execute("delete from crawl_kept_pages");
    assert_eq!(bodies(stored), 2);
    let done = prune(stored, &["--keep", "9"]);
    done.assert_stdout("removed 2 bodies (").assert_stdout("that no kept page had any more");
    assert_eq!(bodies(stored), 0);
}
