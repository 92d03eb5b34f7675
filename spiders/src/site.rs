//! Any site: every HTML page of the host that the crawl starts at.

use dragline::prelude::*;

/// Selects the links to follow.
const LINKS: &str = "a[href], area[href]";

/// Crawls the hosts of the start URLs, and needs at least one start URL.
pub struct Site;

/// An HTML page.
#[derive(Item)]
#[item(name = "page", key = "url")]
struct SitePage {
    /// After redirects, without the fragment: links to parts of one page lead to one page.
    url: String,
    title: Option<String>,
    h1: Option<String>,
    description: Option<String>,
    /// The URL that the page names as its main one.
    canonical: Option<String>,
    lang: Option<String>,
    /// What a reader sees.
    text: String,
    /// How many links there are on the page.
    links: usize,
    status: u16,
    bytes: usize,
}

impl Spider for Site {
    fn name(&self) -> &str {
        "site"
    }

    fn description(&self) -> &str {
        "any site: follows all links within the host of --start-url, one item per HTML page"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![SitePage::item_type()]
    }

    fn samples(&self) -> Vec<Sample> {
        vec![
            sample!("../pages/site/whole.html", "https://garden.example/start.html"),
            sample!("../pages/site/bare.html", "https://garden.example/start.html#part"),
            sample!("../pages/site/prolog.html", "https://garden.example/start.html")
                .with_content_type("application/xhtml+xml"),
            sample!("../pages/site/drawing.png", "https://garden.example/drawing.png")
                .with_content_type("image/png"),
        ]
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        // Any site is somebody else's choice: --start-url, or --sitemaps.
        Ok(Vec::new())
    }

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        // The crawl may also fetch an image or a document. It gives no item.
        if !page.is_html() {
            return Ok(());
        }
        let text = |selector| page.text(selector).ok();
        let mut url = page.url().clone();
        url.set_fragment(None);
        out.item(SitePage {
            url: url.into(),
            title: page.title(),
            h1: text("h1"),
            description: text("meta[name='description' i]::attr(content)").map(|text| folded(&text)),
            canonical: text("link[rel~='canonical' i]::attr(href)")
                .and_then(|href| page.request(&href).ok())
                .map(|canonical| canonical.url().to_string()),
            lang: page.root().own_attr("lang").map(str::to_owned),
            text: page.visible_text(),
            links: page.select(LINKS).len(),
            status: page.status(),
            bytes: page.body().len(),
        });
        out.follow_all(page, LINKS);
        Ok(())
    }
}

fn folded(text: &str) -> String {
    let mut folded = String::new();
    for word in text.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.push_str(word);
    }
    folded
}
