//! Finds a run by its id, by its name, or by the name of its spider.

use std::time::Duration;

use dragline_core::runs::{RunAdmin, RunAsk, RunRecord};

use crate::failed::Failed;
use dragline_runtime::blocking::Blocking;

/// Time limit of one read of the runs.
const FIND_LIMIT: Duration = Duration::from_secs(30);
/// How many of a spider's newest runs to search for their names.
const RUNS_LOOKED_AT: usize = 1000;
/// How many names an error shows.
const NAMES_SHOWN: usize = 3;

/// The run with this id, or the newest run of this name, or the newest run of the spider of this name. Start
/// URLs and arguments are part of a run's name, so if you crawl `quotes` with `-a`, no run is called `quotes`.
pub(super) fn find_run(admin: &dyn RunAdmin, blocking: &Blocking, run: &str) -> Result<RunRecord, Failed> {
    let list = |ask: RunAsk| blocking.wait(admin, "finding the run", FIND_LIMIT, admin.list_runs(&ask));
    let newest = |ask: RunAsk| list(RunAsk { limit: 1, ..ask }).map(|mut found| found.pop());
    if let Ok(run_id) = run.parse()
        && let Some(found) = newest(RunAsk { run_id: Some(run_id), ..RunAsk::default() })?
    {
        return Ok(found);
    }
    if let Some(found) = newest(RunAsk { name: Some(run.to_owned()), ..RunAsk::default() })? {
        return Ok(found);
    }
    let of_spider = RunAsk { spider: Some(run.to_owned()), limit: RUNS_LOOKED_AT, ..RunAsk::default() };
    let mut of_spider = list(of_spider)?;
    let mut names: Vec<&str> = Vec::new();
    for found in &of_spider {
        if !names.contains(&found.name.as_str()) {
            names.push(&found.name);
        }
    }
    let none = || Failed::error(format!("{} has no run {run:?}", admin.location()));
    match names.len() {
        0 => {
            Err(none().hint("`dragline runs list` shows all runs; you can name a run by its id or its name"))
        }
        1 => Ok(of_spider.swap_remove(0)),
        all => {
            let more = if all > NAMES_SHOWN { " …" } else { "" };
            let shown = names[..all.min(NAMES_SHOWN)].join(", ");
            Err(none().hint(format!(
                "the spider {run} has runs of {all} names; did you mean {shown}{more}? \
                 `dragline runs list --spider {run}` shows them"
            )))
        }
    }
}
