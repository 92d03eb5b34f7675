//! Bytes to text: labels, declarations and headers as browsers read them, and as w3lib does where it agrees.

use dragline_spider::StoredPage;
use dragline_spider::encoding::{decode, detect};
use dragline_testkit::vectors;
use encoding_rs::{Encoding, WINDOWS_1252};
use serde_json::Value as Json;

/// No UTF-8, and nothing that names an encoding.
const UNDECLARED: &[u8] = b"\xe4\xf6\xfc";

fn text_in(encoding: &Json, bytes: &[u8]) -> Option<String> {
    let label = encoding.as_str()?.replace("cp125", "windows-125");
    let encoding = Encoding::for_label(label.as_bytes())?;
    Some(encoding.decode(bytes).0.into_owned())
}

#[test]
fn each_label_names_its_encoding() {
    for row in vectors::rows("encoding_labels_whatwg.json") {
        let name = row["name"].as_str().unwrap();
        for label in row["labels"].as_array().unwrap() {
            let header = format!("text/html; charset={}", label.as_str().unwrap());
            let detected = detect(UNDECLARED, Some(&header)).name();
            // An encoding that browsers refuse to read counts as not named.
            let expected = if name == "replacement" { WINDOWS_1252.name() } else { name };
            assert_eq!(detected, expected, "{label}");
        }
    }
}

#[test]
fn a_page_is_read_in_the_encoding_that_it_declares() {
    let mut differing = Vec::new();
    for row in vectors::rows("encoding_prescan_html5lib.json") {
        if row["scripted"] == Json::Bool(true) {
            continue;
        }
        let page = match row.get("data_b64") {
            Some(coded) => vectors::bytes(&serde_json::json!({ "$b64": coded })),
            None => vectors::bytes(&row["data"]),
        };
        // A page that says nothing and is ASCII is the same in the standard's last resort as in UTF-8.
        if Some(&*decode(&page, None)) != text_in(&row["encoding"], &page).as_deref() {
            differing.push(format!(
                "{}: {}, not {}",
                row["file"],
                detect(&page, None).name(),
                row["encoding"]
            ));
        }
    }
    assert!(differing.is_empty(), "{differing:#?}");
}

#[test]
fn the_charset_of_a_content_type_is_that_of_browsers() {
    let mut differing = Vec::new();
    for row in vectors::rows("wpt_mime_types.json") {
        let Some(input) = row["input"].as_str() else { continue };
        if row["output"].as_str().is_some_and(|output| output.starts_with("text/html")) {
            let page = StoredPage::new("http://a.example/", "x").with_content_type(input).page();
            assert!(page.is_ok_and(|page| page.is_html()), "{input}");
        }
        let Some(encoding) = row.get("encoding") else { continue };
        let expected = encoding.as_str().unwrap_or(WINDOWS_1252.name());
        let detected = detect(UNDECLARED, Some(input)).name();
        if !detected.eq_ignore_ascii_case(expected) {
            differing.push(format!("{input}: {detected}, not {expected}"));
        }
    }
    assert!(differing.is_empty(), "{differing:#?}");
}

/// w3lib is given the whole line.
fn value_of(header: &str) -> &str {
    header.strip_prefix("Content-Type: ").unwrap_or(header).trim_end()
}

/// Rows of which browsers think otherwise, each by the standard.
fn is_w3libs_own(row: &Json, args: &[Json]) -> bool {
    let asked = args[0].as_str().unwrap_or_default();
    // A quoted string that is not closed ends with the header (MIME Sniffing, section 4.4).
    let is_open_quote = asked.matches('"').count() == 1;
    // Without a mark, UTF-16 is little-endian (Encoding, section 4.2).
    let is_unmarked = asked.ends_with("utf-16")
        && text_in(&Json::from("utf-16be"), &vectors::bytes(&args[1])).as_deref()
            == row["result"][1].as_str();
    is_open_quote || is_unmarked
}

#[test]
fn texts_are_those_that_w3lib_reads() {
    let mut differing = Vec::new();
    for row in vectors::rows("encoding_detect_w3lib.json") {
        let (args, options) = (row["args"].as_array().unwrap(), &row["kwargs"]);
        // The behaviour without any declaration is not an option here.
        if options.to_string().contains("$func")
            || args.iter().any(|arg| arg.to_string().contains("$func"))
            || is_w3libs_own(&row, args)
        {
            continue;
        }
        let (ours, theirs) = match row["fn"].as_str().unwrap().rsplit('.').next().unwrap() {
            "http_content_type_encoding" => {
                let Some(header) = args[0].as_str().map(value_of) else { continue };
                let theirs = text_in(&row["result"], UNDECLARED);
                let theirs = theirs.unwrap_or_else(|| WINDOWS_1252.decode(UNDECLARED).0.into_owned());
                (decode(UNDECLARED, Some(header)).into_owned(), theirs)
            }
            "html_body_declared_encoding" => {
                let body = vectors::bytes(&args[0]);
                let Some(theirs) = text_in(&row["result"], &body) else { continue };
                (decode(&body, None).into_owned(), theirs)
            }
            "to_unicode" => {
                let body = vectors::bytes(&args[0]);
                let header = format!("text/plain; charset={}", args[1].as_str().unwrap());
                (decode(&body, Some(&header)).into_owned(), row["result"].as_str().unwrap().to_owned())
            }
            "html_to_unicode" => {
                let body = vectors::bytes(&args[1]);
                (
                    decode(&body, args[0].as_str().map(value_of)).into_owned(),
                    row["result"][1].as_str().unwrap().to_owned(),
                )
            }
            _ => continue,
        };
        if ours != theirs {
            differing.push(format!("{row}: {ours:?}, not {theirs:?}"));
        }
    }
    assert!(differing.is_empty(), "{differing:#?}");
}
