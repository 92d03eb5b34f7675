//! What the spider `site` makes of pages that are too odd to be stored. The others are its samples.

use dragline::StoredPage;
use dragline::prelude::*;
use dragline_spiders::site::Site;

const URL: &str = "https://garden.example/start.html";

fn shown(out: &Output) -> String {
    format!("{:#}", out.to_json())
}

#[test]
fn what_is_no_html_yields_nothing() {
    let html = "<p><a href=x>x</a>";
    for (kind, body) in
        [("image/png", html), ("application/pdf", html), ("text/plain", html), ("", "%PDF-1.7")]
    {
        let out = StoredPage::new(URL, body).with_content_type(kind).parse(&Site).unwrap();
        assert!(out.items().is_empty() && out.requests().is_empty(), "{kind}: {}", shown(&out));
    }
}

#[test]
fn a_page_ten_thousand_elements_deep_is_a_page() {
    let deep = format!("<title>Deep</title>{}bottom<a href=x>x</a>", "<div>".repeat(10_000));
    let out = StoredPage::new(URL, deep).parse(&Site).unwrap();
    assert_eq!(out.items()[0].get("title"), Some(&"Deep".into()));
    assert_eq!(out.items()[0].get("text"), Some(&"bottomx".into()));
    assert_eq!(out.requests().len(), 1);
}

/// The program says then how to give one, or a sitemap.
#[test]
fn it_has_no_start_url_of_its_own() {
    assert!(Site.start(&Args::default()).unwrap().is_empty());
}
