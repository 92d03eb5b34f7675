//! quotes.toscrape.com: quotes with their authors and tags, and the page of each author.

use dragline::prelude::*;

/// Crawls the whole site, or with `-a tag=NAME` the quotes of one tag.
pub struct Quotes;

/// What somebody said.
#[derive(Item)]
#[item(table = "quotes", key = "text")]
struct Quote {
    text: String,
    author: String,
    tags: Vec<String>,
}

/// Who said it.
#[derive(Item)]
#[item(table = "authors", key = "name")]
struct Author {
    name: String,
    born_date: Option<NaiveDate>,
    born_location: Option<String>,
    description: String,
}

impl Spider for Quotes {
    fn name(&self) -> &str {
        "quotes"
    }

    fn description(&self) -> &str {
        "quotes.toscrape.com: quotes and authors; -a tag=NAME for the quotes of one tag"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Quote::item_type(), Author::item_type()]
    }

    fn samples(&self) -> Vec<Sample> {
        vec![
            sample!("../pages/quotes/list.html", "https://quotes.toscrape.com/"),
            sample!("../pages/quotes/last.html", "https://quotes.toscrape.com/page/10/"),
            sample!("../pages/quotes/author.html", "https://quotes.toscrape.com/author/A-Carpenter/")
                .with_tag("author"),
            // The site changed its pages: an error, and no empty row.
            sample!("../pages/quotes/changed.html", "https://quotes.toscrape.com/"),
        ]
    }

    fn start(&self, args: &Args) -> Result<Vec<Request>> {
        let start = "https://quotes.toscrape.com/";
        Ok(vec![match args.get("tag") {
            Some(tag) => Request::get(format!("{start}tag/{tag}/"))?,
            None => Request::get(start)?,
        }])
    }

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        if page.tag() == "author" { author(page, out) } else { quotes(page, out) }
    }
}

fn quotes(page: &Page, out: &mut Output) -> Result<()> {
    for quote in page.select("div.quote") {
        out.item(Quote {
            text: quote.text("span.text")?,
            author: quote.text("small.author")?,
            tags: quote.texts("a.tag"),
        });
        for href in quote.attrs("a[href*='/author/']", "href") {
            // The site redirects to the same path with a slash: going there at once saves a request per
            // author.
            out.follow(page, &format!("{}/", href.trim_end_matches('/'))).with_tag("author");
        }
    }
    out.follow_all(page, "li.next a");
    Ok(())
}

fn author(page: &Page, out: &mut Output) -> Result<()> {
    let born = page.first(".author-born-date").map(|date| date.full_text());
    let description = page.first(".author-description").map(|text| text.raw_text());
    out.item(Author {
        name: page.text("h3.author-title")?,
        born_date: born.map(|date| NaiveDate::parse_from_str(&date, "%B %d, %Y")).transpose()?,
        born_location: page.first(".author-born-location").map(|place| place.full_text()),
        // Some descriptions are written in lines: folding would lose them.
        description: description.unwrap_or_default().trim().to_owned(),
    });
    Ok(())
}
