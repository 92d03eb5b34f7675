//! `dragline demo`: a whole crawl without internet and without Postgres.

use std::sync::Arc;
use std::time::Duration;

use clap::{Args as _, FromArgMatches};
use dragline_core::Spider;
use dragline_core::store::{ItemRow, RunInfo};

use super::demo_site::{DemoSite, Shelf};
use super::table::table;
use super::{crawl, print};
use crate::arguments::Crawl;
use crate::blocking::Blocking;
use crate::exit::{Exit, Failed};
use crate::run::crawl as run_crawl;
use crate::settings::{Common, CrawlSettings};

const ROWS_SHOWN: usize = 8;
const READ_LIMIT: Duration = Duration::from_secs(10);

pub(super) fn run(common: &Common) -> Result<Exit, Failed> {
    let site = DemoSite::serve()
        .map_err(|error| Failed::error(format!("the demo site cannot be served on 127.0.0.1: {error}")))?;
    let spider: Arc<dyn Spider> = Arc::new(Shelf);
    let settings = CrawlSettings::combine(arguments(site.url())?, common, &*spider)?;
    tracing::info!(url = site.url(), "serving a small site on loopback, and crawling it");
    let Some(ended) = run_crawl(&spider, &settings)? else {
        return Ok(Exit::Stopped);
    };
    if ended.exit == Exit::Finished {
        show_rows(common, &settings, ended.run.key.run_id)?;
    }
    crawl::after(&ended, &settings, &*spider)
}

/// The flags of `crawl`, for a site on loopback: nobody needs to be spared there.
fn arguments(url: &str) -> Result<Crawl, Failed> {
    let command = Crawl::augment_args(clap::Command::new("crawl").no_binary_name(true));
    let words = [Shelf.name(), "--start-url", url, "--run", "demo", "--fresh", "--rate", "0"];
    let matches = command.try_get_matches_from(words).map_err(Failed::usage)?;
    Crawl::from_arg_matches(&matches).map_err(Failed::usage)
}

fn show_rows(common: &Common, settings: &CrawlSettings, run_id: i64) -> Result<(), Failed> {
    let blocking = Blocking::new()?;
    let store = dragline_store::open(&common.store.0, &settings.store_settings)?;
    blocking.wait(&*store, "connect", READ_LIMIT, store.connect())?;
    let mut rows: Vec<ItemRow> = Vec::new();
    let mut each = |row: ItemRow| {
        if rows.len() < ROWS_SHOWN {
            rows.push(row);
        }
        Ok(())
    };
    let item = Shelf.items()[0];
    let name = Shelf.name();
    blocking.wait(&*store, "reading items", READ_LIMIT, store.read_items(run_id, name, item, &mut each))?;
    let cell = |row: &ItemRow, name: &str| match row.fields.get(name) {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    let shown = rows.iter().map(|row| ["title", "author", "price", "in_stock"].map(|name| cell(row, name)));
    print(&table(["title", "author", "price", "in stock"], shown))?;
    let info = RunInfo {
        run_id,
        name: settings.run_name.clone(),
        spider: Shelf.name().to_owned(),
        state: dragline_core::store::RunState::Finished,
    };
    print(&format!("…\n(table demo_books in {}, run {})\n\n", store.location(), info.run_id))
}
