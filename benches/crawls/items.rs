//! Crawls many items per page: each of 2,000 pages has 20 keyed rows, which go to their own table.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use dragline::prelude::*;

use crate::documentation::{fresh, urls};
use crate::figures::{Series, print};
use crate::web_server::WebServer;
use crate::{CONCURRENCY, floor, measured, postgres_cpu};

const PAGES: usize = 2_000;
const ITEMS_PER_PAGE: usize = 20;

/// The spider of this benchmark. The benchmark starts itself as a child process to crawl with it.
pub(crate) struct Shop;

#[derive(Item)]
#[item(table = "offers", key = "sku")]
struct Offer {
    sku: String,
    title: String,
    price: Decimal,
    stock: i32,
    description: String,
}

impl Spider for Shop {
    fn name(&self) -> &str {
        "shop"
    }

    fn items(&self) -> Vec<ItemType> {
        vec![Offer::item_type()]
    }

    fn start(&self, _args: &Args) -> Result<Vec<Request>> {
        bail!("name a page with --start-url")
    }

    fn parse(&self, page: &Page, out: &mut Output) -> Result<()> {
        for offer in page.select("article.offer") {
            out.item(Offer {
                sku: offer.attr("a.title", "data-sku")?,
                title: offer.text("a.title")?,
                price: offer.text("span.price")?.trim_start_matches('€').parse()?,
                stock: offer.text("span.stock")?.parse()?,
                description: offer.text("p.description")?,
            });
        }
        out.follow_all(page, "nav a");
        Ok(())
    }
}

/// Runs the benchmark and prints its table.
pub(crate) fn run(pairs: usize) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for page in 0..PAGES {
        std::fs::write(folder.path().join(format!("{page}.html")), html(page)).expect("a page is written");
    }
    let web = WebServer::start(&[("shop", folder.path())]);
    let start = web.url("shop/0.html");
    let server = dragline_testkit::server();
    let databases = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str| databases.path().join(name);

    measured::run(&mut crawl(&start, &sqlite(&file("list.db"))), "");
    let list = urls(&file("list.db"));
    assert_eq!(list.lines().count(), PAGES, "every page is found");

    let mut series =
        [Series::new("floor", PAGES), Series::new("SQLite", PAGES), Series::new("Postgres", PAGES)];
    for pair in 0..pairs {
        series[0].add(floor::measured(&list), None);
        series[1].add(measured::run(&mut crawl(&start, &sqlite(&file(&pair.to_string()))), ""), None);
        series[0].add(floor::measured(&list), None);
        let database = fresh(&server, pair);
        let before = postgres_cpu::taken(&server);
        let run = measured::run(&mut crawl(&start, &database), "");
        series[2].add(run, Some(postgres_cpu::taken(&server).saturating_sub(before)));
    }
    let items = PAGES * ITEMS_PER_PAGE;
    print(&format!("{items} items of {PAGES} pages, {CONCURRENCY} at a time"), &series);
}

fn crawl(start: &str, store: &str) -> Command {
    let mut crawl = measured::this();
    crawl.args(["crawl", "shop", "--rate", "0", "--log", "warn", "--store", store, "--start-url", start]);
    crawl.args(["--host-concurrency", &CONCURRENCY.to_string()]);
    crawl
}

fn sqlite(file: &Path) -> String {
    format!("sqlite:{}", file.display())
}

/// A page of a shop, with offers, the same menu on every page, and links to the next pages.
fn html(page: usize) -> String {
    let mut html = format!("<!DOCTYPE html><html lang=en><head><title>Page {page}</title></head><body><nav>");
    for menu in 0..20 {
        let _ = write!(html, "<a href=\"{menu}.html\">Department {menu}</a> ");
    }
    for next in (page + 1..page + 11).filter(|next| *next < PAGES) {
        let _ = write!(html, "<a href=\"{next}.html\">{next}</a> ");
    }
    html.push_str("</nav><main>");
    for offer in 0..ITEMS_PER_PAGE {
        let sku = page * ITEMS_PER_PAGE + offer;
        let _ = write!(
            html,
            "<article class=\"offer\" id=\"offer-{sku}\">\n  <h2><a class=\"title\" data-sku=\"SKU-{sku:06}\" \
             href=\"/offer/{sku}\">Thing number {sku} &amp; its box</a></h2>\n  <span class=\"price\">€{}.{:02}</span>\n  \
             <span class=\"stock\">{}</span>\n  <p class=\"description\">{}</p>\n</article>\n",
            sku % 90 + 1,
            sku % 100,
            sku % 7,
            "A sturdy thing that lasts for years, made of wood and good will. ".repeat(1 + sku % 3)
        );
    }
    html.push_str("</main></body></html>");
    html
}
