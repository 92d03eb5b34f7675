//! Hostile sitemaps cost no more than others.

use dragline_testkit::{Answer, Site};

use super::{ended, ends, index, packed, set, titled, titles, urlset, xml};
use crate::stored::{Stored, crawl_site};

#[test]
fn an_entity_bomb_does_not_go_off() {
    let stored = Stored::sqlite();
    let mut bomb = "<!DOCTYPE urlset [<!ENTITY l0 'lol'>".to_owned();
    for level in 1..30 {
        let before = format!("&l{};", level - 1).repeat(20);
        bomb += &["<!ENTITY l", &level.to_string(), " '", &before, "'>"].concat();
    }
    bomb.push_str(
        "<!ENTITY own SYSTEM '/private'>]><urlset><url><loc>/&l29;</loc></url><url><loc>&own;</loc></url>",
    );
    bomb.push_str("<url><loc>/page</loc></url></urlset>");
    let site = Site::builder()
        .page("/", titled("home"))
        .page("/page", titled("page"))
        .page("/sitemap.xml", xml(bomb))
        .start();
    let finished = crawl_site(&site.url("/"), &stored).arg("--sitemaps").run();
    finished.assert_code(0).assert_stdout("done 2, failed 0, skipped 2").assert_stdout("scheme 2");
    assert_eq!(titles(&stored), set(["home", "page"]));
    let error =
        stored.query("select error from crawl_requests where url like '%/sitemap.xml'").remove(0).remove(0);
    assert_eq!(error, "a sitemap of 1 page; 2 without a usable URL");
}

#[test]
fn a_gzip_bomb_fails_at_the_limit_of_a_body() {
    let stored = Stored::sqlite();
    let bomb = packed(&" ".repeat(30 << 20));
    assert!(bomb.len() < 100_000);
    let site =
        Site::builder().page("/", titled("home")).page("/sitemap.xml", Answer::new(200).body(bomb)).start();
    crawl_site(&site.url("/"), &stored).args(["--sitemaps", "--max-body", "20MiB"]).run().assert_code(0);
    assert_eq!(ends(&stored, "/sitemap.xml"), ended("failed", "body_too_large"));
    let error =
        stored.query("select error from crawl_requests where url like '%/sitemap.xml'").remove(0).remove(0);
    assert!(error.contains("--max-body"), "{error}");
}

#[test]
fn indexes_in_a_circle_and_in_a_chain_come_to_an_end() {
    let stored = Stored::sqlite();
    let site = Site::builder()
        .handler(|asked| {
            let next = asked.path.strip_prefix("/index/")?.parse::<u32>().ok()? + 1;
            Some(xml(index([format!("/index/{next}"), format!("/map/{next}"), "/sitemap.xml".to_owned()])))
        })
        .page("/", titled("home"))
        .page("/sitemap.xml", xml(index(["/sitemap.xml".to_owned(), "/index/1".to_owned()])))
        .start();
    let crawl = crawl_site(&site.url("/"), &stored).args(["--sitemaps", "--max-sitemap-depth", "3"]);
    let finished = crawl.run();
    finished.assert_stdout("too-deep 2").assert_stderr("see the setting `max_sitemap_depth`");
    assert_eq!(site.hits("/index/3"), 1);
    assert_eq!((site.hits("/index/4"), site.hits("/sitemap.xml")), (0, 1));
    assert_eq!(ends(&stored, "/map/2"), ended("failed", "http_status"), "an index named it");
}

#[test]
fn a_sitemap_of_too_many_pages_fails_as_a_whole() {
    let stored = Stored::sqlite();
    let site = Site::builder()
        .page("/", titled("home"))
        .page("/sitemap.xml", xml(urlset((0..200).map(|page| format!("/page/{page}")))))
        .start();
    let crawl = crawl_site(&site.url("/"), &stored).args(["--sitemaps", "--max-links-per-page", "100"]);
    crawl.run().assert_code(0);
    assert_eq!(ends(&stored, "/sitemap.xml"), ended("failed", "too_many_links"));
    assert_eq!(stored.count("select count(*) from crawl_requests where url like '%/page/%'"), 0);
}
