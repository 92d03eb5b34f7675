//! The names that a table of the file may have, and the check of their values.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory};
use toml::de::DeValue;

use super::{Entry, HOSTS, NAMES, hosts, place};
use crate::arguments::Arguments;

/// The flags that may be set in one of the file's tables.
pub(super) struct Known {
    pub(super) table: &'static str,
    pub(super) flags: Command,
    /// Advice for an unknown name.
    pub(super) names: String,
}

impl Known {
    pub(super) fn of(table: &'static str, command: &Command) -> Self {
        let flags =
            command.get_arguments().filter(|flag| place(command, flag).is_some_and(|at| at.0 == table));
        let alone = Command::new("file").no_binary_name(true).disable_help_flag(true);
        // Without variables, because only the file is checked here.
        let flags = flags.cloned().map(|flag| flag.env(clap::builder::Resettable::Reset));
        Self { table, flags: alone.args(flags), names: NAMES.to_owned() }
    }

    pub(super) fn of_crawl() -> Self {
        let command = Arguments::command();
        Self::of("crawl", command.find_subcommand("crawl").unwrap_or(&command))
    }

    pub(super) fn of_serve() -> Self {
        let command = Arguments::command();
        let serve = Self::of("serve", command.find_subcommand("serve").unwrap_or(&command));
        let names: Vec<&str> = serve.flags.get_arguments().map(|flag| flag.get_id().as_str()).collect();
        let names = format!("[serve] has {}", names.join(", "));
        Self { names, ..serve }
    }

    pub(super) fn of_host() -> Self {
        Self { table: "host", flags: hosts::command(), names: HOSTS.to_owned() }
    }

    /// The setting, or the problem with it and what to do. The value isn't repeated, because it may be a
    /// secret.
    pub(super) fn entry(
        &self,
        key: &str,
        value: &DeValue<'_>,
        line: usize,
    ) -> Result<Entry, (String, String)> {
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
                match self.table {
                    // Its keys are not flags.
                    "schedule" => self.names.clone(),
                    _ => format!("`{key}` takes the same values as --{name}"),
                },
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
        // Some tables have a key for what is otherwise only a flag. Somebody may write it like the flag.
        let is_known_here =
            |flag: &Arg| self.flags.get_arguments().any(|known| known.get_id() == flag.get_id());
        match found {
            Some((flag, None)) if !is_known_here(flag) => (
                format!("`{key}` is for a single call, so it cannot be in the file"),
                match (flag.get_long(), flag.get_env()) {
                    (Some(long), Some(variable)) => {
                        format!("use --{long} or {}", variable.to_string_lossy())
                    }
                    _ => self.names.clone(),
                },
            ),
            Some((_, Some(("", id)))) if !self.table.is_empty() => (
                format!("`{key}` does not belong in [{}]", self.shown_table()),
                format!("put `{id}` at the top, above all tables"),
            ),
            Some((_, Some((table, id)))) if self.table.is_empty() => {
                (format!("`{key}` does not belong at the top"), format!("put `{id}` under [{table}]"))
            }
            // The name is unknown, is written with `-`, or isn't a setting for single hosts.
            _ => (format!("unknown name `{key}`"), self.meant(key)),
        }
    }

    /// A table for each host or spider has a name of its own.
    fn shown_table(&self) -> &'static str {
        match self.table {
            "host" => "host.\"…\"",
            "spider" => "spider.NAME",
            "schedule" => "schedule.NAME",
            table => table,
        }
    }

    /// The command line's parser finds the nearest name.
    fn meant(&self, key: &str) -> String {
        let word = format!("--{}", key.replace('_', "-"));
        let near = match self.flags.clone().try_get_matches_from([&format!("{word}=")]) {
            Err(error) if error.kind() == ErrorKind::UnknownArgument => {
                match error.get(ContextKind::SuggestedArg) {
                    Some(ContextValue::String(flag)) => flag.clone(),
                    _ => return self.names.clone(),
                }
            }
            // It is the flag's own name.
            _ => word,
        };
        let near = near.trim_start_matches('-');
        let flag = self.flags.get_arguments().find(|flag| flag.get_long() == Some(near));
        let name = flag.map_or_else(|| near.replace('-', "_"), |flag| flag.get_id().to_string());
        format!("did you mean `{name}`? {}", self.names)
    }
}

/// A value as a flag would give it.
pub(super) fn texts(value: &DeValue<'_>) -> Option<Vec<String>> {
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
pub(super) fn reason(error: &clap::Error) -> String {
    if let Some(source) = std::error::Error::source(error) {
        return source.to_string();
    }
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(valid)) => format!("must be one of {}", valid.join(", ")),
        _ => "this value is invalid".to_owned(),
    }
}
