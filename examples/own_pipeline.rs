//! A program with its own item pipelines. docs/writing-a-pipeline.md explains them.
//!
//! ```sh
//! cargo run --example own_pipeline -- demo --serve   # in another terminal
//! cargo run --example own_pipeline -- crawl bargains --rate 0
//! ```

use std::process::ExitCode;

use dragline::prelude::*;
use dragline::{ItemOrigin, ItemPipeline, ItemRecord, Value, Verdict, item_pipeline};

fn main() -> ExitCode {
    let available = item_pipeline::of("available", available);
    dragline::app(spiders![Bargains])
        .pipeline(Plausible { highest: Decimal::from(20) })
        .pipeline(available)
        .run()
}

/// A step for items of every type. It holds back those whose price is probably a mistake on the page, so that a person
/// can look at them.
struct Plausible {
    highest: Decimal,
}

impl ItemPipeline for Plausible {
    fn name(&self) -> &str {
        "plausible"
    }

    fn process(&self, record: ItemRecord, _origin: &ItemOrigin<'_>) -> Verdict {
        match record.get("price") {
            Some(Value::Decimal(price)) if *price <= Decimal::ZERO || *price > self.highest => {
                let reason = format!("a price of {price}");
                Verdict::quarantine(record, reason)
            }
            _ => Verdict::Keep(record),
        }
    }
}

/// A step for one type of item. It drops bargains that are out of stock, and moves a leading "The" to the end of a title.
fn available(mut bargain: Bargain, _origin: &ItemOrigin<'_>) -> Verdict<Bargain> {
    if bargain.in_stock == 0 {
        return Verdict::drop("not in stock");
    }
    if let Some(rest) = bargain.title.strip_prefix("The ") {
        bargain.title = format!("{rest}, The");
    }
    Verdict::Keep(bargain)
}

struct Bargains;

#[derive(Item)]
#[item(table = "bargains", key = "isbn")]
struct Bargain {
    #[item(css = "article", attr = "data-isbn")]
    isbn: String,
    #[item(css = "h1")]
    title: String,
    #[item(css = ".price")]
    price: Decimal,
    #[item(css = ".stock")]
    in_stock: i32,
}

impl Spider for Bargains {
    fn name(&self) -> &str {
        "bargains"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Bargain::item_type()]
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        Ok(vec![Request::get("http://127.0.0.1:8311/")?])
    }

    fn routes(&self) -> Router {
        Router::new().with_start(shelf).with_item::<Bargain>("book")
    }
}

fn shelf(page: &Page, out: &mut Output) {
    out.follow_all(page, "a.book").with_tag("book");
    out.follow_all(page, "a.next");
}
