//! The spider of the upgrade test: requests with every option, and items of every kind of table. Its rows repeat what the
//! site saw of each request, so that a request which lost an option on its way through the store gives other rows.

use dragline::prelude::*;

/// In `crawl_items`, with a key.
#[derive(Item)]
#[item(key = "path")]
struct Exhibit {
    path: String,
    /// Method, `Cookie` header, whether it came through the proxy, and one header of its own.
    seen: String,
    /// Session, tag, `meta.n` and hops, as the spider sees them.
    known: String,
}

/// In `crawl_items`, appended.
#[derive(Item)]
struct Footnote {
    path: String,
    number: i64,
}

/// In a table of its own, with a key.
#[derive(Item)]
#[item(table = "attic_crates", key = "path")]
struct Crate {
    path: String,
    weight: f64,
}

/// In a table of its own, appended.
#[derive(Item)]
#[item(table = "attic_labels")]
struct Label {
    path: String,
}

/// See the module.
pub(crate) struct Attic;

impl Spider for Attic {
    fn name(&self) -> &str {
        "attic"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Exhibit::item_type(), Footnote::item_type(), Crate::item_type(), Label::item_type()]
    }

    fn arguments(&self) -> Arguments {
        Arguments::new().with_required("door", "the page to begin with")
    }

    fn start(&self, args: &Args) -> Result<Vec<Request>> {
        let door = args.get("door").unwrap_or_default();
        Ok(vec![Request::get(door)?.with_session("ann").with_tag("door").with_meta("n", -1)])
    }

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        // The same page twice is two rows.
        let path = format!("{}{}", page.url().path(), if page.tag() == "again" { " again" } else { "" });
        let n = page.meta("n").and_then(Json::as_i64).unwrap_or_default();
        if path.starts_with("/dead/") {
            out.item(Exhibit { path, seen: "a\0b".to_owned(), known: String::new() });
            return Ok(());
        }
        let seen = page.texts("p").join(" ");
        let session = page.session().unwrap_or_default();
        let known = format!("{session} {} {n} {}", page.tag(), page.redirects().len());
        out.item(Exhibit { path: path.clone(), seen, known });
        out.item(Footnote { path: path.clone(), number: 1 });
        out.item(Footnote { path: path.clone(), number: 2 });
        out.item(Crate { path: path.clone(), weight: 0.5 });
        out.item(Label { path: path.clone() });
        match page.tag() {
            "door" => Self::rooms(page, out)?,
            "room" => out.request(page.request(&format!("/desk/{n}"))?.with_tag("desk").with_meta("n", n)),
            _ => {}
        }
        Ok(())
    }
}

impl Attic {
    fn rooms(page: &Page, out: &mut Output) -> Result<()> {
        for n in 0..10 {
            out.request(
                page.request(&format!("/room/{n}"))?.with_tag("room").with_meta("n", n).with_priority(n % 3),
            );
        }
        for path in ["/moved", "/gone", "/dead/0", "/dead/1"] {
            out.request(page.request(path)?.with_tag("odd"));
        }
        out.request(page.request("/failing")?.without_retries());
        let proxy = page.url().origin().ascii_serialization();
        out.request(page.request("/proxied")?.with_proxy(proxy.parse()?).with_max_retries(7));
        out.request(page.request("/private")?.without_cookies());
        let address = page.url().join("/posted")?;
        out.request(
            Request::post(address.as_str(), b"a\0b".to_vec())?
                .with_session("ben")
                .with_header("X-Own", "a\tb"),
        );
        out.request(page.request("/room/1")?.with_tag("again").without_filter());
        Ok(())
    }
}
