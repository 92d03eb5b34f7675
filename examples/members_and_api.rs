//! Two spiders: one logs in through a form and crawls with the session's cookies, and one reads a JSON API.
//!
//! ```sh
//! MEMBER_PASSWORD=… cargo run --example members_and_api -- crawl members --start-url https://quotes.toscrape.com/login
//! cargo run --example members_and_api -- crawl api --start-url https://quotes.toscrape.com/api/quotes?page=1
//! ```

use std::env;
use std::process::ExitCode;

use dragline::prelude::*;
use serde::Deserialize;

fn main() -> ExitCode {
    let variable = |name: &str, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
    let user = variable("MEMBER_USER", "ann");
    dragline::run(spiders![Members { user, password: variable("MEMBER_PASSWORD", "") }, Api])
}

/// Logs in, and stores the titles of the pages that members see.
struct Members {
    user: String,
    password: String,
}

#[derive(Item)]
#[item(key = "url")]
struct MembersPage {
    url: String,
    title: String,
    /// The links on the page that only members see.
    links: Vec<String>,
}

impl Spider for Members {
    fn name(&self) -> &str {
        "members"
    }

    fn description(&self) -> &str {
        "pages behind a login form"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![MembersPage::item_type()]
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        Ok(vec![Request::get("https://quotes.toscrape.com/login")?])
    }

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        if page.first("input[type=password]").is_some() {
            let form = page.form("form[action='/login']")?;
            // The two sites that this example is tested on use different names.
            let user =
                if form.fields().iter().any(|(name, _)| *name == "username") { "username" } else { "user" };
            let form = form.with_field(user, &self.user).with_field("password", &self.password);
            // Log in again even if the site has sent the same token before.
            out.request(form.submit()?.with_tag("home").without_filter());
            return Ok(());
        }
        if page.first("a[href='/logout']").is_none() {
            bail!("nobody is logged in");
        }
        let links = page.texts("a[href='/logout']::attr(href), a[href*='goodreads.com']::attr(href)");
        out.item(MembersPage { url: page.url().to_string(), title: page.title().unwrap_or_default(), links });
        out.follow_all(page, "a[rel=next], li.next a");
        Ok(())
    }
}

/// Reads an API page by page.
struct Api;

/// The JSON of a page. The two sites that this example is tested on have notes and quotes.
#[derive(Deserialize)]
struct ApiPage {
    page: u32,
    has_next: bool,
    #[serde(alias = "quotes")]
    notes: Vec<Json>,
}

#[derive(Item)]
#[item(key = "text")]
struct Note {
    text: String,
    page: i64,
}

impl Spider for Api {
    fn name(&self) -> &str {
        "api"
    }

    fn description(&self) -> &str {
        "a JSON API with numbered pages"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Note::item_type()]
    }

    fn headers(&self) -> Vec<(String, String)> {
        vec![
            ("Accept".to_owned(), "application/json".to_owned()),
            ("X-Requested-With".to_owned(), "XMLHttpRequest".to_owned()),
        ]
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        Ok(vec![Request::get("https://quotes.toscrape.com/api/quotes?page=1")?])
    }

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        let came: ApiPage = page.json()?;
        for note in came.notes {
            let Some(text) = note["text"].as_str() else { bail!("a note without a text: {note}") };
            out.item(Note { text: text.to_owned(), page: came.page.into() });
        }
        if came.has_next {
            out.follow(page, &format!("?page={}", came.page + 1));
        }
        Ok(())
    }
}
