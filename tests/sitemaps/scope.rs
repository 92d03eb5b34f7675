//! A sitemap never widens what a run crawls.

use dragline_testkit::{Answer, Site};

use super::{SOON, ended, ends, index, set, titled, titles, urlset, xml};
use crate::stored::{Stored, crawl_site, on_both_stores};

on_both_stores!(a_sitemap_does_not_widen_the_scope_also_of_a_resumed_run);

fn a_sitemap_does_not_widen_the_scope_also_of_a_resumed_run(stored: &Stored) {
    let other =
        Site::builder().bind("127.0.0.2").page("/", titled("other")).page("/map.xml", titled("map")).start();
    let site = Site::builder()
        .handler(|asked| asked.path.starts_with("/page/").then(|| titled(&asked.path)))
        .page("/", titled("home"))
        .page("/page/away", Answer::redirect(301, &other.url("/")))
        .page("/page/away2", Answer::html(format!("<title>2</title><a href={}>other</a>", other.url("/"))))
        .start();
    let places = ["/page/0", "/page/1", "/page/2", "/page/3", "/page/away", "/page/away2", "/file.zip"];
    let places = places.map(str::to_owned).into_iter().chain([other.url("/"), other.url("/x")]);
    site.set("/map.xml", xml(urlset(places)));
    // An index may not send a crawl anywhere. A robots.txt may: <https://www.sitemaps.org/protocol.html#sitemaps_cross_submits>.
    site.set("/sitemap.xml", xml(index(["/map.xml".to_owned(), other.url("/map.xml")])));
    let crawl =
        crawl_site(&site.url("/"), stored).args(["--sitemaps", "--flush-rows", "1", "--concurrency", "1"]);
    site.hold_after(7);
    let mut running = crawl.spawn();
    running.wait_until("pages are done", SOON, |_| stored.pages("done") > 1);
    running.kill9();
    assert!(stored.pages("queued") > 0);
    site.release();
    crawl.run().assert_code(0);
    assert_eq!(titles(stored), set(["home", "/page/0", "/page/1", "/page/2", "/page/3", "2"]));
    assert_eq!(ends(stored, "/page/away"), ended("skipped", "redirect_out_of_scope"));
    assert_eq!(other.total_hits(), 0);
    assert_eq!(ends(stored, "/file.zip"), []);
}

#[test]
fn a_robots_txt_may_name_a_sitemap_on_another_host() {
    let stored = Stored::sqlite();
    let site = Site::builder().page("/", titled("home")).page("/page", titled("page")).start();
    let elsewhere = Site::builder().bind("127.0.0.2").page("/other", titled("other")).start();
    elsewhere.set("/map.xml", xml(urlset([site.url("/page"), elsewhere.url("/other")])));
    site.set("/robots.txt", Answer::text(format!("Sitemap: {}", elsewhere.url("/map.xml"))));
    let finished = crawl_site(&site.url("/"), &stored).arg("--sitemaps").run();
    finished.assert_code(0).assert_stdout("off-site 1");
    assert_eq!(titles(&stored), set(["home", "page"]));
    assert_eq!(elsewhere.hits("/other"), 0);
}

#[test]
fn listed_pages_have_to_match_what_links_have_to_match() {
    let stored = Stored::sqlite();
    let site = Site::builder()
        .handler(|asked| asked.path.contains("page").then(|| titled(&asked.path)))
        .page("/", titled("home"))
        .page("/sitemap.xml", xml(urlset(["/page/1", "/draft/page/2", "/page/3?sort=up"].map(str::to_owned))))
        .start();
    let crawl = crawl_site(&site.url("/"), &stored).args([
        "--sitemaps",
        "--allow",
        "/page/",
        "--deny",
        "sort=|draft",
    ]);
    crawl.run().assert_code(0).assert_stdout("denied 2");
    assert_eq!(titles(&stored), set(["home", "/page/1"]));
}

#[test]
fn where_the_robots_txt_of_a_start_host_leads_belongs_to_the_run() {
    let stored = Stored::sqlite();
    let www = Site::builder()
        .bind("127.0.0.2")
        .page("/robots.txt", Answer::text("Sitemap: /map.xml"))
        .page("/map.xml", xml(urlset(["/listed".to_owned()])))
        .page("/", titled("home"))
        .page("/listed", titled("listed"))
        .start();
    let bare = Site::builder()
        .page("/robots.txt", Answer::redirect(301, &www.url("/robots.txt")))
        .page("/", Answer::redirect(301, &www.url("/")))
        .start();
    crawl_site(&bare.url("/"), &stored).arg("--sitemaps").run().assert_code(0);
    assert_eq!(titles(&stored), set(["home", "listed"]));
}
