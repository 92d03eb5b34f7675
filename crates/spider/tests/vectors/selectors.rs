//! CSS selectors: which elements of a page each one matches, and which texts are not selectors.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use dragline_spider::StoredPage;
use dragline_testkit::vectors;

/// Selectors of the standard that every browser and scraper supports. Dragline does not promise level 4 or soupsieve's own.
const LEVELS: [&str; 3] = ["level1", "level2", "level3"];

/// The state of an element in somebody's browser, which a page does not have. What it says at first is in its
/// attributes: `[checked]`.
const STATES: [&str; 9] =
    [":active", ":checked", ":disabled", ":enabled", ":focus", ":hover", ":link", ":target", ":visited"];

#[test]
fn selectors_match_the_elements_that_they_name() {
    let mut differing = Vec::new();
    for row in vectors::rows("css_selectors_soupsieve.json") {
        let is_html = row["mode"].as_str().is_some_and(|mode| mode.starts_with("html"));
        let is_standard = LEVELS.iter().any(|level| row["level"] == **level);
        if !is_html || !is_standard || row["custom"] == true || !row["namespaces"].is_null() {
            continue;
        }
        let (markup, selector) = (row["markup"].as_str().unwrap(), row["selector"].as_str().unwrap());
        if STATES.iter().any(|state| selector.contains(state)) {
            continue;
        }
        let page = StoredPage::new("http://a.example/", markup.to_owned()).page().unwrap();
        let found = catch_unwind(AssertUnwindSafe(|| {
            page.attrs(selector, "id").into_iter().map(str::to_owned).collect::<BTreeSet<_>>()
        }));
        let expected: BTreeSet<String> = row["expected_ids"]
            .as_array()
            .unwrap()
            .iter()
            .map(|id| id.as_str().unwrap().to_owned())
            .collect();
        if found.as_ref().ok() != Some(&expected) {
            let found = found.map_err(|_| "no selector");
            differing.push(format!("{selector:?}: {found:?}, not {expected:?} in {markup}"));
        }
    }
    assert!(differing.is_empty(), "{differing:#?}");
}

#[test]
fn what_is_no_selector_is_refused() {
    let page = StoredPage::new("http://a.example/", "<p>x</p>").page().unwrap();
    let mut taken = Vec::new();
    for row in vectors::rows("css_selectors_invalid_soupsieve.json") {
        let selector = row["selector"].as_str().unwrap();
        let is_standard = LEVELS.iter().any(|level| row["level"] == **level);
        if is_standard && catch_unwind(AssertUnwindSafe(|| page.select(selector).len())).is_ok() {
            taken.push(selector.to_owned());
        }
    }
    assert!(taken.is_empty(), "{taken:?}");
}
