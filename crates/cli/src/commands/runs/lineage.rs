//! `dragline runs show RUN --path URL`: how the run came to a page, and which rows the page gave.

use std::fmt::Write as _;

use dragline_core::lineage::{Lineage, TracedRequest};
use dragline_core::runs::RunRecord;
use dragline_core::store::ItemRow;
use dragline_core::{ItemType, secrets};
use serde_json::{Value as Json, json};
use url::Url;

use super::{Runs, standing};
use crate::commands::print;
use crate::commands::table::table;
use crate::exit::Exit;
use crate::failed::Failed;

/// The text shows this much of a row.
const ROW_CHARS: usize = 300;
/// The text shows this many rows of an item type.
const ROWS_SHOWN: usize = 20;

/// A request with the requests that led to it, and the rows of its page by item type.
struct Traced {
    lineage: Lineage,
    /// `None` if this program doesn't have the run's spider, and so doesn't know the tables.
    rows: Option<Vec<(String, Vec<ItemRow>)>>,
}

pub(super) fn show(
    run: &RunRecord,
    url: &str,
    as_json: bool,
    runs: &Runs,
    items: Option<&[ItemType]>,
) -> Result<Exit, Failed> {
    let parsed = Url::parse(url).map_err(|error| {
        Failed::error(format!("{url:?} is not a URL: {error}")).hint("write it with http:// or https://")
    })?;
    let lineages = runs.wait("tracing the page", runs.admin.trace(run.run_id, &parsed))?;
    if lineages.is_empty() && run.pruned_at().is_some() {
        return Err(standing::pruned(run));
    }
    if lineages.is_empty() {
        let problem = format!("run {} (id {}) does not know the URL {parsed}", run.name, run.run_id);
        return Err(Failed::error(problem).hint("it must be the URL of a request, as a page links to it"));
    }
    let traced = lineages.into_iter().map(|lineage| Traced::read(lineage, run, runs, items));
    let traced = traced.collect::<Result<Vec<Traced>, Failed>>()?;
    if as_json {
        print(&format!("{:#}\n", traced.iter().map(Traced::json).collect::<Json>()))?;
    } else {
        print(&traced.iter().map(|traced| traced.text(&run.spider)).collect::<Vec<_>>().join("\n"))?;
    }
    Ok(Exit::Finished)
}

impl Traced {
    fn read(
        lineage: Lineage,
        run: &RunRecord,
        runs: &Runs,
        items: Option<&[ItemType]>,
    ) -> Result<Self, Failed> {
        let Some(items) = items else { return Ok(Self { lineage, rows: None }) };
        let mut rows = Vec::new();
        for item in items {
            let Some(page) = lineage.last() else { break };
            let mut of_type = Vec::new();
            let mut each = |row| {
                of_type.push(row);
                Ok(())
            };
            runs.wait("reading items", runs.admin.read_page_items(run, item, page, &mut each))?;
            if !of_type.is_empty() {
                rows.push((item.name().to_owned(), of_type));
            }
        }
        Ok(Self { lineage, rows: Some(rows) })
    }

    fn text(&self, spider: &str) -> String {
        let mut text = String::new();
        if !self.lineage.is_whole() {
            text.push_str("It is not known where the first of these was found: version 5 stored it.\n");
        }
        let requests = self.lineage.requests.iter().map(|request| {
            [request.depth.to_string(), state(request).to_owned(), request.tag.clone(), shown_url(request)]
        });
        text.push_str(&table(["depth", "state", "tag", "url"], requests));
        if let Some((reason, error)) = self.lineage.last().and_then(why) {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "\n{reason}: {error}");
        }
        match &self.rows {
            None => {
                let _ = writeln!(
                    text,
                    "\nThe item rows of the page are unknown; this program doesn't have the spider {spider}."
                );
            }
            Some(rows) if rows.is_empty() => text.push_str("\nThe page has no item rows.\n"),
            Some(_) => (),
        }
        for (item, rows) in self.rows.iter().flatten() {
            let _ = writeln!(text, "\n{item}");
            for row in rows.iter().take(ROWS_SHOWN) {
                let _ = writeln!(text, "  {}", shortened(&Json::Object(row.fields.clone()).to_string()));
            }
            if rows.len() > ROWS_SHOWN {
                let _ = writeln!(text, "  … and {} more", rows.len() - ROWS_SHOWN);
            }
        }
        text
    }

    fn json(&self) -> Json {
        let path: Vec<Json> = self.lineage.requests.iter().map(request_json).collect();
        let rows = |rows: &[ItemRow]| -> Json { rows.iter().map(|row| row.fields.clone()).collect() };
        let by_type = |types: &[(String, Vec<ItemRow>)]| -> serde_json::Map<String, Json> {
            types.iter().map(|(item, of_type)| (item.clone(), rows(of_type))).collect()
        };
        let items = self.rows.as_deref().map(by_type);
        json!({ "path": path, "is_whole": self.lineage.is_whole(), "items": items })
    }
}

/// The frontier has the whole URL.
fn shown_url(request: &TracedRequest) -> String {
    secrets::hide(&request.url).into_owned()
}

fn state(request: &TracedRequest) -> &'static str {
    request.state.map_or("queued", dragline_core::PageState::as_str)
}

fn why(request: &TracedRequest) -> Option<(&str, &str)> {
    let reason = request.reason.as_deref().or_else(|| request.state.map(dragline_core::PageState::as_str))?;
    Some((reason, request.error.as_deref()?))
}

fn request_json(request: &TracedRequest) -> Json {
    json!({
        "url": shown_url(request),
        "state": state(request),
        "tag": request.tag,
        "depth": request.depth,
        "status": request.status,
        "reason": request.reason,
        "error": request.error,
        "fingerprint": request.fingerprint.to_string(),
    })
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(ROW_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
