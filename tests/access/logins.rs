//! A form is filled in, its cookie opens the members' pages, and is still there after a kill.

use std::time::Duration;

use dragline_testkit::{Dragline, MEMBER, Site, wait_until};

use crate::stored::{Stored, example, on_both_stores};

on_both_stores!(
    members_pages_are_crawled_behind_the_form,
    a_killed_run_is_still_logged_in,
    without_cookies_nobody_gets_in,
    cookies_that_are_not_stored_end_with_the_process,
    an_api_is_read_page_by_page,
);

const LIMIT: Duration = Duration::from_secs(60);

fn crawl(spider: &str, start_url: &str, stored: &Stored) -> Dragline {
    example("members_and_api")
        .args(["crawl", spider, "--start-url", start_url, "--store", &stored.url(), "--rate", "0"])
        .env("MEMBER_PASSWORD", MEMBER.1)
}

fn members(site: &Site, stored: &Stored) -> Dragline {
    crawl("members", &site.url("/login"), stored)
}

fn titles(stored: &Stored) -> Vec<String> {
    let rows = stored.query("SELECT data FROM crawl_items WHERE item_type = 'members_page'");
    let title = |data: &str| {
        serde_json::from_str::<serde_json::Value>(data).unwrap()["title"].as_str().unwrap().to_owned()
    };
    let mut titles: Vec<String> = rows.iter().map(|row| title(&row[0])).collect();
    titles.sort();
    titles
}

fn expected(notes: usize) -> Vec<String> {
    let mut titles: Vec<String> = (1..=notes).map(|number| format!("Note {number}")).collect();
    titles.sort();
    titles
}

fn logins(site: &Site) -> usize {
    site.received().iter().filter(|asked| asked.method == "POST").count()
}

fn members_pages_are_crawled_behind_the_form(stored: &Stored) {
    let site = Site::members(12).start();
    let finished = members(&site, stored).run();
    finished.assert_code(0).assert_stdout("done 13, failed 0, skipped 1, dead 0, queued 0");
    assert_eq!(titles(stored), expected(12));
    assert_eq!(logins(&site), 1);
    // They were secrets.
    assert!(stored.query("SELECT * FROM crawl_cookies").is_empty());
    finished.assert("the log has no cookie and no password", {
        let log = [finished.stdout.as_str(), finished.stderr.as_str()].concat();
        !log.contains("session=") && !log.contains("tangerine")
    });
}

fn a_killed_run_is_still_logged_in(stored: &Stored) {
    let site = Site::members(8).start();
    for reached in ["/login", "/notes/1", "/notes/2", "/notes/4", "/notes/6"] {
        if reached == "/login" {
            // Behind robots.txt and the form: as soon as that is submitted.
            site.hold_after(2);
        } else {
            site.hold_page(reached);
        }
        let mut running = members(&site, stored).args(["--flush-interval", "0.05s", "--force-run"]).spawn();
        running.wait_until("a page waits at the gate", LIMIT, |_| site.waiting() > 0);
        assert_eq!(site.received().last().unwrap().path, reached);
        running.kill9();
        site.release();
        wait_until("the gate is free", LIMIT, || site.waiting() == 0);
    }
    members(&site, stored).arg("--force-run").run().assert_code(0);
    assert_eq!(titles(stored), expected(8));
    let refused = stored.query("SELECT url, status, error FROM crawl_requests WHERE state = 'failed'");
    assert!(refused.is_empty(), "{refused:?}");
    assert_eq!(stored.runs().len(), 1, "it was one run all the time");
}

fn without_cookies_nobody_gets_in(stored: &Stored) {
    let site = Site::members(3).start();
    members(&site, stored).args(["--cookies", "off"]).run();
    let refused = stored.query("SELECT status FROM crawl_requests WHERE state = 'failed'");
    assert_eq!(refused, [["403"]]);
    assert!(site.received().iter().all(|asked| asked.header("cookie").is_none()));
}

fn cookies_that_are_not_stored_end_with_the_process(stored: &Stored) {
    let site = Site::members(5).start();
    site.hold_page("/notes/1");
    let mut running =
        members(&site, stored).args(["--cookies", "memory", "--flush-interval", "0.05s"]).spawn();
    running.wait_until("a members' page is on its way", LIMIT, |_| site.waiting() > 0);
    assert!(stored.query("SELECT * FROM crawl_cookies").is_empty());
    running.kill9();
    site.release();
    members(&site, stored).args(["--cookies", "memory"]).run();
    let refused = stored.query("SELECT status FROM crawl_requests WHERE state = 'failed'");
    assert_eq!(refused, [["403"]], "the resumed process is a stranger");
}

fn an_api_is_read_page_by_page(stored: &Stored) {
    let site = Site::members(9).start();
    crawl("api", &site.url("/api/notes?page=1"), stored)
        .run()
        .assert_code(0)
        .assert_stdout("done 9, failed 0");
    let rows = stored.query("SELECT item_key FROM crawl_items WHERE item_type = 'note' ORDER BY item_key");
    assert_eq!(rows.len(), 9);
    assert!(
        site.received()
            .iter()
            .filter(|asked| asked.path.starts_with("/api"))
            .all(|asked| { asked.header("accept") == Some("application/json") })
    );
}
