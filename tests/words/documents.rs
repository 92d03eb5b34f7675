//! The commands and flags that the documents name exist.

use std::collections::BTreeSet;
use std::fs;

use super::{commands, known_words, words};
use crate::tidy::source::repository;

/// Flags of other programs in the documents.
const OF_OTHERS: [&str; 1] = ["--get"];

#[test]
fn every_command_and_flag_that_from_scrapy_names_exists() {
    let text = fs::read_to_string(repository().join("docs/from-scrapy.md")).unwrap();
    let known = known_words();
    let missing: Vec<_> = words(&text)
        .into_iter()
        .filter(|word| !known.contains(word) && !OF_OTHERS.contains(&word.as_str()))
        .collect();
    assert!(missing.is_empty(), "docs/from-scrapy.md names flags that no command has: {missing:?}");

    let known: BTreeSet<Vec<String>> = commands().into_iter().collect();
    let mut named = 0;
    for call in text.split('`').filter_map(|code| code.strip_prefix("dragline ")) {
        let is_command =
            |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-');
        let said: Vec<String> = call.split_whitespace().take_while(is_command).map(str::to_owned).collect();
        // The word after a command may be a value, such as a spider.
        let exists = call.starts_with('-') || (1..=said.len()).rev().any(|at| known.contains(&said[..at]));
        assert!(exists, "docs/from-scrapy.md names `dragline {call}`, which is not a command");
        named += 1;
    }
    assert!(named > 5, "docs/from-scrapy.md names hardly a command");
}
