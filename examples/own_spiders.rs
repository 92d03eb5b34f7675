//! Your own binary: two spiders, with every command, flag and guarantee of `dragline`.
//!
//! ```sh
//! cargo run --example own_spiders -- list
//! cargo run --example own_spiders -- crawl headings --start-url https://example.com/ --limit 10
//! ```

use std::process::ExitCode;

use dragline::prelude::*;

fn main() -> ExitCode {
    dragline::run(spiders![Headings, Offers])
}

/// The headings of every page, in `crawl_items`.
struct Headings;

#[derive(Item)]
#[item(key = "url")]
struct PageHeadings {
    url: String,
    first: String,
    others: Vec<String>,
}

impl Spider for Headings {
    fn name(&self) -> &str {
        "headings"
    }

    fn description(&self) -> &str {
        "the headings of every page of a host"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![PageHeadings::item_type()]
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        Ok(vec![Request::get("https://example.com/")?])
    }

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        if page.is_html() {
            let (first, others) = (page.text("h1")?, page.texts("h2"));
            out.item(PageHeadings { url: page.url().to_string(), first, others });
            out.follow_all(page, "a[href]");
        }
        Ok(())
    }
}

/// Offers with exact prices, in their own table.
struct Offers;

#[derive(Item)]
#[item(table = "offers", key = "number")]
struct Offer {
    #[item(css = "article.offer", attr = "data-number")]
    number: i64,
    #[item(css = "h1")]
    title: String,
    #[item(css = ".price", regex = r"[\d.]+")]
    price: Decimal,
    #[item(css = "time.until", attr = "datetime")]
    sold_until: Option<NaiveDate>,
}

impl Spider for Offers {
    fn name(&self) -> &str {
        "offers"
    }

    fn description(&self) -> &str {
        "the offers of a shop"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Offer::item_type()]
    }

    fn arguments(&self) -> Arguments {
        Arguments::new().with_optional("section", "only this section of the shop")
    }

    fn start(&self, args: &Args) -> Result<Vec<Request>> {
        Ok(vec![Request::get(format!("https://shop.example/{}/", args.get("section").unwrap_or("all")))?])
    }

    fn routes(&self) -> Router {
        // The tag says which kind of page this is. It is stored with the request, so a resumed run has it too.
        Router::new().with_start(section).with_item::<Offer>("offer")
    }
}

fn section(page: &Page, out: &mut Output) {
    out.follow_all(page, "li.offer a").with_tag("offer");
    out.follow_all(page, "a.next");
}
