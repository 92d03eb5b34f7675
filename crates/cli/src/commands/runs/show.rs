//! `dragline runs show`: the state of a run, and why requests failed.

use std::fmt::Write as _;
use std::sync::Arc;

use dragline_core::runs::{LargestGroups, RunFigures, RunRecord};
use dragline_core::{PageState, Spider};
use serde_json::{Value as Json, json};

use super::{Runs, lineage, standing};
use crate::commands::demo_site::Shelf;
use crate::commands::print;
use crate::commands::table::table;
use crate::exit::Exit;
use crate::failed::Failed;

pub(super) fn run(
    run: &str,
    path: Option<&str>,
    as_json: bool,
    runs: &Runs,
    spiders: &[Arc<dyn Spider>],
) -> Result<Exit, Failed> {
    let run = runs.find(run)?;
    // The demo's spider isn't listed. For a spider that this program doesn't have, the tables of its items are
    // unknown.
    let items = match spiders.iter().find(|spider| spider.name() == run.spider) {
        Some(spider) => spider.items(),
        None if run.spider == Shelf.name() => Shelf.items(),
        None => Vec::new(),
    };
    if let Some(url) = path {
        return lineage::show(&run, url, as_json, runs, &items);
    }
    let figures = runs.wait("looking at the run", runs.admin.inspect_run(run.run_id, &items))?;
    if as_json {
        print(&format!("{:#}\n", json(&run, &figures)))?;
    } else {
        print(&text(&run, &figures))?;
    }
    Ok(Exit::Finished)
}

fn text(run: &RunRecord, figures: &RunFigures) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<9} {value}");
    };
    line("run", &format!("{} (id {}), spider {}", run.name, run.run_id, run.spider));
    let reason = run.stop_reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    line("state", &format!("{}{reason}", standing::word(run)));
    line("process", &standing::process(run));
    line("epoch", &run.epoch.to_string());
    line("began", &standing::moment(&run.started_at));
    if run.last_start_at != run.started_at {
        let lived = standing::told(standing::lived(run));
        line("resumed", &format!("{}, for {lived}", standing::moment(&run.last_start_at)));
    }
    if let Some(end) = &run.finished_at {
        line("ended", &standing::moment(end));
    }
    line("took", &standing::told(standing::took(run)));
    let pages = PageState::ALL.map(|state| format!("{state} {}", figures.pages.of(state)));
    line("pages", &format!("{}, queued {}", pages.join(", "), figures.pages.queued));
    let items = figures.items.iter().map(|(name, rows)| match rows {
        Some(rows) => format!("{name} {rows}"),
        None => format!("{name} (its table is missing)"),
    });
    let items = items.collect::<Vec<_>>().join(", ");
    line("items", if items.is_empty() { "none" } else { &items });
    if figures.dead_letters > 0 {
        line(
            "letters",
            &format!("{} (dragline dead-letters list --run {})", figures.dead_letters, run.run_id),
        );
    }
    let all = figures.pages.queued + figures.pages.ended.values().sum::<u64>();
    let hosts = figures.queued_by_host.kinds;
    line(
        "frontier",
        &format!("{} of {all} requests queued, of {}", figures.pages.queued, number(hosts, "host")),
    );
    line("next", &next(run, figures));
    for (title, key, tallies) in [
        ("failed by status", "status", &figures.failed_by_status),
        ("failed by reason", "reason", &figures.failed_by_reason),
        ("skipped by reason", "reason", &figures.skipped_by_reason),
        ("queued by host", "host", &figures.queued_by_host),
    ] {
        text.push_str(&group(title, key, tallies));
    }
    text
}

fn group(title: &str, key: &str, tallies: &LargestGroups) -> String {
    if tallies.largest.is_empty() {
        return String::new();
    }
    let rows = tallies.largest.iter().map(|tally| {
        let key = tally.key.as_deref().unwrap_or("no answer").replace('\n', " ");
        [tally.count.to_string(), key, tally.example.clone().unwrap_or_default()]
    });
    let example = if key == "host" { "" } else { "for example" };
    let mut text = format!("\n{title}\n{}", table(["requests", key, example], rows));
    let untold = tallies.kinds - tallies.largest.len() as u64;
    if untold > 0 {
        let _ = writeln!(text, "… and {untold} more");
    }
    text
}

/// What you can do next.
fn next(run: &RunRecord, figures: &RunFigures) -> String {
    let failed = figures.pages.of(PageState::Failed);
    let retry = format!(
        "`dragline runs retry {} --failed` puts {} back into the queue",
        run.run_id,
        number(failed, "failed request")
    );
    match (run.state.is_final(), run.is_held, failed) {
        (_, true, _) => "nothing; a process is working on it".to_owned(),
        (false, false, 0) => "the same crawl command resumes it".to_owned(),
        (false, false, _) => format!("the same crawl command resumes it; {retry}"),
        (true, false, 0) => "nothing; the next crawl starts a new run".to_owned(),
        (true, false, _) => format!("the next crawl starts a new run; {retry}"),
    }
}

fn number(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn json(run: &RunRecord, figures: &RunFigures) -> Json {
    let mut fields = standing::json(run);
    let mut pages: serde_json::Map<String, Json> =
        PageState::ALL.iter().map(|state| (state.to_string(), figures.pages.of(*state).into())).collect();
    pages.insert("queued".to_owned(), figures.pages.queued.into());
    let items = figures.items.iter().map(|(name, rows)| (name.clone(), Json::from(*rows))).collect();
    fields.insert("pages".to_owned(), Json::Object(pages));
    fields.insert("items".to_owned(), Json::Object(items));
    fields.insert("dead_letters".to_owned(), figures.dead_letters.into());
    for (name, key, tallies) in [
        ("failed_by_status", "status", &figures.failed_by_status),
        ("failed_by_reason", "reason", &figures.failed_by_reason),
        ("skipped_by_reason", "reason", &figures.skipped_by_reason),
        ("queued_by_host", "host", &figures.queued_by_host),
    ] {
        let largest = tallies.largest.iter().map(|tally| {
            let value = match tally.key.as_deref().map(str::parse::<u16>) {
                Some(Ok(status)) if key == "status" => Json::from(status),
                _ => Json::from(tally.key.clone()),
            };
            let mut row = json!({ key: value, "requests": tally.count });
            if let Some(example) = &tally.example {
                row["example"] = Json::from(example.as_str());
            }
            row
        });
        let largest: Vec<Json> = largest.collect();
        fields.insert(name.to_owned(), json!({ "kinds": tallies.kinds, "largest": largest }));
    }
    Json::Object(fields)
}
