//! Runs between two crawls: what `dragline runs` shows of them, and what it opens again.

use std::time::Duration;

use dragline_testkit::{Answer, Finished, Site};
use serde_json::{Value as Json, json};

use crate::stored::{Stored, crawl_site, dragline, example, on_both_stores};

const SOON: Duration = Duration::from_secs(20);

on_both_stores!(
    failed_requests_are_retried_by_the_same_crawl,
    a_run_is_shown_with_its_failures,
    a_run_that_a_process_holds_is_left_alone,
    a_killed_run_is_told_and_can_be_ended,
    a_limit_holds_when_a_run_is_opened_again,
    a_run_is_found_by_its_spider_where_that_is_clear,
    the_items_of_a_spider_that_the_program_does_not_have_are_not_called_none,
);

fn runs(stored: &Stored, words: &[&str]) -> Finished {
    dragline().arg("runs").args(words).args(["--store", &stored.url()]).run()
}

fn shown(stored: &Stored, run: &str) -> Json {
    let shown = runs(stored, &["show", run, "--json"]);
    serde_json::from_str(&shown.assert_code(0).stdout).unwrap()
}

/// A site whose start page links to pages that are down, one that is gone, and one that is well.
fn shaky_site() -> Site {
    let links = ["/down/1", "/down/2", "/gone", "/well"].map(|path| format!("<a href='{path}'>x</a>"));
    Site::builder()
        .page("/", Answer::html(format!("<title>start</title>{}", links.join(""))))
        .page("/down/1", Answer::new(503))
        .page("/down/2", Answer::new(503))
        .page("/well", Answer::html("<title>well</title>"))
        .start()
}

fn failed_requests_are_retried_by_the_same_crawl(stored: &Stored) {
    let site = shaky_site();
    let crawl = crawl_site(&site.url("/"), stored).args(["--retries", "0", "--run", "shaky"]);
    // Most of its pages failed.
    crawl.run().assert_code(65);
    assert_eq!((stored.pages("done"), stored.pages("failed")), (2, 3));

    for path in ["/down/1", "/down/2"] {
        site.set(path, Answer::html(format!("<title>{path} again</title>")));
    }
    runs(stored, &["retry", "shaky"]).assert_code(2).assert_stderr("--failed");
    runs(stored, &["retry", "shaky", "--status", "bad"]).assert_code(2).assert_stderr("5xx");
    let none = runs(stored, &["retry", "shaky", "--error", "no such"]);
    none.assert_code(0).assert_stdout("nothing was changed");
    runs(stored, &["retry", "shaky", "--reason", "timeout"])
        .assert_code(0)
        .assert_stdout("nothing was changed");
    runs(stored, &["retry", "shaky", "--reason", "moon"]).assert_code(2).assert_stderr("http_status");
    runs(stored, &["retry", "shaky", "--reason", "redirected"])
        .assert_code(2)
        .assert_stderr("skipped or dead");
    assert_eq!(stored.runs(), [("finished".to_owned(), "finished".to_owned())]);

    let retried = runs(stored, &["retry", "shaky", "--reason", "http_status", "--status", "5xx"]);
    retried
        .assert_code(0)
        .assert_stdout("2 failed requests")
        .assert_stdout("run the same crawl command to resume it");
    assert_eq!((stored.pages("queued"), stored.pages("failed")), (2, 1));
    assert_eq!(stored.runs()[0].0, "stopped");

    let resumed = crawl.run();
    resumed.assert_code(0).assert_stderr("reopened (was finished: finished)").assert_stdout("nothing");
    assert_eq!((stored.pages("done"), stored.pages("failed")), (4, 1));
    assert_eq!(stored.runs(), [("finished".to_owned(), "finished".to_owned())], "the same run, and no other");
    assert_eq!((site.hits("/"), site.hits("/well"), site.hits("/gone")), (1, 1, 1), "nothing else again");
    assert_eq!(stored.titles()[&site.url("/down/1")], "/down/1 again");

    // Now it is final again, and its successor keeps it so.
    crawl.run().assert_code(0);
    assert_eq!(stored.runs().len(), 2);
    runs(stored, &["retry", "1", "--failed"]).assert_code(1).assert_stderr("run 2").assert_stderr("hint");
}

fn a_run_is_shown_with_its_failures(stored: &Stored) {
    runs(stored, &["list"]).assert_code(1).assert_stderr("schema apply");
    let site = shaky_site();
    crawl_site(&site.url("/"), stored).args(["--retries", "0", "--run", "shaky"]).run().assert_code(65);
    let text = runs(stored, &["show", "shaky"]);
    text.assert_code(0)
        .assert_stdout("shaky (id 1), spider site")
        .assert_stdout("done 2, failed 3, skipped 0, dead 0, queued 0")
        .assert_stdout("page 2")
        .assert_stdout("UTC")
        .assert_stdout("http_status")
        .assert_stdout("runs retry 1 --failed");
    let shown = shown(stored, "1");
    assert_eq!((&shown["state"], &shown["stop_reason"]), (&json!("finished"), &json!("finished")));
    assert_eq!((&shown["epoch"], &shown["held"]), (&json!(1), &json!(false)));
    assert_eq!(shown["pages"], json!({"done": 2, "failed": 3, "skipped": 0, "dead": 0, "queued": 0}));
    assert_eq!(shown["items"], json!({"page": 2}));
    let down = json!({"status": 503, "requests": 2, "example": site.url("/down/1")});
    let gone = json!({"status": 404, "requests": 1, "example": site.url("/gone")});
    assert_eq!(shown["failed_by_status"], json!({"kinds": 2, "largest": [down, gone]}));
    assert_eq!(shown["failed_by_reason"]["largest"][0]["reason"], "http_status");
    assert_eq!(shown["queued_by_host"], json!({"kinds": 0, "largest": []}));

    crawl_site(&site.url("/well"), stored).args(["--run", "well"]).run().assert_code(0);
    runs(stored, &["list"]).assert_code(0).assert_stdout("shaky").assert_stdout("well");
    let listed = runs(stored, &["list", "--json", "--limit", "1"]);
    let listed: Json = serde_json::from_str(&listed.assert_code(0).stdout).unwrap();
    assert_eq!((listed.as_array().map(Vec::len), &listed[0]["name"]), (Some(1), &json!("well")));
    runs(stored, &["list", "--limit", "1"]).assert_code(0).assert_stdout("and more");
    runs(stored, &["list", "--state", "failed"]).assert_code(0).assert_stdout("no runs");
    runs(stored, &["list", "--spider", "quotes"]).assert_code(0).assert_stdout("no runs");
    runs(stored, &["show", "nobody"]).assert_code(1).assert_stderr("nobody").assert_stderr("runs list");
}

/// `dragline` doesn't have the spider `shop` of the example.
fn the_items_of_a_spider_that_the_program_does_not_have_are_not_called_none(stored: &Stored) {
    let site = Site::builder()
        .page("/", Answer::html("<a class=detail href=/1>1</a><a class=detail href=/2>2</a>"))
        .handler(|asked| Some(Answer::html(format!("<h1 class=name>bolt {}</h1>", asked.path))))
        .start();
    let crawl = example("nasty_spiders")
        .args(["crawl", "shop", "-a", &format!("door={}", site.url("/")), "--run", "shop"])
        .args(["--rate", "0", "--store", &stored.url()]);
    crawl.run().assert_code(0);
    let at_the_end =
        "product 2, review 0 (counted when the run ended; this program doesn't have the spider shop)";
    runs(stored, &["show", "shop"]).assert_code(0).assert_stdout(at_the_end);
    assert_eq!(shown(stored, "shop")["items"], json!({"product": 2, "review": 0}));
    let detail = site.url("/1");
    let path = ["show", "shop", "--path", &detail];
    runs(stored, &path)
        .assert_code(0)
        .assert_stdout("are unknown; this program doesn't have the spider shop");
    let traced = runs(stored, &[&path[..], &["--json"]].concat());
    let traced: Json = serde_json::from_str(&traced.assert_code(0).stdout).unwrap();
    assert_eq!(traced[0]["items"], Json::Null);

    // Nobody has counted the items of a killed run.
    site.hold_page("/2");
    let mut running = crawl.spawn();
    running.wait_until("a request is out", SOON, |_| site.waiting() > 0);
    running.signal("KILL");
    running.finish();
    runs(stored, &["show", "shop"]).assert_code(0).assert_stdout("items     unknown; this program doesn't");
    assert_eq!(shown(stored, "shop")["items"], Json::Null);
    let listed = runs(stored, &["list", "--json", "--limit", "1"]);
    let listed: Json = serde_json::from_str(&listed.assert_code(0).stdout).unwrap();
    assert_eq!((&listed[0]["state"], &listed[0]["held"]), (&json!("running"), &json!(false)));
    assert_eq!((&listed[0]["figures"]["items"], &listed[0]["change"]["items"]), (&Json::Null, &Json::Null));
    let list = runs(stored, &["list", "--limit", "1"]);
    let row: Vec<&str> = list.stdout.lines().nth(1).unwrap().split_whitespace().collect();
    // The column before the last one.
    assert_eq!(row[row.len() - 2], "-", "{}", list.stdout);
}

fn a_run_that_a_process_holds_is_left_alone(stored: &Stored) {
    let site = shaky_site();
    site.hold();
    let mut crawl = crawl_site(&site.url("/"), stored).args(["--run", "busy", "--robots", "false"]).spawn();
    crawl.wait_until("the first request is out", SOON, |_| site.waiting() > 0);
    runs(stored, &["list"]).assert_code(0).assert_stdout("running");
    runs(stored, &["show", "busy"])
        .assert_code(0)
        .assert_stdout(&format!("pid {}", crawl.pid()))
        .assert_stdout("is working on it")
        .assert_stdout("1 of 1 request queued, of 1 host");
    for words in [&["retry", "busy", "--failed"][..], &["end", "busy"]] {
        let refused = runs(stored, words);
        refused.assert_code(1).assert_stderr("is held by another process").assert_stderr("SIGTERM");
    }
    crawl.signal("TERM");
    crawl.finish().assert_code(75);
    runs(stored, &["show", "busy"]).assert_code(0).assert_stdout("ended normally").assert_stdout("SIGTERM");
}

fn a_killed_run_is_told_and_can_be_ended(stored: &Stored) {
    let site = shaky_site();
    site.hold();
    let crawl = crawl_site(&site.url("/"), stored).args(["--run", "killed", "--robots", "false"]);
    let mut running = crawl.spawn();
    running.wait_until("the first request is out", SOON, |_| site.waiting() > 0);
    running.kill9();
    runs(stored, &["list"]).assert_code(0).assert_stdout("killed");
    runs(stored, &["show", "killed"]).assert_code(0).assert_stdout("was killed or crashed");
    assert_eq!(shown(stored, "killed")["state"], "running", "as the row has it");
    runs(stored, &["end", "killed"]).assert_code(0).assert_stdout("ended by hand");
    runs(stored, &["end", "killed"])
        .assert_code(1)
        .assert_stderr("failed")
        .assert_stderr("hint: you don't have to end it");
    site.release();
    crawl.run().assert_code(65);
    let (ended, finished) = (("failed", "ended by hand"), ("finished", "finished"));
    let runs = stored.runs();
    let runs: Vec<(&str, &str)> = runs.iter().map(|run| (run.0.as_str(), run.1.as_str())).collect();
    assert_eq!(runs, [ended, finished]);
}

fn a_run_is_found_by_its_spider_where_that_is_clear(stored: &Stored) {
    let site = shaky_site();
    let crawl = |path: &str| crawl_site(&site.url(path), stored).args(["--retries", "0"]).run();
    crawl("/").assert_code(65);
    crawl("/").assert_code(65);
    let name = stored.query("select name from crawl_runs where run_id = 2")[0][0].clone();
    assert!(name.starts_with("site-"), "{name}");
    runs(stored, &["show", "site"]).assert_code(0).assert_stdout(&format!("{name} (id 2)"));
    runs(stored, &["retry", "site", "--status", "503"]).assert_code(0).assert_stdout("2 failed requests");
    runs(stored, &["end", "site"]).assert_code(0).assert_stdout("ended by hand");
    let others = [&["export", "site"][..], &["dead-letters", "list", "--run", "site"]];
    for words in others {
        dragline().args(words).args(["--store", &stored.url()]).run().assert_code(0);
    }

    crawl("/well").assert_code(0);
    let newest = stored.query("select name from crawl_runs where run_id = 3")[0][0].clone();
    let several = format!("did you mean {newest}, {name}?");
    runs(stored, &["show", "site"]).assert_code(1).assert_stderr(&several).assert_stderr("--spider site");
    for words in others {
        let refused = dragline().args(words).args(["--store", &stored.url()]).run();
        refused.assert_code(1).assert_stderr(&several);
    }
    crawl_site(&site.url("/well"), stored).args(["--run", "site"]).run().assert_code(0);
    runs(stored, &["show", "site"]).assert_code(0).assert_stdout("site (id 4)");
}

fn a_limit_holds_when_a_run_is_opened_again(stored: &Stored) {
    let links: String = (0..3).map(|page| format!("<a href='/page/{page}'>x</a>")).collect();
    let site = Site::builder()
        .page("/", Answer::html("<title>start</title><a href='/bad'>x</a><a href='/more'>x</a>"))
        .page("/bad", Answer::new(500))
        .page("/more", Answer::html(format!("<title>more</title>{links}")))
        .handler(|asked| asked.path.starts_with("/page/").then(|| Answer::html("<title>page</title>")))
        .start();
    // One at a time, and breadth first: /bad comes before the last page.
    let crawl = dragline()
        .args(["crawl", "site", "--start-url", &site.url("/"), "--store", &stored.url()])
        .args(["--rate", "0", "--retries", "0", "--host-concurrency", "1"]);
    crawl.clone().args(["--limit", "3"]).run().assert_code(0);
    assert_eq!((stored.pages("done"), stored.pages("failed"), stored.pages("queued")), (3, 1, 2));
    site.set("/bad", Answer::html("<title>well</title>"));
    runs(stored, &["retry", "1", "--failed"])
        .assert_code(0)
        .assert_stdout("--limit")
        .assert_stdout("other requests are still queued");
    crawl.clone().args(["--limit", "4"]).run().assert_code(0);
    assert_eq!((stored.pages("done"), stored.pages("queued"), site.hits("/bad")), (4, 2, 2));
    assert_eq!(stored.runs(), [("finished".to_owned(), "limit".to_owned())]);
}
