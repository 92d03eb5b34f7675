//! A program with its own item pipelines. docs/writing-a-pipeline.md explains them.
//!
//! ```sh
//! cargo run --example own_pipeline -- demo --serve   # in another terminal
//! cargo run --example own_pipeline -- crawl bargains --rate 0
//! ```

use std::process::ExitCode;

use dragline::prelude::*;
use dragline::{ItemPipeline, ItemRecord, Value, Verdict};

fn main() -> ExitCode {
    dragline::app(spiders![Bargains])
        .pipeline(Plausible { highest: Decimal::from(20) })
        .pipeline(Available)
        .run()
}

/// Holds back items whose price is probably a mistake on the page, so that a person can look at them.
struct Plausible {
    highest: Decimal,
}

impl ItemPipeline for Plausible {
    fn name(&self) -> &'static str {
        "plausible"
    }

    fn process(&self, record: ItemRecord, _url: &str) -> Verdict {
        match record.get("price") {
            Some(Value::Decimal(price)) if *price <= Decimal::ZERO || *price > self.highest => {
                let reason = format!("a price of {price}");
                Verdict::Quarantine { record, reason }
            }
            _ => Verdict::Keep(record),
        }
    }
}

/// Drops items that are out of stock, and moves a leading "The" to the end of a title.
struct Available;

impl ItemPipeline for Available {
    fn name(&self) -> &'static str {
        "available"
    }

    fn process(&self, mut record: ItemRecord, _url: &str) -> Verdict {
        if record.get("in_stock") == Some(&Value::Int(0)) {
            return Verdict::Drop { reason: "not in stock".to_owned() };
        }
        if let Some(Value::Text(title)) = record.get_mut("title")
            && let Some(rest) = title.strip_prefix("The ")
        {
            *title = format!("{rest}, The");
        }
        Verdict::Keep(record)
    }
}

struct Bargains;

#[derive(Item)]
#[item(table = "bargains", key = "isbn")]
struct Bargain {
    isbn: String,
    title: String,
    price: Decimal,
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

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        if page.tag() == "book" {
            out.item(Bargain {
                isbn: page.attr("article", "data-isbn")?,
                title: page.text("h1")?,
                price: page.text(".price")?.parse()?,
                in_stock: page.text(".stock")?.parse()?,
            });
        } else {
            out.follow_all(page, "a.book").with_tag("book");
            out.follow_all(page, "a.next");
        }
        Ok(())
    }
}
