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
    isbn: String,
    title: String,
    author: String,
    price: Decimal,
    in_stock: i32,
    published: NaiveDate,
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

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        if page.tag() == "book" {
            out.item(Book {
                isbn: page.attr("article", "data-isbn")?,
                title: page.text("h1")?,
                author: page.text(".author")?,
                price: page.text(".price")?.parse()?,
                in_stock: page.text(".stock")?.parse()?,
                published: page.attr("time", "datetime")?.parse()?,
                tags: page.texts(".tag"),
            });
        } else {
            out.follow_all(page, "a.book").with_tag("book");
            out.follow_all(page, "a.next");
        }
        Ok(())
    }
}

#[test]
fn the_shop_is_what_it_was() {
    dragline::check(Shop);
}
