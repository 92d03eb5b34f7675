//! `dragline runs compare RUN [RUN]`: two runs side by side.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use dragline_core::run_verdict::{EndFigures, RunVerdict};
use dragline_core::runs::{RunAsk, RunRecord};
use dragline_core::store::RunState;
use dragline_core::{ItemType, PageState, RunKind, Spider, secrets};
use dragline_runtime::shown;
use serde_json::{Map, Value as Json, json};

use super::show::items_of;
use super::{Runs, columns, list, standing};
use crate::commands::print;
use crate::commands::table::table;
use crate::exit::Exit;
use crate::failed::Failed;
use crate::paint::Paint;

/// A run with what it holds.
struct Side {
    run: RunRecord,
    figures: EndFigures,
}

pub(super) fn run(
    run: &str,
    with: Option<&str>,
    as_json: bool,
    runs: &Runs,
    spiders: &[Arc<dyn Spider>],
) -> Result<Exit, Failed> {
    let now = runs.find(run)?;
    let then = match with {
        Some(with) => runs.find(with)?,
        None => finished_before(&now, runs)?,
    };
    let side = |run: RunRecord| -> Result<Side, Failed> {
        let figures = match &run.figures {
            Some(figures) => figures.clone(),
            None => list::figures_now(run.run_id, runs, &known_items(&run, spiders)?)?,
        };
        Ok(Side { run, figures })
    };
    let (now, then) = (side(now)?, side(then)?);
    if as_json {
        let mut json = json(&now, &then);
        secrets::hide_in_json(&mut json);
        print(&format!("{json:#}\n"))?;
    } else {
        print(&shown(&text(&now, &then, Paint::stdout())))?;
    }
    Ok(Exit::Finished)
}

/// The item types of a run that has not ended, whose rows are counted now.
fn known_items(run: &RunRecord, spiders: &[Arc<dyn Spider>]) -> Result<Vec<ItemType>, Failed> {
    items_of(&run.spider, spiders).ok_or_else(|| {
        let problem = format!(
            "this program doesn't have the spider {}, so it can't count the rows of run {} (id {})",
            run.spider, run.name, run.run_id
        );
        Failed::error(problem).hint("use a program that has it, or compare runs that have ended")
    })
}

/// The last finished run of the same name.
fn finished_before(run: &RunRecord, runs: &Runs) -> Result<RunRecord, Failed> {
    let ask = RunAsk {
        name: Some(run.name.clone()),
        kind: Some(RunKind::Crawl),
        state: Some(RunState::Finished),
        older_than: Some(run.run_id),
        limit: 1,
        ..RunAsk::default()
    };
    runs.list(&ask)?.pop().ok_or_else(|| {
        let problem = format!("no run {} finished before the one with the id {}", run.name, run.run_id);
        Failed::error(problem)
            .hint("name the other run: `dragline runs compare RUN RUN`; `dragline runs list` shows all")
    })
}

fn text(now: &Side, then: &Side, paint: Paint) -> String {
    let mut rows: Vec<[String; 4]> = Vec::new();
    let mut line = |name: &str, of: &dyn Fn(&Side) -> String| {
        rows.push([name.to_owned(), of(now), of(then), String::new()]);
    };
    line("run", &|side| side.run.name.clone());
    line("state", &|side| standing::word(&side.run).to_owned());
    line("verdict", &|side| side.run.verdict.as_ref().map_or("-", RunVerdict::as_str).to_owned());
    line("began", &|side| standing::moment(&side.run.started_at));
    let took = |side: &Side| standing::took(&side.run);
    rows.push([
        "took".to_owned(),
        standing::told(took(now)),
        standing::told(took(then)),
        told_difference(took(now) - took(then)),
    ]);
    let mut number = |name: String, of: &dyn Fn(&EndFigures) -> u64| {
        let (now, then) = (of(&now.figures), of(&then.figures));
        rows.push([name, now.to_string(), then.to_string(), format!("{:+}", difference(now, then))]);
    };
    for state in PageState::ALL {
        number(format!("pages {state}"), &|figures| figures.pages.of(state));
    }
    number("pages queued".to_owned(), &|figures| figures.pages.queued);
    for item in items(now, then) {
        number(format!("items {item}"), &|figures| rows_of(figures, item));
    }
    number("dead letters".to_owned(), &|figures| figures.dead_letters);
    let headings = [
        String::new(),
        format!("run {}", now.run.run_id),
        format!("run {}", then.run.run_id),
        "change".to_owned(),
    ];
    let mut text = table(headings.each_ref().map(String::as_str), rows);
    let columns = columns::text(&now.figures.columns, Some(&then.figures.columns), &now.figures.drops, paint);
    if !columns.is_empty() {
        text.push('\n');
        text.push_str(&columns);
    }
    text
}

/// The item types of either run.
fn items<'a>(now: &'a Side, then: &'a Side) -> BTreeSet<&'a str> {
    now.figures.items.keys().chain(then.figures.items.keys()).map(String::as_str).collect()
}

fn rows_of(figures: &EndFigures, item: &str) -> u64 {
    figures.items.get(item).copied().unwrap_or_default()
}

fn difference(now: u64, then: u64) -> i64 {
    i64::try_from(i128::from(now) - i128::from(then)).unwrap_or_default()
}

fn told_difference(difference: TimeDelta) -> String {
    let sign = if difference < TimeDelta::zero() { "-" } else { "+" };
    format!("{sign}{}", standing::told(difference.abs()))
}

fn json(now: &Side, then: &Side) -> Json {
    let side = |side: &Side| {
        let mut fields = standing::json(&side.run);
        fields.insert("figures".to_owned(), side.figures.to_json());
        Json::Object(fields)
    };
    let pages: Map<String, Json> = PageState::ALL
        .iter()
        .map(|state| {
            let of = |side: &Side| side.figures.pages.of(*state);
            (state.to_string(), difference(of(now), of(then)).into())
        })
        .collect();
    let items: Map<String, Json> = items(now, then)
        .into_iter()
        .map(|item| {
            let of = |side: &Side| rows_of(&side.figures, item);
            (item.to_owned(), difference(of(now), of(then)).into())
        })
        .collect();
    let seconds = standing::took(&now.run) - standing::took(&then.run);
    #[allow(clippy::cast_precision_loss)] // a duration of a run in milliseconds is exact
    let seconds = seconds.num_milliseconds() as f64 / 1_000.0;
    json!({
        "run": side(now),
        "compared_with": side(then),
        "change": {
            "seconds": seconds,
            "pages": pages,
            "queued": difference(now.figures.pages.queued, then.figures.pages.queued),
            "items": items,
            "dead_letters": difference(now.figures.dead_letters, then.figures.dead_letters),
            "filled_share": columns::changes(&now.figures.columns, &then.figures.columns),
        },
    })
}
