//! `dragline demo`: a complete crawl without internet and without Postgres.

use std::sync::Arc;
use std::time::Duration;

use dragline_core::Spider;
use dragline_core::store::{ItemRow, RunInfo};

use super::demo_site::{DemoSite, Shelf};
use super::table::table;
use super::{crawl, print};
use crate::attended;
use crate::exit::Exit;
use crate::failed::Failed;
use crate::program::Program;
use crate::settings::{CommandSettings, Common};
use dragline_runtime::CrawlOutcome;
use dragline_runtime::blocking::Blocking;
use dragline_runtime::early_signals;
use dragline_runtime::logging::LogHandle;

const ROWS_SHOWN: usize = 8;
const READ_LIMIT: Duration = Duration::from_secs(10);

pub(super) fn run(common: &Common, log: &LogHandle) -> Result<Exit, Failed> {
    let site = serving()?;
    let spider: Arc<dyn Spider> = Arc::new(Shelf);
    // The site is on loopback, so there is no need to be polite or to restrict networks.
    let anywhere = "--deny-private-networks=false";
    let flags =
        ["--start-url", site.url(), "--run", "demo", "--fresh", "--force-run", "--rate", "0", anywhere];
    let settings = CommandSettings::combine(common.flags(&flags)?, &common.store, &common.file)?;
    tracing::info!(url = site.url(), "serving a small site on loopback and crawling it");
    let metrics = attended::metrics(&*spider, &settings, log)?;
    // The demo always starts, so only a stop can be the reason.
    let Ok(attended) = attended::crawl(&spider, &Program::default(), &settings, &metrics, log)? else {
        return Ok(Exit::Stopped);
    };
    if attended.ended.outcome() == CrawlOutcome::Finished {
        show_rows(common, &settings, attended.ended.run_id())?;
    }
    crawl::after(&attended, &settings, &*spider, log)
}

/// Only serves the site, so that you can write a spider for it.
pub(super) fn serve() -> Result<Exit, Failed> {
    let site = serving()?;
    print(&format!("serving {} until Ctrl-C\n", site.url()))?;
    let stopped = early_signals::until_stopped();
    stopped.map_err(|error| Failed::error(format!("cannot listen for signals: {error}")))?;
    Ok(Exit::Finished)
}

fn serving() -> Result<DemoSite, Failed> {
    DemoSite::serve()
        .map_err(|error| Failed::error(format!("cannot serve the demo site on 127.0.0.1: {error}")))
}

fn show_rows(common: &Common, settings: &CommandSettings, run_id: i64) -> Result<(), Failed> {
    let blocking = Blocking::new()?;
    let store = dragline_store::open(&common.store.0, &settings.crawl.store_settings)?;
    blocking.wait(&*store, "connect", READ_LIMIT, store.connect())?;
    let mut rows: Vec<ItemRow> = Vec::new();
    let mut each = |row: ItemRow| {
        if rows.len() < ROWS_SHOWN {
            rows.push(row);
        }
        Ok(())
    };
    let item = Shelf.items().remove(0);
    let name = Shelf.name();
    blocking.wait(&*store, "reading items", READ_LIMIT, store.read_items(run_id, name, &item, &mut each))?;
    let cell = |row: &ItemRow, name: &str| match row.fields.get(name) {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    let shown = rows.iter().map(|row| ["title", "author", "price", "in_stock"].map(|name| cell(row, name)));
    print(&table(["title", "author", "price", "in stock"], shown))?;
    let info = RunInfo {
        run_id,
        name: settings.crawl.run_name(Shelf.name()),
        spider: Shelf.name().to_owned(),
        kind: dragline_core::RunKind::Crawl,
        state: dragline_core::store::RunState::Finished,
    };
    print(&format!("…\n(table demo_books in {}, run {})\n\n", store.location(), info.run_id))
}
