//! `dragline runs show`: the state of a run, and why requests failed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use dragline_core::counted::counted;
use dragline_core::item_figures::{self, ItemFigures};
use dragline_core::runs::{BadPage, LargestGroups, RunFigures, RunRecord};
use dragline_core::store::PageOrigins;
use dragline_core::{ItemType, PageState, RuleCounts, RunKind, Spider, secrets};
use dragline_runtime::shown;
use serde_json::{Value as Json, json};

use super::{Runs, columns, lineage, standing};
use crate::commands::demo_site::Shelf;
use crate::commands::print;
use crate::commands::table::table;
use crate::exit::Exit;
use crate::failed::Failed;
use crate::paint::Paint;
use crate::report::{origins, rule_lines};

/// Reading the columns of a run that goes on may take as long.
const COLUMNS_LIMIT: Duration = Duration::from_secs(30);

pub(super) fn run(
    run: &str,
    path: Option<&str>,
    as_json: bool,
    runs: &Runs,
    spiders: &[Arc<dyn Spider>],
) -> Result<Exit, Failed> {
    let run = runs.find(run)?;
    let items = items_of(&run.spider, spiders);
    if let Some(url) = path {
        return lineage::show(&run, url, as_json, runs, items.as_deref());
    }
    let types = items.as_deref().unwrap_or_default();
    let mut figures = runs.wait("looking at the run", runs.admin.inspect_run(run.run_id, types))?;
    if let Some(ended) = run.figures.as_ref().filter(|_| run.pruned_at().is_some()) {
        figures.pages = ended.pages.clone();
    }
    let rows = match &items {
        Some(_) => ItemRows::Now(&figures.items),
        None => ItemRows::of_unknown_types(&run),
    };
    let held = Held { figures: &figures, rows, columns: columns_of(&run, types, runs) };
    if as_json {
        let mut shown = json(&run, &held);
        secrets::hide_in_json(&mut shown);
        print(&format!("{shown:#}\n"))?;
    } else {
        print(&shown(&text(&run, &held, Paint::stdout())))?;
    }
    Ok(Exit::Finished)
}

/// What a run holds.
struct Held<'a> {
    figures: &'a RunFigures,
    rows: ItemRows<'a>,
    columns: ItemFigures,
}

/// The rows of each item type of a run.
enum ItemRows<'a> {
    /// They were counted now. A type whose table is missing has no count.
    Now(&'a [(String, Option<u64>)]),
    /// This program doesn't have the run's spider, so it doesn't know the tables. These are the counts of the run's last end.
    AtItsEnd(&'a BTreeMap<String, u64>),
    /// In the same case, but nobody counted: the run is going on, or it was killed.
    Unknown,
}

impl<'a> ItemRows<'a> {
    fn of_unknown_types(run: &'a RunRecord) -> Self {
        run.figures.as_ref().map_or(Self::Unknown, |figures| Self::AtItsEnd(&figures.items))
    }

    fn text(&self, spider: &str) -> String {
        let listed = |rows: Vec<String>| if rows.is_empty() { "none".to_owned() } else { rows.join(", ") };
        match self {
            Self::Now(rows) => {
                let counted = rows.iter().map(|(name, rows)| match rows {
                    Some(rows) => format!("{name} {rows}"),
                    None => format!("{name} (its table is missing)"),
                });
                listed(counted.collect())
            }
            Self::AtItsEnd(rows) => {
                let rows = listed(rows.iter().map(|(name, rows)| format!("{name} {rows}")).collect());
                format!("{rows} (counted when the run ended; this program doesn't have the spider {spider})")
            }
            Self::Unknown => {
                format!("unknown; this program doesn't have the spider {spider}, so ask one that does")
            }
        }
    }

    fn json(&self) -> Json {
        match self {
            Self::Now(rows) => {
                Json::Object(rows.iter().map(|(name, rows)| (name.clone(), Json::from(*rows))).collect())
            }
            Self::AtItsEnd(rows) => json!(rows),
            Self::Unknown => Json::Null,
        }
    }
}

/// What the columns hold: as it was counted at the end of the run, and for one that goes on, as it is now. Rows of a run that
/// ended long ago may belong to another one by now, so they are not counted again.
fn columns_of(run: &RunRecord, items: &[ItemType], runs: &Runs) -> ItemFigures {
    match &run.figures {
        Some(figures) if run.state.is_final() => figures.columns.clone(),
        None if run.state.is_final() => ItemFigures::new(),
        _ => {
            let now = runs.admin.item_figures(run.run_id, items, COLUMNS_LIMIT);
            // The rest of the run can be shown all the same.
            runs.wait("reading what the columns hold", now).unwrap_or_else(|failed| {
                tracing::warn!("the columns of the run's rows are not shown: {}", failed.what);
                ItemFigures::new()
            })
        }
    }
}

fn text(run: &RunRecord, held: &Held<'_>, paint: Paint) -> String {
    let Held { figures, rows, columns } = held;
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<9} {value}");
    };
    line("run", &format!("{} (id {}), spider {}", run.name, run.run_id, run.spider));
    if run.kind != RunKind::Crawl {
        line("kind", run.kind.as_str());
    }
    for url in standing::start_urls(run) {
        line("start", url);
    }
    for argument in standing::arguments(run) {
        line("argument", &argument);
    }
    let reason = run.stop_reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    line("state", &format!("{}{reason}", standing::word(run)));
    if let Some(verdict) = &run.verdict {
        let word = verdict.as_str();
        line("verdict", &if verdict.is_good() { word.to_owned() } else { paint.red(word) });
        verdict.problems.iter().for_each(|problem| line("", &paint.red(&problem.text)));
    }
    let drops = run.figures.as_ref().map_or(&[][..], |figures| &figures.drops);
    for drop in drops {
        line("warning", &paint.red(&drop.text()));
    }
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
    if run.kind != RunKind::Crawl {
        line("from", &origins(PageOrigins::of_stats(&run.stats)));
    }
    line("items", &rows.text(&run.spider));
    rule_lines(&RuleCounts::of_stats(&run.stats), &mut line);
    if let Some(change) = standing::change(run) {
        line(
            "change",
            &format!(
                "{} pages done, {} items, compared with the last finished run of this name",
                change.pages(),
                change.items()
            ),
        );
    }
    if figures.dead_letters > 0 {
        line(
            "letters",
            &format!("{} (`dragline dead-letters list --run {}`)", figures.dead_letters, run.run_id),
        );
    }
    if let Some(at) = &run.pruned_at() {
        let what = "its requests are no longer in the store, and the pages are those of its end";
        line("frontier", &format!("pruned at {}: {what}", standing::moment(at)));
        line("next", "nothing; the next crawl starts a new run");
    } else {
        let all = figures.pages.queued + figures.pages.ended.values().sum::<u64>();
        let (queued, hosts) = (figures.pages.queued, figures.queued_by_host.kinds);
        let (all, hosts) = (counted(all, "request"), counted(hosts, "host"));
        line("frontier", &format!("{queued} of {all} queued, of {hosts}"));
        line("next", &next(run, figures));
    }
    let before = run.before.as_ref().map(|before| &before.columns);
    let table = columns::text(columns, before, drops, paint);
    if !table.is_empty() {
        text.push_str("\ncolumns, next to those of the last finished run of this name\n");
        text.push_str(&table);
    }
    for (title, key, tallies) in [
        ("failed by status", "status", &figures.failed_by_status),
        ("failed by reason", "reason", &figures.failed_by_reason),
        ("dead by reason", "reason", &figures.dead_by_reason),
        ("skipped by reason", "reason", &figures.skipped_by_reason),
        ("queued by host", "host", &figures.queued_by_host),
    ] {
        text.push_str(&group(title, key, tallies));
    }
    for state in [PageState::Failed, PageState::Dead] {
        text.push_str(&bad_pages(state, figures));
    }
    text
}

/// The item types of a spider, or `None` if this program doesn't have the spider. The demo's spider isn't listed.
pub(super) fn items_of(spider: &str, spiders: &[Arc<dyn Spider>]) -> Option<Vec<ItemType>> {
    match spiders.iter().find(|known| known.name() == spider) {
        Some(spider) => Some(spider.items()),
        None => (spider == Shelf.name()).then(|| Shelf.items()),
    }
}

/// The failed or dead pages with their URLs.
fn bad_pages(state: PageState, figures: &RunFigures) -> String {
    let pages: Vec<&BadPage> = figures.ended_badly.iter().filter(|page| page.state == state).collect();
    if pages.is_empty() {
        return String::new();
    }
    let rows = pages.iter().map(|page| {
        let kept = page.kept_bytes.map_or_else(|| "-".to_owned(), |bytes| format!("{bytes} bytes"));
        let status = page.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
        [page.reason.clone().unwrap_or_else(|| "-".to_owned()), status, kept, page.url.clone()]
    });
    let mut text = format!("\n{state} pages\n{}", table(["reason", "status", "kept", "url"], rows));
    let untold = figures.pages.of(state).saturating_sub(pages.len() as u64);
    if untold > 0 {
        let _ = writeln!(text, "… and {untold} more");
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
        counted(failed, "failed request")
    );
    match (run.state.is_final(), run.is_held, failed) {
        (_, true, _) => "nothing; a process is working on it".to_owned(),
        (false, false, 0) => "the same crawl command resumes it".to_owned(),
        (false, false, _) => format!("the same crawl command resumes it; {retry}"),
        (true, false, 0) => "nothing; the next crawl starts a new run".to_owned(),
        (true, false, _) => format!("the next crawl starts a new run; {retry}"),
    }
}

fn json(run: &RunRecord, held: &Held<'_>) -> Json {
    let Held { figures, rows, columns } = held;
    let mut fields = standing::json(run);
    let mut pages: serde_json::Map<String, Json> =
        PageState::ALL.iter().map(|state| (state.to_string(), figures.pages.of(*state).into())).collect();
    pages.insert("queued".to_owned(), figures.pages.queued.into());
    fields.insert("pages".to_owned(), Json::Object(pages));
    let PageOrigins { read, fetched } = PageOrigins::of_stats(&run.stats);
    fields.insert("pages_read".to_owned(), read.into());
    fields.insert("pages_fetched".to_owned(), fetched.into());
    fields.insert("items".to_owned(), rows.json());
    fields.insert("rules".to_owned(), RuleCounts::of_stats(&run.stats).to_json());
    fields.insert("dead_letters".to_owned(), figures.dead_letters.into());
    fields.insert("columns".to_owned(), item_figures::to_json(columns));
    let before = run.before.as_ref().map(|before| item_figures::to_json(&before.columns));
    fields.insert("columns_before".to_owned(), before.into());
    for (name, key, tallies) in [
        ("failed_by_status", "status", &figures.failed_by_status),
        ("failed_by_reason", "reason", &figures.failed_by_reason),
        ("dead_by_reason", "reason", &figures.dead_by_reason),
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
    for (name, state) in [("failed_pages", PageState::Failed), ("dead_pages", PageState::Dead)] {
        let pages = figures.ended_badly.iter().filter(|page| page.state == state).map(|page| {
            json!({
                "url": page.url,
                "status": page.status,
                "reason": page.reason,
                "error": page.error,
                "kept_bytes": page.kept_bytes,
            })
        });
        fields.insert(name.to_owned(), pages.collect());
    }
    Json::Object(fields)
}
