//! `dragline export`.

use std::sync::Arc;
use std::time::Duration;

use dragline_core::runs::{RunAdmin, RunAsk, RunRecord};
use dragline_core::store::{RUN_ITEMS, RunInfo};
use dragline_core::{ItemType, Spider};

use super::demo_site::Shelf;
use super::find_spider;
use super::which_run::find_run;
use crate::arguments::Export;
use crate::exit::Exit;
use crate::export::{Target, export, item_types};
use crate::failed::Failed;
use crate::settings::Common;
use dragline_runtime::blocking::Blocking;

const FIND_LIMIT: Duration = Duration::from_secs(30);

pub(super) fn run(arguments: &Export, common: &Common, spiders: &[Arc<dyn Spider>]) -> Result<Exit, Failed> {
    let target = Target::parse(&arguments.output)?;
    let store = common.open_runs(&common.store_settings()?)?;
    let blocking = Blocking::new()?;
    blocking.wait(&*store, "connect", FIND_LIMIT, store.connect())?;
    let run = find_run(&*store, &blocking, &arguments.run)?;
    // The demo's rows can be exported too, although its spider isn't listed.
    let demo: Arc<dyn Spider> = Arc::new(Shelf);
    let known: Vec<Arc<dyn Spider>> = spiders.iter().cloned().chain([demo]).collect();
    let spider = find_spider(&run.spider, &known)?;
    let items = item_types(&**spider, arguments.item.as_deref())?;
    let info = RunInfo {
        run_id: run.run_id,
        name: run.name.clone(),
        spider: run.spider.clone(),
        kind: run.kind,
        state: run.state,
    };
    let rows = export(&*store, &blocking, &info, &items, &target)?;
    tracing::info!(rows, run = run.name, "exported");
    if rows == 0 {
        warn_of_later_runs(&*store, &blocking, &run, &items)?;
    }
    Ok(Exit::Finished)
}

/// An empty export of a run that stored items looks like a loss, so explain it.
fn warn_of_later_runs(
    store: &dyn RunAdmin,
    blocking: &Blocking,
    run: &RunRecord,
    items: &[ItemType],
) -> Result<(), Failed> {
    let stored = run.stats[RUN_ITEMS].as_u64().unwrap_or_default();
    if stored == 0 || !items.iter().any(ItemType::is_keyed) {
        return Ok(());
    }
    let ask = RunAsk { spider: Some(run.spider.clone()), limit: 1, ..RunAsk::default() };
    let newest = blocking.wait(store, "finding later runs", FIND_LIMIT, store.list_runs(&ask))?;
    if let Some(newest) = newest.first().filter(|newest| newest.run_id > run.run_id) {
        let newest = newest.run_id;
        let table = items.iter().find_map(|item| item.table()).unwrap_or("crawl_items");
        tracing::warn!(
            items_stored = stored,
            hint = format!("export the newest run: `dragline export {newest}`, or query the table {table}"),
            "nothing was exported: rows with a key belong to the last run that saw them, and a later run has seen \
             those of run {}",
            run.run_id
        );
    }
    Ok(())
}
