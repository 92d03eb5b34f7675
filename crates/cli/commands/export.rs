//! `dragline export`.

use std::sync::Arc;
use std::time::Duration;

use dragline_core::Spider;

use super::demo_site::Shelf;
use super::find_spider;
use crate::arguments::Export;
use crate::blocking::Blocking;
use crate::exit::{Exit, Failed};
use crate::export::{Target, export, item_types};
use crate::settings::Common;

const FIND_LIMIT: Duration = Duration::from_secs(5);

pub(super) fn run(arguments: &Export, common: &Common, spiders: &[Arc<dyn Spider>]) -> Result<Exit, Failed> {
    let target = Target::parse(&arguments.output)?;
    let store = dragline_store::open(&common.store.0, &common.store_settings()?)?;
    let blocking = Blocking::new()?;
    blocking.wait(&*store, "connect", FIND_LIMIT, store.connect())?;
    let run = blocking.wait(&*store, "finding the run", FIND_LIMIT, store.find_run(&arguments.run))?;
    let run = run.ok_or_else(|| {
        Failed::error(format!("{} holds no run {:?}", store.location(), arguments.run))
            .hint("the report of a crawl names its run; a run is found by id or by name")
    })?;
    // The demo's rows can be exported too, though its spider is in no list.
    let demo: Arc<dyn Spider> = Arc::new(Shelf);
    let known: Vec<Arc<dyn Spider>> = spiders.iter().cloned().chain([demo]).collect();
    let spider = find_spider(&run.spider, &known)?;
    let items = item_types(&**spider, arguments.item.as_deref())?;
    let rows = export(&*store, &blocking, &run, &items, &target)?;
    tracing::info!(rows, run = run.name, "exported");
    Ok(Exit::Finished)
}
