//! Everything that helps people to learn the program: help with examples, suggestions, completions, man pages, and settings
//! with their sources. Reviewed snapshots hold the texts.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::stored::dragline;

mod config;
mod documents;

/// Every command of the program, as its words; the empty one is the program itself.
pub(crate) fn commands() -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    let mut at = 0;
    while at < all.len() {
        let command: Vec<String> = all[at].clone();
        let help = help(&command);
        let subs =
            help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
        // A description that goes on in the next line stands further in.
        let names = subs.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
        for sub in names.filter(|sub| !sub.is_empty() && *sub != "help") {
            all.push(command.iter().cloned().chain([sub.to_owned()]).collect());
        }
        at += 1;
    }
    assert!(all.len() > 15, "commands are missing: {all:?}");
    all
}

pub(crate) fn help(command: &[String]) -> String {
    let finished = dragline().args(command).arg("--help").run();
    finished.assert_code(0).stdout.clone()
}

/// Flags that the help of any command names, and variables.
fn known_words() -> BTreeSet<String> {
    commands().iter().flat_map(|command| words(&help(command))).collect()
}

/// Flags and environment variables in a text.
pub(crate) fn words(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))
        .filter(|word| {
            let is_flag = word.len() > 3 && word.starts_with("--") && word.ends_with(char::is_alphanumeric);
            let is_variable = word.starts_with("DRAGLINE_");
            is_flag || is_variable
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn help_is_reviewed_text() {
    for command in commands() {
        let name = if command.is_empty() { "dragline".to_owned() } else { command.join("-") };
        let text = help(&command).replace(env!("CARGO_PKG_VERSION"), "VERSION");
        let text: Vec<_> = text.lines().map(str::trim_end).collect();
        insta::assert_snapshot!(name, text.join("\n"));
    }
}

#[test]
fn the_short_help_of_a_crawl_fits_on_one_screen() {
    let finished = dragline().args(["crawl", "-h"]).run();
    let text = &finished.assert_code(0).stdout;
    assert!(text.lines().count() <= 46, "{} lines:\n{text}", text.lines().count());
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    insta::assert_snapshot!("crawl-short", text.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
    // The long help has everything.
    let (short, long) = (words(text), words(&help(&["crawl".to_owned()])));
    assert!(short.is_subset(&long) && short.len() < 25 && long.len() > 150, "{short:?} {long:?}");
}

#[test]
fn a_wrong_word_is_answered_with_the_one_that_was_meant() {
    for (wrong, meant) in [
        (&["crwal", "quotes"][..], "'crawl'"),
        (&["crawl", "qoutes"], "'quotes'"),
        (&["crawl", "quotes", "--concurency", "3"], "'--concurrency'"),
        (&["config", "shwo"], "'show'"),
        (&["dead-letters", "lst"], "'list'"),
        (&["completions", "bsh"], "'bash'"),
        (&["crawl", "quotes", "--log-format", "jsn"], "'json'"),
    ] {
        dragline().args(wrong).run().assert_code(2).assert_stderr(meant);
    }
}

#[test]
fn completions_are_scripts_that_complete() {
    let script = dragline().args(["completions", "bash"]).run().assert_code(0).stdout.clone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dragline.bash");
    fs::write(&path, script).unwrap();
    let check = Command::new("bash").arg("-n").arg(&path).output().unwrap();
    assert!(check.status.success() && check.stderr.is_empty(), "{check:?}");
    for (typed, completed) in [
        (&["cr"][..], "crawl"),
        (&["crawl", "quo"], "quotes"),
        (&["crawl", "quotes", "--host-c"], "--host-concurrency"),
        (&["crawl", "--log-format", "js"], "json"),
        (&["config", "sh"], "show"),
    ] {
        let last = typed.len();
        let word = typed[last - 1];
        let before = if last > 1 { typed[last - 2] } else { "dragline" };
        let call = format!(
            "source {}; COMP_WORDS=(dragline {}); COMP_CWORD={last}; _dragline dragline '{word}' '{before}'; \
             echo \"${{COMPREPLY[@]}}\"",
            path.display(),
            typed.join(" ")
        );
        let output = Command::new("bash").args(["--norc", "-c", &call]).output().unwrap();
        let reply = String::from_utf8_lossy(&output.stdout);
        assert_eq!(reply.trim(), completed, "{typed:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        let script = dragline().args(["completions", shell]).run().assert_code(0).stdout.clone();
        assert!(script.contains("host-concurrency") && script.contains("dead-letters"), "{shell}");
        assert!(script.contains("quotes") || shell != "zsh", "{shell} does not know the spiders");
    }
}

#[test]
fn man_pages_are_there_for_every_command_and_render() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("man1");
    dragline().args(["man", "--dir", dir.to_str().unwrap()]).run().assert_code(0);
    for command in commands() {
        let name = std::iter::once("dragline".to_owned()).chain(command).collect::<Vec<_>>().join("-");
        let path = dir.join(format!("{name}.1"));
        let page = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(
            page.contains(".TH ") && page.contains(".SH NAME") && page.contains("Example"),
            "{name}:\n{page}"
        );
        // Where the reader's own program is installed, it has no complaint.
        if let Ok(output) =
            Command::new("man").args(["--warnings", "-l"]).arg(&path).env("MANWIDTH", "100").output()
        {
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && output.stderr.is_empty(), "{name}: {output:?}");
            assert!(text.contains("NAME") && text.contains("SYNOPSIS"), "{name}:\n{text}");
        }
    }
    let first = dragline().arg("man").run();
    assert_eq!(first.assert_code(0).stdout, fs::read_to_string(dir.join("dragline.1")).unwrap());
    dragline().args(["man", "--dir", "/dev/null/man1"]).run().assert_code(1).assert_stderr("hint");
}

#[test]
fn what_must_always_answer_does_so_with_a_broken_settings_file() {
    for words in [&["completions", "bash"][..], &["man"], &["--help"], &["crawl", "--help"]] {
        let call = dragline().args(words);
        fs::write(call.folder().join("dragline.toml"), "[crawl]\nratte = 1\n").unwrap();
        call.run().assert_code(0);
    }
}
