//! `dragline runs list`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use dragline_core::run_verdict::{EndFigures, RunVerdict};
use dragline_core::runs::{RunAsk, RunRecord};
use dragline_core::{ItemType, PageState, RunKind, Spider, secrets};
use dragline_runtime::shown;
use serde_json::Value as Json;

use super::show::items_of;
use super::{Runs, standing};
use crate::arguments::ListRuns;
use crate::commands::print;
use crate::commands::table::table;
use crate::exit::Exit;
use crate::failed::Failed;
use crate::paint::Paint;

/// A line of the list is not longer, so that it fits a terminal. `show` and `--json` shorten nothing.
const LINE_CHARS: usize = 100;
/// How much of a name the list shows.
const NAME_CHARS: usize = 20;
/// How many unfinished runs are counted now. Runs that have ended were counted then.
const COUNTED_NOW: usize = 20;

pub(super) fn run(arguments: &ListRuns, runs: &Runs, spiders: &[Arc<dyn Spider>]) -> Result<Exit, Failed> {
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
    let uncounted = count_unfinished(&mut listed, runs, spiders)?;
    let text = if arguments.json {
        let mut listed: Json = listed.iter().map(|run| json(run, &uncounted)).collect();
        secrets::hide_in_json(&mut listed);
        format!("{listed}\n")
    } else if listed.is_empty() {
        "no runs\n".to_owned()
    } else {
        let mut text = text(&listed, &uncounted, Paint::stdout());
        if are_more {
            // Writing to a String cannot fail.
            let _ =
                writeln!(text, "… and more; use --limit N to show more of them, or --limit 0 to show all");
        }
        shown(&text).into_owned()
    };
    print(&text)?;
    Ok(Exit::Finished)
}

/// A run that is not finished has no figures of its end. Returns the runs whose items could not be counted, because this program
/// doesn't have their spider.
fn count_unfinished(
    listed: &mut [RunRecord],
    runs: &Runs,
    spiders: &[Arc<dyn Spider>],
) -> Result<BTreeSet<i64>, Failed> {
    let mut without_spider = BTreeSet::new();
    let uncounted = listed.iter_mut().filter(|run| run.figures.is_none() && !run.state.is_final());
    for run in uncounted.take(COUNTED_NOW) {
        let items = items_of(&run.spider, spiders);
        if items.is_none() {
            without_spider.insert(run.run_id);
        }
        run.figures = Some(figures_now(run.run_id, runs, &items.unwrap_or_default())?);
    }
    Ok(without_spider)
}

/// A run for programs. `show` has the figures of its columns, which would make a list too long.
fn json(run: &RunRecord, uncounted: &BTreeSet<i64>) -> Json {
    let mut fields = Json::Object(standing::json(run));
    if let Json::Object(figures) = &mut fields["figures"] {
        figures.remove("columns");
    }
    if uncounted.contains(&run.run_id) {
        fields["figures"]["items"] = Json::Null;
        if !fields["change"].is_null() {
            fields["change"]["items"] = Json::Null;
        }
    }
    fields
}

/// What a run holds now.
pub(super) fn figures_now(run_id: i64, runs: &Runs, items: &[ItemType]) -> Result<EndFigures, Failed> {
    let now = runs.wait("looking at the run", runs.admin.inspect_run(run_id, items))?;
    Ok(EndFigures {
        pages: now.pages,
        items: now.items.into_iter().filter_map(|(name, rows)| Some((name, rows?))).collect(),
        dead_letters: now.dead_letters,
        ..EndFigures::default()
    })
}

/// Two lines for each run: what it did in columns, and what it was.
fn text(listed: &[RunRecord], uncounted: &BTreeSet<i64>, paint: Paint) -> String {
    let headings = ["id", "run", "state", "verdict", "done", "failed", "dead", "queued", "items", "took"];
    let columns = table(headings, listed.iter().map(|run| row(run, uncounted)));
    let mut lines = columns.lines();
    let mut text = lines.next().map_or_else(String::new, |headings| format!("{headings}\n"));
    for (line, run) in lines.zip(listed) {
        let is_good = run.verdict.as_ref().is_none_or(RunVerdict::is_good);
        let line = if is_good { line.to_owned() } else { paint.red(line) };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{line}\n    {}", shortened(&about(run), LINE_CHARS - 4));
        for problem in run.verdict.iter().flat_map(|verdict| &verdict.problems) {
            let _ = writeln!(text, "    {}", paint.red(&shortened(&problem.text, LINE_CHARS - 4)));
        }
    }
    text
}

fn row(run: &RunRecord, uncounted: &BTreeSet<i64>) -> [String; 10] {
    let of = |state| {
        run.figures.as_ref().map_or_else(|| "-".to_owned(), |figures| figures.pages.of(state).to_string())
    };
    let change = standing::change(run);
    let with = |number: String, change: Option<String>| match change {
        Some(change) => format!("{number} {change}"),
        None => number,
    };
    let done = with(of(PageState::Done), change.as_ref().map(standing::Change::pages));
    let items = match &run.figures {
        Some(figures) if !uncounted.contains(&run.run_id) => {
            with(figures.all_items().to_string(), change.as_ref().map(standing::Change::items))
        }
        _ => "-".to_owned(),
    };
    let queued =
        run.figures.as_ref().map_or_else(|| "-".to_owned(), |figures| figures.pages.queued.to_string());
    [
        run.run_id.to_string(),
        shortened(&run.name, NAME_CHARS),
        standing::word(run).to_owned(),
        run.verdict.as_ref().map_or("-", RunVerdict::as_str).to_owned(),
        done,
        of(PageState::Failed),
        of(PageState::Dead),
        queued,
        items,
        standing::told(standing::took(run)),
    ]
}

/// When it began, its spider, what it was started with, and why it ended if that is not obvious.
fn about(run: &RunRecord) -> String {
    let mut parts = vec![standing::moment(&run.started_at), format!("spider {}", run.spider)];
    if run.kind != RunKind::Crawl {
        parts.push(run.kind.to_string());
    }
    if let Some(reason) = run.stop_reason.as_deref().filter(|reason| *reason != run.state.as_str()) {
        parts.push(reason.replace('\n', " "));
    }
    let given: Vec<String> =
        standing::start_urls(run).map(str::to_owned).chain(standing::arguments(run)).collect();
    if !given.is_empty() {
        parts.push(given.join(" "));
    }
    parts.join(", ")
}

fn shortened(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    text.chars().take(chars - 1).chain(['…']).collect()
}
