//! Recorded decisions of Scrapy's tests on redirects and refreshes, if the files are there.

use dragline_core::{Page, QueuedRequest, Request, Response, SameRequest};
use dragline_testkit::vectors;
use http::header::LOCATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Map, Value as Json};

use super::RedirectSettings;
use super::{RedirectError, follow, location, refresh_target};

/// The result of an answer.
#[derive(Debug, PartialEq)]
enum Decision {
    /// It is the page, or it fails as it is.
    Answer,
    /// Its chain is too long.
    Ignored,
    /// Method, URL, headers and body of the next request, and the hops before.
    Next(String, String, Map<String, Json>, String, usize),
}

#[test]
fn recorded_redirects_are_decided_alike() {
    let mut wrong = Vec::new();
    for vector in vectors::rows("redirects_scrapy.json") {
        // Such requests are impossible here.
        if !vector["request"]["url"].as_str().unwrap().starts_with("http") {
            continue;
        }
        let (expected, ours) = (expected(&vector["result"]), decide(&vector));
        if expected != ours {
            wrong.push(format!("{}\n  expected {expected:?}\n  and not  {ours:?}", vector["test"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn recorded_refreshes_are_read_alike() {
    for vector in vectors::rows("meta_refresh_base_url_scrapy.json") {
        let url = Request::get(vector["url"].as_str().unwrap()).unwrap();
        let page = Page::new(Response::stored(url, vectors::bytes(&vector["body"])));
        let text = |value: &Json| value.as_str().map(|url| Request::get(url).unwrap().url().clone());
        match vector["kind"].as_str() {
            Some("base_url") => {
                assert_eq!(Some(page.base_url().clone()), text(&vector["result"]), "{vector}");
            }
            // Leave out those that do look into `noscript`.
            Some("meta_refresh") if vector["kwargs"].as_object().is_none_or(Map::is_empty) => {
                let seconds = vector["result"][0].as_f64().map(f64::trunc);
                let found = page.refresh();
                #[allow(clippy::cast_precision_loss)] // a few seconds
                let ours = found.as_ref().map(|refresh| refresh.after.as_secs() as f64);
                assert_eq!(ours, seconds, "{vector}");
                assert_eq!(found.map(|refresh| refresh.url), text(&vector["result"][1]), "{vector}");
            }
            _ => {}
        }
    }
}

fn expected(result: &Json) -> Decision {
    match result.as_str() {
        Some("response_returned") => Decision::Answer,
        Some(_) => Decision::Ignored,
        None => {
            let text = |name: &str| result[name].as_str().unwrap_or_default().to_owned();
            let url = Request::get(text("url")).unwrap().url().to_string();
            let headers = result["headers"].as_object().cloned().unwrap_or_default();
            Decision::Next(text("method"), url, headers, text("body"), hops(&result["meta"]))
        }
    }
}

fn hops(meta: &Json) -> usize {
    meta["redirect_urls"].as_array().map_or(0, Vec::len)
}

fn decide(vector: &Json) -> Decision {
    let (asked, answer) = (&vector["request"], &vector["response"]);
    let meta = &asked["meta"];
    let status = u16::try_from(answer["status"].as_u64().unwrap()).unwrap();
    let listed = meta["handle_httpstatus_list"].as_array().is_some_and(|list| list.contains(&status.into()));
    let is_wanted = meta["dont_redirect"] == true || meta["handle_httpstatus_all"] == true || listed;
    // Spider::accepts and the setting max_refresh_delay do this.
    if is_wanted {
        return Decision::Answer;
    }
    let queued = QueuedRequest {
        redirects: vec!["http://before.example/".to_owned(); hops(meta)],
        ..QueuedRequest::start(request(vector), 0)
    };
    // The hops that were left, before or after this one.
    let left = |meta: &Json| Some(hops(meta) + usize::try_from(meta["redirect_ttl"].as_u64()?).unwrap());
    let max_hops = left(meta).or_else(|| left(&vector["result"]["meta"])).unwrap_or(20);
    let settings = RedirectSettings { max_hops, ..RedirectSettings::default() };
    let target = if vector["kind"] == "meta_refresh" {
        let mut page = Response::stored(request(vector), vectors::bytes(&answer["body"]));
        page.queued = queued;
        refresh_target(&Page::new(page), &settings, &SameRequest::canonical())
    } else {
        location(status, &headers(answer))
            .map(|location| follow(&queued, status, &location, max_hops, &SameRequest::canonical()))
    };
    match target {
        None | Some(Err(RedirectError::Scheme(_) | RedirectError::NoUrl(..))) => Decision::Answer,
        Some(Err(RedirectError::TooMany(..))) => Decision::Ignored,
        Some(Ok(next)) => {
            let request = next.request;
            let mut headers = Map::new();
            for (name, value) in request.headers() {
                headers.entry(name.clone()).or_insert_with(|| Json::Array(Vec::new()));
                headers[name].as_array_mut().unwrap().push(value.as_str().into());
            }
            let body = String::from_utf8(request.body().unwrap_or_default().to_vec()).unwrap();
            let (method, url) = (request.method().to_string(), request.url().to_string());
            Decision::Next(method, url, headers, body, next.redirects.len())
        }
    }
}

fn request(vector: &Json) -> Request {
    let asked = &vector["request"];
    let method = Method::from_bytes(asked["method"].as_str().unwrap().as_bytes()).unwrap();
    let mut request = Request::get(asked["url"].as_str().unwrap()).unwrap().with_method(method);
    let body = vectors::bytes(&asked["body"]);
    if !body.is_empty() {
        request = request.with_body(body);
    }
    for (name, values) in asked["headers"].as_object().unwrap() {
        for value in values.as_array().unwrap() {
            request = request.with_header(name, value.as_str().unwrap());
        }
    }
    // These requests name a proxy, which the recording leaves out.
    if vector["test"].as_str().unwrap().contains("test_meta_proxy") {
        request = request.with_proxy("http://a.example".parse().unwrap());
    }
    request
}

fn headers(answer: &Json) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, values) in answer["headers"].as_object().unwrap() {
        for value in values.as_array().unwrap() {
            let name = HeaderName::try_from(name.as_str()).unwrap();
            headers.append(name, HeaderValue::from_bytes(&vectors::bytes(value)).unwrap());
        }
    }
    assert!(headers.get(LOCATION).is_none_or(|location| !location.is_empty()));
    headers
}
