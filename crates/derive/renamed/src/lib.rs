//! A spider in a crate that calls its dependency on Dragline `dl`. That it compiles is half of the test.

use dl::prelude::*;

/// A shop, filled from its page.
#[derive(Item)]
#[item(table = "shops", key = "name", css = "article")]
pub struct Shop {
    #[item(css = "h1")]
    name: String,
    #[item(css = ".number", regex = r"\d+")]
    number: u64,
    #[item(css = "li", extract, json)]
    reviews: Vec<Review>,
    #[item(skip)]
    seen: bool,
}

/// A review of it.
#[derive(Extract, Serialize)]
pub struct Review {
    #[extract(attr = "data-stars")]
    stars: Option<u8>,
}

/// Which shops.
#[derive(SpiderArgs)]
pub struct ShopArgs {
    /// Only shops with this number or a higher one
    #[arg(default = 0)]
    lowest: u64,
}

/// Crawls shops.
pub struct Shops;

impl Spider for Shops {
    fn name(&self) -> &str {
        "shops"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Shop::item_type()]
    }

    fn arguments(&self) -> Arguments {
        ShopArgs::arguments()
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        Ok(vec![Request::get("https://shop.example/")?])
    }

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        let ShopArgs { lowest } = page.args().typed()?;
        for shop in page.extract_all::<Shop>()? {
            if !shop.seen && shop.number >= *lowest {
                out.item(shop);
            }
        }
        out.follow_all(page, css!("a.next::attr(href)"));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Shops;
    use dl::StoredPage;

    #[test]
    fn the_macros_work_under_another_name() {
        let html = "<article><h1>Yarn</h1><p class=number>No. 12</p><li data-stars=5></article><a class=next href=2>";
        let out = StoredPage::new("https://shop.example/", html).parse(&Shops).unwrap();
        assert_eq!(out.items()[0].json_text(), r#"{"name":"Yarn","number":12,"reviews":[{"stars":5}]}"#);
        assert_eq!(out.requests()[0].url().as_str(), "https://shop.example/2");
    }
}
