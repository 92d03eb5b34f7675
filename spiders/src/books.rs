//! books.toscrape.com: every book with its category, exact prices, stock and rating.
//!
//! The listing of the whole catalogue leads to every book once, and a book's own page names its category: so the
//! listings of the categories, which lead to all books a second time, are not fetched.

use dragline::prelude::*;

const SITE: &str = "https://books.toscrape.com/";

/// Crawls the whole catalogue, or with `-a category=poetry_23` one category, by its name in the site's addresses.
pub struct Books;

/// A book, as its own page shows it.
#[derive(Item)]
#[item(table = "books", key = "upc")]
struct Book {
    upc: String,
    title: String,
    category: String,
    /// Some books have none.
    description: Option<String>,
    product_type: String,
    /// Of all three amounts, as ISO 4217 has it.
    currency: String,
    price_excl_tax: Decimal,
    price_incl_tax: Decimal,
    tax: Decimal,
    /// The site's own words about the stock.
    availability: String,
    in_stock: bool,
    /// How many; the site need not say.
    stock: Option<i32>,
    /// 1 to 5.
    rating: i16,
    number_of_reviews: i32,
    image_url: Url,
    url: Url,
}

impl Spider for Books {
    fn name(&self) -> &str {
        "books"
    }

    fn description(&self) -> &str {
        "books.toscrape.com: all books; -a category=poetry_23 for those of one category"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Book::item_type()]
    }

    fn samples(&self) -> Vec<Sample> {
        let book = |name: &str| format!("{SITE}catalogue/{name}/index.html");
        vec![
            sample!("../pages/books/listing.html", SITE),
            sample!("../pages/books/last.html", format!("{SITE}catalogue/page-50.html")),
            sample!("../pages/books/book.html", book("the-second-knot_17")).with_tag("book"),
            // Little is said of this one, it cannot be had, and its pounds were encoded twice.
            sample!("../pages/books/bare.html", book("untold_18")).with_tag("book"),
            // A price that cannot be read is an error, and no row with another price.
            sample!("../pages/books/odd_price.html", book("priceless_19")).with_tag("book"),
        ]
    }

    fn start(&self, args: &Args) -> Result<Vec<Request>> {
        Ok(vec![match args.get("category") {
            Some(category) => Request::get(format!("{SITE}catalogue/category/books/{category}/index.html"))?,
            None => Request::get(SITE)?,
        }])
    }

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        if page.tag() == "book" {
            out.item(book(page)?);
        } else {
            out.follow_all(page, "article.product_pod h3 a").with_tag("book");
            out.follow_all(page, "li.next a");
        }
        Ok(())
    }
}

fn book(page: &Page) -> Result<Book> {
    let price_excl_tax = money(&fact(page, "Price (excl. tax)")?)?;
    let price_incl_tax = money(&fact(page, "Price (incl. tax)")?)?;
    let tax = money(&fact(page, "Tax")?)?;
    if price_excl_tax.currency != price_incl_tax.currency || tax.currency != price_incl_tax.currency {
        bail!("the prices are in different currencies");
    }
    let availability = fact(page, "Availability")?;
    let in_stock = availability.starts_with("In stock");
    Ok(Book {
        upc: fact(page, "UPC")?,
        title: page.text(".product_main h1")?,
        category: page.text("ul.breadcrumb li:nth-last-child(2) a")?,
        description: page.text("#product_description + p").ok(),
        product_type: fact(page, "Product Type")?,
        currency: price_incl_tax.currency.to_owned(),
        price_excl_tax: price_excl_tax.amount,
        price_incl_tax: price_incl_tax.amount,
        tax: tax.amount,
        stock: if in_stock { count_in(&availability)? } else { Some(0) },
        in_stock,
        availability,
        rating: rating(&page.attr(".product_main .star-rating", "class")?)?,
        number_of_reviews: fact(page, "Number of reviews")?.parse()?,
        image_url: page.request(&page.attr("#product_gallery img", "src")?)?.url().clone(),
        url: page.url().clone(),
    })
}

/// The table of facts, by the words at the left.
fn fact(page: &Page, name: &str) -> Result<String> {
    let heading = page.select("table th").into_iter().find(|heading| heading.full_text() == name);
    match heading.and_then(|heading| heading.next()) {
        Some(fact) => Ok(fact.full_text()),
        None => bail!("the table of facts has no {name:?}"),
    }
}

struct Money {
    currency: &'static str,
    amount: Decimal,
}

fn money(text: &str) -> Result<Money> {
    let amount = text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len());
    let (symbol, amount) = text.split_at(amount);
    // A pound sign whose UTF-8 was once taken for Latin-1 and encoded again has an Â before it.
    let currency = match symbol.trim().trim_start_matches('Â') {
        "£" => "GBP",
        "€" => "EUR",
        "$" => "USD",
        _ => bail!("{text:?} has no currency that is known"),
    };
    match amount.parse() {
        Ok(amount) => Ok(Money { currency, amount }),
        Err(error) => bail!("{text:?} is no price: {error}"),
    }
}

/// The number in "In stock (22 available)".
fn count_in(availability: &str) -> Result<Option<i32>> {
    let Some((_, count)) = availability.split_once('(') else { return Ok(None) };
    match count.split_whitespace().next().map(str::parse) {
        Some(Ok(count)) => Ok(Some(count)),
        _ => bail!("{availability:?} has no number of books"),
    }
}

/// A rating is written in the names of a class: "star-rating Three".
fn rating(class: &str) -> Result<i16> {
    let words = ["One", "Two", "Three", "Four", "Five"];
    match (1..).zip(words).find(|(_, word)| class.split_whitespace().any(|part| part == *word)) {
        Some((rating, _)) => Ok(rating),
        None => bail!("{class:?} is no rating"),
    }
}
