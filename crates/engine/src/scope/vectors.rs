//! Recorded links of Scrapy's tests, if the files are there. Only those cases are used that `Page::links` and the rules of the
//! scope cover. For others (`XPath`, attributes other than `href`, the text of links), a spider has its own code.

use std::collections::HashSet;

use dragline_core::queued_request::host_of;
use dragline_core::{Page, Request, Response};
use dragline_testkit::vectors;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value as Json};
use url::Url;

use super::extensions::{Extensions, IGNORED_EXTENSIONS};
use super::hosts::ScopeHosts;
use super::patterns::Patterns;

/// The options of a link extractor that are supported here.
const KNOWN: [&str; 8] = [
    "allow",
    "deny",
    "allow_domains",
    "deny_domains",
    "restrict_css",
    "canonicalize",
    "unique",
    "deny_extensions",
];

#[test]
fn recorded_links_are_found_alike() {
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for vector in vectors::rows("link_extraction_scrapy.json") {
        let options = vector["options"]["kwargs"].as_object().cloned().unwrap_or_default();
        let is_known = options.iter().all(|(name, value)| {
            KNOWN.contains(&name.as_str()) && (!value.is_null() || name == "deny_extensions")
        });
        let has_arguments = vector["options"]["args"].as_array().is_some_and(|list| !list.is_empty());
        if !is_known || has_arguments {
            continue;
        }
        tried += 1;
        let expected: Vec<String> = unique(
            options.get("unique") != Some(&Json::Bool(false)),
            vector["links"]
                .as_array()
                .unwrap()
                .iter()
                .map(|link| without_fragment(link["url"].as_str().unwrap())),
        );
        let ours = links(&vector, &options);
        if expected != ours {
            wrong.push(format!("{}\n  expected {expected:?}\n  and not  {ours:?}", vector["test"]));
        }
    }
    assert!(wrong.is_empty(), "of {tried}:\n{}", wrong.join("\n"));
}

fn links(vector: &Json, options: &Map<String, Json>) -> Vec<String> {
    let page = page(vector);
    let found: Vec<Url> = match list(options, "restrict_css").as_slice() {
        [] => page.links().to_vec(),
        selectors => {
            let within = selectors.iter().flat_map(|selector| page.select(selector));
            let hrefs = within.flat_map(|node| node.attrs("a[href], area[href]", "href"));
            hrefs.filter_map(|href| Some(page.request(href).ok()?.url().clone())).collect()
        }
    };
    let hosts = |name: &str| {
        let named = list(options, name);
        (!named.is_empty()).then(|| ScopeHosts::new(&named, []).unwrap())
    };
    let (allowed, denied) = (hosts("allow_domains"), hosts("deny_domains"));
    let patterns = Patterns::new(&list(options, "allow"), &list(options, "deny")).unwrap();
    let ignored = match options.get("deny_extensions") {
        None | Some(Json::Null) => {
            IGNORED_EXTENSIONS.iter().map(|extension| (*extension).to_owned()).collect()
        }
        Some(_) => list(options, "deny_extensions"),
    };
    let extensions = Extensions::new(&ignored);
    let kept = found.into_iter().filter(|url| {
        allowed.as_ref().is_none_or(|hosts| hosts.contain(url, &host_of(url)))
            && !denied.as_ref().is_some_and(|hosts| hosts.contain(url, &host_of(url)))
            && patterns.allow(url.as_str())
            && !patterns.deny(url.as_str())
            && !extensions.end(url.path())
    });
    unique(options.get("unique") != Some(&Json::Bool(false)), kept.map(|url| url.to_string()))
}

fn page(vector: &Json) -> Page {
    let request = Request::get(vector["url"].as_str().unwrap()).unwrap();
    let mut response = Response::stored(request, vectors::bytes(&vector["body"]));
    let encoding = vector["encoding"].as_str().unwrap_or("utf-8");
    // The recording has the body as text.
    let encoding = if vector["body"].is_string() { "utf-8" } else { encoding };
    let content_type = HeaderValue::from_str(&format!("text/html; charset={encoding}")).unwrap();
    response.headers.insert(CONTENT_TYPE, content_type);
    Page::new(response)
}

/// A value or a list of them.
fn list(options: &Map<String, Json>, name: &str) -> Vec<String> {
    match options.get(name) {
        Some(Json::String(one)) => vec![one.clone()],
        Some(Json::Array(all)) => all.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}

fn unique(is_asked_for: bool, urls: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = HashSet::new();
    urls.filter(|url| !is_asked_for || seen.insert(url.clone())).collect()
}

/// As the parser writes the URL.
fn without_fragment(url: &str) -> String {
    let mut url = Url::parse(url).unwrap();
    url.set_fragment(None);
    url.into()
}
