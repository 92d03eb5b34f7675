//! `--keep-pages`: every answer that a spider gets is kept whole, with its page, and each body once.

use dragline_core::kept_body::MAX_SHOWN_BYTES;
use dragline_core::{Fingerprint, KeptAnswer, KeptAsk, Request};
use dragline_store::StoreSettings;
use dragline_testkit::{Answer, Dragline, Received, Site};

use crate::stored::{Stored, crawl_nasty, crawl_site, on_both_stores};

on_both_stores!(
    every_page_is_kept_whole,
    a_page_that_fails_in_its_parse_is_kept_whole,
    an_unchanged_night_keeps_nothing_new,
);

/// The newest kept answer of a page, if there is one.
fn answer(stored: &Stored, spider: &str, url: &str, up_to_run: Option<i64>) -> Option<KeptAnswer> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let pages = vec![Fingerprint::of(&Request::get(url).unwrap())];
    let ask = KeptAsk { spider: spider.to_owned(), pages, up_to_run, max_bytes: 0 };
    runtime.block_on(async {
        let store = dragline_store::open(&stored.url(), &StoreSettings::default()).unwrap();
        store.connect().await.unwrap();
        let found = store.kept_answers(&ask).await.unwrap();
        store.close().await;
        found.answers.into_iter().next()
    })
}

fn body(answer: &KeptAnswer) -> Vec<u8> {
    answer.body.read(MAX_SHOWN_BYTES).unwrap()
}

fn kept_paths(site: &Site, stored: &Stored) -> Vec<String> {
    let rows = stored.query("SELECT url FROM crawl_kept_pages WHERE body_hash IS NOT NULL ORDER BY url");
    rows.into_iter().map(|row| row[0].replace(&site.url(""), "")).collect()
}

fn keeping(crawl: Dragline) -> Dragline {
    crawl.arg("--keep-pages").args(["--retries", "0"])
}

fn every_page_is_kept_whole(stored: &Stored) {
    let links =
        "<a href=/a>x</a><a href=/moved>x</a><a href=/gone>x</a><a href=/none>x</a><a href=/sent>x</a>";
    let noise: Vec<u8> = (0..20_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let noisy = [b"<title>n</title>\0", &noise[..]].concat();
    let site = Site::builder()
        .page("/", Answer::html(links).header("Set-Cookie", "a=hunter2").header("X-Tag", "t"))
        .page("/a", Answer::html("").body(noisy.clone()))
        .page("/moved", Answer::redirect(302, "/a?moved"))
        .page("/a?moved", Answer::html("").body(noisy.clone()))
        .page("/gone", Answer::html("<p>gone</p>").status(404))
        .page("/none", Answer::html(""))
        .page("/sent", Answer::html("<meta http-equiv=refresh content='0; url=/a'>"))
        .robots("User-agent: *\nDisallow: /private")
        .start();
    let began = dragline_core::chrono::Utc::now();
    let done = keeping(crawl_site(&site.url("/"), stored)).run();
    done.assert_code(0).assert_stdout("kept      5 pages, ").assert_stdout(" of new bodies");
    assert_eq!(kept_paths(&site, stored), ["/", "/a", "/a?moved", "/none", "/sent"]);
    assert_eq!(stored.count("SELECT count(*) FROM crawl_bodies"), 4, "two of them are the same");

    let find = |path: &str| answer(stored, "site", &site.url(path), None);
    let start = find("/").unwrap();
    assert_eq!((start.status, body(&start)), (200, links.as_bytes().to_vec()));
    assert_eq!(start.url, site.url("/"));
    assert!(start.fetched_at >= began && start.fetched_at <= dragline_core::chrono::Utc::now());
    assert!(start.headers.contains(&("x-tag".to_owned(), "t".to_owned())), "{:?}", start.headers);
    assert!(!format!("{:?}", start.headers).contains("hunter2"));
    assert_eq!(body(&find("/a").unwrap()), noisy);
    assert_eq!(body(&find("/none").unwrap()), b"");
    assert_eq!(find("/gone"), None);

    // The environment asks for it too, and without being asked, nothing is kept.
    crawl_site(&site.url("/a"), stored).run().assert_code(0);
    assert_eq!(stored.count("SELECT count(*) FROM crawl_kept_pages"), 5);
    let again = crawl_site(&site.url("/a"), stored).env("DRAGLINE_KEEP_PAGES", "true").run();
    again.assert_code(0).assert_stdout("kept      1 page, 0 B of new bodies");
    assert_eq!(stored.count("SELECT count(*) FROM crawl_kept_pages"), 6);
    assert_eq!(stored.count("SELECT count(*) FROM crawl_bodies"), 4);
}

fn a_page_that_fails_in_its_parse_is_kept_whole(stored: &Stored) {
    let site = Site::builder()
        .page("/", Answer::html("<a href=/panic>x</a><a href=/gone>x</a>"))
        .page("/panic", Answer::html("x".repeat(100_000)))
        .page("/gone", Answer::html("gone").status(404))
        .start();
    let crawl = keeping(crawl_nasty(&site.url("/"), stored)).args(["--tolerated-failed-share", "1"]);
    crawl.arg("--keep-failed=10").run().assert_stdout("kept      2 pages");
    assert_eq!(stored.pages("failed"), 2);
    assert_eq!(kept_paths(&site, stored), ["/", "/panic"]);
    let panic = answer(stored, "nasty", &site.url("/panic"), None).unwrap();
    assert_eq!(body(&panic).len(), 100_000);
    // The crawl does not read an answer with an error status to its end, so its beginning is kept, as without --keep-pages.
    let beginnings = "SELECT url, body_bytes FROM crawl_kept_pages WHERE body IS NOT NULL";
    assert_eq!(stored.query(beginnings), [[site.url("/gone"), "4".to_owned()]]);
}

fn an_unchanged_night_keeps_nothing_new(stored: &Stored) {
    let version = |page: &'static str, tag: &'static str| {
        move |asked: &Received| {
            let answer = Answer::html(format!("<title>{page} {tag}</title><a href=/two>x</a>"));
            if asked.header("if-none-match") == Some(tag) { Answer::new(304) } else { answer }
                .header("ETag", tag)
        }
    };
    let site = |one: &'static str| {
        Site::builder().handler(move |asked| match asked.path.as_str() {
            "/" => Some(version("one", one)(asked)),
            "/two" => Some(version("two", "\"2\"")(asked)),
            _ => None,
        })
    };
    let first = site("\"1\"").start();
    let address = first.host();
    let url = first.url("/");
    let night = || keeping(crawl_site(&url, stored)).arg("--incremental").run();
    night().assert_code(0).assert_stdout("kept      2 pages");
    let bodies = || stored.count("SELECT count(*) FROM crawl_bodies");
    let unchanged = night();
    unchanged.assert_code(0).assert("nothing is kept", !unchanged.stdout.contains("\nkept "));
    assert_eq!((bodies(), stored.count("SELECT count(*) FROM crawl_kept_pages")), (2, 2));
    drop(first);
    let _changed = site("\"1b\"").bind(&address).start();
    night().assert_code(0).assert_stdout("kept      1 page, ");
    assert_eq!((bodies(), stored.count("SELECT count(*) FROM crawl_kept_pages")), (3, 3));

    // The older answer stands for a page that was not sent again.
    let run_of =
        |path: &str, up_to_run| answer(stored, "site", &format!("{url}{path}"), up_to_run).unwrap().run_id;
    assert_eq!([run_of("", Some(1)), run_of("", Some(2)), run_of("", None)], [1, 1, 3]);
    assert_eq!([run_of("two", Some(2)), run_of("two", None)], [1, 1]);
}
