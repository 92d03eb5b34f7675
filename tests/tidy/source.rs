//! Rust files as the rules see them: code apart from comments and string literals, tests cut off.
//!
//! This is a reader of tokens, not a parser. It knows comments, strings and characters, so that a rule about
//! code is not met by a sentence about code.

use std::fs;
use std::path::{Path, PathBuf};

/// A Rust file.
pub(super) struct SourceFile {
    /// Its path in the repository, with slashes.
    pub(super) path: String,
    /// All of it.
    pub(super) text: String,
    /// Its code: no comments, empty literals.
    pub(super) code: String,
    /// Its string literals outside `mod tests`, each with the line on which it begins.
    pub(super) literals: Vec<(usize, String)>,
}

impl SourceFile {
    pub(super) fn read(path: &str) -> Self {
        let text =
            fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        let shipped = text.find("#[cfg(test)]\nmod tests {").map_or(text.as_str(), |tests| &text[..tests]);
        let (code, literals) = split(shipped);
        Self { path: path.to_owned(), text, code, literals }
    }

    /// Whether it is only for tests.
    pub(super) fn is_for_tests(&self) -> bool {
        let mut parts = Path::new(&self.path).iter().filter_map(|part| part.to_str());
        parts.any(|part| matches!(part, "tests" | "testkit" | "benches" | "tests.rs"))
    }

    /// Whether its code has this path as whole words.
    pub(super) fn names(&self, needle: &str) -> bool {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        self.code.match_indices(needle).any(|(at, _)| {
            !self.code[..at].ends_with(is_word) && !self.code[at + needle.len()..].starts_with(is_word)
        })
    }
}

/// The top of the repository.
pub(crate) fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The files whose names are wanted, in order. Build results do not belong to the repository.
pub(super) fn files(wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![repository()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            if path.is_dir() {
                if !matches!(name.as_str(), "target" | ".git") {
                    folders.push(path);
                }
            } else if wanted(&name) {
                let inside = path.strip_prefix(repository()).unwrap();
                found.push(inside.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found.sort();
    found
}

/// What follows the last dot of a file's name, or all of it.
pub(super) fn extension(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, extension)| extension)
}

/// Whether a file of this name is written by hand here; stored pages and snapshots may hold anything.
pub(super) fn is_text(name: &str) -> bool {
    matches!(
        extension(name),
        "rs" | "toml"
            | "md"
            | "sh"
            | "sql"
            | "yaml"
            | "yml"
            | "service"
            | "timer"
            | "cron"
            | "run"
            | "test"
            | "Dockerfile"
            | "dockerignore"
    )
}

/// Code with comments gone and literals emptied, and the string literals with their lines.
fn split(text: &str) -> (String, Vec<(usize, String)>) {
    let (mut code, mut literals) = (String::new(), Vec::new());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let line = || 1 + text[..text.len() - rest.len()].matches('\n').count();
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(hashes) = raw_string(rest, &code) {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = hashes + 2;
            let length = rest[start..].find(&end).map_or(rest.len() - start, |at| at);
            literals.push((line(), rest[start..start + length].to_owned()));
            code.push_str("\"\"");
            (start + length + end.len()).min(rest.len())
        } else if first == '"' {
            let length = quoted(rest);
            literals.push((line(), rest[1..length.max(2) - 1].to_owned()));
            code.push_str("\"\"");
            length
        } else if let Some(length) = character(rest) {
            code.push_str("' '");
            length
        } else {
            code.push(first);
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    (code, literals)
}

/// The length of a block comment; they nest.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] if depth == 1 => return at + 2,
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    rest.len()
}

/// The number of hashes of a raw string that begins here.
fn raw_string(rest: &str, before: &str) -> Option<usize> {
    let after = rest.strip_prefix('r')?;
    let is_word = before.ends_with(|c: char| c.is_alphanumeric() || c == '_') && !before.ends_with('b');
    let hashes = after.len() - after.trim_start_matches('#').len();
    (!is_word && after[hashes..].starts_with('"')).then_some(hashes)
}

/// The length of a string literal, with both its quotes.
fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    rest.len()
}

/// The length of a character literal. `None` for a lifetime.
fn character(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('\'')?;
    if inside.starts_with('\\') {
        return inside[2..].find('\'').map(|at| at + 4);
    }
    let first = inside.chars().next()?;
    inside[first.len_utf8()..].starts_with('\'').then(|| first.len_utf8() + 2)
}

#[test]
fn code_comments_and_literals_are_told_apart() {
    let (code, literals) = split(concat!(
        "fn f<'a>() { // tokio \"no\"\n",
        "    g('\"', '\\'', \"a \\\" b\"); /* x /* y */ \"z\" */\n",
        "    h(r#\"SELECT \"c\"\"#);\n}\n",
    ));
    assert_eq!(code, "fn f<'a>() { \n    g(' ', ' ', \"\"); \n    h(\"\");\n}\n");
    assert_eq!(literals, [(2, "a \\\" b".to_owned()), (3, "SELECT \"c\"".to_owned())]);
}
