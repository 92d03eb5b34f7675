//! The program of docs/tutorial.md: a spider for the demo's shop, with stored pages and a test.

use std::process::ExitCode;

use dragline::prelude::*;

fn main() -> ExitCode {
    dragline::run(spiders![Shop])
}

struct Shop;

#[derive(Item)]
#[item(table = "shop_books", key = "isbn")]
struct Book {
    #[item(css = "article", attr = "data-isbn")]
    isbn: String,
    #[item(css = "h1")]
    title: String,
    #[item(css = ".author")]
    author: String,
    #[item(css = ".price")]
    price: Decimal,
    #[item(css = ".stock")]
    in_stock: i32,
    #[item(css = "time", attr = "datetime")]
    published: NaiveDate,
    #[item(css = ".tag")]
    tags: Vec<String>,
}

impl Spider for Shop {
    fn name(&self) -> &str {
        "shop"
    }

    fn description(&self) -> &str {
        "the demo's shop: all its books"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Book::item_type()]
    }

    fn samples(&self) -> Vec<Sample> {
        vec![
            sample!("pages/shelf.html", "http://127.0.0.1:8311/"),
            sample!("pages/book.html", "http://127.0.0.1:8311/book/0").with_tag("book"),
        ]
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        Ok(vec![Request::get("http://127.0.0.1:8311/")?])
    }

    fn routes(&self) -> Router {
        Router::new().with_start(shelf).with_item::<Book>("book")
    }
}

fn shelf(page: &Page, out: &mut Output) {
    out.follow_all(page, "a.book").with_tag("book");
    out.follow_all(page, "a.next");
}

#[test]
fn the_shop_is_what_it_was() {
    dragline::check(Shop);
}
