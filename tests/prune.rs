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
    dry.assert_stdout("6 requests, 2 kept pages of 2 runs").assert_stdout("nothing was removed");
    assert_eq!(tables.map(rows), [9, 3]);
    let done = prune(stored, &["--keep", "1"]);
    done.assert_stdout("run nightly (id 1): removed 3 requests, 1 kept page").assert_stdout("pruned 2 runs");
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
