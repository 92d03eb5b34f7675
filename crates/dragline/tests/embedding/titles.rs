//! The spider that these tests crawl with, and what it left in a store.

use std::collections::BTreeMap;
use std::path::Path;

use dragline::prelude::*;
use dragline_testkit::sqlite;

/// Follows every link and keeps the title of every page.
pub(crate) struct Titles;

#[derive(Item)]
#[item(table = "titles", key = "url")]
struct Title {
    url: String,
    title: String,
}

impl Spider for Titles {
    fn name(&self) -> &str {
        "titles"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Title::item_type()]
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        Ok(Vec::new())
    }

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        out.item(Title { url: page.url().to_string(), title: page.text("title")? });
        out.follow_all(page, "a");
        Ok(())
    }
}

/// The store's URL of a file in this folder.
pub(crate) fn store(folder: &Path, name: &str) -> String {
    format!("sqlite:{}", folder.join(name).display())
}

/// URL → title, as the store has them.
pub(crate) fn stored(folder: &Path, name: &str) -> BTreeMap<String, String> {
    let rows = sqlite::rows(&folder.join(name), "select url, title from titles").unwrap();
    rows.into_iter().map(|row| (row[0].clone(), row[1].clone())).collect()
}
