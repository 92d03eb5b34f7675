//! A whole bookshop in the markup of books.toscrape.com, always the same, with known contents.
//!
//! Listings of 20 books lead to every book and to the next listing. The sidebar of each page also names listings by category,
//! which lead to all books once more. Every form of a field occurs: titles with characters that HTML escapes, and books without
//! a description, without stock, with tax, and with three or no reviews.

use super::{Answer, Site, SiteBuilder};

const BOOKS_PER_LISTING: usize = 20;
const CATEGORIES: usize = 50;
const RATINGS: [&str; 5] = ["One", "Two", "Three", "Four", "Five"];

/// The true data of a book. Amounts are in pence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Book {
    /// Its place in the catalogue, from 1.
    pub number: usize,
    /// Its key.
    pub upc: String,
    /// It may contain any characters.
    pub title: String,
    /// The name of its category.
    pub category: String,
    /// Not all have one.
    pub description: Option<String>,
    /// Price without tax.
    pub excl_tax: usize,
    /// The tax.
    pub tax: usize,
    /// How many there are.
    pub stock: usize,
    /// 1 to 5.
    pub rating: usize,
    /// Written by readers.
    pub reviews: usize,
}

impl Book {
    fn new(number: usize) -> Self {
        // Any mixture will do, as long as it is the same each time.
        let mixed = number.wrapping_mul(2_654_435_761) >> 7;
        let category = mixed % CATEGORIES;
        Self {
            number,
            upc: format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            title: format!("Volume {number}: “Knots” & <Threads>, it's №{}", mixed % 97),
            category: category_name(category),
            description: (!number.is_multiple_of(9))
                .then(|| format!("What happens in volume {number} & after it…")),
            excl_tax: 1_000 + mixed % 5_000,
            tax: if number.is_multiple_of(4) { mixed % 900 } else { 0 },
            stock: if number.is_multiple_of(11) { 0 } else { 1 + mixed % 22 },
            rating: 1 + mixed % 5,
            reviews: if number.is_multiple_of(6) { 3 } else { 0 },
        }
    }

    /// Its page.
    pub fn path(&self) -> String {
        format!("/catalogue/{}/index.html", self.slug())
    }

    /// Its picture.
    pub fn image_path(&self) -> String {
        format!("/media/cache/{0:02x}/{0:02x}.jpg", self.number)
    }

    /// The shop's words about the stock.
    pub fn availability(&self) -> String {
        if self.stock == 0 {
            "Out of stock".to_owned()
        } else {
            format!("In stock ({} available)", self.stock)
        }
    }

    /// Price with tax.
    pub fn incl_tax(&self) -> usize {
        self.excl_tax + self.tax
    }

    fn slug(&self) -> String {
        format!("volume-{0}_{0}", self.number)
    }
}

/// An amount of pence in pounds, as a decimal.
pub fn pounds(pence: usize) -> String {
    format!("{}.{:02}", pence / 100, pence % 100)
}

impl Site {
    /// A bookshop with this number of books in 50 categories, and the truth about them.
    pub fn bookshop(count: usize) -> (Self, Vec<Book>) {
        let books: Vec<Book> = (1..=count).map(Book::new).collect();
        let builder =
            books.iter().fold(Self::builder(), |site, book| site.page(&book.path(), html(book_page(book))));
        let builder = with_listing(builder, &books, "", "catalogue/");
        let builder = (0..CATEGORIES).fold(builder, |site, category| {
            let name = category_name(category);
            let of_it: Vec<Book> = books.iter().filter(|book| book.category == name).cloned().collect();
            with_listing(
                site,
                &of_it,
                &format!("/catalogue/category/books/{}", category_slug(category)),
                "../../../",
            )
        });
        (builder.start(), books)
    }
}

/// The site names no encoding in its header, but its pages do.
fn html(body: String) -> Answer {
    Answer::html(body).header("Content-Type", "text/html")
}

/// The listings of these books. The first is `index.html` of a folder, and the others are in the same folder. The first
/// listing of the whole catalogue is at the top of the site.
fn with_listing(mut site: SiteBuilder, books: &[Book], folder: &str, to_books: &str) -> SiteBuilder {
    let pages = books.len().div_ceil(BOOKS_PER_LISTING).max(1);
    for page in 1..=pages {
        let on_it = books.iter().skip((page - 1) * BOOKS_PER_LISTING).take(BOOKS_PER_LISTING);
        let is_top = folder.is_empty();
        // Page 2 of the whole catalogue is in the folder `catalogue`, where the books are.
        let to_books = if is_top && page > 1 { "" } else { to_books };
        let next = (page < pages).then(|| {
            let folder = if is_top && page == 1 { "catalogue/" } else { "" };
            format!("<li class=\"next\"><a href=\"{folder}page-{}.html\">next</a></li>", page + 1)
        });
        let body = listing(on_it, to_books, next.as_deref().unwrap_or_default(), page, pages);
        let path = match (is_top, page) {
            (true, 1) => {
                site = site.page("/index.html", html(body.clone()));
                "/".to_owned()
            }
            (true, page) => format!("/catalogue/page-{page}.html"),
            (false, 1) => format!("{folder}/index.html"),
            (false, page) => format!("{folder}/page-{page}.html"),
        };
        site = site.page(&path, html(body));
    }
    site
}

fn listing<'a>(
    books: impl Iterator<Item = &'a Book>,
    to_books: &str,
    next: &str,
    page: usize,
    pages: usize,
) -> String {
    let pods: String = books
        .map(|book| {
            let (link, title) = (format!("{to_books}{}/index.html", book.slug()), escaped(&book.title));
            format!(
                "<li><article class=\"product_pod\">\
                 <div class=\"image_container\"><a href=\"{link}\"><img src=\"{}\" class=\"thumbnail\"></a></div>\
                 <p class=\"star-rating {}\"><i class=\"icon-star\"></i></p>\
                 <h3><a href=\"{link}\" title=\"{title}\">Volume {} ...</a></h3>\
                 <p class=\"price_color\">£{}</p></article></li>\n",
                book.image_path(),
                RATINGS[book.rating - 1],
                book.number,
                pounds(book.incl_tax()),
            )
        })
        .collect();
    let body = format!(
        "{}<ol class=\"row\">\n{pods}</ol>\n<ul class=\"pager\"><li class=\"current\">Page {page} of {pages}</li>{next}</ul>",
        sidebar()
    );
    document("All products", &body)
}

fn sidebar() -> String {
    let links: String = (0..CATEGORIES)
        .map(|category| {
            let (slug, name) = (category_slug(category), category_name(category));
            format!("<li><a href=\"/catalogue/category/books/{slug}/index.html\">\n    {name}\n</a></li>")
        })
        .collect();
    format!(
        "<div class=\"side_categories\"><ul class=\"nav nav-list\"><li><a href=\"/catalogue/category/books_1/index.html\">Books</a><ul>{links}</ul></li></ul></div>\n"
    )
}

fn book_page(book: &Book) -> String {
    let title = escaped(&book.title);
    let category =
        (0..CATEGORIES).find(|category| category_name(*category) == book.category).unwrap_or_default();
    let about = book.description.as_deref().map(escaped).map_or_else(String::new, |text| {
        format!("<div id=\"product_description\" class=\"sub-header\"><h2>Product Description</h2></div>\n<p>{text}</p>\n")
    });
    let facts = [
        ("UPC", book.upc.clone()),
        ("Product Type", "Books".to_owned()),
        ("Price (excl. tax)", format!("£{}", pounds(book.excl_tax))),
        ("Price (incl. tax)", format!("£{}", pounds(book.incl_tax()))),
        ("Tax", format!("£{}", pounds(book.tax))),
        ("Availability", book.availability()),
        ("Number of reviews", book.reviews.to_string()),
    ];
    let facts: String =
        facts.iter().map(|(name, fact)| format!("<tr>\n  <th>{name}</th><td>{fact}</td>\n</tr>\n")).collect();
    let body = format!(
        "<ul class=\"breadcrumb\"><li><a href=\"../../index.html\">Home</a></li>\n\
         <li><a href=\"../category/books_1/index.html\">Books</a></li>\n\
         <li><a href=\"../category/books/{}/index.html\">{}</a></li>\n<li class=\"active\">{title}</li></ul>\n\
         <article class=\"product_page\"><div id=\"product_gallery\"><img src=\"../..{}\" alt=\"{title}\" /></div>\n\
         <div class=\"col-sm-6 product_main\"><h1>{title}</h1><p class=\"price_color\">£{}</p>\n\
         <p class=\"instock availability\"><i class=\"icon-ok\"></i>\n    {}\n</p>\n\
         <p class=\"star-rating {}\"><i class=\"icon-star\"></i><!-- reviews --></p></div>\n\
         {about}<table class=\"table table-striped\">\n{facts}</table></article>\n\
         <ul><li><article class=\"product_pod\"><p class=\"star-rating {}\"></p>\
         <h3><a href=\"../volume-1_1/index.html\">seen before</a></h3></article></li></ul>",
        category_slug(category),
        book.category,
        book.image_path(),
        pounds(book.incl_tax()),
        book.availability(),
        RATINGS[book.rating - 1],
        RATINGS[book.rating % RATINGS.len()],
    );
    document(&title, &body)
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en-us\">\n<head><title>\n    {title} | A shop for trying\n</title>\n\
         <meta http-equiv=\"content-type\" content=\"text/html; charset=UTF-8\" /></head>\n<body>\n{body}\n</body>\n</html>\n"
    )
}

fn category_name(category: usize) -> String {
    format!("Category {}", category + 1)
}

fn category_slug(category: usize) -> String {
    format!("category-{}_{}", category + 1, category + 2)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
