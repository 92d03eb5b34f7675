//! A spider whose tables have names that only differ in a dot: one is in a schema.

use dragline::prelude::*;

/// In the schema `branch`, with a key and a history.
#[derive(Item)]
#[item(table = "branch.books", key = "url", history)]
struct Book {
    url: String,
    title: String,
}

/// In the schema of the connection, appended.
#[derive(Item)]
#[item(table = "branch_books")]
struct Loan {
    url: String,
}

pub(crate) struct Branches;

impl Spider for Branches {
    fn name(&self) -> &str {
        "branches"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Book::item_type(), Loan::item_type()]
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        bail!("this spider needs --start-url")
    }

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        let url = page.url().to_string();
        out.item(Loan { url: url.clone() });
        out.item(Book { url, title: page.title().unwrap_or_default() });
        out.follow_all(page, "a");
        Ok(())
    }
}
