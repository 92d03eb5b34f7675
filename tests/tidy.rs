//! The shape of the repository: what a compiler does not check and a reader counts on.
//!
//! The rules are those of `crates/README.md`. Each failure names the files, the rule, and what to do instead.

use std::fs;
use std::path::Path;

use self::source::{SourceFile, extension, files, is_text, repository};

mod bounds;
mod cycles;
mod deploy;
mod manifests;
mod prose;
mod public_api;
pub(crate) mod source;

/// Names that say nothing about what is inside, and so attract everything.
const NAMES_OF_NOTHING: [&str; 8] =
    ["util", "utils", "common", "helper", "helpers", "types", "manager", "misc"];

/// Longer than this, and a file is about two things. Nine of ten should stay under 400.
const MAX_LINES: usize = 500;

/// The beginnings of statements, as this project writes them: key words in capitals.
const STATEMENTS: [&str; 9] = [
    "SELECT ",
    "INSERT INTO ",
    "DELETE FROM ",
    "CREATE TABLE ",
    "CREATE INDEX ",
    "CREATE UNIQUE ",
    "ALTER TABLE ",
    "DROP TABLE ",
    "COPY ",
];

#[test]
fn every_module_says_what_it_is_and_why() {
    let silent = rust_files(|source| !source.text.starts_with("//! "));
    assert!(silent.is_empty(), "begin these with `//!`, what they are and why: {silent:#?}");
}

#[test]
fn every_module_has_a_name_that_says_something() {
    let nameless = rust_files(|source| {
        Path::new(&source.path).iter().filter_map(|part| part.to_str()).any(|part| {
            let name = part.strip_suffix(".rs").unwrap_or(part);
            NAMES_OF_NOTHING.contains(&name)
        })
    });
    assert!(nameless.is_empty(), "name these after what they hold: {nameless:#?}");
}

#[test]
fn no_file_is_about_two_things() {
    let long = rust_files(|source| source.text.lines().count() > MAX_LINES);
    assert!(long.is_empty(), "split these, they have more than {MAX_LINES} lines: {long:#?}");
}

#[test]
fn sql_lives_in_the_stores_and_the_schema_alone() {
    let mut found = Vec::new();
    for source in sources() {
        // One reads the tables as a program of somebody else does, and the other asks a database of somebody else.
        let is_reader =
            ["examples/follow_changes.rs", "examples/look_up_sql.rs"].contains(&source.path.as_str());
        if source.is_for_tests() || source.path.starts_with("crates/store/") || is_reader {
            continue;
        }
        for (line, literal) in &source.literals {
            let update = literal.contains("UPDATE ") && literal.contains(" SET ");
            if update || STATEMENTS.iter().any(|statement| literal.contains(statement)) {
                found.push(format!("{}:{line}: {literal}", source.path));
            }
        }
    }
    assert!(found.is_empty(), "move these statements into crates/store: {found:#?}");
}

#[test]
fn spiders_and_core_do_no_io_and_know_no_runtime() {
    for folder in ["crates/core/", "crates/normalize/", "crates/spider/"] {
        assert_absent(folder, &["tokio", "reqwest", "std::fs", "std::net", "std::process", "SystemTime"]);
    }
    // A spider is a function of its page: the same page gives the same items, today and in its test.
    assert_absent(
        "spiders/",
        &[
            "tokio",
            "reqwest",
            "std::fs",
            "std::net",
            "std::process",
            "std::env",
            "std::thread",
            "SystemTime",
            "Instant",
            "Utc::now",
        ],
    );
}

#[test]
fn no_test_is_switched_off() {
    let off = rust_files(|source| source.code.contains("#[ignore"));
    assert!(off.is_empty(), "a promise without a test is not a promise: {off:#?}");
}

#[test]
fn nothing_names_the_machine_that_it_was_written_on() {
    let mut found = Vec::new();
    for path in files(is_text) {
        let text = fs::read_to_string(repository().join(&path)).unwrap_or_default();
        for needle in ["/home", "/Users", "/root", "/work", "C:\\Users"] {
            // Put together here, so that this file does not find itself.
            if text.contains(&format!("{needle}{}", if needle.contains('\\') { "\\" } else { "/" })) {
                found.push(format!("{path}: {needle}"));
            }
        }
    }
    assert!(found.is_empty(), "these paths exist on one machine only: {found:#?}");
}

fn assert_absent(folder: &str, needles: &[&str]) {
    let mut found = Vec::new();
    for source in sources().filter(|source| source.path.starts_with(folder) && !source.is_for_tests()) {
        let names = needles.iter().filter(|needle| source.names(needle));
        found.extend(names.map(|needle| format!("{}: {needle}", source.path)));
    }
    assert!(found.is_empty(), "{folder} must do without these: {found:#?}");
}

fn sources() -> impl Iterator<Item = SourceFile> {
    files(|name| extension(name) == "rs").into_iter().map(|path| SourceFile::read(&path))
}

fn rust_files(is_at_fault: impl Fn(&SourceFile) -> bool) -> Vec<String> {
    sources().filter(|source| is_at_fault(source)).map(|source| source.path).collect()
}
