//! The spider of the tests of the verdict: lists that lead to details, and an interface in JSON.

use dragline::prelude::*;

/// In `crawl_items`, with a key.
#[derive(Item)]
#[item(key = "path")]
struct Product {
    path: String,
    name: String,
}

/// In a table of its own, appended.
#[derive(Item)]
#[item(table = "shop_reviews")]
struct Review {
    text: String,
}

/// See the module.
pub(crate) struct Shop;

impl Spider for Shop {
    fn name(&self) -> &str {
        "shop"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Product::item_type(), Review::item_type()]
    }

    fn arguments(&self) -> Arguments {
        Arguments::new().with_required("door", "the page to begin with")
    }

    fn start(&self, args: &Args) -> Result<Vec<Request>> {
        Ok(vec![Request::get(args.get("door").unwrap_or_default())?])
    }

    /// A list leads to details. A detail has a name, and may have reviews. An answer in JSON has a list of names.
    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        if page.url().path().starts_with("/api") {
            let answer = page.json::<Json>()?;
            for name in answer["items"].as_array().into_iter().flatten().filter_map(Json::as_str) {
                out.item(Product { path: name.to_owned(), name: name.to_owned() });
            }
            return Ok(());
        }
        if page.tag() == "detail" {
            out.item(Product { path: page.url().path().to_owned(), name: page.text("h1.name")? });
        }
        for review in page.texts("p.review") {
            out.item(Review { text: review });
        }
        out.follow_all(page, "a.detail").with_tag("detail");
        out.follow_all(page, "a.list");
        Ok(())
    }

    /// A detail that is gone is still worth a row.
    fn failed(&self, failure: &Failure, out: &mut Output) -> Result<()> {
        if failure.status() == Some(410) {
            let path = failure.request().url().path().to_owned();
            out.item(Product { path, name: "sold out".to_owned() });
        }
        Ok(())
    }
}
