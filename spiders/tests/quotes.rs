//! What the spider `quotes` makes of its stored pages.

use dragline::prelude::*;
use dragline::{Args, StoredPage};
use dragline_spiders::quotes::Quotes;

const SITE: &str = "https://quotes.toscrape.com/";

fn shown(out: &Output) -> String {
    format!("{:#}", out.to_json())
}

#[test]
fn a_list_yields_its_quotes_their_authors_and_the_next_list() {
    let out = StoredPage::new(SITE, include_str!("../pages/quotes/list.html")).parse(&Quotes).unwrap();
    insta::assert_snapshot!(shown(&out));
}

#[test]
fn the_last_list_yields_nothing() {
    let out = StoredPage::new(SITE, include_str!("../pages/quotes/last.html")).parse(&Quotes).unwrap();
    assert!(out.items().is_empty() && out.requests().is_empty(), "{}", shown(&out));
}

#[test]
fn an_authors_page_yields_the_author() {
    let page =
        StoredPage::new(format!("{SITE}author/A-Carpenter/"), include_str!("../pages/quotes/author.html"));
    insta::assert_snapshot!(shown(&page.tag("author").parse(&Quotes).unwrap()));
}

#[test]
fn a_page_that_changed_is_an_error_and_not_an_empty_row() {
    let error =
        StoredPage::new(SITE, include_str!("../pages/quotes/changed.html")).parse(&Quotes).unwrap_err();
    assert_eq!(error.to_string(), "nothing on the page matches \"span.text\"");
}

#[test]
fn the_crawl_starts_at_the_first_list_or_at_a_tag() {
    let start = |args: &Args| Quotes.start(args).unwrap()[0].url().to_string();
    assert_eq!(start(&Args::default()), SITE);
    let args = Args::new(Vec::new(), [("tag".to_owned(), "love".to_owned())].into());
    assert_eq!(start(&args), "https://quotes.toscrape.com/tag/love/");
}
