//! What people may write for `--sitemaps`, and where.

use dragline_testkit::Site;

use super::{set, titled, titles, urlset, xml};
use crate::stored::{Stored, crawl_site, dragline};

fn site() -> Site {
    Site::builder()
        .page("/", titled("home"))
        .page("/page", titled("page"))
        .page("/sitemap.xml", xml(urlset(["/page".to_owned()])))
        .start()
}

#[test]
fn the_variable_and_the_file_mean_the_same_and_none_turns_it_off() {
    let site = site();
    let (home, both) = (set(["home"]), set(["home", "page"]));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("dragline.toml"), "[crawl]\nsitemaps = \"robots\"\n").unwrap();
    let crawled = |arguments: &[&str], variable: Option<&str>, has_file: bool| {
        let stored = Stored::sqlite();
        let mut crawl = crawl_site(&site.url("/"), &stored).args(arguments);
        if let Some(value) = variable {
            crawl = crawl.env("DRAGLINE_SITEMAPS", value);
        }
        if has_file {
            crawl = crawl.cwd(folder.path());
        }
        crawl.run().assert_code(0);
        titles(&stored)
    };
    assert_eq!(crawled(&[], None, false), home);
    assert_eq!(crawled(&[], Some("robots"), false), both);
    assert_eq!(crawled(&[], None, true), both);
    assert_eq!(crawled(&["--sitemaps=none"], None, true), home);
    let two = format!("--sitemaps={},robots", site.url("/sitemap.xml"));
    assert_eq!(crawled(&[&two], None, false), both);
    let urls = format!("{}, {}", site.url("/sitemap.xml"), site.url("/sitemap.xml?x=1,2"));
    assert_eq!(crawled(&[], Some(&urls), false), both);
}

#[test]
fn wrong_values_are_refused_before_anything_is_fetched() {
    let site = site();
    for (flag, problem) in [
        ("--sitemaps=yes", "\"yes\" is not a source of sitemaps; write robots, none, or URLs"),
        ("--sitemaps=/sitemap.xml", "is not a source of sitemaps"),
        ("--sitemaps=ftp://a.example/sitemap.xml", "is not a source of sitemaps"),
        ("--sitemaps=https://me:hunter2@a.example/sitemap.xml", "--auth 'https://a.example=USER:PASSWORD'"),
        ("--max-sitemap-depth=101", "max_sitemap_depth = 101 is invalid"),
        ("--max-sitemap-depth=-1", "--max-sitemap-depth"),
    ] {
        let stored = Stored::sqlite();
        let refused = crawl_site(&site.url("/"), &stored).arg(flag).run();
        refused.assert_code(2).assert_stderr(problem);
        assert!(!refused.stderr.contains("hunter2"), "{refused}");
        assert!(stored.runs().is_empty());
    }
    let nowhere = dragline().args(["crawl", "site", "--sitemaps", "--store", &Stored::sqlite().url()]).run();
    nowhere.assert_code(2).assert_stderr("no start URL").assert_stderr("--sitemaps=URL");
    assert_eq!(site.received().len(), 0);
}

#[test]
fn the_pages_have_a_tag_that_the_spider_knows() {
    let site = site();
    let books = |tag: &str, stored: &Stored| {
        let start = site.url("/");
        dragline()
            .args([
                "crawl",
                "books",
                "--start-url",
                &start,
                "--sitemaps",
                "--rate",
                "0",
                "--sitemap-tag",
                tag,
            ])
            .args(["--store", &stored.url()])
            .run()
    };
    let stored = Stored::sqlite();
    books("bok", &stored)
        .assert_code(2)
        .assert_stderr("cannot parse the pages of a sitemap")
        .assert_stderr("book");
    books("book", &stored);
    assert_eq!(
        stored
            .query("select tag from crawl_requests where url like '%/page' or url like '%.xml' order by url"),
        [["book"], [""]]
    );
}
