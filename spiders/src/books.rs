//! books.toscrape.com: every book with its category, exact prices, stock and rating.
//!
//! The listing of the whole catalogue leads to every book once, and the page of a book names its category. The listings of the
//! categories would lead to all books a second time, so the spider does not fetch them.

use std::collections::BTreeSet;

use dragline::FromText;
use dragline::prelude::*;

const SITE: &str = "https://books.toscrape.com/";

/// Crawls the whole catalogue, or one category.
pub struct Books;

/// A book, as its own page shows it.
#[derive(Item)]
#[item(table = "books", key = "upc")]
struct Book {
    #[item(with = fact("UPC"))]
    upc: String,
    #[item(css = ".product_main h1")]
    title: String,
    #[item(css = "ul.breadcrumb li:nth-last-child(2) a")]
    category: String,
    /// Some books have none.
    #[item(css = "#product_description + p")]
    description: Option<String>,
    #[item(with = fact("Product Type"))]
    product_type: String,
    /// The ISO 4217 code of the currency of all three amounts.
    #[item(with = currency)]
    currency: String,
    #[item(with = amount("Price (excl. tax)"))]
    price_excl_tax: Decimal,
    #[item(with = amount("Price (incl. tax)"))]
    price_incl_tax: Decimal,
    #[item(with = amount("Tax"))]
    tax: Decimal,
    /// The site's own words about the stock.
    #[item(with = fact("Availability"))]
    availability: String,
    #[item(with = in_stock)]
    in_stock: bool,
    /// How many are in stock. The site does not always say.
    #[item(with = stock)]
    stock: Option<i32>,
    /// 1 to 5.
    #[item(css = ".product_main .star-rating", attr = "class", parse = rating)]
    rating: i16,
    #[item(with = fact("Number of reviews"))]
    number_of_reviews: i32,
    #[item(css = "#product_gallery img", attr = "src")]
    image_url: Url,
    #[item(url)]
    url: Url,
}

impl Spider for Books {
    fn name(&self) -> &str {
        "books"
    }

    fn description(&self) -> &str {
        "books.toscrape.com: all books"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Book::item_type()]
    }

    fn arguments(&self) -> Arguments {
        Arguments::new().with_optional("category", "only this category, as in its URL: poetry_23")
    }

    fn samples(&self) -> Vec<Sample> {
        let book = |name: &str| format!("{SITE}catalogue/{name}/index.html");
        vec![
            sample!("../pages/books/listing.html", SITE),
            sample!("../pages/books/last.html", format!("{SITE}catalogue/page-50.html")),
            sample!("../pages/books/book.html", book("the-second-knot_17")).with_tag("book"),
            // This page says little about its book, which is out of stock. Its pound signs were encoded twice.
            sample!("../pages/books/bare.html", book("untold_18")).with_tag("book"),
            // A price that cannot be read is an error. It never becomes a row with a wrong price.
            sample!("../pages/books/odd_price.html", book("priceless_19")).with_tag("book"),
        ]
    }

    fn start(&self, args: &Args) -> Result<Vec<Request>> {
        let category = args.get("category").map(|name| format!("catalogue/category/books/{name}/index.html"));
        Ok(vec![Request::get(format!("{SITE}{}", category.unwrap_or_default()))?])
    }

    fn routes(&self) -> Router {
        Router::new().with_start(listing).with_item::<Book>("book")
    }
}

fn listing(page: &Page, out: &mut Output) {
    out.follow_all(page, "article.product_pod h3 a").with_tag("book");
    out.follow_all(page, "li.next a");
}

/// A value in the table of facts, by the label on its left.
fn fact<T: FromText>(name: &str) -> impl Fn(&Node<'_>) -> Result<T> {
    move |book| {
        let heading = book.select("table th").into_iter().find(|heading| heading.full_text() == name);
        match heading.and_then(|heading| heading.next()) {
            Some(fact) => T::from_text(&fact.full_text(), book.page()),
            None => bail!("the table of facts has no {name:?}"),
        }
    }
}

fn amount(name: &str) -> impl Fn(&Node<'_>) -> Result<Decimal> {
    move |book| Decimal::from_text(&fact::<String>(name)(book)?.re_first(r"^\D*(\d.*)$")?, book.page())
}

fn currency(book: &Node<'_>) -> Result<String> {
    let symbol = |name| fact::<String>(name)(book)?.re_first(r"^\D*");
    let prices = ["Price (excl. tax)", "Price (incl. tax)", "Tax"];
    let symbols: BTreeSet<String> = prices.into_iter().map(symbol).collect::<Result<_>>()?;
    let mut symbols = symbols.iter();
    let (Some(symbol), None) = (symbols.next(), symbols.next()) else {
        bail!("the prices are in different currencies");
    };
    // A pound sign whose UTF-8 was once taken for Latin-1 and encoded again has an Â before it.
    match symbol.trim().trim_start_matches('Â') {
        "£" => Ok("GBP".to_owned()),
        "€" => Ok("EUR".to_owned()),
        "$" => Ok("USD".to_owned()),
        _ => bail!("{symbol:?} is not a known currency"),
    }
}

fn in_stock(book: &Node<'_>) -> Result<bool> {
    Ok(fact::<String>("Availability")(book)?.starts_with("In stock"))
}

/// The number in "In stock (22 available)".
fn stock(book: &Node<'_>) -> Result<Option<i32>> {
    let availability: String = fact("Availability")(book)?;
    match availability.strip_prefix("In stock") {
        None => Ok(Some(0)),
        Some("") => Ok(None),
        Some(count) => Ok(Some(count.re_first(r"\((\d+)")?.parse()?)),
    }
}

/// A rating is written in the names of a class: "star-rating Three".
fn rating(class: &str) -> Result<i16> {
    let words = ["One", "Two", "Three", "Four", "Five"];
    match (1..).zip(words).find(|(_, word)| class.split_whitespace().any(|part| part == *word)) {
        Some((rating, _)) => Ok(rating),
        None => bail!("{class:?} is not a rating"),
    }
}
