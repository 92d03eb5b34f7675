//! The spider of the tests that watch what rows hold: a list of books.

use dragline::prelude::*;

/// In a table of its own, with a key.
#[derive(Item)]
#[item(table = "shelf_books", key = "path")]
struct Book {
    path: String,
    title: String,
    author: Option<String>,
    price: Option<f64>,
    tags: Vec<String>,
}

/// In `crawl_items`, appended.
#[derive(Item)]
struct Review {
    text: String,
    stars: Option<i64>,
}

/// See the module.
pub(crate) struct Shelf;

impl Spider for Shelf {
    fn name(&self) -> &str {
        "shelf"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Book::item_type(), Review::item_type()]
    }

    fn arguments(&self) -> Arguments {
        Arguments::new().with_required("door", "the page to begin with")
    }

    fn start(&self, args: &Args) -> Result<Vec<Request>> {
        Ok(vec![Request::get(args.get("door").unwrap_or_default())?])
    }

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        if page.url().path().starts_with("/book/") {
            let first = |selector: &str| page.texts(selector).into_iter().next();
            out.item(Book {
                path: page.url().path().to_owned(),
                title: page.text("h1")?,
                author: first("span.author"),
                price: first("b.price").and_then(|price| price.parse().ok()),
                tags: page.texts("i.tag"),
            });
            for review in page.texts("p.review") {
                let stars = first("em.stars").and_then(|stars| stars.parse().ok());
                out.item(Review { text: review, stars });
            }
        }
        out.follow_all(page, "a.book");
        Ok(())
    }
}
