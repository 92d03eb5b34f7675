//! Whether a page had contents in which the spider found no item.
//!
//! If a run stored nothing, either its selectors are wrong or the site has nothing. An interface that has nothing new shows it
//! with an empty answer, an empty list, or a feed without entries. Everything else counts as contents.

use dragline_core::Page;
use serde_json::Value as Json;

/// A larger answer has contents. It is not read again to find out.
const MAX_EMPTY_BYTES: usize = 64 << 10;

/// The element of each entry, for documents that list something.
const ENTRIES: [(&str, &str); 5] = [
    ("rss", "<item"),
    ("rdf:RDF", "<item"),
    ("feed", "<entry"),
    ("urlset", "<url>"),
    ("sitemapindex", "<sitemap>"),
];

/// Whether the page, of which the spider made no item, had contents. If it led to other pages, as an overview does, a JSON
/// answer had none of its own.
pub(super) fn is_barren(page: &Page, has_requests: bool) -> bool {
    let response = page.response();
    if response.body.len() > MAX_EMPTY_BYTES {
        return true;
    }
    let text = String::from_utf8_lossy(&response.body);
    let text = text.trim_start_matches('\u{feff}').trim();
    let kind = response.headers.get(http::header::CONTENT_TYPE);
    let kind = kind.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if text.is_empty() {
        false
    } else if let Ok(json) = serde_json::from_str::<Json>(text) {
        !has_requests && !lists_nothing(&json)
    } else if kind.ends_with("/xml") || kind.ends_with("+xml") && kind != "application/xhtml+xml" {
        !is_empty_xml(text)
    } else if kind == "text/csv" {
        text.lines().nth(1).is_some()
    } else {
        true
    }
}

/// Whether the document is empty, or has lists and all of them are empty.
fn lists_nothing(json: &Json) -> bool {
    let mut lists = 0;
    match json {
        Json::Null => true,
        Json::Object(fields) if fields.is_empty() => true,
        _ => all_lists_are_empty(json, &mut lists) && lists > 0,
    }
}

fn all_lists_are_empty(json: &Json, lists: &mut usize) -> bool {
    match json {
        Json::Array(list) => {
            *lists += 1;
            list.is_empty()
        }
        Json::Object(fields) => fields.values().all(|value| all_lists_are_empty(value, lists)),
        _ => true,
    }
}

/// Whether the root has no elements in it, or no entries where it is known what they are called.
fn is_empty_xml(text: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '-' | '.');
    let mut elements =
        text.split('<').skip(1).filter(|rest| rest.starts_with(|c: char| c.is_alphabetic() || c == '_'));
    let Some(root) = elements.next() else { return true };
    let root = root.split(|c| !is_name(c)).next().unwrap_or_default();
    match ENTRIES.iter().find(|(name, _)| *name == root) {
        Some((_, entry)) => !text.contains(entry),
        None => elements.next().is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::{QueuedRequest, Request, Response};

    fn barren(kind: &str, body: &str, has_requests: bool) -> bool {
        let queued = QueuedRequest::start(Request::get("https://shop.example/").unwrap(), 0);
        let headers = [(http::header::CONTENT_TYPE, kind.parse().unwrap())].into_iter().collect();
        let response = Response::of_queued(queued, 200, headers, body.to_owned().into());
        is_barren(&Page::new(response), has_requests)
    }

    #[test]
    fn an_answer_that_lists_nothing_has_no_contents() {
        for (kind, body) in [
            ("text/html", " \n"),
            ("application/json", "[]"),
            ("application/json; charset=utf-8", r#"{"items": [], "total": 0, "next": null}"#),
            ("application/json", r#"{"data": {"products": []}}"#),
            ("application/problem+json", "null"),
            ("text/plain", "{}"),
            ("text/xml", "<?xml version='1.0'?><!-- none --><products/>"),
            ("application/rss+xml", "<rss><channel><title>News</title></channel></rss>"),
            ("application/atom+xml", "<feed><title>News</title></feed>"),
            ("text/csv", "name,price\n"),
        ] {
            assert!(!barren(kind, body, false), "{kind}: {body}");
        }
    }

    #[test]
    fn everything_else_has_contents() {
        for (kind, body) in [
            ("text/html", "<html><body></body></html>"),
            ("application/json", r#"{"items": [{"price": 5}]}"#),
            ("application/json", r#"{"price": 5}"#),
            ("application/json", r#"{"items": [], "facets": ["red"]}"#),
            ("text/xml", "<products><product/></products>"),
            ("application/rss+xml", "<rss><channel><item/></channel></rss>"),
            ("application/xhtml+xml", "<html/>"),
            ("text/csv", "name,price\nbolt,5\n"),
            ("text/plain", "nothing new"),
        ] {
            assert!(barren(kind, body, false), "{kind}: {body}");
        }
        assert!(barren("text/html", &" ".repeat(MAX_EMPTY_BYTES + 1), false), "too large to be looked at");
        let overview = r#"{"categories": ["a", "b"]}"#;
        assert!(!barren("application/json", overview, true), "it leads on");
        assert!(barren("text/html", "<a href='/a'>a</a>", true), "every HTML page leads on");
    }
}
