//! `dragline runs list`.

use std::fmt::Write as _;

use dragline_core::runs::{RunAsk, RunRecord};
use serde_json::Value as Json;

use super::{Runs, standing};
use crate::arguments::ListRuns;
use crate::commands::print;
use crate::commands::table::table;
use crate::exit::Exit;
use crate::failed::Failed;

/// How much of a reason a line of the list shows. `show` prints all of it.
const REASON_CHARS: usize = 60;

pub(super) fn run(arguments: &ListRuns, runs: &Runs) -> Result<Exit, Failed> {
    let limit = if arguments.limit == 0 { usize::MAX - 1 } else { arguments.limit };
    let mut listed = runs.list(&RunAsk {
        spider: arguments.spider.clone(),
        state: arguments.state.map(Into::into),
        // Read one more to find out whether there are more.
        limit: limit.saturating_add(1),
        ..RunAsk::default()
    })?;
    let are_more = listed.len() > limit;
    listed.truncate(limit);
    let text = if arguments.json {
        let listed = listed.iter().map(|run| Json::Object(standing::json(run))).collect();
        format!("{}\n", Json::Array(listed))
    } else if listed.is_empty() {
        "no runs\n".to_owned()
    } else {
        let mut text = table(
            ["id", "run", "spider", "state", "reason", "started (UTC)", "took", "epoch"],
            listed.iter().map(row),
        );
        if are_more {
            // Writing to a String cannot fail.
            let _ =
                writeln!(text, "… and more; use --limit N to show more of them, or --limit 0 to show all");
        }
        text
    };
    print(&text)?;
    Ok(Exit::Finished)
}

fn row(run: &RunRecord) -> [String; 8] {
    let reason = run.stop_reason.as_deref().unwrap_or("-").replace('\n', " ");
    let mut shown: String = reason.chars().take(REASON_CHARS).collect();
    if shown.len() < reason.len() {
        shown.push('…');
    }
    [
        run.run_id.to_string(),
        run.name.clone(),
        run.spider.clone(),
        standing::word(run).to_owned(),
        shown,
        run.started_at.format("%F %T").to_string(),
        standing::told(standing::took(run)),
        run.epoch.to_string(),
    ]
}
