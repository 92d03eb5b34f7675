//! `dragline.toml`.
//!
//! ```toml
//! store = "postgres://me@db/crawls"
//! log = "info"
//!
//! [crawl]
//! rate = 0.5
//! flush_interval = "2s"
//! ```
//!
//! Settings for single hosts are in tables of their own ([`hosts`](super::hosts)).
//!
//! A key is the name of a flag. Its value replaces the flag's default before the command line is parsed. File,
//! environment and flag therefore have the same parser, the same checks and one order of precedence.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory};
use dragline_engine::{HostOverride, HostPattern};
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::hosts;
use crate::arguments::Arguments;
use crate::failed::Failed;

const DEFAULT_FILE: &str = "dragline.toml";

/// The table for a group of flags. It is found by the name of the group's struct, so groups must not be nested.
/// An empty name is the top of the file. A flag without a table belongs to a single call of the program.
fn table_of(group: &str) -> Option<&'static str> {
    match group {
        "Global" | "Logging" => Some(""),
        "LimitSettings"
        | "LinkSettings"
        | "RedirectSettings"
        | "PaceSettings"
        | "RobotsSettings"
        | "FetchSettings"
        | "OutageSettings"
        | "RetrySettings"
        | "ClientSettings"
        | "ItemPipelineSettings"
        | "PersistenceSettings"
        | "StoreSettings"
        | "Access"
        | "Process"
        | "Progress"
        | "Healthcheck" => Some("crawl"),
        _ => None,
    }
}

/// The place of this flag of `command` in the file: table and key.
pub(crate) fn place<'a>(command: &Command, flag: &'a Arg) -> Option<(&'static str, &'a str)> {
    let mut groups = command.get_groups().filter(|group| group.get_args().any(|id| id == flag.get_id()));
    let table = groups.find_map(|group| table_of(group.get_id().as_str()))?;
    Some((table, flag.get_id().as_str()))
}

/// The checked contents of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    path: PathBuf,
    entries: Vec<Entry>,
    hosts: Vec<HostOverride>,
    host_entries: Vec<(HostPattern, Entry)>,
}

/// A setting for a host.
pub(crate) struct HostEntry<'a> {
    pub(crate) pattern: &'a HostPattern,
    pub(crate) key: &'a str,
    pub(crate) values: &'a [String],
    pub(crate) line: usize,
}

/// One setting.
#[derive(Clone, Debug)]
struct Entry {
    table: &'static str,
    key: String,
    /// The values as a flag would give them. Several if the file has a list.
    values: Vec<String>,
    line: usize,
}

impl File {
    /// Reads the named file, or the one in this folder if it exists.
    pub(crate) fn read(named: Option<&Path>) -> Result<Self, Failed> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path),
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => {
                let failed =
                    Failed::usage(format!("cannot read the settings file {}: {error}", path.display()));
                Err(match named {
                    Some(_) => failed.hint(
                        "--config or DRAGLINE_CONFIG names it; without them, \
                                            dragline.toml in this folder is read if it exists",
                    ),
                    None => failed,
                })
            }
        }
    }

    /// `command` and its subcommands, with the values of the file as defaults.
    pub(crate) fn beneath(&self, mut command: Command) -> Command {
        let found: Vec<_> = command
            .get_arguments()
            .filter_map(|flag| {
                Some((flag.get_id().clone(), self.entry(place(&command, flag)?)?.values.clone()))
            })
            .collect();
        for (id, values) in found {
            // Not in the help, because a value may contain a password.
            command = command.mut_arg(id, |flag| flag.default_values(values).hide_default_value(true));
        }
        let names: Vec<_> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
        names.into_iter().fold(command, |command, name| command.mut_subcommand(name, |sub| self.beneath(sub)))
    }

    /// The entry for this place, if there is one.
    pub(crate) fn line_of(&self, place: (&str, &str)) -> Option<(&Path, usize)> {
        self.entry(place).map(|entry| (self.path.as_path(), entry.line))
    }

    /// The settings for single hosts.
    pub(crate) fn hosts(&self) -> &[HostOverride] {
        &self.hosts
    }

    /// The same one by one, with their lines.
    pub(crate) fn host_entries(&self) -> (&Path, impl Iterator<Item = HostEntry<'_>>) {
        let entries = self.host_entries.iter().map(|(pattern, entry)| HostEntry {
            pattern,
            key: &entry.key,
            values: &entry.values,
            line: entry.line,
        });
        (&self.path, entries)
    }

    fn entry(&self, (table, key): (&str, &str)) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.table == table && entry.key == key)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, Failed> {
        // Only give the line, because an excerpt could show the store's password.
        let wrong = |span: Option<Range<usize>>, what: &str| {
            let line = span.map_or(1, |span| line_of(text, span.start));
            Failed::usage(format!("the settings file {}, line {line}: {what}", path.display()))
        };
        let root = DeTable::parse(text).map_err(|error| {
            let hint = if error.message().contains("duplicate") { TWICE } else { FORM };
            wrong(error.span(), error.message()).hint(hint)
        })?;
        let (top, crawl, host) = (Known::of("", &Arguments::command()), Known::of_crawl(), Known::of_host());
        let read = |known: &Known, key: &Spanned<DeString<'_>>, value: &Spanned<DeValue<'_>>| {
            let line = line_of(text, key.span().start);
            known
                .entry(key.get_ref(), value.get_ref(), line)
                .map_err(|(what, hint)| wrong(Some(key.span()), &what).hint(hint))
        };
        let mut file = Self { path: path.to_owned(), ..Self::default() };
        for (key, value) in root.get_ref() {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("crawl", DeValue::Table(table)) => {
                    for (key, value) in table {
                        file.entries.push(read(&crawl, key, value)?);
                    }
                }
                ("host", DeValue::Table(tables)) => {
                    for (name, value) in tables {
                        let pattern = host_pattern(name.get_ref()).map_err(|problem| {
                            wrong(Some(name.span()), &format!("`host`: {problem}")).hint(HOSTS)
                        })?;
                        if file.hosts.iter().any(|known| known.pattern == pattern) {
                            let twice = format!(
                                "the host {:?} has two tables with different spellings",
                                name.get_ref()
                            );
                            return Err(wrong(Some(name.span()), &twice).hint(HOSTS));
                        }
                        let DeValue::Table(table) = value.get_ref() else {
                            return Err(wrong(Some(name.span()), "`host` must have a table for each host")
                                .hint(HOSTS));
                        };
                        let mut words = Vec::new();
                        for (key, value) in table {
                            let entry = read(&host, key, value)?;
                            words.extend(entry.values.iter().map(|value| format!("--{}={value}", entry.key)));
                            file.host_entries.push((pattern.clone(), entry));
                        }
                        let own = hosts::host_override(pattern, &words);
                        file.hosts.push(own.map_err(|error| wrong(Some(name.span()), &reason(&error)))?);
                    }
                }
                _ => file.entries.push(read(&top, key, value)?),
            }
        }
        Ok(file)
    }
}

const HOSTS: &str = "write a table for each host, such as [host.\"example.com\"] or \
                     [host.\"*.example.com\"], with rate, concurrency, jitter or robots";

const NAMES: &str = "use the names of the flags, with _ instead of -, in [crawl]; store and names that \
                     begin with log go to the top";

const TWICE: &str = "use each name once in its table, and each table once in the file; write several values \
                     as a list: [\"a\", \"b\"]";

const FORM: &str = "the file is TOML: `name = value`, text in quotes, tables such as [crawl]";

/// People copy hosts from URLs.
fn host_pattern(text: &str) -> Result<HostPattern, String> {
    match text.split_once("://") {
        Some((scheme, rest)) => {
            let host = rest.split('/').next().unwrap_or(rest);
            Err(format!("write the host without {scheme}:// and without a path: {host:?}"))
        }
        None => HostPattern::parse(text),
    }
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text[..at].matches('\n').count()
}

/// The flags that may be set in one of the file's tables.
struct Known {
    table: &'static str,
    flags: Command,
    /// Advice for an unknown name.
    names: &'static str,
}

impl Known {
    fn of(table: &'static str, command: &Command) -> Self {
        let flags =
            command.get_arguments().filter(|flag| place(command, flag).is_some_and(|at| at.0 == table));
        let alone = Command::new("file").no_binary_name(true).disable_help_flag(true);
        // Without variables, because only the file is checked here.
        let flags = flags.cloned().map(|flag| flag.env(clap::builder::Resettable::Reset));
        Self { table, flags: alone.args(flags), names: NAMES }
    }

    fn of_crawl() -> Self {
        let command = Arguments::command();
        Self::of("crawl", command.find_subcommand("crawl").unwrap_or(&command))
    }

    fn of_host() -> Self {
        Self { table: "host", flags: hosts::command(), names: HOSTS }
    }

    /// The setting, or the problem with it and what to do. The value isn't repeated, because it may be a
    /// secret.
    fn entry(&self, key: &str, value: &DeValue<'_>, line: usize) -> Result<Entry, (String, String)> {
        let Some(flag) = self.flags.get_arguments().find(|flag| flag.get_id() == key) else {
            return Err(self.unknown(key));
        };
        let values = texts(value).ok_or_else(|| {
            (
                format!("`{key}` cannot be a {}", value.type_str()),
                "use a text, a number, or true or false".to_owned(),
            )
        })?;
        let name = flag.get_long().unwrap_or(key);
        let words = values.iter().map(|value| format!("--{name}={value}"));
        if let Err(error) = self.flags.clone().try_get_matches_from(words) {
            return Err((
                format!("`{key}`: {}", reason(&error)),
                format!("`{key}` takes the same values as --{name}"),
            ));
        }
        Ok(Entry { table: self.table, key: key.to_owned(), values, line })
    }

    /// The problem with a name that doesn't belong here, and what to do.
    fn unknown(&self, key: &str) -> (String, String) {
        let all = Arguments::command();
        let crawl = all.find_subcommand("crawl").unwrap_or(&all);
        let name = key.replace('_', "-");
        let is_named = |flag: &&Arg| flag.get_id() == key || flag.get_long() == Some(name.as_str());
        let found = [&all, crawl].into_iter().find_map(|command| {
            let flag = command.get_arguments().find(is_named)?;
            Some((flag, place(command, flag)))
        });
        match found {
            Some((flag, None)) => (
                format!("`{key}` is for a single call, so it cannot be in the file"),
                match (flag.get_long(), flag.get_env()) {
                    (Some(long), Some(variable)) => {
                        format!("use --{long} or {}", variable.to_string_lossy())
                    }
                    _ => self.names.to_owned(),
                },
            ),
            Some((_, Some(("", id)))) if !self.table.is_empty() => (
                format!("`{key}` does not belong in [{}]", self.table),
                format!("put `{id}` at the top, above all tables"),
            ),
            Some((_, Some((table, id)))) if self.table.is_empty() => {
                (format!("`{key}` does not belong at the top"), format!("put `{id}` under [{table}]"))
            }
            // The name is unknown, is written with `-`, or isn't a setting for single hosts.
            _ => (format!("unknown name `{key}`"), self.meant(key)),
        }
    }

    /// The command line's parser finds the nearest name.
    fn meant(&self, key: &str) -> String {
        let word = format!("--{}", key.replace('_', "-"));
        let near = match self.flags.clone().try_get_matches_from([&format!("{word}=")]) {
            Err(error) if error.kind() == ErrorKind::UnknownArgument => {
                match error.get(ContextKind::SuggestedArg) {
                    Some(ContextValue::String(flag)) => flag.clone(),
                    _ => return self.names.to_owned(),
                }
            }
            // It is the flag's own name, written with `-`.
            _ => word,
        };
        format!("did you mean `{}`? {}", near.trim_start_matches('-').replace('-', "_"), self.names)
    }
}

/// A value as a flag would give it.
fn texts(value: &DeValue<'_>) -> Option<Vec<String>> {
    match value {
        DeValue::Array(values) => values.iter().map(|value| texts(value.get_ref())?.pop()).collect(),
        DeValue::String(text) => Some(vec![text.to_string()]),
        DeValue::Integer(number) if number.radix() == 10 => Some(vec![number.as_str().to_owned()]),
        DeValue::Float(number) => Some(vec![number.as_str().to_owned()]),
        DeValue::Boolean(yes) => Some(vec![yes.to_string()]),
        DeValue::Integer(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

/// Why the parser refuses a value, without the value itself.
fn reason(error: &clap::Error) -> String {
    if let Some(source) = std::error::Error::source(error) {
        return source.to_string();
    }
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(valid)) => format!("must be one of {}", valid.join(", ")),
        _ => "this value is invalid".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<File, Failed> {
        File::parse(text, Path::new("dragline.toml"))
    }

    #[test]
    fn values_are_those_that_a_flag_takes() {
        let file = parse(
            "store = 'sqlite:x.db'\n[crawl]\nrate = 0.5\nflush_bytes = '1MiB'\nretries = 2\nrobots = false\n",
        );
        let file = file.unwrap();
        let values = |key| file.entry(("crawl", key)).map(|entry| (entry.values[0].as_str(), entry.line));
        assert_eq!(values("rate"), Some(("0.5", 3)));
        assert_eq!(values("flush_bytes"), Some(("1MiB", 4)));
        assert_eq!(values("retries"), Some(("2", 5)));
        assert_eq!(values("robots"), Some(("false", 6)));
        assert_eq!(file.entry(("", "store")).unwrap().values, ["sqlite:x.db"]);
    }

    #[test]
    fn a_host_has_a_table_of_its_own() {
        let file = parse(
            "[host.'Example.com']\nrate = 0.5\nconcurrency = 1\n\n[host.'*.example.com:8080']\nrate = 0\nrobots = false\n",
        );
        let file = file.unwrap();
        // Sorted by name.
        let [below, one] = file.hosts() else { panic!("{:?}", file.hosts()) };
        assert_eq!((one.rate_per_second, one.concurrency, one.robots), (Some(Some(0.5)), Some(1), None));
        assert_eq!((below.rate_per_second, below.jitter, below.robots), (Some(None), None, Some(false)));
        let (_, entries) = file.host_entries();
        let lines: Vec<_> = entries.map(|it| (it.pattern.to_string(), it.key.to_owned(), it.line)).collect();
        let has =
            |pattern: &str, key: &str, line| lines.contains(&(pattern.to_owned(), key.to_owned(), line));
        assert!(has("example.com", "concurrency", 3) && has("*.example.com:8080", "rate", 6), "{lines:?}");
        for (text, line, says, hint) in [
            ("[host.'a b']\nrate = 1\n", 1, "not a host", "[host."),
            (
                "[host.'http://example.com/']\nrate = 1\n",
                1,
                "without http:// and without a path: \"example.com\"",
                "[host.",
            ),
            ("[host]\nrate = 1\n", 2, "a table for each host", "[host."),
            ("[host.'a.example']\nrate = 1\n[host.'A.example']\nrate = 50\n", 1, "has two tables", "[host."),
            ("[host.'a.example']\nratte = 1\n", 2, "unknown name `ratte`", "did you mean `rate`?"),
            ("[host.'a.example']\nretries = 1\n", 2, "unknown name `retries`", "rate, concurrency"),
            ("[host.'a.example']\nconcurrency = 0\n", 2, "at least 1", "concurrency"),
            ("[host.'a.example']\njitter = 0.7\n", 2, "from 0 to 0.5", "jitter"),
            ("[host.'a.example']\nrate = [1, 2]\n", 2, "", ""),
        ] {
            let failed = parse(text).unwrap_err();
            assert!(failed.what.contains(&format!("line {line}")) && failed.what.contains(says), "{failed}");
            assert!(failed.hint.as_deref().unwrap_or_default().contains(hint), "{failed}");
        }
    }

    #[test]
    fn every_setting_of_a_crawl_has_its_place_but_what_belongs_to_one_call() {
        let of_one_call = ["config", "spider", "start_urls", "args", "run", "fresh", "force_run", "output"];
        let all = Arguments::command();
        for command in [&all, all.find_subcommand("crawl").unwrap()] {
            for flag in command.get_arguments() {
                let id = flag.get_id().as_str();
                assert_eq!(place(command, flag).is_none(), of_one_call.contains(&id), "{id}");
            }
        }
    }

    #[test]
    fn an_unknown_name_is_told_with_its_place_and_the_one_that_was_meant() {
        for (text, line, meant) in [
            ("[crawl]\nratte = 1\n", 2, "`rate`"),
            ("\n\nstroe = 'x'\n", 3, "`store`"),
            ("[crawl]\nhost-concurrency = 1\n", 2, "`host_concurrency`"),
            ("[crawl]\nstore = 'x'\n", 2, "put `store` at the top"),
            ("\nrate = 1\n", 2, "put `rate` under [crawl]"),
            ("host-concurrency = 1\n", 1, "put `host_concurrency` under [crawl]"),
            ("[crwal]\nrate = 1\n", 1, "in [crawl]"),
            ("config = 'x'\n", 1, "use --config or DRAGLINE_CONFIG"),
            ("[crawl]\nfresh = true\n", 2, "use --fresh or DRAGLINE_FRESH"),
            ("[crawl]\nrun = 'x'\n", 2, "use --run or DRAGLINE_RUN"),
            ("[crawl]\nstart_url = 'x'\n", 2, "use --start-url or DRAGLINE_START_URLS"),
            ("spider = 'x'\n", 1, "use the names"),
            ("[crawl]\nrate = 1\nrate = 2\n", 3, "use each name once"),
            ("[crawl]\nrate = 1\n[crawl]\n", 3, "use each name once"),
            ("[crawl]\nrate = much\n", 2, "text in quotes"),
        ] {
            let failed = parse(text).unwrap_err();
            assert!(failed.what.contains(&format!("line {line}")), "{failed}");
            assert!(failed.hint.as_ref().unwrap().contains(meant), "{failed}");
        }
    }

    #[test]
    fn a_wrong_value_is_told_with_its_place_and_never_shown() {
        for wrong in [
            "store = \"postgres://me:secret@db/x",
            "store = 's://me:secret@a'\nstore = 's://me:secret@b'\n",
            "log_format = 'secret'\n",
            "[crawl]\nflush_interval = 'secret'\n",
            "[crawl]\nrobots = 'secret'\n",
            "[crawl]\nrate = { secret = 1 }\n",
            "[crawl]\nrate = [1, 'secret']\n",
            "[crawl]\nconcurrency = 0\n",
            "[crawl]\nretries = 0x10\n",
            "[crawl]\nshutdown_timeout = 3\n",
            "store = 1979-05-27\n",
            "crawl = 'secret'\n",
        ] {
            let failed = parse(wrong).unwrap_err();
            assert!(failed.what.contains("line "), "{failed}");
            assert!(!format!("{failed}").contains("secret"), "{failed}");
        }
    }
}
