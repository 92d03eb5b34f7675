//! `dragline check`: the spiders that come with the program pass; what differs is shown, and can be accepted.

use std::fs;
use std::path::Path;

use crate::stored::{dragline, example};

#[test]
fn every_spider_that_comes_with_the_program_carries_samples_and_passes() {
    let checked = dragline().arg("check").run();
    checked.assert_code(0);
    for wrong in ["no samples", "differs", "mistake"] {
        checked.assert(wrong, !checked.stdout.contains(wrong));
    }
    let one = dragline().args(["check", "quotes"]).run();
    one.assert_code(0).assert_stdout("author.html").assert("other spiders", !one.stdout.contains("books"));
}

#[test]
fn accepting_what_is_expected_already_writes_nothing() {
    let accepted = dragline().args(["check", "quotes", "--accept"]).run();
    accepted.assert_code(0).assert_stdout("nothing was written").assert_stdout("as expected");
}

#[test]
fn a_spider_that_is_not_there_is_a_usage_error() {
    dragline().args(["check", "qoutes"]).run().assert_code(2).assert_stderr("quotes");
}

#[test]
fn what_can_never_be_expected_is_a_mistake() {
    let checked = example("nasty_spiders").args(["check", "nasty"]).run();
    checked
        .assert_code(1)
        .assert_stdout("parse panicked: this page is not to my taste")
        .assert_stdout("items() does not declare the item type stranger")
        .assert_stdout("thing.text is text with a NUL character")
        .assert_stdout("does not accept status 404")
        .assert_stderr("4 of 5 samples with a mistake");
    let nothing = example("nasty_spiders").args(["check", "zoo"]).run();
    nothing.assert_code(1).assert_stdout("no samples").assert_stderr("nothing was checked");
}

#[test]
fn what_differs_is_shown_and_accepted_into_the_source_tree() {
    let check = example("nasty_spiders").args(["check", "nasty"]);
    check.run().assert_code(1).assert_stdout("+  \"unusable_links\": 0").assert_stdout("differs");
    // It writes only next to the page that was checked.
    check.clone().arg("--accept").run().assert_code(1).assert_stderr("is not in this folder");
    let pages = check.folder().join("tests/nasty_pages");
    fs::create_dir_all(&pages).unwrap();
    fs::write(pages.join("new.html"), "<p>another page</p>").unwrap();
    check
        .clone()
        .arg("--accept")
        .run()
        .assert_code(1)
        .assert_stderr("is not the page that this program was built");
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nasty_pages/new.html");
    fs::copy(page, pages.join("new.html")).unwrap();
    let accepted = check.clone().arg("--accept").run();
    accepted.assert_code(1).assert_stdout("written: tests/nasty_pages/new.html.json\n");
    accepted.assert("the difference", !accepted.stdout.contains("unusable_links"));
    accepted.assert("one that differs", !accepted.stdout.contains("differs"));
    let written = fs::read_to_string(pages.join("new.html.json")).unwrap();
    let written: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(written["items"][1]["thing"]["text"], "new");
}
