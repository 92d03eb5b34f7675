//! `crawl --replay`: kept pages are read, and only the others are fetched. A replay never counts as a crawl.

use dragline_testkit::{Answer, Dragline, Site};

use crate::stored::{Stored, crawl_site, on_both_stores};

on_both_stores!(
    a_replay_fetches_only_what_is_not_kept,
    a_replay_is_not_taken_for_a_crawl,
    a_replay_is_resumed_as_one_and_a_crawl_is_not,
    a_replay_of_nothing_says_so_and_fetches,
);

/// A start page with so many pages.
fn site(pages: usize) -> Site {
    let links: String = (0..pages).map(|number| format!("<a href=/{number}>x</a>")).collect();
    let mut site = Site::builder().page("/", Answer::html(links));
    for number in 0..pages {
        site = site.page(&format!("/{number}"), Answer::html(format!("<title>page {number}</title>")));
    }
    site.start()
}

fn keeping(site: &Site, stored: &Stored) -> Dragline {
    crawl_site(&site.url("/"), stored).arg("--keep-pages")
}

fn replay(site: &Site, stored: &Stored) -> Dragline {
    crawl_site(&site.url("/"), stored).arg("--replay")
}

fn a_replay_fetches_only_what_is_not_kept(stored: &Stored) {
    let site = site(12);
    keeping(&site, stored).args(["--deny", "/1[01]?$"]).run().assert_code(0);
    let asked = site.total_hits();
    let done = replay(&site, stored).run();
    done.assert_code(0)
        .assert_stderr("new replay: kept pages are read, and only the others are fetched")
        .assert_stdout("done 13,")
        .assert_stdout("10 pages read from kept pages, 3 fetched");
    assert_eq!(site.total_hits(), asked + 3);
    assert_eq!(stored.titles().len(), 13);
    let attempts =
        stored.query("SELECT attempts, count(*) FROM crawl_requests WHERE run_id = 2 GROUP BY 1 ORDER BY 1");
    assert_eq!(attempts, [["0", "10"], ["1", "3"]]);
    // What it fetches can be kept, and what it reads is not kept once more.
    replay(&site, stored).arg("--keep-pages").run().assert_code(0).assert_stdout("kept      3 pages");
    replay(&site, stored).run().assert_code(0).assert_stdout("13 pages read from kept pages, 0 fetched");
}

fn a_replay_is_not_taken_for_a_crawl(stored: &Stored) {
    let site = site(5);
    keeping(&site, stored).arg("--incremental").run().assert_code(0);
    let records = || stored.count("SELECT count(*) FROM crawl_page_visits WHERE run_id > 1");
    let done = replay(&site, stored).args(["--incremental", "--min-interval", "1h"]).run();
    done.assert_code(0).assert_stdout("-replay (id 2) finished");
    assert_eq!(records(), 0, "no visit of a page");
    let shown = crate::stored::dragline().args(["runs", "show", "2", "--store", &stored.url()]).run();
    shown
        .assert_code(0)
        .assert_stdout("kind      replay")
        .assert_stdout("6 pages read from kept pages, 0 fetched");
    // Under one name: the replay is neither the last run nor one to compare with.
    let named = ["--run", "nightly"];
    replay(&site, stored).args(named).run().assert_code(0);
    keeping(&site, stored)
        .args(named)
        .args(["--min-interval", "1h"])
        .run()
        .assert_code(0)
        .assert_stdout("(id 4)");
    let due = keeping(&site, stored).args(named).args(["--min-interval", "1h"]).run();
    due.assert_code(0).assert_stdout("the last run of the name nightly (id 4)");
    let compared = crate::stored::dragline().args(["runs", "compare", "4", "--store", &stored.url()]).run();
    compared.assert("there is nothing to compare it with", !compared.stdout.contains("(id 3)"));
}

fn a_replay_is_resumed_as_one_and_a_crawl_is_not(stored: &Stored) {
    let site = site(5);
    keeping(&site, stored).args(["--run", "kept"]).run().assert_code(0);
    let named = ["--run", "mine"];
    let stop = "UPDATE crawl_runs SET state = 'stopped', finished_at = NULL WHERE name = 'mine'";
    replay(&site, stored).args(named).run().assert_code(0);
    stored.execute(stop);
    let crawl = crawl_site(&site.url("/"), stored).args(named);
    crawl
        .run()
        .assert_code(1)
        .assert_stderr("is of the kind replay, not crawl")
        .assert_stderr("add --replay");
    replay(&site, stored).args(named).run().assert_code(0).assert_stderr("resuming");
    crawl.run().assert_code(0);
    stored.execute(
        "UPDATE crawl_runs SET state = 'stopped', finished_at = NULL WHERE name = 'mine' AND kind = 'crawl'",
    );
    let wrong = replay(&site, stored).args(named).run();
    wrong
        .assert_code(1)
        .assert_stderr("is of the kind crawl, not replay")
        .assert_stderr("leave --replay out");
    replay(&site, stored).args(named).arg("--fresh").run().assert_code(0);
}

fn a_replay_of_nothing_says_so_and_fetches(stored: &Stored) {
    let site = site(3);
    let done = replay(&site, stored).run();
    done.assert_code(0)
        .assert_stderr("no run of this spider has kept a page, so the replay fetches all of them")
        .assert_stdout("0 pages read from kept pages, 4 fetched");
}
