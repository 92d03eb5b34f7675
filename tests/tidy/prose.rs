//! What the documents promise about the repository itself: commands that exist, links that lead somewhere.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::source::{files_under, repository};

/// The test command, as the README gives it and CI runs it.
const TEST_COMMAND: &str = "./test";

#[test]
fn commands_in_the_documents_exist() {
    for document in documents() {
        let text = read(&document);
        let commands = text.lines().map(str::trim_start).filter_map(|line| line.strip_prefix("./"));
        for command in commands.filter_map(|line| line.split_whitespace().next()) {
            assert!(is_executable(command), "{document} names ./{command}, which cannot be run");
        }
    }
}

#[test]
fn ci_runs_the_test_command_of_the_readme() {
    let stands_alone = |document: &str| read(document).lines().any(|line| line.trim() == TEST_COMMAND);
    assert!(stands_alone("README.md"), "the README gives {TEST_COMMAND} on a line of its own");
    assert!(read(".ci/run").contains(TEST_COMMAND), ".ci/run ends with {TEST_COMMAND}");
    assert!(is_executable(".ci/run"));
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
    files_under("", |name| name.ends_with(".md"))
}

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn is_executable(path: &str) -> bool {
    fs::metadata(repository().join(path))
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}
