//! The password file: `~/.pgpass`, or what `PGPASSFILE` names.
//!
//! A line is `host:port:database:user:password`. `*` matches anything, and `\` escapes a `:` or `\`. The first line
//! that matches counts. As in libpq, a file that others may read is not used.

use std::path::{Path, PathBuf};

/// What a line must match.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) database: &'a str,
    pub(super) user: &'a str,
}

/// A password file's text.
pub(super) struct PassFile {
    pub(super) path: PathBuf,
    text: String,
}

impl PassFile {
    /// The file, if it exists and may be used.
    pub(super) fn open(path: PathBuf) -> Option<Self> {
        let unusable = |why: &str| {
            tracing::warn!(file = %path.display(), "the password file is not used: {why}");
            None
        };
        let about = std::fs::metadata(&path).ok()?;
        if !about.is_file() {
            return unusable("it is no plain file");
        }
        if open_to_others(&about, 0o077) {
            return unusable("others may read it; chmod 600 it");
        }
        match std::fs::read_to_string(&path) {
            Ok(text) => Some(Self { path, text }),
            Err(_) => unusable("it cannot be read as text"),
        }
    }

    /// The password of the first line that matches.
    pub(super) fn password(&self, wanted: &Wanted<'_>) -> Option<String> {
        let port = wanted.port.to_string();
        let wanted = [wanted.host, port.as_str(), wanted.database, wanted.user];
        let lines = self.text.lines().filter(|line| !line.starts_with('#'));
        lines.filter_map(fields).find_map(|(fields, password)| {
            let fits =
                fields.iter().zip(wanted).all(|(&field, wanted)| field == "*" || unescaped(field) == wanted);
            (fits && !password.is_empty()).then(|| unescaped(password))
        })
    }
}

/// Whether the permissions of a file allow too much. On systems without permissions, this is false.
pub(super) fn open_to_others(about: &std::fs::Metadata, forbidden: u32) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        about.mode() & forbidden != 0
    }
    #[cfg(not(unix))]
    {
        let _ = (about, forbidden);
        false
    }
}

/// The path that libpq uses by default.
pub(super) fn default_path(home: Option<&Path>) -> Option<PathBuf> {
    home.map(|home| home.join(".pgpass"))
}

/// The four fields of a line and its password, still escaped.
fn fields(line: &str) -> Option<([&str; 4], &str)> {
    let mut rest = line;
    let mut next = || {
        let mut escaped = false;
        let end = rest.find(|character| {
            let ends = character == ':' && !escaped;
            escaped = character == '\\' && !escaped;
            ends
        })?;
        let field = &rest[..end];
        rest = &rest[end + 1..];
        Some(field)
    };
    let fields = [next()?, next()?, next()?, next()?];
    Some((fields, rest))
}

fn unescaped(field: &str) -> String {
    let mut characters = field.chars();
    let mut text = String::with_capacity(field.len());
    while let Some(character) = characters.next() {
        text.push(if character == '\\' { characters.next().unwrap_or('\\') } else { character });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str, host: &str, database: &str) -> Option<String> {
        let file = PassFile { path: PathBuf::new(), text: text.to_owned() };
        file.password(&Wanted { host, port: 5432, database, user: "me" })
    }

    #[test]
    fn the_first_line_that_fits_counts() {
        let text = "# db:5432:crawls:me:commented\n\
                    db:5433:crawls:me:other port\n\
                    db:5432:crawls:you:other user\n\
                    broken\n\
                    db:5432:crawls:me:first\r\n\
                    *:*:*:me:last\n";
        assert_eq!(asked(text, "db", "crawls").as_deref(), Some("first"));
        assert_eq!(asked(text, "db", "else").as_deref(), Some("last"));
        assert_eq!(asked("db:*:*:you:x", "db", "crawls"), None);
    }

    #[test]
    fn what_is_escaped_is_read_as_itself() {
        let text = r"fe80\:\:1:*:a\\b:me:p\:a\\ss:word";
        assert_eq!(asked(text, "fe80::1", r"a\b").as_deref(), Some(r"p:a\ss:word"));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_not_used() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pgpass");
        std::fs::write(&path, "*:*:*:*:hunter2\n").unwrap();
        for (mode, used) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(PassFile::open(path.clone()).is_some(), used, "{mode:o}");
        }
        assert!(PassFile::open(folder.path().to_owned()).is_none());
        assert!(PassFile::open(folder.path().join("none")).is_none());
    }
}
