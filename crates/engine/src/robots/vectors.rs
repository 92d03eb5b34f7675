//! Test vectors of public test suites, and decisions about real files on which two independent parsers agree.

use std::fs;

use dragline_testkit::vectors;
use serde_json::{Value as Json, json};
use url::Url;

use super::rules::{RobotsFile, RobotsLine};

#[test]
fn the_vectors_pass() {
    let mut failed = Vec::new();
    for row in vectors::rows("robots_vectors.json") {
        let kind = row["kind"].as_str().unwrap();
        let counts = row["agreed"] == true || kind.starts_with("rfc9309");
        // Google's parser expects encoded URLs from its callers. RFC 9309 normalizes them.
        let is_known = row["test"] == "ID_Encoding";
        let text = match row.get("robots_txt_base64") {
            Some(coded) => vectors::bytes(&json!({ "$b64": coded })),
            None => vectors::bytes(&row["robots_txt"]),
        };
        if counts && !is_known && allows(&text, &row["agent"], &row["url"]) != row["allowed"] {
            failed.push(row["id"].to_string());
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn decisions_about_real_files_are_those_of_others() {
    let Some(oracle) = vectors::read("robots_real_oracle_sample.json") else { return };
    let mut failed = Vec::new();
    for file in oracle.as_array().unwrap() {
        let name = file["file"].as_str().unwrap();
        let text = fs::read(vectors::path(&format!("robots_real/{name}")).unwrap()).unwrap();
        let told = RobotsFile::read("*", &text);
        let delay = told.crawl_delay().map(|delay| delay.as_secs_f64());
        if json!(delay) != file["crawl_delay_star"] || json!(told.sitemaps()) != file["sitemaps"] {
            failed.push(format!("{name}: {delay:?}, {:?}", told.sitemaps()));
        }
        for row in file["vectors"].as_array().unwrap() {
            if allows(&text, &row["agent"], &row["url"]) != row["allowed"] {
                failed.push(format!("{name}: {row}"));
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

/// Some vectors have only a path, and some not even that.
fn allows(text: &[u8], agent: &Json, url: &Json) -> Json {
    let url = url.as_str().unwrap();
    let url = Url::parse(url).unwrap_or_else(|_| {
        Url::parse(&format!("http://a.example/{}", url.strip_prefix('/').unwrap_or(url))).unwrap()
    });
    RobotsFile::read(agent.as_str().unwrap(), text).rule_for(&url).is_none_or(RobotsLine::allows).into()
}
