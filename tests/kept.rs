//! `--keep-failed`: the first bytes of a failed page are kept with it, shown, and given to the spider again.

use dragline_testkit::{Answer, Dragline, Finished, Site};
use serde_json::Value as Json;

use crate::stored::{Stored, example, on_both_stores};

on_both_stores!(
    a_failed_page_is_kept_and_fails_again_without_its_site,
    an_answer_that_is_no_page_is_kept_and_the_spider_hears_of_it,
    nothing_is_kept_unless_asked,
    what_is_kept_goes_with_its_run,
    a_page_that_is_fetched_again_is_no_longer_kept,
);

/// The failed details of this site have another element than the spider looks for.
const DETAIL: &str = "<h2 class=name>bolt</h2>";

fn site() -> Site {
    let links =
        "<a class=detail href=/detail/0>0</a><a class=detail href=/detail/1>1</a><p class=review>r</p>";
    Site::builder()
        .page("/", Answer::html(links))
        .page(
            "/detail/0",
            Answer::html(format!("{DETAIL}{}", "x".repeat(10_000))).header("Set-Cookie", "a=secret"),
        )
        .page("/detail/1", Answer::html("<p>sold out</p>").status(410))
        .start()
}

fn shop(words: &[&str], stored: &Stored) -> Dragline {
    example("nasty_spiders").args(words).args(["--store", &stored.url()])
}

fn crawl(site: &Site, stored: &Stored) -> Dragline {
    let door = format!("door={}", site.url("/"));
    shop(&["crawl", "shop", "-a", &door, "--rate", "0", "--retries", "0"], stored)
}

fn kept(stored: &Stored) -> Vec<Vec<String>> {
    let length = if matches!(stored, Stored::Postgres(_)) { "octet_length" } else { "length" };
    stored
        .query(&format!("SELECT url, status, {length}(body), body_bytes FROM crawl_kept_pages ORDER BY url"))
}

/// `dragline fetch` from what was kept. The site is not asked.
fn again(url: &str, stored: &Stored) -> Finished {
    shop(&["fetch", url, "--spider", "shop", "--kept", "shop"], stored).run()
}

fn a_failed_page_is_kept_and_fails_again_without_its_site(stored: &Stored) {
    let site = site();
    let url = site.url("/detail/0");
    crawl(&site, stored).arg("--keep-failed=100").run().assert_code(0);
    let whole = (DETAIL.len() + 10_000).to_string();
    assert_eq!(kept(stored)[0], [&url, "200", "100", &whole]);
    let headers = stored.query("SELECT headers FROM crawl_kept_pages ORDER BY url").remove(0).remove(0);
    assert!(headers.contains("content-type") && !headers.contains("secret"), "{headers}");

    let shown = shop(&["runs", "show", "shop"], stored).run();
    shown.assert_code(0).assert_stdout("100 bytes").assert_stdout(&url);
    let body = shop(&["runs", "show", "shop", "--kept", &url], stored).run();
    assert_eq!(body.assert_code(0).stdout.len(), 100);
    assert!(body.stdout.starts_with(DETAIL), "{}", body.stdout);
    let none = shop(&["runs", "show", "shop", "--kept", &site.url("/")], stored).run();
    none.assert_code(1).assert_stderr("has kept nothing of").assert_stderr("--keep-failed");

    let error =
        stored.query("SELECT error FROM crawl_requests WHERE reason = 'parse_error'").remove(0).remove(0);
    let asked = site.total_hits();
    drop(site);
    let failed = again(&url, stored);
    failed
        .assert_code(1)
        .assert_stdout("100 bytes of 10024")
        .assert_stderr(&format!("the page would be failed: {error}"))
        .assert_stderr("only the first bytes");
    assert!(asked > 0);
}

fn an_answer_that_is_no_page_is_kept_and_the_spider_hears_of_it(stored: &Stored) {
    let site = site();
    let url = site.url("/detail/1");
    // Without a size, it is 64 KiB.
    crawl(&site, stored).arg("--keep-failed").run().assert_code(0);
    assert_eq!(kept(stored)[1], [&url, "410", "15", "15"]);
    assert_eq!(kept(stored)[0][2], (DETAIL.len() + 10_000).to_string());
    // A living site, and the page that was kept: the spider makes an item of both failures.
    let door = format!("door={}", site.url("/"));
    let living = example("nasty_spiders").args(["fetch", &url, "--spider", "shop", "-a", &door]).run();
    for told in [living, again(&url, stored)] {
        told.assert_code(1)
            .assert_stdout("calls    failed")
            .assert_stdout("\"name\": \"sold out\"")
            .assert_stderr("HTTP 410");
    }
    let json = shop(&["fetch", &url, "--spider", "shop", "--kept", "shop", "--json"], stored).run();
    let json: Json = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&json["status"], &json["emitted"]["calls"]), (&410.into(), &"failed".into()), "{json}");
}

fn nothing_is_kept_unless_asked(stored: &Stored) {
    let site = site();
    crawl(&site, stored).run().assert_code(0);
    assert!(kept(stored).is_empty());
    crawl(&site, stored).arg("--keep-failed=0").run().assert_code(0);
    assert!(kept(stored).is_empty());
    crawl(&site, stored).arg("--keep-failed=17MiB").run().assert_code(2).assert_stderr("at most 16MiB");
}

fn what_is_kept_goes_with_its_run(stored: &Stored) {
    let site = site();
    crawl(&site, stored).env("DRAGLINE_KEEP_FAILED", "1KiB").run().assert_code(0);
    assert_eq!(kept(stored).len(), 2);
    if matches!(stored, Stored::Sqlite(_)) {
        stored.execute("PRAGMA foreign_keys = true; DELETE FROM crawl_requests; DELETE FROM crawl_items; DELETE FROM crawl_runs");
    } else {
        stored.execute("DELETE FROM crawl_runs");
    }
    assert!(kept(stored).is_empty());
}

fn a_page_that_is_fetched_again_is_no_longer_kept(stored: &Stored) {
    let site = site();
    crawl(&site, stored).arg("--keep-failed").run().assert_code(0);
    assert_eq!(kept(stored).len(), 2);
    let retry = shop(&["runs", "retry", "shop", "--reason", "parse_error"], stored).run();
    retry.assert_code(0).assert_stdout("1 failed request");
    assert_eq!(kept(stored).len(), 1);
    site.set("/detail/0", Answer::html("<h1 class=name>bolt</h1>"));
    crawl(&site, stored).arg("--keep-failed").run().assert_code(0);
    assert_eq!(kept(stored).len(), 1, "the other one");
}
