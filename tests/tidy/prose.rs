//! What the documents promise about the repository itself: commands that exist, links that lead somewhere.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::source::{extension, files, repository};

/// The test command, as the README gives it and CI runs it.
const TEST_COMMAND: &str = "./test";

#[test]
fn commands_in_the_documents_exist() {
    for document in documents() {
        for command in commands(&read(&document)) {
            let program = command.split_whitespace().next().unwrap_or_default();
            assert!(is_executable(program), "{document} names {program}, which cannot be run");
        }
    }
}

#[test]
fn ci_runs_the_test_command_of_the_readme() {
    let readme = read("README.md");
    assert!(commands(&readme).contains(&TEST_COMMAND), "the README does not give {TEST_COMMAND}");
    let last = read(".ci/run").lines().last().map(str::to_owned);
    assert_eq!(last.as_deref(), Some("step ./test"), "CI ends with the README's test command");
    assert!(is_executable(".ci/run"));
}

#[test]
fn files_that_the_documents_name_are_there() {
    let tops = ["crates/", "pipelines/", "spiders/", "tests/", "deploy/", "docs/", "examples/", ".ci/"];
    for document in documents() {
        let text = read(&document);
        // Every second part is between two backticks; in it, what looks like a path of this repository.
        for path in
            text.split('`').skip(1).step_by(2).filter(|code| tops.iter().any(|top| code.starts_with(top)))
        {
            let is_pattern = path.contains([' ', '*', '<', '…']);
            let path = path.split(':').next().unwrap_or(path);
            assert!(
                is_pattern || repository().join(path).exists(),
                "{document} names {path}, which is not there"
            );
        }
    }
}

#[test]
fn links_in_the_documents_lead_somewhere() {
    for document in documents() {
        let folder = repository().join(&document).parent().unwrap().to_owned();
        let text = read(&document);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            let is_elsewhere = link.is_empty() || link.contains("://");
            assert!(
                is_elsewhere || folder.join(link).exists(),
                "{document} links to {link}, which is not there"
            );
        }
    }
}

fn documents() -> Vec<String> {
    files(|name| extension(name) == "md")
}

/// Commands of this repository: lines that begin with `./`, perhaps after a prompt; their comments are cut off.
fn commands(text: &str) -> Vec<&str> {
    let lines = text.lines().map(|line| line.trim_start().trim_start_matches("$ "));
    lines
        .filter(|line| line.starts_with("./"))
        .map(|line| line.split(" #").next().unwrap_or(line).trim())
        .collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn is_executable(path: &str) -> bool {
    fs::metadata(repository().join(path))
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}
