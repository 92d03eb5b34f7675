//! The spider `books` against a whole shop in the real site's markup: every book, every field.

use dragline_testkit::Site;
use dragline_testkit::site::bookshop::{Book, pounds};

use crate::stored::{Stored, dragline, on_both_stores};

on_both_stores!(a_whole_shop_is_stored_as_it_is, a_category_is_crawled_alone);

fn crawl(start_url: &str, stored: &Stored) -> dragline_testkit::Finished {
    dragline()
        .args(["crawl", "books", "--start-url", start_url, "--store", &stored.url()])
        .args(["--rate", "0", "--host-concurrency", "16"])
        .run()
}

fn a_whole_shop_is_stored_as_it_is(stored: &Stored) {
    let (site, books) = Site::bookshop(1_000);
    crawl(&site.url("/"), stored).assert_code(0).assert_stdout("done 1050, failed 0, skipped 0, dead 0");
    assert_eq!(site.total_hits(), 1_050, "every book once and every listing once, and no category");
    assert_eq!(rows(stored), truth(&site, &books));
}

fn a_category_is_crawled_alone(stored: &Stored) {
    let (site, books) = Site::bookshop(1_000);
    crawl(&site.url("/catalogue/category/books/category-7_8/index.html"), stored).assert_code(0);
    let of_it: Vec<Book> = books.into_iter().filter(|book| book.category == "Category 7").collect();
    assert!(of_it.len() > 1);
    assert_eq!(rows(stored), truth(&site, &of_it));
}

fn rows(stored: &Stored) -> Vec<Vec<String>> {
    let mut rows = stored.query(
        "select upc, title, category, description, product_type, currency, price_excl_tax, price_incl_tax, tax, \
         availability, case when in_stock then 'yes' else 'no' end, stock, rating, number_of_reviews, image_url, \
         url, source_url from books",
    );
    rows.sort();
    rows
}

fn truth(site: &Site, books: &[Book]) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = books
        .iter()
        .map(|book| {
            vec![
                book.upc.clone(),
                book.title.clone(),
                book.category.clone(),
                book.description.clone().unwrap_or_else(|| "NULL".to_owned()),
                "Books".to_owned(),
                "GBP".to_owned(),
                pounds(book.excl_tax),
                pounds(book.incl_tax()),
                pounds(book.tax),
                book.availability(),
                if book.stock > 0 { "yes" } else { "no" }.to_owned(),
                book.stock.to_string(),
                book.rating.to_string(),
                book.reviews.to_string(),
                site.url(&book.image_path()),
                site.url(&book.path()),
                site.url(&book.path()),
            ]
        })
        .collect();
    rows.sort();
    rows
}
