//! A page with more links or items than a page may have.

use dragline_testkit::{Answer, Site};

use crate::stored::{Stored, crawl_nasty, on_both_stores};

on_both_stores!(a_page_beyond_its_limits_fails_alone_and_says_so);

fn a_page_beyond_its_limits_fails_alone_and_says_so(stored: &Stored) {
    let site = Site::builder()
        .page("/", Answer::html("<a href=/many>m</a><a href=/few>f</a>"))
        .page("/many", Answer::html("<a href=/1>1</a><a href=/2>2</a><a href=/3>3</a>"))
        // The same link many times is one request.
        .page("/few", Answer::html("<a href=/4>4</a>".repeat(9)))
        .page("/4", Answer::html("the last"))
        .start();
    let crawl = crawl_nasty(&site.url("/"), stored);
    let limited = crawl.clone().args(["--run", "links", "--max-links-per-page", "2"]).run();
    limited.assert_code(0).assert_stdout("done 3, failed 1, skipped 0, dead 0, queued 0");
    let row = stored.query("select url, reason, error from crawl_requests where state = 'failed'");
    let error = "the page leads to more than 2 new requests (--max-links-per-page)";
    assert_eq!(row, [[site.url("/many").as_str(), "too_many_links", error]]);
    assert_eq!(stored.count("select count(*) from crawl_items where url like '%/many'"), 0);

    // Each page has two items, so none of them is left.
    let limited = crawl.args(["--run", "items"]).env("DRAGLINE_MAX_ITEMS_PER_PAGE", "1").run();
    limited.assert_code(1).assert_stdout("done 0, failed 1, skipped 0, dead 0, queued 0");
    let rows = stored.query("select error from crawl_requests where reason = 'too_many_items'");
    assert_eq!(rows, [["parse: emitted 2 items, and a page may have 1 (--max-items-per-page)"]]);
}
