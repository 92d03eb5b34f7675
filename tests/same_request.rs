//! Same request? A run has one rule for that, from its first start to its last.

use dragline_testkit::{Answer, Site};

use crate::stored::{Stored, crawl_site, dragline, on_both_stores};

on_both_stores!(
    links_that_differ_in_what_does_not_count_are_one_request,
    a_session_id_in_every_link_does_not_make_new_pages,
    a_run_keeps_the_rule_that_it_began_with
);

fn linked(hrefs: &[&str]) -> Answer {
    let links: String = hrefs.iter().map(|href| format!("<a href='{href}'>x</a>")).collect();
    Answer::html(format!("<title>x</title>{links}"))
}

fn links_that_differ_in_what_does_not_count_are_one_request(stored: &Stored) {
    let site = Site::builder()
        .page("/", linked(&["/p?b=1,2&a=%7e", "/p?a=~&b=1%2C2#part", "/p?a=2&b=1"]))
        .handler(|asked| asked.path.starts_with("/p").then(|| Answer::html("<title>p</title>")))
        .start();
    crawl_site(&site.url("/"), stored).run().assert_code(0);
    assert_eq!(stored.pages("done"), 3);
    // As it was found.
    assert_eq!((site.hits("/p?b=1,2&a=%7e"), site.hits("/p?a=2&b=1")), (1, 1));
}

/// Each answer has new ids, so without the rule the crawl would never end.
fn a_session_id_in_every_link_does_not_make_new_pages(stored: &Stored) {
    let answers = std::sync::atomic::AtomicU64::new(0);
    let site = Site::builder()
        .handler(move |asked| {
            let id = answers.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let links = [format!("/item/1;jsessionid={id:X}"), format!("/a;JSESSIONID={id}/item/2?sid={id}")];
            let links = links.each_ref().map(String::as_str);
            (asked.path != "/robots.txt").then(|| linked(&links))
        })
        .start();
    let crawl = crawl_site(&site.url("/"), stored).args(["--limit", "50"]);
    crawl.args(["--ignore-parameters", "jsessionid,sid"]).run().assert_code(0);
    assert_eq!((stored.pages("done"), stored.pages("queued")), (3, 0));
}

fn a_run_keeps_the_rule_that_it_began_with(stored: &Stored) {
    let site = Site::builder()
        .page("/", linked(&["/a?utm_source=one", "/a?utm_source=two", "/late"]))
        .page("/late", Answer::new(404))
        .handler(|asked| asked.path.starts_with("/a?").then(|| Answer::html("<title>a</title>")))
        .start();
    let crawl = crawl_site(&site.url("/"), stored).args(["--run", "tracked"]);
    let began = crawl.clone().args(["--ignore-parameters", "utm_*,gclid"]);
    began.run().assert_code(0);
    assert_eq!((stored.pages("done"), site.hits("/a?utm_source=one")), (2, 1));

    site.set("/late", linked(&["/a?utm_source=three&gclid=4", "/a?x=1"]));
    let retry = ["runs", "retry", "tracked", "--failed", "--store", &stored.url()];
    dragline().args(retry).run().assert_code(0);
    // Without the setting, the run goes on as it began.
    crawl.run().assert_code(0).assert_stderr("keeps its rule").assert_stderr("gclid");
    assert_eq!((stored.pages("done"), stored.pages("failed")), (4, 0));
    assert_eq!((site.hits("/a?x=1"), site.hits("/a?utm_source=three&gclid=4")), (1, 0));

    // The next run takes the new one.
    let next = crawl.run();
    next.assert_code(0).assert("nothing is told", !next.stderr.contains("keeps its rule"));
    assert_eq!(site.hits("/a?utm_source=three&gclid=4"), 1);
}
