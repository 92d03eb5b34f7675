//! Rules that items have to follow: what happens to an item that breaks one, and where that is reported.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use dragline_testkit::{Answer, Dragline, Finished, Site, wait_until};
use serde_json::{Value as Json, json};

use crate::stored::{Stored, example, on_both_stores};

on_both_stores!(
    items_are_dropped_held_back_and_marked,
    counts_of_rules_survive_a_stop_and_a_kill,
    a_crawl_with_too_many_invalid_items_stops,
    a_finished_run_with_too_many_invalid_items_has_a_problem,
    the_order_of_steps_is_set_by_the_user,
    letters_are_tried_again_with_the_steps_of_their_spider,
);

const SOON: Duration = Duration::from_secs(60);

/// A market with these wares, `NAME/PRICE/CURRENCY`.
fn market<'a>(wares: impl IntoIterator<Item = &'a str>) -> Site {
    let mut site = Site::builder();
    let mut links = String::new();
    for ware in wares {
        site = site.page(&format!("/ware/{ware}"), Answer::html("a ware"));
        let _ = write!(links, "<a href='/ware/{ware}'>{ware}</a>");
    }
    site.page("/", Answer::html(links)).start()
}

/// 1 is dropped, 2 are quarantined, 2 are stored with a warning, and 1 is fine.
const WARES: [&str; 6] =
    ["spade/9.5/EUR", "axe/0/XXX", "rope/2/GBP", "bolt/2/GBP", "ax/2/USD", "ring/5000/EUR"];

fn crawl(site: &Site, stored: &Stored) -> Dragline {
    crawl_at(8, site, stored)
}

/// Crawls with this many requests at once.
fn crawl_at(requests: u32, site: &Site, stored: &Stored) -> Dragline {
    example("nasty_spiders")
        .args(["crawl", "market", "--start-url", &site.url("/"), "--store", &stored.url()])
        .args(["--rate", "0", "--host-concurrency", &requests.to_string()])
}

fn nasty(words: &[&str], stored: &Stored) -> Finished {
    example("nasty_spiders").args(words).args(["--store", &stored.url()]).run()
}

/// The counts of the newest run, as `runs show` has them.
fn counts(stored: &Stored) -> Json {
    let run = stored.query("select max(run_id) from crawl_runs")[0][0].clone();
    let shown = nasty(&["runs", "show", &run, "--json"], stored);
    shown.assert_code(0);
    let shown: Json = serde_json::from_str(&shown.stdout).unwrap();
    shown["rules"].clone()
}

fn expected() -> Json {
    let broken = |rule: &str, consequence: &str, count: u64| json!({ "item": "ware", "rule": rule, "consequence": consequence, "count": count });
    json!({
        "checked": 6,
        "invalid": 3,
        "broken": [
            broken("currency one of", "quarantined", 3),
            broken("dear wares have a long name", "warned", 1),
            broken("name length", "warned", 1),
            broken("price range", "dropped", 1),
        ],
    })
}

fn items_are_dropped_held_back_and_marked(stored: &Stored) {
    let finished = crawl(&market(WARES), stored).run();
    finished.assert_code(0).assert_stdout("rules     6 items checked, 3 invalid");
    finished
        .assert_stdout("ware: currency one of: 3 quarantined")
        .assert_stdout("ware: price range: 1 dropped");
    finished.assert_stdout("1 × rules: price range");
    // Each store writes a whole number in its own way.
    let rows = "select path, validation_status, cast(100 * data_quality_score as integer) from market_wares order by path";
    assert_eq!(
        stored.query(rows),
        [
            ["/ware/ax/2/USD", "warning", "75"],
            ["/ware/ring/5000/EUR", "warning", "75"],
            ["/ware/spade/9.5/EUR", "valid", "100"],
        ]
    );
    let errors = stored.query("select error from crawl_dead_letters order by url");
    let error = "rules: currency one of: \"GBP\" is not one of EUR, USD";
    assert_eq!(errors, [[error], [error]]);
    assert_eq!(stored.pages("done"), 7);
    assert_eq!(counts(stored), expected());
    let shown = nasty(&["runs", "show", "1"], stored);
    shown.assert_stdout("rules     6 items checked, 3 invalid").assert_stdout("ware: name length: 1 warned");
}

fn counts_of_rules_survive_a_stop_and_a_kill(stored: &Stored) {
    let site = market(WARES);
    site.hold_after(4);
    let mut first = crawl_at(1, &site, stored).spawn();
    first.wait_until("some pages are done", SOON, |_| stored.pages("done") >= 3);
    wait_until("a fetch waits", SOON, || site.waiting() > 0);
    first.signal("TERM");
    first.finish_within(SOON).assert_code(75);
    let stopped = counts(stored)["checked"].as_u64().unwrap();
    assert!((1..6).contains(&stopped), "{stopped}");
    site.release();
    crawl(&site, stored).run().assert_code(0).assert_stdout("rules     6 items checked, 3 invalid");
    assert_eq!(counts(stored), expected());
}

fn many(good: usize, bad: usize) -> Vec<String> {
    let of = |count: usize, currency: &'static str| (0..count).map(move |n| format!("ware{n}/1/{currency}"));
    of(good, "EUR").chain(of(bad, "GBP")).collect()
}

fn a_crawl_with_too_many_invalid_items_stops(stored: &Stored) {
    let wares = many(100, 400);
    let site = market(wares.iter().map(String::as_str));
    let strict = crawl(&site, stored).args(["--max-invalid-share", "0.25"]);
    let stopped = strict.run();
    stopped.assert_code(1).assert_stderr("max-invalid-share: ").assert_stderr("at most 25.0 % may");
    stopped.assert_stderr("the rule that was broken most: ware: currency one of");
    assert_eq!(stored.runs()[0].0, "stopped");
    assert!(stored.pages("queued") > 0);
    // Everything that was found is stored.
    let (done, rows) = (stored.pages("done"), stored.count("select count(*) from market_wares"));
    let letters = stored.count("select count(*) from crawl_dead_letters");
    assert_eq!(done - 1, rows + letters);
    crawl(&site, stored).run().assert_code(0).assert_stderr("resuming");
    assert_eq!(stored.count("select count(*) from market_wares"), 100);
    assert_eq!(stored.count("select count(*) from crawl_dead_letters"), 400);
}

fn a_finished_run_with_too_many_invalid_items_has_a_problem(stored: &Stored) {
    let site = market(WARES);
    let finished = crawl(&site, stored).args(["--max-invalid-share", "0.4"]).run();
    finished.assert_code(1).assert_stdout("3 of 6 items broke a rule (50.0 %, at most 40.0 % may)");
    assert_eq!(stored.runs()[0].0, "finished");
    let problems = stored.query("select problems from crawl_runs")[0][0].clone();
    assert!(problems.contains("invalid_share"), "{problems}");
    crawl(&site, stored).args(["--max-invalid-share", "0.5"]).run().assert_code(0);
    crawl(&site, stored).args(["--max-invalid-share", "2"]).run().assert_code(2).assert_stderr("from 0 to 1");
}

fn the_order_of_steps_is_set_by_the_user(stored: &Stored) {
    let site = market(WARES);
    let rows = || stored.count("select count(*) from market_wares");
    let unchecked = crawl(&site, stored).args(["--pipelines", "none"]).run();
    unchecked.assert_code(0);
    assert!(!unchecked.stdout.contains("rules "), "{}", unchecked.stdout);
    assert_eq!(rows(), 6);
    let unknown = crawl(&site, stored).args(["--pipelines", "normalize,rulez"]).run();
    unknown
        .assert_code(2)
        .assert_stderr("the item pipeline \"rulez\" is unknown; this program has normalize, rules");
    // For one spider, in the file.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dragline.toml");
    fs::write(&file, "[spider.market]\npipelines = ['normalize']\n[spider.shop]\npipelines = ['rules']\n")
        .unwrap();
    crawl(&site, stored).arg("--config").arg(&file).run().assert_code(0);
    assert_eq!(counts(stored), json!({ "checked": 0, "invalid": 0, "broken": [] }));
    fs::write(&file, "[spider.market]\npipelines = ['rules', 'normalize']\n").unwrap();
    crawl(&site, stored).arg("--config").arg(&file).run().assert_code(0);
    assert_eq!(counts(stored), expected());
}

fn letters_are_tried_again_with_the_steps_of_their_spider(stored: &Stored) {
    crawl(&market(WARES), stored).run().assert_code(0);
    let retry = |words: &[&str]| nasty(&[&["dead-letters", "retry", "--all"], words].concat(), stored);
    retry(&[]).assert_code(1).assert_stdout("rules: currency one of");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dragline.toml");
    fs::write(&file, "[spider.market]\npipelines = ['normalize']\n").unwrap();
    retry(&["--config", file.to_str().unwrap()]).assert_code(0);
    assert_eq!(stored.count("select count(*) from market_wares"), 5);
}
