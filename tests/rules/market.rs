//! The spider of the tests of rules. The path of a page says what its ware is: `/ware/NAME/PRICE/CURRENCY`.

use dragline::prelude::*;
use dragline::rules::{Rule, Rules};

#[derive(Item)]
#[item(table = "market_wares", key = "path")]
struct Ware {
    path: String,
    name: String,
    price: f64,
    currency: String,
    validation_status: Option<String>,
    data_quality_score: Option<f64>,
}

/// The rules for wares.
pub(crate) fn rules() -> Rules {
    Rules::new().on::<Ware>([
        Rule::length("name", 3..).or_warn(),
        Rule::one_of("currency", ["EUR", "USD"]),
        Rule::range("price", 0.01..).or_drop(),
        Rule::check("dear wares have a long name", |ware: &Ware| {
            let is_fine = ware.price < 1_000.0 || ware.name.len() > 5;
            if is_fine { Ok(()) } else { Err(format!("{:?} is short", ware.name)) }
        })
        .or_warn(),
    ])
}

/// See the module.
pub(crate) struct Market;

impl Spider for Market {
    fn name(&self) -> &str {
        "market"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Ware::item_type()]
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        bail!("this spider needs --start-url")
    }

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        out.follow_all(page, "a");
        let path = page.url().path();
        if let ["", "ware", name, price, currency] = path.split('/').collect::<Vec<_>>().as_slice() {
            out.item(Ware {
                path: path.to_owned(),
                name: (*name).to_owned(),
                price: price.parse()?,
                currency: (*currency).to_owned(),
                validation_status: None,
                data_quality_score: None,
            });
        }
        Ok(())
    }
}
