//! A spider that takes arguments and has a function for each kind of page.

use dragline::prelude::*;

#[derive(Item)]
#[item(key = "url")]
struct LibraryBook {
    url: String,
    shelf: String,
}

#[derive(SpiderArgs)]
struct LibraryArgs {
    /// The shelf to look at
    shelf: String,
    /// How many books of it
    #[arg(default = 2)]
    books: usize,
    /// Only books since this day
    #[allow(dead_code)] // only declared
    since: Option<NaiveDate>,
    #[allow(dead_code)]
    api_token: Option<u64>,
}

/// Takes arguments, and has a function for each kind of page.
pub(crate) struct Library;

// Routes are methods here, as in a spider that uses its own fields.
#[allow(clippy::unused_self)]
impl Library {
    fn shelf(&self, page: &Page, out: &mut Output) -> Result<()> {
        let args: &LibraryArgs = page.args().typed()?;
        for link in page.attrs(format!("#{} a", args.shelf).as_str(), "href").into_iter().take(args.books) {
            // The page that emits an unknown tag fails.
            let tag = if link.contains("untagged") { "boook" } else { "book" };
            out.follow(page, link).with_tag(tag).with_meta("shelf", args.shelf.as_str());
        }
        Ok(())
    }

    fn book(&self, page: &Page, out: &mut Output) -> Result<()> {
        let args: &LibraryArgs = page.args().typed()?;
        // A start URL has no meta.
        let shelf = page.meta_value("shelf").unwrap_or_else(|_| args.shelf.clone());
        out.item(LibraryBook { url: page.url().to_string(), shelf });
        Ok(())
    }
}

impl Spider for Library {
    fn name(&self) -> &str {
        "library"
    }

    fn description(&self) -> &str {
        "books of a shelf"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![LibraryBook::item_type()]
    }

    fn arguments(&self) -> Arguments {
        LibraryArgs::arguments()
    }

    fn samples(&self) -> Vec<Sample> {
        let page = || sample!("../nasty_pages/shelves.html", "https://library.example/");
        vec![page(), page().with_arg("shelf", "rope"), page().with_arg("shelf", "sails")]
    }

    fn start(&self, args: &Args) -> Result<Vec<Request>> {
        match args.get("shelf") {
            Some("attic") => Ok(vec![Request::get("http://127.0.0.1:9/")?.with_tag("attic")]),
            _ => Ok(vec![Request::get("http://127.0.0.1:9/")?]),
        }
    }

    fn routes(&self) -> Router {
        Router::new().with_start(Self::shelf).with("book", Self::book)
    }
}
