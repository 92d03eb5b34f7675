//! URLs: parsed as browsers do, and brought to one spelling as w3lib does.

use std::borrow::Cow;

use dragline_spider::SameRequest;
use dragline_spider::canonical::canonical_url;
use dragline_spider::resolve::resolve;
use dragline_testkit::vectors;
use encoding_rs::Encoding;
use serde_json::Value as Json;
use url::Url;

/// What w3lib does and Dragline has no use for.
const OPTIONS: [&str; 2] = ["keep_fragments", "keep_blank_values"];

#[test]
fn urls_are_spelled_as_w3lib_spells_them() {
    let mut differing = Vec::new();
    for row in vectors::rows("url_canonicalize_w3lib.json") {
        let text = String::from_utf8(vectors::bytes(&row["args"][0])).unwrap();
        let options = row["kwargs"].as_object().unwrap();
        if OPTIONS.iter().any(|option| options.contains_key(*option))
            || row["args"].as_array().unwrap().len() > 1
        {
            continue;
        }
        let encoding = match options.get("encoding").and_then(Json::as_str) {
            None => encoding_rs::UTF_8,
            Some(label) => match Encoding::for_label(label.as_bytes()) {
                Some(encoding) => encoding,
                None => continue,
            },
        };
        // Where the page's encoding has no such character, a browser sends a reference to it, and w3lib UTF-8.
        if encoding.encode(&text).2 {
            continue;
        }
        let encode: &dyn Fn(&str) -> Cow<'_, [u8]> = &|query| encoding.encode(query).0;
        let parsed = Url::options().encoding_override(Some(encode)).parse(&text);
        // A request has an absolute URL with http or https.
        let Some(url) = parsed.ok().filter(|url| url.scheme().starts_with("http")) else { continue };
        let spelled = canonical_url(&url);
        if spelled != row["result"].as_str().unwrap() {
            differing.push(format!("{text}: {spelled}, not {}", row["result"]));
        }
    }
    assert!(differing.is_empty(), "{differing:#?}");
}

#[test]
fn urls_are_parsed_as_browsers_parse_them() {
    let mut differing = Vec::new();
    for row in vectors::rows("url_wpt_urltestdata.json") {
        let Some(input) = row["input"].as_str() else { continue };
        let base = row["base"].as_str().map(Url::parse).transpose();
        let parsed = base.and_then(|base| match base {
            Some(base) => resolve(&base, input, None),
            None => Url::parse(input),
        });
        let expected = row["href"].as_str();
        // Of other schemes than these nothing is fetched.
        let [ours, theirs] = [parsed.as_ref().ok().map(Url::as_str), expected];
        if ours != theirs && [ours, theirs].iter().flatten().any(|url| url.starts_with("http")) {
            differing.push(format!("{input:?} on {}: {parsed:?}, not {expected:?}", row["base"]));
        }
        // Whatever can be fetched has a spelling of its own.
        if let Some(url) = parsed.ok().filter(|url| url.scheme().starts_with("http")) {
            for rule in [SameRequest::canonical(), SameRequest::verbatim()] {
                let spelled = rule.spelling(&url);
                assert_eq!(rule.spelling(&Url::parse(&spelled).unwrap()), spelled, "{input:?}");
            }
        }
    }
    assert!(differing.is_empty(), "{differing:#?}");
}

#[test]
fn hosts_are_written_as_browsers_write_them() {
    let mut differing = Vec::new();
    for row in vectors::rows("url_wpt_toascii.json") {
        let input = row["input"].as_str().unwrap();
        let parsed = Url::parse(&format!("https://{input}/x")).ok();
        let host = parsed.as_ref().and_then(Url::host_str);
        if host != row["output"].as_str() {
            differing.push(format!("{input:?}: {host:?}, not {}", row["output"]));
        }
    }
    assert!(differing.is_empty(), "{differing:#?}");
}
