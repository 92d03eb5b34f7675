//! Prices as price-parser, which Scrapy's users know, should read them. It is known to read some of them wrongly.

use dragline_normalize::{currency, price_with};
use serde_json::Value as Json;

/// Read in another way: the vectors want the name of a currency without a number to be the price 1, but here it is not a price.
const DIFFERING: [&str; 1] = ["тг"];

#[test]
fn prices_are_read_as_price_parser_should_read_them() {
    let file: Json = serde_json::from_str(include_str!("prices.json")).unwrap();
    let rows = file["vectors"].as_array().unwrap();
    assert_eq!(rows.len(), 195);
    let mut differing = Vec::new();
    for row in rows {
        let text = |at: usize| row[at].as_str();
        let (text, beside, amount, sign) =
            (text(0).unwrap_or_default(), text(1).unwrap_or_default(), text(2), text(3));
        let (found_amount, found_sign) = match price_with(text, beside) {
            Ok(price) => (Some(price.amount.normalize()), price.currency),
            Err(_) => (None, currency(text).or_else(|| currency(beside))),
        };
        let amount = amount.map(|amount| amount.parse::<rust_decimal::Decimal>().unwrap().normalize());
        let differs = (found_amount, found_sign.as_deref()) != (amount, sign);
        if differs != DIFFERING.contains(&text) {
            differing.push(format!("{row}: {found_amount:?} {found_sign:?}"));
        }
    }
    assert!(differing.is_empty(), "{differing:#?}");
}
