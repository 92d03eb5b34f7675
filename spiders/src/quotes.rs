//! quotes.toscrape.com: quotes with their authors and tags, and the page of each author.

use dragline::prelude::*;

/// Crawls the whole site, or the quotes of one tag.
pub struct Quotes;

/// What somebody said.
#[derive(Item)]
#[item(table = "quotes", key = "text", css = "div.quote")]
struct Quote {
    #[item(css = "span.text")]
    text: String,
    #[item(css = "small.author")]
    author: String,
    #[item(css = "a.tag")]
    tags: Vec<String>,
}

/// The author of quotes.
#[derive(Item)]
#[item(table = "authors", key = "name")]
struct Author {
    #[item(css = "h3.author-title")]
    name: String,
    #[item(css = ".author-born-date", format = "%B %d, %Y")]
    born_date: Option<NaiveDate>,
    #[item(css = ".author-born-location")]
    born_location: Option<String>,
    #[item(with = description)]
    description: String,
}

impl Spider for Quotes {
    fn name(&self) -> &str {
        "quotes"
    }

    fn description(&self) -> &str {
        "quotes.toscrape.com: quotes and authors"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Quote::item_type(), Author::item_type()]
    }

    fn arguments(&self) -> Arguments {
        Arguments::new().with_optional("tag", "only the quotes of this tag")
    }

    fn samples(&self) -> Vec<Sample> {
        vec![
            sample!("../pages/quotes/list.html", "https://quotes.toscrape.com/"),
            sample!("../pages/quotes/last.html", "https://quotes.toscrape.com/page/10/"),
            sample!("../pages/quotes/author.html", "https://quotes.toscrape.com/author/A-Carpenter/")
                .with_tag("author"),
            // If the site changes its pages, this gives an error and not an empty row.
            sample!("../pages/quotes/changed.html", "https://quotes.toscrape.com/"),
        ]
    }

    fn start(&self, args: &Args) -> Result<Vec<Request>> {
        let tag = args.get("tag").map(|tag| format!("tag/{tag}/")).unwrap_or_default();
        Ok(vec![Request::get(format!("https://quotes.toscrape.com/{tag}"))?])
    }

    fn routes(&self) -> Router {
        Router::new().with_start(quotes).with_item::<Author>("author")
    }
}

fn quotes(page: &Page, out: &mut Output) -> Result<()> {
    out.extract_all::<Quote>(page)?;
    for href in page.texts("div.quote a[href*='/author/']::attr(href)") {
        // The site redirects to the same path with a slash. Going there directly saves a request per author.
        out.follow(page, &format!("{}/", href.trim_end_matches('/'))).with_tag("author");
    }
    out.follow_all(page, "li.next a");
    Ok(())
}

/// Some descriptions are written in lines, which folded text would lose.
#[allow(clippy::unnecessary_wraps)] // a function of `#[item(with)]` returns a Result
fn description(author: &Node<'_>) -> Result<String> {
    let description = author.first(".author-description").map(|text| text.raw_text());
    Ok(description.unwrap_or_default().trim().to_owned())
}
