//! `docs/settings.md` and `dragline --help` tell the same.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use super::source::repository;

#[test]
fn every_flag_and_variable_is_in_the_settings_document() {
    let document = fs::read_to_string(repository().join("docs/settings.md")).unwrap();
    let documented = words(&document);
    let commands: [&[&str]; 12] = [
        &["crawl"],
        &["fetch"],
        &["runs", "list"],
        &["runs", "show"],
        &["runs", "retry"],
        &["runs", "end"],
        &["healthcheck"],
        &["export"],
        &["dead-letters", "list"],
        &["dead-letters", "show"],
        &["dead-letters", "retry"],
        &["dead-letters", "export"],
    ];
    let known: BTreeSet<String> = commands.iter().flat_map(|command| words(&help(command))).collect();
    let missing: Vec<_> = known.difference(&documented).collect();
    assert!(missing.is_empty(), "docs/settings.md lacks these: {missing:?}");
    let gone: Vec<_> = documented.difference(&known).filter(|word| *word != "DATABASE_URL").collect();
    assert!(gone.is_empty(), "docs/settings.md names these, which no command knows: {gone:?}");
}

fn help(command: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_dragline")).args(command).arg("--help").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Flags and environment variables.
fn words(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))
        .filter(|word| {
            let is_flag = word.len() > 3 && word.starts_with("--") && word.ends_with(char::is_alphabetic);
            let is_variable = word.contains('_') && word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
            (is_flag || is_variable) && !matches!(*word, "--help" | "--version")
        })
        .map(str::to_owned)
        .collect()
}
