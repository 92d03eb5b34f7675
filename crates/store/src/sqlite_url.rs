//! The file that an `SQLite` store's URL names.
//!
//! Tools read these URLs in different ways. `sqlite:///x.db` is `/x.db` for sqlx and `x.db` for `SQLAlchemy`. So only forms
//! with one meaning are read. For every other form, the error gives the right spelling, and no file of an unexpected name is
//! created.

use std::path::{Path, PathBuf};

use dragline_core::StoreError;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What has a meaning of its own in a URL, and may be in a file's name.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#');

/// Reads what follows `sqlite:`.
///
/// # Errors
/// [`StoreError::Setup`] with the right spelling.
pub(crate) fn path(rest: &str) -> Result<PathBuf, StoreError> {
    let wrong = |problem: &str, hint: String| {
        Err(StoreError::Setup { problem: format!("the store's URL {problem}"), hint })
    };
    let (name, parameters) = rest.split_once(['?', '#']).unwrap_or((rest, ""));
    let is_plain = name.len() == rest.len();
    if is_memory(name) || parameters.contains("mode=memory") {
        return wrong(
            "names memory, and memory is not a store",
            "name a file: sqlite:dragline.db".to_owned(),
        );
    }
    if name.trim_matches('/').is_empty() {
        return wrong("names no file", "name one: sqlite:dragline.db".to_owned());
    }
    if is_windows_path(name) {
        return wrong(
            "names a path of Windows, and this is another system",
            "write sqlite:FOLDER/FILE with slashes and without a drive".to_owned(),
        );
    }
    if name.starts_with("//") && name.contains('@') {
        return wrong(
            "has a user or a password, and an SQLite store is a file",
            "write sqlite:FILE for SQLite, or postgres://USER:PASSWORD@HOST/DATABASE".to_owned(),
        );
    }
    let Some(file) = without_slashes(name) else {
        let bare = name.trim_start_matches('/');
        return wrong(
            "begins with sqlite:///, which some tools read as a path from the root and others as a path from this folder",
            format!("write sqlite:/{bare} for the first, or sqlite:{bare} for the second"),
        );
    };
    if file.ends_with('/') {
        return wrong("names a folder", format!("name a file in it: sqlite:{file}dragline.db"));
    }
    if !is_plain {
        return wrong(
            "has parameters (the part after ? or #), and an SQLite store takes none",
            format!("write sqlite:{file}; if ? or # is part of the file's name, write %3F or %23"),
        );
    }
    if let Some(plain) = file.strip_prefix("file:") {
        return wrong("has sqlite: and file:", format!("write sqlite:{}", plain.trim_start_matches("//")));
    }
    if file.starts_with("~/") || file == "~" {
        return wrong(
            "begins with ~, which only a shell replaces",
            "write the path of your home folder".to_owned(),
        );
    }
    let Some(decoded) = decoded(file) else {
        return wrong(
            "has a % that begins no character",
            format!("write %25 for a % in the file's name: sqlite:{}", file.replace('%', "%25")),
        );
    };
    if decoded.contains(char::is_control) || decoded.trim() != decoded {
        return wrong(
            "begins or ends with a space, or has a line break or another control character",
            "take it out: a quotation mark or a line too many in a settings file often causes this"
                .to_owned(),
        );
    }
    Ok(decoded.into())
}

/// The URL of a file, as people write it.
pub(crate) fn url(path: &Path) -> String {
    format!("sqlite:{}", utf8_percent_encode(&path.to_string_lossy(), ESCAPED))
}

/// The path without the slashes that belong to the URL. `None` if tools disagree on which these are.
fn without_slashes(name: &str) -> Option<&str> {
    match name.strip_prefix("//") {
        // `sqlite:x.db` and `sqlite:/x.db`.
        None => Some(name),
        // `sqlite:////x.db` is `/x.db` for all of them.
        Some(rest) if rest.starts_with("//") => Some(&rest[1..]),
        Some(rest) if rest.starts_with('/') => None,
        // `sqlite://x.db`, as sqlx reads it. For SQLAlchemy, this is an error.
        Some(rest) => Some(rest),
    }
}

fn is_memory(name: &str) -> bool {
    // `sqlite://` is memory for SQLAlchemy.
    name.trim_start_matches('/').trim_start_matches("file:").starts_with(":memory:") || name == "//"
}

fn is_windows_path(file: &str) -> bool {
    let mut characters = file.trim_start_matches('/').chars();
    let has_drive = characters.next().is_some_and(|letter| letter.is_ascii_alphabetic())
        && characters.next() == Some(':')
        && characters.next().is_none_or(|slash| matches!(slash, '\\' | '/'));
    has_drive || file.contains('\\')
}

/// The text with `%20` and the like replaced. `None` if a `%` is something else.
fn decoded(text: &str) -> Option<String> {
    let escapes = text.split('%').skip(1);
    let is_hex =
        |escape: &str| escape.len() >= 2 && escape.bytes().take(2).all(|digit| digit.is_ascii_hexdigit());
    if !escapes.into_iter().all(is_hex) {
        return None;
    }
    percent_decode_str(text).decode_utf8().ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_with_one_meaning_are_read() {
        for (rest, expected) in [
            ("x.db", "x.db"),
            ("./a/x.db", "./a/x.db"),
            ("../x.db", "../x.db"),
            ("/var/x.db", "/var/x.db"),
            ("//x.db", "x.db"),
            ("//./x.db", "./x.db"),
            ("//a/x.db", "a/x.db"),
            ("////var/x.db", "/var/x.db"),
            ("a%20b%3F%25.db", "a b?%.db"),
            ("a b.db", "a b.db"),
            ("größe.db", "größe.db"),
            ("gr%C3%B6%C3%9Fe.db", "größe.db"),
            ("C:x.db", "C:x.db"),
            ("a=b&c.db", "a=b&c.db"),
            ("me@home.db", "me@home.db"),
        ] {
            assert_eq!(path(rest).unwrap(), Path::new(expected), "{rest}");
        }
    }

    #[test]
    fn every_other_form_is_refused_with_the_right_spelling() {
        for (rest, problem, hint) in [
            ("", "names no file", "sqlite:dragline.db"),
            ("/", "names no file", "sqlite:dragline.db"),
            ("//", "names memory", "name a file"),
            ("///", "names no file", "name one"),
            ("/var/", "names a folder", "sqlite:/var/dragline.db"),
            ("///C:/data/a.db", "a path of Windows", "without a drive"),
            (":memory:", "names memory", "name a file"),
            ("//:memory:", "names memory", "name a file"),
            ("///:memory:", "names memory", "name a file"),
            (":memory:?cache=shared", "names memory", "name a file"),
            ("x?mode=memory", "names memory", "name a file"),
            ("file::memory:", "names memory", "name a file"),
            ("///x.db", "some tools read as", "write sqlite:/x.db for the first, or sqlite:x.db"),
            ("///a/b.db?mode=ro", "some tools read as", "write sqlite:/a/b.db"),
            ("a.db?mode=ro", "has parameters", "write sqlite:a.db;"),
            ("a.db?", "has parameters", "write sqlite:a.db;"),
            ("//a.db?mode=rwc&cache=shared", "has parameters", "write sqlite:a.db;"),
            ("a.db#top", "has parameters", "%23"),
            ("file:a.db", "has sqlite: and file:", "write sqlite:a.db"),
            ("file:///a.db", "has sqlite: and file:", "write sqlite:/a.db"),
            ("~/a.db", "begins with ~", "home folder"),
            ("C:\\data\\a.db", "a path of Windows", "without a drive"),
            ("//C:/data/a.db", "a path of Windows", "without a drive"),
            ("data\\a.db", "a path of Windows", "with slashes"),
            ("//me:hunter2@host/a.db", "has a user", "postgres://USER"),
            ("100%.db", "has a %", "write %25"),
            ("%zz.db", "has a %", "sqlite:%25zz.db"),
            ("%ff.db", "has a %", "write %25"),
            ("a.db\n", "control character", "take it out"),
            (" a.db", "a space", "take it out"),
            ("a.db%20", "a space", "take it out"),
            ("a%00.db", "control character", "take it out"),
        ] {
            let Err(StoreError::Setup { problem: told, hint: help }) = path(rest) else { panic!("{rest}") };
            assert!(told.contains(problem) && help.contains(hint), "{rest}: {told} | {help}");
            assert!(!told.contains("hunter2") && !help.contains("hunter2"), "{told} | {help}");
        }
    }

    #[test]
    fn the_url_of_a_file_leads_back_to_it() {
        for file in ["x.db", "/var/a b?#%.db", "größe.db"] {
            let url = url(Path::new(file));
            assert_eq!(path(url.strip_prefix("sqlite:").unwrap()).unwrap(), Path::new(file), "{url}");
        }
    }
}
