//! `--max-failed-share`: a crawl that fails page after page stops, and logs the reason.

use dragline_testkit::{Answer, Site};

use crate::stored::{Stored, crawl_site, on_both_stores};

use super::{crawl_at_once, site_of};

on_both_stores!(
    a_crawl_in_which_too_many_pages_fail_stops_and_can_be_resumed,
    a_small_crawl_is_judged_at_its_end,
    a_resume_that_finds_little_left_makes_no_bad_run_good,
    dead_pages_count_too,
);

/// A chain of pages. Each page has another page at its side that fails.
fn chain(length: usize, fails: impl Fn(usize) -> bool + Send + Sync + 'static) -> Site {
    Site::builder()
        .page("/", Answer::html("<a href=/0>0</a>"))
        .handler(move |asked| {
            let path = asked.path.trim_start_matches('/');
            if let Some(number) = path.strip_prefix("beside/") {
                let fails = fails(number.parse().unwrap());
                return Some(if fails { Answer::new(410) } else { Answer::html("well") });
            }
            let number: usize = path.parse().ok()?;
            let next = if number < length { format!("<a href=/{}>n</a>", number + 1) } else { String::new() };
            Some(Answer::html(format!("<a href=/beside/{number}>b</a>{next}")))
        })
        .start()
}

fn a_crawl_in_which_too_many_pages_fail_stops_and_can_be_resumed(stored: &Stored) {
    let site = chain(200, |_| true);
    let crawl = crawl_site(&site.url("/"), stored);
    let stopped = crawl.clone().args(["--max-failed-share", "0.25"]).run();
    stopped
        .assert_code(1)
        .assert_stderr("max-failed-share")
        .assert_stderr("the most frequent reason")
        .assert_stderr("HTTP 410");
    let (state, reason) = stored.runs().remove(0);
    assert_eq!(state, "stopped");
    assert!(reason.contains("max-failed-share") && reason.contains("HTTP 410"), "{reason}");
    let ended = stored.pages("done") + stored.pages("failed");
    assert!((20..200).contains(&ended), "it stopped after {ended} pages");
    assert!(stored.pages("queued") > 0);

    let resumed = crawl.run();
    resumed.assert_code(65).assert_stderr("max-failed-share").assert_stdout("queued 0");
    assert_eq!((stored.pages("done"), stored.pages("failed")), (202, 201));
}

fn a_small_crawl_is_judged_at_its_end(stored: &Stored) {
    let site = chain(3, |number| number < 2);
    let crawl = |share: &str, run: &str| {
        let crawl = crawl_site(&site.url("/"), stored).args(["--max-failed-share", share, "--run", run]);
        crawl.run()
    };
    // 2 of 9 pages fail.
    crawl("0.25", "fine").assert_code(0);
    crawl("0.2", "too-many").assert_code(1).assert_stderr("2 of 9 pages failed or died");
    crawl("0", "none").assert_code(1);
    let states: Vec<String> = stored.runs().into_iter().map(|(state, _)| state).collect();
    assert_eq!(states, ["finished", "finished", "finished"], "nothing is left to resume");
    crawl("1.5", "wrong").assert_code(2).assert_stderr("from 0 to 1");
}

fn a_resume_that_finds_little_left_makes_no_bad_run_good(stored: &Stored) {
    let links: String = (0..30).map(|number| format!("<a href=/beside/{number}>b</a>")).collect();
    let site = Site::builder().page("/", Answer::html(links)).handler(|_| Some(Answer::new(403))).start();
    let crawl = crawl_site(&site.url("/"), stored).args(["--max-failed-share", "0.25"]);
    for _ in 0..10 {
        let ended = crawl.run();
        ended.assert_code(1).assert_stderr("pages failed or died");
        if stored.runs()[0].0 == "finished" {
            return;
        }
    }
    panic!("it does not come to an end: {:?}", stored.runs());
}

fn dead_pages_count_too(stored: &Stored) {
    let site = site_of(&["nul", "fine"], &[]);
    let crawl = crawl_at_once(&site, stored).args(["--max-failed-share", "0.3"]);
    crawl.run().assert_code(1).assert_stderr("1 of 3 pages failed or died").assert_stderr("NUL character");
}
