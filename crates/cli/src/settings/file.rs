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
//! Settings for single hosts, spiders and schedules are in tables of their own ([`hosts`](super::hosts), [`spiders`], [`schedules`]).
//!
//! A key is the name of a flag. Its value replaces the flag's default before the command line is parsed. File,
//! environment and flag therefore have the same parser, the same checks and one order of precedence.

mod known;
mod schedules;
mod spiders;

use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::{Arg, Command, CommandFactory};
use dragline_engine::{HostOverride, HostPattern};
use dragline_serve::Schedule;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use self::known::{Known, reason};
use self::schedules::{SCHEDULES, ScheduleTable};
use self::spiders::SpiderTable;
use super::hosts;
use crate::arguments::Arguments;
use crate::failed::Failed;

const DEFAULT_FILE: &str = "dragline.toml";

/// The table for a group of flags. It is found by the name of the group's struct, so groups must not be nested.
/// An empty name is the top of the file. A flag without a table belongs to a single call of the program.
fn table_of(group: &str) -> Option<&'static str> {
    match group {
        "Global" | "Logging" => Some(""),
        "ServeSettings" | "ServeListen" | "ControlFlags" => Some("serve"),
        "LimitSettings"
        | "LinkSettings"
        | "SitemapSettings"
        | "RedirectSettings"
        | "VerdictSettings"
        | "WatchSettings"
        | "GoneSettings"
        | "Notify"
        | "DueSettings"
        | "KeepSettings"
        | "RevisitSettings"
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
        | "Healthcheck"
        | "Board" => Some("crawl"),
        _ => None,
    }
}

/// The place of this flag of `command` in the file: table and key.
pub(crate) fn place<'a>(command: &Command, flag: &'a Arg) -> Option<(&'static str, &'a str)> {
    let mut groups = command.get_groups().filter(|group| group.get_args().any(|id| id == flag.get_id()));
    let id = flag.get_id().as_str();
    // Only the main command has the groups of flags for every command.
    let of_every_command = || (flag.is_global_set() && id != "config").then_some("");
    let table = groups.find_map(|group| table_of(group.get_id().as_str())).or_else(of_every_command)?;
    Some((table, id))
}

/// The checked contents of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    path: PathBuf,
    text: String,
    entries: Vec<Entry>,
    hosts: Vec<HostOverride>,
    host_entries: Vec<(HostPattern, Entry)>,
    spiders: Vec<SpiderTable>,
    schedules: Vec<ScheduleTable>,
    /// The tables of the schedule and the spider that this call is about. The first one that has a key counts.
    chosen: Vec<SpiderTable>,
    /// Whether this call is about a schedule.
    is_scheduled: bool,
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
    /// Reads the named file, or the one in this folder if it exists. Only these spiders may have a table.
    pub(crate) fn read(named: Option<&Path>, spiders: &[String]) -> Result<Self, Failed> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path, spiders),
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

    /// The same file, with the table of this spider before those for all.
    pub(crate) fn for_spider(mut self, spider: Option<&str>) -> Self {
        self.chosen = self.spiders.iter().filter(|table| Some(&*table.spider) == spider).cloned().collect();
        self
    }

    /// The same file, with the table of this schedule before that of the spider.
    pub(crate) fn for_schedule(
        mut self,
        schedule: Option<&str>,
        spider: Option<&str>,
    ) -> Result<Self, Failed> {
        self = self.for_spider(spider);
        let Some(name) = schedule else { return Ok(self) };
        let Some(table) = self.schedules.iter().find(|table| table.schedule.name == name) else {
            return Err(self.no_schedule(name));
        };
        if spider.is_some_and(|spider| spider != table.schedule.spider) {
            return Err(Failed::usage(format!(
                "the schedule {name:?} is one of the spider {}, not of {}",
                table.schedule.spider,
                spider.unwrap_or_default()
            )));
        }
        self.chosen.insert(0, table.settings.clone());
        self.is_scheduled = true;
        Ok(self)
    }

    /// The schedules, by name.
    pub(crate) fn schedules(&self) -> impl Iterator<Item = &Schedule> {
        self.schedules.iter().map(|table| &table.schedule)
    }

    /// The schedule of this name.
    pub(crate) fn schedule(&self, name: &str) -> Result<&Schedule, Failed> {
        self.schedules().find(|schedule| schedule.name == name).ok_or_else(|| self.no_schedule(name))
    }

    fn no_schedule(&self, name: &str) -> Failed {
        let names: Vec<&str> = self.schedules().map(|schedule| schedule.name.as_str()).collect();
        let problem = format!("the settings file has no schedule {name:?}");
        if names.is_empty() {
            return Failed::usage(problem).hint(SCHEDULES);
        }
        Failed::usage(problem).hint(format!("it has {}", names.join(", ")))
    }

    /// The arguments that the file has for the chosen spider and schedule, as `NAME=VALUE` with their line. A later one of the same
    /// name counts.
    pub(crate) fn arguments(&self) -> Vec<(String, usize)> {
        self.chosen.iter().rev().flat_map(|table| table.arguments.iter().cloned()).collect()
    }

    /// All of it. It may hold secrets.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The file itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// `command` and its subcommands, with the values of the file as defaults.
    pub(crate) fn beneath(&self, mut command: Command) -> Command {
        let found: Vec<_> = command
            .get_arguments()
            .filter_map(|flag| Some((flag.get_id().clone(), self.entry_of(&command, flag)?.values.clone())))
            .collect();
        for (id, values) in found {
            // Not in the help, because a value may contain a password.
            command = command.mut_arg(id, |flag| flag.default_values(values).hide_default_value(true));
        }
        let names: Vec<_> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
        names.into_iter().fold(command, |command, name| command.mut_subcommand(name, |sub| self.beneath(sub)))
    }

    /// The line that sets this flag of `command`, if there is one.
    pub(crate) fn line_of(&self, command: &Command, flag: &Arg) -> Option<(&Path, usize)> {
        self.entry_of(command, flag).map(|entry| (self.path.as_path(), entry.line))
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

    /// A setting for one schedule goes before one for its spider, and that before a setting for all.
    fn entry_of(&self, command: &Command, flag: &Arg) -> Option<&Entry> {
        let place = place(command, flag);
        let is_of_a_crawl = place.is_some_and(|(table, _)| table == "crawl");
        let is_own = is_of_a_crawl || spiders::is_start(command, flag);
        let mut own = self.chosen.iter().filter(|_| is_own);
        let id = flag.get_id().as_str();
        let is_for_all = !self.is_scheduled || !OF_ONE_PROCESS.contains(&id);
        own.find_map(|table| table.entry(id)).or_else(|| self.entry(place.filter(|_| is_for_all)?))
    }

    fn entry(&self, (table, key): (&str, &str)) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.table == table && entry.key == key)
    }

    fn parse(text: &str, path: &Path, spiders: &[String]) -> Result<Self, Failed> {
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
        let serve = Known::of_serve();
        let read = |known: &Known, key: &Spanned<DeString<'_>>, value: &Spanned<DeValue<'_>>| {
            let line = line_of(text, key.span().start);
            known
                .entry(key.get_ref(), value.get_ref(), line)
                .map_err(|(what, hint)| wrong(Some(key.span()), &what).hint(hint))
        };
        let (of_spider, of_schedule) = (spiders::known(), schedules::own_keys());
        let mut file = Self { path: path.to_owned(), text: text.to_owned(), ..Self::default() };
        for (key, value) in root.get_ref() {
            match (key.get_ref().as_ref(), value.get_ref()) {
                (name @ ("crawl" | "serve"), DeValue::Table(table)) => {
                    let known = if name == "crawl" { &crawl } else { &serve };
                    for (key, value) in table {
                        file.entries.push(read(known, key, value)?);
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
                ("spider", DeValue::Table(tables)) => {
                    for (name, value) in tables {
                        let (spider, at) = (name.get_ref().to_string(), Some(name.span()));
                        spiders::check_name(&spider, spiders)
                            .map_err(|(what, hint)| wrong(at.clone(), &what).hint(hint))?;
                        let DeValue::Table(table) = value.get_ref() else {
                            return Err(wrong(at, "`spider` must have a table for each spider").hint(SPIDERS));
                        };
                        let mut own = SpiderTable::new(spider);
                        for (key, value) in table {
                            let line = line_of(text, key.span().start);
                            if key.get_ref() == spiders::ARGUMENTS {
                                let taken = own.take_arguments(value.get_ref(), line);
                                taken.map_err(|(what, hint)| wrong(Some(key.span()), &what).hint(hint))?;
                            } else {
                                own.entries.push(read(&of_spider, key, value)?);
                            }
                        }
                        file.spiders.push(own);
                    }
                }
                ("schedule", DeValue::Table(tables)) => {
                    for (name, value) in tables {
                        let table = schedules::read(name, value.get_ref(), &of_schedule, spiders, |at| {
                            line_of(text, at)
                        });
                        let table = table.map_err(|(at, (what, hint))| wrong(Some(at), &what).hint(hint));
                        file.schedules.push(table?);
                    }
                }
                ("schedule", _) => {
                    return Err(wrong(Some(key.span()), schedules::NO_TABLE).hint(SCHEDULES));
                }
                ("spider", _) => {
                    return Err(
                        wrong(Some(key.span()), "`spider` must have a table for each spider").hint(SPIDERS)
                    );
                }
                _ => file.entries.push(read(&top, key, value)?),
            }
        }
        Ok(file)
    }
}

/// Settings of `[crawl]` that do not apply to the crawls of schedules, because several processes can't share an address or a file.
const OF_ONE_PROCESS: [&str; 3] = ["listen", "heartbeat_file", "metrics_textfile"];

const HOSTS: &str = "write a table for each host, such as [host.\"example.com\"] or \
                     [host.\"*.example.com\"], with rate, concurrency, jitter or robots";

const SPIDERS: &str = "write a table for each spider, such as [spider.books], with settings of [crawl], and with \
                       start_urls, tag and args";

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

#[cfg(test)]
mod tests;
