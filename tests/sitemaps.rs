//! What `--sitemaps` does: the pages that sitemaps list are crawled, whatever the sitemaps look like and whatever is killed.

mod bounds;
mod flags;
mod scope;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::time::Duration;

use dragline_testkit::{Answer, Site};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::stored::{Stored, crawl_site, dragline, on_both_stores};

const SOON: Duration = Duration::from_secs(20);

on_both_stores!(
    the_sitemaps_of_robots_txt_are_crawled_in_every_form,
    a_kill_while_sitemaps_are_read_changes_nothing,
    an_incremental_crawl_fetches_what_a_sitemap_says_has_changed,
);

/// A page whose title is its path.
fn titled(path: &str) -> Answer {
    Answer::html(format!("<title>{path}</title>"))
}

/// A sitemap of these places.
fn urlset(places: impl IntoIterator<Item = String>) -> String {
    let urls = places.into_iter().map(|place| format!("<url><loc>{place}</loc></url>")).collect::<String>();
    format!(
        "<?xml version='1.0'?><urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{urls}</urlset>"
    )
}

/// An index of these sitemaps.
fn index(places: impl IntoIterator<Item = String>) -> String {
    let sitemaps = places.into_iter().map(|place| format!("<sitemap><loc>{place}</loc></sitemap>"));
    format!("<sitemapindex>{}</sitemapindex>", sitemaps.collect::<String>())
}

fn xml(body: impl Into<Vec<u8>>) -> Answer {
    Answer::new(200).header("Content-Type", "application/xml").body(body)
}

pub(crate) fn packed(body: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// The titles of the stored pages of the spider `site`.
fn titles(stored: &Stored) -> BTreeSet<String> {
    stored.titles().into_values().collect()
}

fn set<const N: usize>(titles: [&str; N]) -> BTreeSet<String> {
    titles.into_iter().map(str::to_owned).collect()
}

/// The state and the reason of each request whose URL ends like this.
fn ends(stored: &Stored, end: &str) -> Vec<(String, String)> {
    let sql = format!("select state, coalesce(reason, '') from crawl_requests where url like '%{end}'");
    stored.query(&sql).into_iter().map(|row| (row[0].clone(), row[1].clone())).collect()
}

fn ended(state: &str, reason: &str) -> Vec<(String, String)> {
    vec![(state.to_owned(), reason.to_owned())]
}

fn the_sitemaps_of_robots_txt_are_crawled_in_every_form(stored: &Stored) {
    let site = Site::builder()
        .handler(|asked| asked.path.starts_with("/page/").then(|| titled(&asked.path)))
        .page("/", Answer::html("<title>/</title><a href=/page/linked>x</a><a href=/list.xml>pages</a>"))
        .start();
    let at = |path: &str| site.url(path);
    let feed = "<rss><channel><item><link>/page/rss</link><pubDate>Mon, 09 Mar 2026 10:20:30 GMT</pubDate></item></channel></rss>";
    let listed = "<urlset><url><loc>/page/listed</loc><lastmod>2026-01-31</lastmod>
        <xhtml:link rel='alternate' hreflang='de' href='/page/alternate'/></url></urlset>";
    site.set(
        "/robots.txt",
        Answer::text(format!(
            "Sitemap: {}\nUser-agent: *\nDisallow: /page/private\nSitemap: /feed\n",
            at("/index.xml")
        )),
    );
    // It names itself, and one sitemap twice.
    let named = ["/index.xml", "/list.xml", "/packed.xml.gz", "/list.txt", "/list.xml"];
    site.set("/index.xml", xml(index(named.map(at))));
    site.set("/list.xml", xml(listed));
    let places = ["/page/packed", "/page/private", "/page/linked"].map(at);
    site.set(
        "/packed.xml.gz",
        Answer::new(200).header("Content-Type", "application/x-gzip").body(packed(&urlset(places))),
    );
    site.set("/list.txt", Answer::text(format!("{}\n", at("/page/text"))));
    site.set("/feed", Answer::new(200).header("Content-Type", "application/rss+xml").body(feed));

    crawl_site(&at("/"), stored).arg("--sitemaps").run().assert_code(0);
    let pages =
        ["/", "/page/alternate", "/page/linked", "/page/listed", "/page/packed", "/page/rss", "/page/text"];
    assert_eq!(titles(stored), set(pages));
    for path in ["/robots.txt", "/index.xml", "/packed.xml.gz", "/list.txt", "/feed"] {
        assert_eq!(ends(stored, path), ended("skipped", "sitemap"), "{path}");
    }
    // The spider has it too, because a page links to it.
    let mut twice = ends(stored, "/list.xml");
    twice.sort();
    assert_eq!(twice, [ended("done", ""), ended("skipped", "sitemap")].concat());
    assert_eq!(site.hits("/list.xml"), 2);
    assert_eq!((site.hits("/index.xml"), site.hits("/page/linked"), site.hits("/page/private")), (1, 1, 0));
    assert_eq!(ends(stored, "/page/private"), ended("skipped", "robots_denied"));

    let date = match stored {
        Stored::Postgres(_) => "options ->> 'lastmod'",
        Stored::Sqlite(_) => "options ->> '$.lastmod'",
    };
    let sql = format!("select depth, coalesce({date}, '') from crawl_requests where url like '%/page/");
    let of = |page: &str| stored.query(&format!("{sql}{page}'")).remove(0);
    assert_eq!(of("listed"), ["0", "2026-01-31T00:00:00Z"]);
    assert_eq!(of("rss"), ["0", "2026-03-09T10:20:30Z"]);
    assert_eq!(of("text"), ["0", ""]);
}

fn a_kill_while_sitemaps_are_read_changes_nothing(stored: &Stored) {
    let site = Site::builder()
        .handler(|asked| asked.path.starts_with("/page/").then(|| titled(&asked.path)))
        .page("/", titled("/"))
        .page("/sitemap.xml", xml(index((0..8).map(|map| format!("/map/{map}.xml")))))
        .page("/robots.txt", Answer::text("User-agent: *\nDisallow:\n"));
    let site = (0..8).fold(site, |site, map| {
        let pages = (0..25).map(|page| format!("/page/{}", map * 20 + page));
        site.page(&format!("/map/{map}.xml"), xml(urlset(pages)))
    });
    let site = site.start();
    let rows = |stored: &Stored| -> BTreeMap<String, String> {
        let rows =
            stored.query("select url, state, coalesce(reason, ''), coalesce(error, ''), depth, tag, options from crawl_requests");
        rows.into_iter().map(|row| (row[0].clone(), row[1..].join(" "))).collect()
    };
    let undisturbed =
        if matches!(stored, Stored::Postgres(_)) { Stored::postgres() } else { Stored::sqlite() };
    crawl_site(&site.url("/"), &undisturbed).arg("--sitemaps").run().assert_code(0);
    assert_eq!((undisturbed.pages("done"), undisturbed.titles().len()), (166, 166));

    let crawl = crawl_site(&site.url("/"), stored).args([
        "--sitemaps",
        "--flush-rows",
        "5",
        "--flush-interval",
        "50ms",
        "--concurrency",
        "2",
    ]);
    let mut before = 0;
    for kill in 1..=6 {
        site.hold_after(7);
        let mut running = crawl.spawn();
        let ended = |stored: &Stored| stored.pages("done") + stored.pages("skipped");
        running.wait_until("more requests have ended", SOON, |_| ended(stored) >= before + 3);
        running.kill9();
        before = ended(stored);
        assert!(stored.pages("queued") > 0, "kill {kill} came before the end");
    }
    site.release();
    crawl.run().assert_code(0).assert_stderr("was killed or crashed");
    assert_eq!(rows(stored), rows(&undisturbed));
    assert_eq!(stored.titles(), undisturbed.titles());
}

fn an_incremental_crawl_fetches_what_a_sitemap_says_has_changed(stored: &Stored) {
    let site = Site::builder()
        .handler(|asked| asked.path.starts_with("/page/").then(|| titled(&asked.path)))
        .page("/", titled("home"))
        .start();
    let sitemap = |lastmod: &str| {
        let changed = format!("<url><loc>/page/changed</loc><lastmod>{lastmod}</lastmod></url>");
        let old =
            "<url><loc>/page/old</loc><lastmod>2020-01-01</lastmod></url><url><loc>/page/undated</loc></url>";
        site.set("/sitemap.xml", xml(format!("<urlset>{changed}{old}</urlset>")).header("ETag", "\"same\""));
    };
    let crawl =
        crawl_site(&site.url("/"), stored).args(["--sitemaps", "--incremental", "--refresh-after", "30d"]);
    sitemap("2020-01-01");
    crawl.run().assert_code(0).assert_stdout("done 4, failed 0, skipped 2");
    crawl.run().assert_code(0).assert_stdout("done 4, failed 0, skipped 2");
    // The sitemap is read in every run, and the pages were seen a short time ago.
    assert_eq!((site.hits("/sitemap.xml"), site.hits("/page/changed"), site.hits("/page/old")), (2, 1, 1));
    sitemap("2999-01-01");
    crawl.run().assert_code(0).assert_stdout("done 4, failed 0, skipped 2");
    let hits = |page: &str| site.hits(&format!("/page/{page}"));
    assert_eq!((hits("changed"), hits("old"), hits("undated")), (2, 1, 1));
}

#[test]
fn a_host_without_any_in_its_robots_txt_is_asked_for_the_usual_one() {
    let stored = Stored::sqlite();
    for robots in [Answer::new(404), Answer::text("User-agent: *\nDisallow:\n"), Answer::html("<p>welcome")] {
        let site = Site::builder()
            .page("/robots.txt", robots)
            .page("/", titled("home"))
            .page("/sitemap.xml", xml(urlset(["/secret".to_owned()])))
            .page("/secret", titled("secret"))
            .start();
        let finished = crawl_site(&site.url("/"), &stored).args(["--sitemaps=robots", "--fresh"]).run();
        finished.assert_code(0).assert_stdout("done 2, failed 0, skipped 2");
    }
    assert_eq!(titles(&stored), set(["home", "secret"]));
}

#[test]
fn a_usual_sitemap_that_is_not_there_is_a_warning() {
    for (number, answer) in
        [Answer::new(404), Answer::html("<p>home"), Answer::new(200)].into_iter().enumerate()
    {
        let stored = Stored::sqlite();
        let site = Site::builder().page("/", titled("home")).page("/sitemap.xml", answer).start();
        let crawl = crawl_site(&site.url("/"), &stored).args([
            "--sitemaps",
            "--keep-failed",
            "--max-failed-share",
            "0",
        ]);
        let finished = crawl.run();
        finished
            .assert_code(0)
            .assert_stdout("done 1, failed 0, skipped 2")
            .assert_stderr("the usual place does not have one; name one with --sitemaps=URL");
        assert_eq!(ends(&stored, "/sitemap.xml"), ended("skipped", "sitemap_missing"), "{number}");
        assert_eq!(stored.count("select count(*) from crawl_kept_pages"), 0);
        assert!(!finished.stderr.contains("given up"), "{finished}");
    }
}

#[test]
fn a_named_sitemap_that_cannot_be_read_is_a_failed_page() {
    let site = Site::builder()
        .page("/", titled("home"))
        .page("/page.xml", Answer::html("<p>x"))
        .page("/damaged.gz", Answer::new(200).body(b"\x1f\x8b\x08nothing".as_slice()))
        .start();
    for (path, reason) in [
        ("/gone.xml", "http_status"),
        ("/page.xml", "sitemap_unreadable"),
        ("/damaged.gz", "sitemap_unreadable"),
    ] {
        let stored = Stored::sqlite();
        let sitemap = format!("--sitemaps={}", site.url(path));
        let finished = crawl_site(&site.url("/"), &stored).arg(&sitemap).run();
        finished.assert_code(0).assert_stdout("done 1, failed 1, skipped 0").assert_stderr("WARN");
        assert_eq!(ends(&stored, path), ended("failed", reason));
        // Without anything else to crawl, nothing is good.
        let stored = Stored::sqlite();
        let alone = dragline().args(["crawl", "site", &sitemap, "--rate", "0", "--store", &stored.url()]);
        alone.run().assert_code(1).assert_stderr("no page was done, because every request failed");
    }
}

#[test]
fn a_named_sitemap_is_a_start_of_its_own_and_limits_count_only_pages() {
    let stored = Stored::sqlite();
    let site = Site::builder()
        .handler(|asked| {
            asked
                .path
                .starts_with("/page/")
                .then(|| Answer::html(format!("<title>{0}</title><a href='{0}/deep'>deep</a>", asked.path)))
        })
        .page("/map.xml", xml(urlset((0..5).map(|page| format!("/page/{page}")))))
        .start();
    let sitemap = format!("--sitemaps={}", site.url("/map.xml"));
    let crawl = dragline().args(["crawl", "site", &sitemap, "--rate", "0", "--store", &stored.url()]);
    let limited = crawl.clone().args(["--limit", "3", "--run", "limited"]).run();
    limited.assert_code(0).assert_stdout("finished: limit");
    assert_eq!(stored.pages("done"), 3);
    let finished = crawl.args(["--max-depth", "1"]).run();
    finished.assert_code(0).assert_stdout("done 10, failed 0, skipped 1");
    assert_eq!(titles(&stored).len(), 10, "each page and what it links to: {:?}", titles(&stored));
}

#[test]
fn a_resumed_run_keeps_the_sitemaps_that_it_began_with() {
    let stored = Stored::sqlite();
    let site = Site::generated(30, 2);
    site.set("/sitemap.xml", xml(urlset(["/".to_owned()])));
    site.hold_after(8);
    let mut running = crawl_site(&site.url("/"), &stored).spawn();
    running.wait_until("some pages are done", SOON, |_| stored.pages("done") > 0);
    running.kill9();
    site.release();
    let resumed = crawl_site(&site.url("/"), &stored).arg("--sitemaps").run();
    resumed.assert_code(0).assert_stderr("the setting `sitemaps` changed since the run began");
    assert_eq!(site.hits("/sitemap.xml"), 0);
    let next = crawl_site(&site.url("/"), &stored).arg("--sitemaps").run();
    next.assert_code(0);
    assert_eq!(site.hits("/sitemap.xml"), 1);
}
