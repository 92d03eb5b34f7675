//! What a crawl leaves in the store: every page once, exact limits, the rules obeyed.

use dragline_testkit::{Answer, Site};

use crate::stored::{Stored, crawl_site, dragline, on_both_stores};

on_both_stores!(
    every_page_is_stored_once,
    a_limit_is_exact,
    redirects_are_requests_of_their_own,
    the_start_host_may_redirect_to_another,
    links_off_the_site_are_counted_and_not_stored,
    robots_txt_is_obeyed,
    errors_are_retried_and_then_kept,
    pages_of_types_that_nobody_wants_are_skipped,
    no_page_done_is_an_error,
    the_demo_fills_a_typed_table,
);

fn every_page_is_stored_once(stored: &Stored) {
    let site = Site::generated(150, 4);
    let finished = crawl_site(&site.url("/"), stored).run();
    finished.assert_code(0).assert_stdout("done 150, failed 0, skipped 0, dead 0, queued 0");
    assert_eq!(&stored.titles(), site.truth());
    assert_eq!(stored.runs(), [("finished".to_owned(), "finished".to_owned())]);
    assert_eq!(site.total_hits(), 150, "each page is fetched once");
}

fn a_limit_is_exact(stored: &Stored) {
    let site = Site::generated(120, 5);
    for (run, concurrency) in ["1", "5", "32"].into_iter().enumerate() {
        let crawl = crawl_site(&site.url("/"), stored).args(["--concurrency", concurrency, "--limit", "7"]);
        crawl.run().assert_code(0).assert_stdout("finished: limit");
        assert_eq!(stored.pages("done"), 7 * (run + 1), "concurrency {concurrency}");
    }
}

fn redirects_are_requests_of_their_own(stored: &Stored) {
    let site = Site::builder()
        .page("/", Answer::html("<a href=/old>old</a><a href=/loop>loop</a>"))
        .page("/old", Answer::redirect(301, "/older"))
        .page("/older", Answer::redirect(302, "/new"))
        .page("/new", Answer::html("<title>new</title>"))
        .page("/loop", Answer::redirect(302, "/loop"))
        .start();
    crawl_site(&site.url("/"), stored).run().assert_code(0);
    let rows = stored.query("select url, state, error from crawl_requests order by discovered_at, url");
    let state = |path: &str| {
        let url = site.url(path);
        let found: Vec<_> = rows.iter().filter(|row| row[0] == url).map(|row| row[1].as_str()).collect();
        found
    };
    assert_eq!(state("/old"), ["skipped"], "{rows:?}");
    assert_eq!(state("/older"), ["skipped"], "{rows:?}");
    assert_eq!(state("/new"), ["done"], "{rows:?}");
    assert_eq!(state("/loop").last(), Some(&"failed"), "a loop ends: {rows:?}");
    assert!(rows.iter().any(|row| row[2].contains(&site.url("/new"))), "the target is kept: {rows:?}");
    assert!(site.hits("/loop") <= 21, "{} hops", site.hits("/loop"));
}

fn the_start_host_may_redirect_to_another(stored: &Stored) {
    let home = Site::builder()
        .page("/", Answer::html("<title>home</title><a href=/in>in</a>"))
        .page("/in", Answer::html("<title>in</title>"))
        .start();
    let door = Site::builder().page("/", Answer::redirect(301, &home.url("/"))).start();
    crawl_site(&door.url("/"), stored).run().assert_code(0);
    assert_eq!(stored.titles().into_values().collect::<Vec<_>>(), ["home", "in"]);
}

fn links_off_the_site_are_counted_and_not_stored(stored: &Stored) {
    let other = Site::generated(3, 2);
    let long = "x".repeat(3_000);
    let page = format!(
        "<a href={}>off</a><a href=/deep>deep</a><a href=/{long}>long</a><a href=mailto:a@b>mail</a>",
        other.url("/")
    );
    let site = Site::builder()
        .page("/", Answer::html(page))
        .page("/deep", Answer::html("<a href=/deeper>deeper</a>"))
        .page("/deeper", Answer::html("too deep"))
        .start();
    let finished = crawl_site(&site.url("/"), stored).args(["--max-depth", "1"]).run();
    finished
        .assert_code(0)
        .assert_stdout("off-site 1")
        .assert_stdout("too-deep 1")
        .assert_stdout("too-long 1");
    assert_eq!(other.total_hits(), 0);
    assert_eq!(stored.count("select count(*) from crawl_requests"), 2);
}

fn robots_txt_is_obeyed(stored: &Stored) {
    let site = Site::builder()
        .robots("User-agent: *\nDisallow: /private\n")
        .page("/", Answer::html("<a href=/private/a>a</a><a href=/public>p</a>"))
        .page("/private/a", Answer::html("private"))
        .page("/public", Answer::html("public"))
        .start();
    let polite = crawl_site(&site.url("/"), stored).run();
    polite.assert_code(0);
    assert!(!polite.stderr.contains("robots.txt forbids"), "a link is everyday life: {}", polite.stderr);
    assert_eq!(site.hits("/private/a"), 0);
    assert_eq!(site.hits("/robots.txt"), 1);
    assert_eq!(
        stored.query("select state, error from crawl_requests where url like '%private%'"),
        [["skipped", "robots: line 2, Disallow: /private"]]
    );

    let start = site.url("/private/a");
    let told = crawl_site(&start, stored).args(["--start-url", &site.url("/private/b")]).run();
    told.assert_code(65)
        .assert_stdout("done 0, failed 0, skipped 2")
        .assert_stderr("robots.txt forbids this start page");
    assert_eq!(told.stderr.matches("robots.txt forbids").count(), 1, "{}", told.stderr);

    let ignoring = crawl_site(&site.url("/"), stored).args(["--robots", "false", "--run", "impolite"]);
    ignoring.run().assert_code(0);
    assert_eq!(site.hits("/private/a"), 1);
}

fn errors_are_retried_and_then_kept(stored: &Stored) {
    let site = Site::builder()
        .page(
            "/",
            Answer::html("<a href=/flaky>f</a><a href=/gone>g</a><a href=/down>d</a><a href=/cut>c</a>"),
        )
        .answers("/flaky", [Answer::new(503), Answer::dropped(), Answer::html("<title>at last</title>")])
        .page("/down", Answer::new(500))
        .page("/cut", Answer::cut_off("<title>half", 500))
        .start();
    let finished = crawl_site(&site.url("/"), stored).args(["--retries", "2"]).run();
    finished.assert_code(65);
    let row = |path: &str| {
        let sql =
            format!("select state, attempts, status, error from crawl_requests where url like '%{path}'");
        stored.query(&sql).remove(0)
    };
    assert_eq!(row("/flaky")[..3], ["done", "3", "200"]);
    assert_eq!(row("/gone"), ["failed", "1", "404", "HTTP 404"]);
    assert_eq!(row("/down")[..3], ["failed", "3", "500"]);
    assert_eq!(row("/cut")[..2], ["failed", "3"]);
    assert_ne!(row("/cut")[3], "NULL");
}

fn pages_of_types_that_nobody_wants_are_skipped(stored: &Stored) {
    let drawing = Answer::new(200).header("Content-Type", "image/png").body(b"\x89PNG\r\n\x1a\n".repeat(100));
    let site = Site::builder()
        .page("/", Answer::html("<title>start</title><a href=/drawing>a drawing</a>"))
        .page("/drawing", drawing)
        .start();
    let crawl = crawl_site(&site.url("/"), stored);
    crawl.run().assert_code(0).assert_stdout("done 1, failed 0, skipped 1, dead 0, queued 0");
    let skipped = "select status, error from crawl_requests where state = 'skipped'";
    assert_eq!(stored.query(skipped), [["200", "unwanted type image/png"]]);
    let all = crawl_site(&site.url("/"), stored).args(["--run", "all", "--accept-types", "text/*,image/*"]);
    all.run().assert_code(0).assert_stdout("done 2, failed 0, skipped 0, dead 0, queued 0");
}

fn no_page_done_is_an_error(stored: &Stored) {
    let site = Site::builder().start();
    let finished = crawl_site(&site.url("/missing"), stored).run();
    finished
        .assert_code(1)
        .assert_stdout("done 0, failed 1")
        .assert_stdout("1 × HTTP 404; `dragline runs show 1`");
    finished.assert_stderr("no page was done").assert_stderr("given up");
}

fn the_demo_fills_a_typed_table(stored: &Stored) {
    let finished = dragline().args(["demo", "--store", &stored.url()]).run();
    finished.assert_code(0).assert_stdout("The Silken Thread").assert_stdout("done 65");
    let row = stored.query(
        "select title, author, price, in_stock, published from demo_books where isbn = '978-0-00-000013'",
    );
    assert_eq!(row, [["The Patient Lantern", "W. Argyroneta", "18.81", "6", "1926-02-15"]]);
    assert_eq!(stored.count("select count(*) from demo_books"), 60);
}
