//! The spider of the tests that compare nights: every page is a row, and its earlier versions are kept.

use dragline::prelude::*;

/// Its key is the path.
#[derive(Item)]
#[item(table = "ledger", key = "path", history, gone_mark, changes)]
struct Entry {
    path: String,
    text: String,
    links: u32,
}

/// See the module.
pub(crate) struct Ledger;

impl Spider for Ledger {
    fn name(&self) -> &str {
        "ledger"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Entry::item_type()]
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        bail!("this spider needs --start-url")
    }

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        let links = u32::try_from(page.select("a").len())?;
        out.item(Entry { path: page.url().path().to_owned(), text: page.text("p")?, links });
        out.follow_all(page, "a");
        Ok(())
    }
}
