//! `dragline runs gone RUN`: which rows a crawl with `--delete-gone` removes at the end of this run. It removes nothing itself.

use std::fmt::Write as _;
use std::sync::Arc;

use dragline_core::Spider;
use dragline_core::counted::counted;
use dragline_core::gone::{GoneAction, GoneCounts};
use dragline_runtime::gone::GoneRows;

use super::Runs;
use crate::arguments::GoneRun;
use crate::commands::{find_spider, print};
use crate::exit::Exit;
use crate::failed::Failed;

pub(super) fn run(arguments: &GoneRun, runs: &Runs, spiders: &[Arc<dyn Spider>]) -> Result<Exit, Failed> {
    let run = runs.find(&arguments.run)?;
    let items = find_spider(&run.spider, spiders)?.items();
    let rows = GoneRows::new(&*runs.admin, &runs.blocking);
    let mut text = String::new();
    // Writing to a String cannot fail.
    match rows.ask(&run, GoneAction::Remove, arguments.after)? {
        Err(reason) => {
            let _ = writeln!(text, "no row counts as gone: {reason}");
        }
        Ok(ask) => {
            let _ = writeln!(
                text,
                "rows that run {} of {} and every later run have not seen",
                ask.since, run.name
            );
            for item in rows.types(&items)? {
                let counts = rows.count(&ask, &item)?;
                let keys = rows.keys(&ask, &item, arguments.keys)?;
                for key in &keys {
                    let _ = writeln!(text, "gone     {} {key}", item.name());
                }
                if let Some(more) = counts.gone.checked_sub(keys.len() as u64).filter(|more| *more > 0) {
                    let _ = writeln!(text, "         … and {more} more (--keys N shows more of them)");
                }
                let _ = writeln!(text, "{}: {}", item.name(), told(counts));
            }
        }
    }
    for item in items.iter().filter(|item| !item.is_keyed()) {
        let _ =
            writeln!(text, "note: {}: its rows have no key, so nobody can tell which are gone", item.name());
    }
    print(&text)?;
    Ok(Exit::Finished)
}

/// `3 of 40 rows are gone (7.5 %)`.
fn told(counts: GoneCounts) -> String {
    let GoneCounts { rows, gone } = counts;
    let are = if rows == 1 { "is" } else { "are" };
    format!("{gone} of {} {are} gone ({:.1} %)", counted(rows, "row"), counts.share() * 100.0)
}
