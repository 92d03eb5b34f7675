//! `run` reports an invalid value, and says what to do about it, before it fetches or stores anything.

use std::time::Duration;

use dragline::{Crawl, CrawlError};
use dragline_testkit::{Site, wait_until};

use crate::titles::{Titles, store};
use crate::together::{SOON, crawl_of};

#[test]
fn an_invalid_setting_says_what_to_do() {
    let (folder, site) = (tempfile::tempdir().unwrap(), Site::generated(5, 1));
    let crawl = || crawl_of(&site, store(folder.path(), "none.db"));
    for (crawl, what, hint) in [
        (crawl().store("mysql://db/crawls"), "mysql", "sqlite:"),
        (crawl().start_url("example.com"), "not an absolute URL", "https://"),
        (crawl().start_url("https://me:hunter2@a.example/"), "user name or a password", "leave them out"),
        (crawl().concurrency(0), "concurrency", "change it"),
        (crawl().rate(-1.0), "rate", "change it"),
        (crawl().shutdown_timeout(Duration::from_secs(1)), "shutdown timeout is 1.0 s", "at least 4 s"),
        (Crawl::new(Titles), "no start URL", "add one"),
    ] {
        let error = crawl.run().unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
        assert!(error.hint().is_some_and(|text| text.contains(hint)), "{error}: {:?}", error.hint());
        assert!(error.is_usage() && !format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    assert_eq!(site.total_hits(), 0);
    assert!(!folder.path().join("none.db").exists());
}

#[test]
fn a_run_that_another_crawl_has_is_not_taken() {
    let (folder, site) = (tempfile::tempdir().unwrap(), Site::generated(5, 1));
    let name = || store(folder.path(), "held.db");
    site.hold_page("/");
    let first = crawl_of(&site, name());
    std::thread::scope(|scope| {
        let first = scope.spawn(move || first.run());
        wait_until("a request at the gate", SOON, || site.waiting() > 0);
        let refused = crawl_of(&site, name()).run().unwrap_err();
        assert!(matches!(refused, CrawlError::Open(_)), "{refused:?}");
        assert!(!refused.is_usage());
        site.release();
        first.join().unwrap().unwrap();
    });
}
