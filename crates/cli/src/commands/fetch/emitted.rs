//! What a spider would emit for a page, and what a crawl would refuse.

use std::collections::HashSet;
use std::fmt::Write as _;

use dragline_core::{ItemRecord, QueuedRequest, secrets};
use dragline_engine::Preview;
use serde_json::{Map, Value as Json, json};

/// The text for people: items as they would be stored, then requests, then refusals.
pub(super) fn text(preview: &Preview) -> String {
    let outcome = &preview.outcome;
    let mut text = format!("\ncalls    {}\npage {}", preview.calls, outcome.state);
    // Writing to a String cannot fail.
    let _ = match &outcome.error {
        Some(error) => writeln!(text, ": {error}"),
        None => writeln!(text),
    };
    let _ = writeln!(text, "\nitems {}", outcome.items.len());
    for item in &outcome.items {
        let _ = writeln!(text, "  {} {:#}", item.item_type.name(), Json::Object(item.to_json()));
    }
    let _ = writeln!(text, "\nrequests {}", outcome.requests.len());
    for queued in &outcome.requests {
        let request = &queued.request;
        let tag = if request.tag().is_empty() { String::new() } else { format!(" [{}]", request.tag()) };
        let _ = writeln!(text, "  {} {}{tag}", request.method(), secrets::hide_in_url(request.url()));
    }
    let refused = refused(preview);
    let _ = writeln!(text, "\nrefused {}", refused.len());
    for (what, reason) in refused {
        let _ = writeln!(text, "  {reason}: {what}");
    }
    text
}

/// The JSON for programs.
pub(super) fn json(preview: &Preview) -> Json {
    let outcome = &preview.outcome;
    let item = |item: &ItemRecord| json!({ "type": item.item_type.name(), "fields": item.to_json() });
    json!({
        "calls": preview.calls,
        "state": outcome.state.as_str(),
        "error": outcome.error,
        "items": outcome.items.iter().map(item).collect::<Vec<_>>(),
        "requests": outcome.requests.iter().map(request).collect::<Vec<_>>(),
        "refused": refused(preview)
            .into_iter()
            .map(|(what, reason)| json!({ "what": what, "reason": reason }))
            .collect::<Vec<_>>(),
    })
}

fn request(queued: &QueuedRequest) -> Json {
    let request = &queued.request;
    let mut fields = Map::from_iter([
        ("method".to_owned(), Json::from(request.method().as_str())),
        ("url".to_owned(), secrets::hide_in_url(request.url()).into()),
    ]);
    if !request.tag().is_empty() {
        fields.insert("tag".to_owned(), request.tag().into());
    }
    if !request.meta().is_empty() {
        fields.insert("meta".to_owned(), Json::Object(request.meta().clone()));
    }
    if request.priority() != 0 {
        fields.insert("priority".to_owned(), request.priority().into());
    }
    Json::Object(fields)
}

/// The items that would not be stored as emitted, and why.
fn refused(preview: &Preview) -> Vec<(String, String)> {
    let told = &preview.refused;
    let shown = |item: &ItemRecord| format!("{} {}", item.item_type.name(), Json::Object(item.to_json()));
    let mut all: Vec<(String, String)> =
        told.items.iter().map(|(item, reason)| (shown(item), format!("item dropped ({reason})"))).collect();
    for letter in &preview.outcome.dead_letters {
        let what = format!("{} {}", letter.item_type, letter.payload);
        all.push((what, format!("dead letter ({})", letter.error)));
    }
    // For each key, only the last item is stored.
    let mut keys = HashSet::new();
    for item in preview.outcome.items.iter().rev() {
        if let Some(key) = item.key_text()
            && !keys.insert((item.item_type.name(), key))
        {
            all.push((shown(item), "item replaced by a later one with the same key".to_owned()));
        }
    }
    all.extend(told.links.iter().map(|(reason, url)| (url.to_string(), format!("link {}", reason.as_str()))));
    all.extend(told.repeated.iter().map(|url| (url.to_string(), "request duplicate".to_owned())));
    if told.unusable_links > 0 {
        all.push((told.unusable_links.to_string(), "links that are not http or https".to_owned()));
    }
    all
}
