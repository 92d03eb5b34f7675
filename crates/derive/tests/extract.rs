//! What the derived code makes of pages.

// clippy.toml allows these in test functions; here every function serves one.
#![allow(clippy::unwrap_used)]

use dragline::prelude::*;
use dragline::{Page, StoredPage};

#[derive(Item)]
#[item(css = "article")]
struct Book {
    #[item(url)]
    page: Url,
    #[item(attr = "data-upc")]
    upc: String,
    #[item(css = "h2")]
    title: String,
    #[item(css = "h2::text")]
    own_title: String,
    #[item(css = "h2 small")]
    subtitle: Option<String>,
    #[item(css = ".price", regex = r"[\d.]+")]
    price: Decimal,
    #[item(css = ".stock", regex = r"\((\d+) available\)")]
    stock: Option<u64>,
    #[item(css = "time", attr = "datetime")]
    published: Option<NaiveDate>,
    #[item(css = ".added", format = "%B %d, %Y")]
    added: NaiveDate,
    #[item(css = "img::attr(src)")]
    image: Url,
    #[item(css = "li.tag")]
    tags: Vec<String>,
    #[item(css = "li.size", all, json)]
    sizes: Vec<i8>,
    #[item(css = ".lang", default = "en")]
    language: String,
    #[item(css = ".pages", default)]
    pages: u32,
    #[item(css = ".volume", default = 1)]
    volume: i64,
    #[item(css = ".rating", parse = rating)]
    rating: i16,
    #[item(css = ".sold-out", exists)]
    sold_out: bool,
    #[item(with = |book| Ok::<_, Error>(i32::try_from(book.children().len())?))]
    parts: i32,
    #[item(css = ".review", extract, json)]
    reviews: Vec<Review>,
    #[item(skip)]
    seen: bool,
}

#[derive(Extract, Serialize)]
struct Review {
    #[extract(css = "b")]
    author: String,
    #[extract(attr = "data-stars")]
    stars: Option<u8>,
}

fn rating(text: &str) -> Result<i16> {
    match text {
        "Four" => Ok(4),
        _ => bail!("{text:?} is not a rating"),
    }
}

const BOOK: &str = "<article data-upc=a17><h2>Silk <small>A history</small></h2>\
    <p class=price>£51.77</p><p class=stock>In stock (22 available)</p><time datetime=2021-03-04>March</time>\
    <p class=added>January 31, 2026</p><img src=a.jpg><li class=tag>craft<li class=tag> old  trade\
    <li class=size>-3<li class=size>7</li><p class=rating>Four</p>\
    <p class=review data-stars=5><b>Ann</b></p><p class=review><b>Bo</b></p></article>";

fn page(html: &str) -> Page {
    StoredPage::new("https://books.example/b/17", html.to_owned()).page().unwrap()
}

fn error(html: &str) -> String {
    page(html).extract::<Book>().err().unwrap().to_string()
}

#[test]
fn selectors_fill_every_kind_of_field() {
    let book: Book = page(BOOK).extract().unwrap();
    assert_eq!(book.page.as_str(), "https://books.example/b/17");
    assert_eq!(
        (book.upc.as_str(), book.title.as_str(), book.own_title.as_str()),
        ("a17", "Silk A history", "Silk")
    );
    assert_eq!(book.subtitle.as_deref(), Some("A history"));
    assert_eq!((book.price.to_string().as_str(), book.stock), ("51.77", Some(22)));
    assert_eq!(book.published.unwrap().to_string(), "2021-03-04");
    assert_eq!(book.added.to_string(), "2026-01-31");
    assert_eq!(book.image.as_str(), "https://books.example/b/a.jpg");
    assert_eq!(
        (book.tags.as_slice(), book.sizes.as_slice()),
        (&["craft".to_owned(), "old trade".to_owned()][..], &[-3, 7][..])
    );
    assert_eq!((book.language.as_str(), book.pages, book.volume, book.rating), ("en", 0, 1, 4));
    assert!(!book.sold_out && !book.seen);
    assert_eq!(book.parts, 13);
    let reviews: Vec<_> = book.reviews.iter().map(|review| (review.author.as_str(), review.stars)).collect();
    assert_eq!(reviews, [("Ann", Some(5)), ("Bo", None)]);
}

#[test]
fn what_is_missing_or_unreadable_is_named_with_its_field() {
    let without = |part: &str| error(&BOOK.replace(part, ""));
    assert_eq!(
        without("<h2>Silk <small>A history</small></h2>"),
        "the field `title`: nothing matches \"h2\""
    );
    assert_eq!(
        without("data-upc=a17"),
        "the field `upc`: nothing matches the attribute \"data-upc\" of the element itself"
    );
    assert_eq!(
        error(&BOOK.replace("£51.77", "free")),
        "the field `price`: \"free\" does not match the regular expression \"[\\\\d.]+\""
    );
    assert_eq!(
        error(&BOOK.replace("51.77", "5.1.77")),
        "the field `price`: \".price\": \"5.1.77\" is not a decimal number"
    );
    assert_eq!(
        error(&BOOK.replace("2021-03-04", "2021-02-30")),
        "the field `published`: \"time\" with an attribute \"datetime\": \"2021-02-30\" is not a date such as 2026-01-31; name another format with `format`"
    );
    assert_eq!(
        error(&BOOK.replace(">7<", ">128<")),
        "the field `sizes`: \"li.size\": \"128\" is not a whole number from -128 to 127"
    );
    assert_eq!(
        error(&BOOK.replace("Four", "Six")),
        "the field `rating`: \".rating\": \"Six\" is not a rating"
    );
    assert_eq!(
        error(&BOOK.replace("<b>Bo</b>", "")),
        "the field `reviews`: the field `author`: nothing matches \"b\""
    );
    assert_eq!(error("<p>"), "nothing on the page matches \"article\"");
}

#[test]
fn an_item_is_emitted_for_each_element_that_the_struct_names() {
    let mut out = Output::new();
    out.extract_all::<Book>(&page(&format!("{BOOK}{}", BOOK.replace("a17", "a18")))).unwrap();
    let upcs: Vec<_> = out.items().iter().map(|item| item.get("upc").cloned()).collect();
    assert_eq!(upcs, [Some("a17".into()), Some("a18".into())]);
    out.extract::<Book>(&page(BOOK)).unwrap();
    assert_eq!(out.items().len(), 3);
    assert_eq!(page("<p>").extract_all::<Book>().map(|books| books.len()).unwrap(), 0);
}

#[test]
fn one_element_is_filled_by_itself() {
    let page = page(BOOK);
    let review = Review::extract(&page.select(".review")[1]).unwrap();
    assert_eq!(review.author, "Bo");
    assert_eq!(page.root().extract_all::<Review>(".review").unwrap().len(), 2);
}
