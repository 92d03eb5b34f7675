//! Where the spider `books` starts, and what it makes of the real site's pages where they are at hand. What it makes
//! of pages in all forms is in its samples.

// clippy.toml allows these in test functions; here every function serves one.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;

use dragline::prelude::*;
use dragline::{Args, StoredPage};
use dragline_spiders::books::Books;

const SITE: &str = "https://books.toscrape.com/";

#[test]
fn the_crawl_starts_at_the_catalogue_or_at_a_category() {
    let start = |args: &Args| Books.start(args).unwrap()[0].url().to_string();
    assert_eq!(start(&Args::default()), SITE);
    let args = Args::new(Vec::new(), [("category".to_owned(), "poetry_23".to_owned())].into());
    assert_eq!(start(&args), format!("{SITE}catalogue/category/books/poetry_23/index.html"));
}

/// A file of the real site, from a folder next to the repository. Without the folder, nothing can be tested.
fn real(name: &str) -> Option<String> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/pages/books.toscrape.com"));
    folder.exists().then(|| fs::read_to_string(folder.join(name)).unwrap())
}

fn truth() -> Option<Vec<Json>> {
    real("truth_first_20.json").map(|text| serde_json::from_str(&text).unwrap())
}

#[test]
fn the_real_listings_lead_to_the_books_and_on() {
    let Some(truth) = truth() else { return };
    for name in ["book_list_webpoet.html", "catalogue_vypivshiy.html", "index_transistor.html"] {
        let out = StoredPage::new(SITE, real(name).unwrap()).parse(&Books).unwrap();
        let (books, others): (Vec<_>, Vec<_>) =
            out.requests().iter().partition(|request| request.tag() == "book");
        let paths: Vec<&str> = books.iter().map(|request| request.url().path()).collect();
        assert_eq!(
            paths,
            truth.iter().map(|book| book["path"].as_str().unwrap()).collect::<Vec<_>>(),
            "{name}"
        );
        let others: Vec<&str> = others.iter().map(|request| request.url().path()).collect();
        assert_eq!(others, ["/catalogue/page-2.html"], "{name}");
    }
}

#[test]
fn the_real_page_of_a_book_yields_its_true_fields() {
    let Some(truth) = truth() else { return };
    let truth = &truth[0];
    // The site names no encoding in its header; the page itself does.
    let page = StoredPage::new(
        format!("{SITE}{}", truth["path"].as_str().unwrap().trim_start_matches('/')),
        real("product_vypivshiy.html").unwrap(),
    );
    let out = page.with_content_type("text/html").with_tag("book").parse(&Books).unwrap();
    let book = &out.to_json()["items"][0]["book"];
    for name in ["title", "upc", "category", "stock", "rating", "number_of_reviews"] {
        assert_eq!(book[name], truth[name], "{name}");
    }
    for name in ["price_excl_tax", "price_incl_tax", "tax"] {
        let pounds = format!("£{}", book[name].as_str().unwrap());
        assert_eq!(truth[name], pounds, "{name}");
    }
    assert_eq!(book["currency"], "GBP");
    assert_eq!((&book["product_type"], &book["in_stock"]), (&"Books".into(), &true.into()));
    assert_eq!(book["availability"], "In stock (22 available)");
    assert_eq!(book["image_url"], format!("{SITE}media/cache/fe/72/fe72f0532301ec28892ae79a629a293c.jpg"));
    assert!(book["description"].as_str().unwrap().starts_with("It's hard to imagine a world without"));
}
