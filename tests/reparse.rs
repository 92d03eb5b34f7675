//! `dragline reparse`: a mended spider reads kept pages once more, and nobody is asked for them.

use std::time::Duration;

use dragline_testkit::{Answer, Dragline, Finished, Site};
use serde_json::Value as Json;

use crate::stored::{Stored, example, on_both_stores};

on_both_stores!(
    a_mended_spider_reads_kept_pages_and_asks_nobody,
    a_reparse_done_twice_is_a_reparse_done_once,
    a_killed_reparse_ends_with_the_rows_of_an_undisturbed_one,
    new_links_are_stored_and_only_followed_if_somebody_asks,
    a_page_that_a_later_run_has_fetched_is_left_out,
    all_runs_of_a_spider_give_each_page_once,
    the_next_incremental_night_neither_parses_nor_believes_that_the_server_was_asked,
    dead_pages_and_their_letters_are_settled,
    what_cannot_be_parsed_again_is_told,
    a_dry_run_tells_every_change_and_stores_nothing,
    a_dry_run_says_what_is_new_newer_or_left_out,
);

const SOON: Duration = Duration::from_secs(90);

/// A list of goods. The last one has no price, and a page that only the mended spider finds.
fn site(goods: usize) -> Site {
    let links: String = (0..goods).map(|number| format!("<a class=page href=/good/{number}>x</a>")).collect();
    let mut site = Site::builder()
        .page(
            "/",
            Answer::html(format!("{links}<a class=page href=/old>x</a><a class=hidden href=/hidden>x</a>")),
        )
        .page("/old", Answer::redirect(302, "/good/0"))
        .page("/hidden", Answer::html(good(999)))
        .robots("User-agent: *\nAllow: /\n");
    for number in 0..goods {
        let html = if number + 1 == goods { good(number).replace("<b>", "<s>") } else { good(number) };
        site = site.page(&format!("/good/{number}"), Answer::html(html));
    }
    site.start()
}

fn good(number: usize) -> String {
    format!(
        "<h1>sku-{number}</h1><h2>good {number}</h2><b>{number}.95</b><i>remark {number}</i><i>second</i>\
         <u>mark {number}</u>"
    )
}

fn stall(words: &[&str], stored: &Stored) -> Dragline {
    example("nasty_spiders").args(words).args(["--store", &stored.url()])
}

fn crawl(site: &Site, stored: &Stored) -> Dragline {
    let url = site.url("/");
    stall(&["crawl", "stall", "--run", "stall", "--start-url", &url], stored).args([
        "--rate",
        "0",
        "--host-concurrency",
        "8",
        "--keep-pages",
        "--tolerated-failed-share",
        "1",
    ])
}

fn reparse(words: &[&str], stored: &Stored) -> Dragline {
    stall(&["reparse"], stored).args(words).args(["-a", "mended=yes"])
}

/// What every row says, apart from its times. Rows with a key also say their run.
fn rows(stored: &Stored) -> Vec<Vec<String>> {
    let field = |name: &str| match stored {
        Stored::Postgres(_) => format!("data->>'{name}'"),
        Stored::Sqlite(_) => format!("json_extract(data, '$.{name}')"),
    };
    let text = field("text");
    [
        "SELECT sku, name, price, run_id FROM stall_goods ORDER BY sku".to_owned(),
        format!(
            "SELECT item_type, coalesce(item_key, ''), {text}, run_id FROM crawl_items ORDER BY 1, 2, 3, url"
        ),
        "SELECT text, run_id FROM stall_marks ORDER BY text, source_url".to_owned(),
    ]
    .iter()
    .flat_map(|sql| stored.query(sql))
    .collect()
}

fn other(stored: &Stored) -> Stored {
    if matches!(stored, Stored::Postgres(_)) { Stored::postgres() } else { Stored::sqlite() }
}

/// The rows of a crawl with the mended spider.
fn truth(site: &Site, stored: &Stored) -> Vec<Vec<String>> {
    let fresh = other(stored);
    crawl(site, &fresh).args(["-a", "mended=yes", "--deny", "/hidden"]).run().assert_code(0);
    rows(&fresh)
}

/// How often the site was asked for a page or for its robots.txt.
fn everything_asked(site: &Site) -> (usize, usize) {
    (site.total_hits(), site.hits("/robots.txt"))
}

fn ended(stored: &Stored, run: usize) -> Vec<Vec<String>> {
    stored.query(&format!(
        "SELECT state, coalesce(reason, ''), count(*) FROM crawl_requests WHERE run_id = {run} GROUP BY 1, 2 ORDER BY 1, 2"
    ))
}

fn a_mended_spider_reads_kept_pages_and_asks_nobody(stored: &Stored) {
    let site = site(20);
    crawl(&site, stored).run().assert_code(0).assert_stdout("done 20, failed 1, skipped 1");
    let (truth, asked) = (truth(&site, stored), everything_asked(&site));
    assert_ne!(rows(stored), truth);
    let done = reparse(&["stall"], stored).run();
    done.assert_code(0)
        .assert_stdout("reparse-of-1 (id 2) finished: finished")
        .assert_stdout("done 21, failed 0, skipped 2")
        .assert_stdout("21 pages read from kept pages, 0 fetched")
        .assert_stdout("1 new, not followed (--follow queues and fetches them)");
    assert_eq!(rows(stored), truth, "also the runs: a reparse corrects what the first run has stored");
    assert_eq!(everything_asked(&site), asked, "not even for robots.txt");
    // The redirect is as it was, and the new link is kept for people.
    assert_eq!(
        ended(stored, 2),
        [["done", "", "21"], ["skipped", "not_followed", "1"], ["skipped", "redirected", "1"]]
    );
    // A reparse is not a crawl.
    let listed = stall(&["runs", "list"], stored).run();
    listed.assert_code(0).assert_stdout("reparse");
    let shown = stall(&["runs", "show", "2"], stored).run();
    shown.assert_code(0).assert_stdout("21 pages read from kept pages, 0 fetched");
    let json = stall(&["runs", "show", "2", "--json"], stored).run();
    json.assert_stdout("\"kind\": \"reparse\"").assert_stdout("\"pages_read\": 21");
    let due = crawl(&site, stored).args(["--min-interval", "1h"]).run();
    due.assert_code(0).assert_stdout("the last run of the name stall (id 1)");
}

fn a_reparse_done_twice_is_a_reparse_done_once(stored: &Stored) {
    let site = site(10);
    crawl(&site, stored).run().assert_code(0);
    let truth = truth(&site, stored);
    drop(site);
    let times = "SELECT max(scraped_at), count(*) FROM stall_goods";
    let other_times = "SELECT max(scraped_at), count(*) FROM crawl_items";
    reparse(&["1"], stored).run().assert_code(0).assert_stdout("rows new or changed");
    let first = (rows(stored), stored.query(times), stored.query(other_times));
    assert_eq!(first.0, truth);
    let again = reparse(&["1"], stored).run();
    again.assert_code(0).assert_stdout("reparse-of-1 (id 3)");
    assert_eq!(
        (rows(stored), stored.query(times), stored.query(other_times)),
        first,
        "no row was written again"
    );
    // Back to the old spider: the rows are those of the first crawl, without those of the failed page.
    stall(&["reparse", "1"], stored).run().assert_code(0).assert_stdout("failed 1");
    let marks = stored.count("SELECT count(*) FROM stall_marks");
    assert_eq!(marks, 1, "the page that fails keeps its rows");
}

fn a_killed_reparse_ends_with_the_rows_of_an_undisturbed_one(stored: &Stored) {
    let site = site(300);
    crawl(&site, stored).run().assert_code(0);
    let truth = truth(&site, stored);
    drop(site);
    let quick =
        ["--flush-rows", "20", "--flush-interval", "20ms", "--crawl-threads", "1", "--concurrency", "4"];
    let command = reparse(&["1"], stored).args(quick);
    let done = || stored.count("SELECT count(*) FROM crawl_requests WHERE run_id = 2 AND state = 'done'");
    let mut kills = 0;
    for kill in 1..=3 {
        let mut running = command.spawn();
        running.wait_until("more pages are done", SOON, |_| done() >= kill * 30);
        running.kill9();
        kills += usize::from(done() < 301);
    }
    assert!(kills > 0, "no kill came before the end");
    let resumed = command.run();
    resumed.assert_code(0).assert_stderr("was killed or crashed").assert_stdout("reparse-of-1 (id 2)");
    assert_eq!(done(), 301);
    assert_eq!(rows(stored), truth);
}

fn new_links_are_stored_and_only_followed_if_somebody_asks(stored: &Stored) {
    let site = site(5);
    crawl(&site, stored).run().assert_code(0);
    let asked = site.total_hits();
    let followed = reparse(&["1", "--follow", "--rate", "0"], stored).run();
    followed
        .assert_code(0)
        .assert_stdout("reparse-of-1-follow")
        .assert_stdout("6 pages read from kept pages, 1 fetched");
    assert_eq!((site.hits("/hidden"), site.total_hits()), (1, asked + 1));
    let hidden = stored.query("SELECT run_id, price FROM stall_goods WHERE sku = 'sku-999'");
    assert_eq!(hidden, [["2", "99995"]]);
}

fn a_page_that_a_later_run_has_fetched_is_left_out(stored: &Stored) {
    let site = site(6);
    crawl(&site, stored).run().assert_code(0);
    site.set("/good/2", Answer::html(good(2).replace("good 2", "newer")));
    // It fetches some of the pages, and keeps none.
    let url = site.url("/good/2");
    stall(&["crawl", "stall", "--run", "later", "--start-url", &url, "--rate", "0"], stored)
        .run()
        .assert_code(0);
    let done = reparse(&["1"], stored).run();
    done.assert_code(0).assert_stdout("1 page that a later run has fetched");
    assert_eq!(stored.query("SELECT name, run_id FROM stall_goods WHERE sku = 'sku-2'"), [["newer", "2"]]);
    assert_eq!(
        ended(stored, 3)[1..],
        [["skipped", "fetched_later", "1"], ["skipped", "not_followed", "1"], ["skipped", "redirected", "1"]]
            .map(|row| row.map(str::to_owned).to_vec())
    );
    // Of the later run, nothing is kept.
    let none = reparse(&["2"], stored).run();
    none.assert_code(1).assert_stderr("kept none of its pages").assert_stderr("--keep-pages");
    assert_eq!(stored.count("SELECT count(*) FROM crawl_runs"), 3, "it leaves no run behind");
}

fn all_runs_of_a_spider_give_each_page_once(stored: &Stored) {
    let site = site(6);
    crawl(&site, stored).run().assert_code(0);
    site.set("/good/2", Answer::html(good(2).replace("good 2", "newer")));
    let url = site.url("/good/2");
    stall(&["crawl", "stall", "--run", "later", "--start-url", &url, "--rate", "0", "--keep-pages"], stored)
        .run()
        .assert_code(0);
    let truth = truth(&site, stored);
    drop(site);
    let done = reparse(&["--spider", "stall"], stored).run();
    done.assert_code(0)
        .assert_stdout("reparse-of-stall (id 3)")
        .assert_stdout("7 pages read from kept pages, 0 fetched");
    let contents = |rows: Vec<Vec<String>>| -> Vec<Vec<String>> {
        rows.into_iter().map(|row| row[..row.len() - 1].to_vec()).collect()
    };
    // The rows without a key of the first run are rows of the first run, as those of any earlier crawl.
    let goods = |rows: Vec<Vec<String>>| -> Vec<Vec<String>> {
        contents(rows).into_iter().filter(|row| row.len() == 3 && row[0] != "remark").collect()
    };
    assert_eq!(goods(rows(stored)), goods(truth));
    let of_runs =
        "SELECT sku, run_id FROM stall_goods WHERE run_id = 2 OR sku IN ('sku-1', 'sku-2') ORDER BY sku";
    assert_eq!(stored.query(of_runs), [["sku-1", "1"], ["sku-2", "2"]]);
    let doubled = "SELECT count(*) FROM (
        SELECT 1 FROM stall_marks GROUP BY text, source_url, run_id HAVING count(*) > 1
    ) marks";
    assert_eq!(stored.count(doubled), 0, "a row without a key is stored once for its run");
}

fn the_next_incremental_night_neither_parses_nor_believes_that_the_server_was_asked(stored: &Stored) {
    let site = site(6);
    for number in 0..6 {
        let path = format!("/good/{number}");
        let html = if number == 5 { good(5).replace("<b>", "<s>") } else { good(number) };
        site.set(&path, Answer::html(html).header("ETag", "\"1\""));
    }
    crawl(&site, stored).arg("--incremental").run().assert_code(0);
    let visits = "SELECT fingerprint, run_id, checked_at, checks FROM crawl_page_visits ORDER BY 1";
    let before = stored.query(visits);
    reparse(&["1"], stored).run().assert_code(0);
    assert_eq!(stored.query(visits), before, "no server was asked");
    let goods = "SELECT sku, name, price, run_id, scraped_at FROM stall_goods ORDER BY sku";
    let mended = stored.query(goods);
    let second = crawl(&site, stored).args(["--incremental", "-a", "mended=yes", "--deny", "/hidden"]).run();
    // The failed page has no record, because it has stored nothing.
    second.assert_code(0).assert_stdout("unchanged 6 pages, not parsed again");
    assert_eq!(stored.query(goods)[..5], mended[..5]);
    // An old spider would have to parse them.
    let third = crawl(&site, stored).args(["--incremental", "--deny", "/hidden"]).run();
    third.assert_stdout("finished: finished").assert("all are parsed", !third.stdout.contains("unchanged"));
}

fn dead_pages_and_their_letters_are_settled(stored: &Stored) {
    let site = site(3);
    crawl(&site, stored).run().assert_code(0);
    // As if the store had refused the items of a page, so that they are letters.
    stored.execute(
        "UPDATE crawl_requests SET state = 'dead', reason = 'store_refused' WHERE url LIKE '%/good/1'",
    );
    stored.execute(
        "INSERT INTO crawl_dead_letters (run_id, fingerprint, url, item_type, payload, error)
         SELECT run_id, fingerprint, url, 'good', '{}', 'refused' FROM crawl_requests WHERE url LIKE '%/good/1'",
    );
    reparse(&["1"], stored).run().assert_code(0).assert_stdout("done 4");
    assert_eq!(stored.count("SELECT count(*) FROM crawl_dead_letters"), 0);
    assert_eq!(stored.pages("dead"), 0);
}

fn what_cannot_be_parsed_again_is_told(stored: &Stored) {
    let site = site(3);
    crawl(&site, stored).run().assert_code(0);
    let told = |words: &[&str], code: i32, says: &str| -> Finished {
        let told = reparse(words, stored).run();
        told.assert_code(code).assert_stderr(says);
        told
    };
    told(&["77"], 1, "has no run \"77\"");
    told(&["1", "--start-url", "http://a.example/"], 2, "--start-url has no place in a reparse");
    told(&["1", "-o", "rows.jsonl"], 2, "export RUN");
    told(&["1", "--spider", "stall"], 2, "cannot be used with");
    told(&[], 2, "<RUN>");
    let none = stall(&["reparse", "--spider", "zoo"], stored).run();
    none.assert_code(1).assert_stderr("kept none of their pages");
    told(&["1", "--limit", "2", "--max-pages-per-host", "1"], 0, "new reparse");
    assert_eq!(stored.count("SELECT count(*) FROM crawl_requests WHERE run_id > 1 AND state = 'done'"), 2);
    told(&["reparse-of-1"], 2, "is itself a reparse");
    // An unfinished reparse of other pages does not become this one.
    stored.execute("UPDATE crawl_runs SET state = 'stopped', finished_at = NULL WHERE kind = 'reparse'");
    told(&["--spider", "stall", "--run", "reparse-of-1"], 1, "reads other pages");
    let url = site.url("/");
    let crawl = stall(&["crawl", "stall", "--run", "reparse-of-1", "--start-url", &url], stored).run();
    crawl.assert_code(1).assert_stderr("is of the kind reparse, not crawl");
    told(&["1", "--fresh"], 0, "new reparse");
}

/// Everything that is stored, so that nothing may change.
fn everything(stored: &Stored) -> Vec<Vec<String>> {
    let tables =
        ["crawl_runs", "crawl_requests", "crawl_items", "crawl_kept_pages", "stall_goods", "stall_marks"];
    let counted = tables.iter().flat_map(|table| stored.query(&format!("SELECT count(*) FROM {table}")));
    counted.chain(rows(stored)).collect()
}

fn lines(finished: &Finished) -> Vec<Json> {
    finished.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn a_dry_run_tells_every_change_and_stores_nothing(stored: &Stored) {
    let site = site(300);
    crawl(&site, stored).run().assert_code(0);
    let asked = everything_asked(&site);
    let before = everything(stored);
    let told = reparse(&["stall", "--dry-run"], stored).run();
    told.assert_code(0)
        .assert_stdout("nothing was stored")
        .assert_stdout("301 pages parsed: done 301, failed 0, skipped 0")
        .assert_stdout("1 page that was not done is done now")
        .assert_stdout("good      new 1, changed 299, as they are 0")
        .assert_stdout("price: 299 changed")
        .assert_stdout("95\n          changed  sku-")
        .assert_stdout("label     new 1, changed 0, as they are 299")
        .assert_stdout("remark    600 items without a key");
    let as_lines = reparse(&["stall", "--dry-run", "--format", "jsonl"], stored).run();
    as_lines.assert_code(0);
    let lines = lines(&as_lines);
    let changed = lines.iter().filter(|line| line["change"] == "changed").count();
    assert_eq!(
        (changed, lines.len()),
        (299, 299 + 2 + 1 + 1),
        "changed, new, a page that is mended, and the sum"
    );
    let one = lines.iter().find(|line| line["key"]["sku"] == "sku-7" && line["item"] == "good").unwrap();
    assert_eq!(one["columns"], serde_json::json!({ "price": { "before": 7, "after": 795 } }));
    let sum = &lines.last().unwrap()["summary"];
    assert_eq!(
        (&sum["pages"], &sum["done_now"], &sum["items"]["good"]["changed"]),
        (&301.into(), &1.into(), &299.into())
    );
    assert_eq!((everything(stored), everything_asked(&site)), (before, asked));
    // The reparse does what the dry run showed.
    reparse(&["stall"], stored).run().assert_code(0);
    let again = reparse(&["stall", "--dry-run"], stored).run();
    again.assert_code(0).assert_stdout("good      new 0, changed 0, as they are 300");
    // The old spider would break a page that the mended one has parsed.
    let mended = other(stored);
    crawl(&site, &mended).args(["-a", "mended=yes"]).run().assert_code(0);
    let old = stall(&["reparse", "stall", "--dry-run", "-a", "mended=no"], &mended).run();
    old.assert_code(0).assert_stdout("1 page that was done is not done now").assert_stdout("no price");
}

fn a_dry_run_says_what_is_new_newer_or_left_out(stored: &Stored) {
    let site = site(6);
    crawl(&site, stored).run().assert_code(0);
    // A later run of the spider has stored another row under a key, on a page of its own.
    site.set("/elsewhere", Answer::html(good(3).replace("good 3", "newer")));
    let of = |path: &str, run: &str| {
        let url = site.url(path);
        stall(&["crawl", "stall", "--run", run, "--start-url", &url, "--rate", "0"], stored)
            .run()
            .assert_code(0);
    };
    of("/elsewhere", "elsewhere");
    of("/good/2", "later");
    stored.execute("DELETE FROM stall_goods WHERE sku = 'sku-1'");
    let told = reparse(&["1", "--dry-run"], stored).run();
    told.assert_code(0)
        .assert_stdout("6 pages parsed: done 6")
        .assert_stdout("1 page that a later run has fetched")
        .assert_stdout("good      new 2, changed 2, as they are 0, newer in the store 1");
    let two = reparse(&["1", "--dry-run", "--limit", "2"], stored).run();
    two.assert_code(0).assert_stdout("2 pages parsed");
    let all = reparse(&["--spider", "stall", "--dry-run"], stored).run();
    all.assert_code(0).assert_stdout("6 pages parsed");
    reparse(&["elsewhere", "--dry-run"], stored).run().assert_code(1).assert_stderr("kept none of its pages");
    reparse(&["1", "--format", "jsonl"], stored).run().assert_code(2).assert_stderr("--dry-run");
    reparse(&["1", "--dry-run", "--follow"], stored)
        .run()
        .assert_code(2)
        .assert_stderr("cannot be used with");
}
