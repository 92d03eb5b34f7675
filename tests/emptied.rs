//! Nights that only look good: requests of an unfinished run were deleted, or the table of its items refuses every row.

use std::time::Duration;

use dragline_testkit::{Answer, Site};

use crate::stored::{Stored, crawl_nasty, crawl_site, on_both_stores};

const SOON: Duration = Duration::from_secs(20);

on_both_stores!(
    a_killed_run_without_requests_is_refused_and_can_be_begun_anew,
    a_killed_run_without_its_queue_is_refused_and_goes_on_if_forced,
    a_stopped_run_without_its_last_request_is_refused,
    a_run_whose_finished_requests_were_deleted_is_refused,
    a_run_whose_queue_is_deleted_under_it_is_no_success,
    a_table_that_refuses_every_row_is_no_success,
);

/// A site, and a run of it that was killed after a few pages were done. The run's row has the figures of a later heartbeat.
fn killed(stored: &Stored) -> Site {
    let site = Site::generated(60, 4);
    site.hold_after(20);
    let mut running = crawl_site(&site.url("/"), stored).args(["--flush-rows", "5"]).spawn();
    running.wait_until("some pages are done, and the row knows", SOON, |_| {
        let recorded = match stored {
            Stored::Postgres(_) => "(stats ->> 'run_requests')::bigint",
            Stored::Sqlite(_) => "stats ->> '$.run_requests'",
        };
        stored.pages("done") >= 15
            && stored.count(&format!("select coalesce({recorded}, 0) from crawl_runs")) > 30
    });
    running.kill9();
    site.release();
    site
}

fn is_refused(site: &Site, stored: &Stored, says: &str) {
    let hits = site.total_hits();
    let refused = crawl_site(&site.url("/"), stored).run();
    refused.assert_code(1).assert_stderr(says).assert_stderr("--fresh");
    assert_eq!(site.total_hits(), hits, "nothing is fetched");
    assert_ne!(stored.runs()[0].0, "finished");
}

fn a_killed_run_without_requests_is_refused_and_can_be_begun_anew(stored: &Stored) {
    let site = killed(stored);
    stored.execute("delete from crawl_requests");
    is_refused(&site, stored, "run 1 has 0 requests in the store, but it had at least");
    let forced = crawl_site(&site.url("/"), stored).arg("--force-run").run();
    forced.assert_code(1).assert_stderr("0 requests");
    forced.assert("there is nothing to go on with", !forced.stderr.contains("goes on with what is left"));
    crawl_site(&site.url("/"), stored).arg("--fresh").run().assert_code(0);
    assert_eq!(&stored.titles(), site.truth());
}

fn a_killed_run_without_its_queue_is_refused_and_goes_on_if_forced(stored: &Stored) {
    let site = killed(stored);
    stored.execute("delete from crawl_requests where state = 'queued'");
    is_refused(&site, stored, "but it had at least");
    let forced = crawl_site(&site.url("/"), stored).arg("--force-run").run();
    forced.assert_code(1).assert_stderr("it goes on with what is left, because of --force-run");
    forced.assert_stderr("rows of crawl_requests were deleted");
    assert_eq!(stored.runs()[0].0, "finished");
}

fn a_stopped_run_without_its_last_request_is_refused(stored: &Stored) {
    let site = Site::generated(60, 4);
    site.hold_after(20);
    let mut running = crawl_site(&site.url("/"), stored).args(["--flush-rows", "5"]).spawn();
    running.wait_until("some pages are done", SOON, |_| stored.pages("done") >= 15);
    running.signal("TERM");
    running.finish().assert_code(75);
    site.release();
    stored.execute(
        "delete from crawl_requests where fingerprint = (
             select fingerprint from crawl_requests where state = 'queued' limit 1
         )",
    );
    is_refused(&site, stored, "but it had at least");
}

fn a_run_whose_finished_requests_were_deleted_is_refused(stored: &Stored) {
    let site = killed(stored);
    // It has been resumed once, so its row says how many had ended by then.
    site.hold();
    let mut running = crawl_site(&site.url("/"), stored).spawn();
    running.wait_until("it asks", SOON, |it| it.stderr().contains("resuming") && site.waiting() > 0);
    running.kill9();
    site.release();
    // As if these were never fetched.
    stored.execute("update crawl_requests set state = 'queued' where state = 'done'");
    is_refused(&site, stored, "requests of run 1 have ended, but");
}

fn a_run_whose_queue_is_deleted_under_it_is_no_success(stored: &Stored) {
    let site = Site::builder()
        .page("/", Answer::html((0..1_500).map(|n| format!("<a href=/{n}>{n}</a>")).collect::<String>()))
        .handler(|_| Some(Answer::html("<title>leaf</title>")))
        .start();
    // The robots.txt and the list are answered.
    site.hold_after(2);
    let mut running = crawl_site(&site.url("/"), stored).spawn();
    let frontier = "select count(*) from crawl_requests where state = 'queued'";
    running
        .wait_until("the frontier is there", SOON, |_| stored.count(frontier) == 1_500 && site.waiting() > 0);
    // The window has the first thousand in hand.
    stored.execute(
        "delete from crawl_requests where state = 'queued' and fingerprint in (
             select fingerprint from crawl_requests where state = 'queued' order by fingerprint desc limit 300
         )",
    );
    site.release();
    let ended = running.finish();
    ended.assert_code(1).assert_stderr("1201 requests are in the store, but there were 1501");
    ended.assert_stderr("rows of crawl_requests were deleted");
}

fn a_table_that_refuses_every_row_is_no_success(stored: &Stored) {
    let links: String = (0..10).map(|n| format!("<a href=/{n}/leaf>{n}</a>")).collect();
    let site = Site::builder().page("/", Answer::html(links)).handler(|_| Some(Answer::html("well"))).start();
    let columns = match stored {
        Stored::Postgres(_) => {
            "(url text PRIMARY KEY, text text NOT NULL, number float8, count bigint NOT NULL,
              run_id bigint NOT NULL, source_url text NOT NULL, scraped_at timestamptz NOT NULL, CHECK (text <> 'leaf'))"
        }
        Stored::Sqlite(_) => {
            "(url TEXT NOT NULL PRIMARY KEY, text TEXT NOT NULL, number REAL, count INTEGER NOT NULL,
              run_id INTEGER NOT NULL, source_url TEXT NOT NULL, scraped_at TEXT NOT NULL,
              CHECK (text <> 'leaf')) STRICT"
        }
    };
    stored.execute(&format!("create table nasty_things {columns}"));
    let night = crawl_nasty(&site.url("/"), stored).run();
    night.assert_code(65).assert_stdout("10 pages are dead");
}
