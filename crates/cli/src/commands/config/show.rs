//! `dragline config show`: the settings of a crawl, and where each comes from.

use clap::{Arg, ArgMatches, Command};
use dragline_core::secrets::{HIDDEN, hide, is_secret_name};
use serde::Serialize;
use url::Url;

use super::Given;
use super::reference::default_in_words;
use crate::arguments::ConfigFormat;
use crate::commands::print;
use crate::commands::table::table;
use crate::failed::Failed;
use crate::settings::origin::Origin;

/// A setting for display.
#[derive(Serialize)]
struct Setting {
    name: String,
    /// The value as it was written. `None` if it is only known at run time.
    values: Vec<String>,
    /// For a setting without a value, what a crawl does instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    otherwise: Option<String>,
    origin: Origin,
}

pub(super) fn run(format: ConfigFormat, given: &Given<'_>) -> Result<(), Failed> {
    let settings = settings(given);
    match format {
        ConfigFormat::Text => {
            let rows = settings.into_iter().map(|setting| {
                let value = match setting.otherwise {
                    Some(words) if setting.values.is_empty() => format!("({words})"),
                    _ => setting.values.join(", "),
                };
                [setting.name, value, setting.origin.to_string()]
            });
            print(&table(["setting", "value", "from"], rows))?;
        }
        ConfigFormat::Json => {
            let text = serde_json::to_string_pretty(&settings)
                .map_err(|error| Failed::error(format!("the settings cannot be written: {error}")))?;
            print(&format!("{text}\n"))?;
        }
    }
    Ok(())
}

fn settings(given: &Given<'_>) -> Vec<Setting> {
    let all = given.words;
    let own = all.find_subcommand("config").and_then(|config| config.find_subcommand("show"));
    let matches =
        given.matches.subcommand_matches("config").and_then(|config| config.subcommand_matches("show"));
    let (Some(own), Some(matches)) = (own, matches) else { return Vec::new() };
    let of = |command: &Command| -> Vec<Setting> {
        let flags = command.get_arguments().filter(|flag| {
            // `config show` has a copy of some flags that every command has.
            let is_copy = flag.is_global_set() && command.get_name() == "show";
            flag.get_long().is_some()
                && !is_copy
                && !matches!(flag.get_id().as_str(), "help" | "version" | "format")
        });
        flags.map(|flag| setting(command, flag, matches, given)).collect()
    };
    let of_file = of_arguments(given, matches);
    let is_shown = |setting: &Setting| {
        // The arguments of the file stand in place of none.
        setting.name != "args" || !setting.values.is_empty() || of_file.is_empty()
    };
    let all: Vec<Setting> = of(all).into_iter().chain(of(own)).filter(is_shown).collect();
    all.into_iter().chain(of_file).chain(of_hosts(given)).collect()
}

/// The spider's arguments in the settings file, except for those that are given otherwise.
fn of_arguments(given: &Given<'_>, matches: &ArgMatches) -> Vec<Setting> {
    let name = |argument: &str| argument.split('=').next().unwrap_or_default().to_owned();
    let raw = matches.get_raw("args").into_iter().flatten();
    let given_names: Vec<String> = raw.map(|argument| name(&argument.to_string_lossy())).collect();
    let of_file = given.file.arguments();
    of_file
        .into_iter()
        .filter(|(argument, _)| !given_names.contains(&name(argument)))
        .map(|(argument, line)| Setting {
            name: "args".to_owned(),
            values: vec![shown(&argument, false)],
            otherwise: None,
            origin: Origin::File { path: given.file.path().to_owned(), line },
        })
        .collect()
}

/// The settings for single hosts in the settings file.
fn of_hosts<'a>(given: &Given<'a>) -> impl Iterator<Item = Setting> + 'a {
    let (path, entries) = given.file.host_entries();
    entries.map(move |entry| Setting {
        name: format!("host.\"{}\".{}", entry.pattern, entry.key),
        values: entry.values.to_vec(),
        otherwise: None,
        origin: Origin::File { path: path.to_owned(), line: entry.line },
    })
}

fn setting(command: &Command, flag: &Arg, matches: &ArgMatches, given: &Given<'_>) -> Setting {
    let id = flag.get_id().as_str();
    let raw = matches.get_raw(id).into_iter().flatten();
    let is_sensitive = flag.is_hide_env_values_set() || is_secret_setting(id);
    let shown =
        |value: &str| if is_secret_address(id) { HIDDEN.to_owned() } else { shown(value, is_sensitive) };
    let values: Vec<_> = raw.map(|value| shown(value.to_string_lossy().trim())).collect();
    Setting {
        name: id.to_owned(),
        otherwise: values.is_empty().then(|| default_in_words(flag).unwrap_or_else(|| "none".to_owned())),
        values,
        origin: Origin::of(command, flag, matches, given.file),
    }
}

/// No part of the address of a notification is shown, because someone who knows it may send there.
fn is_secret_address(id: &str) -> bool {
    id == "notify"
}

/// The value of `--cookies` is the place where cookies are kept, not a cookie.
fn is_secret_setting(id: &str) -> bool {
    is_secret_name(id) && id != "cookies"
}

/// Hides everything that nobody else should read: what the common rule calls a secret, and for a sensitive setting
/// everything that isn't a URL.
fn shown(value: &str, is_sensitive: bool) -> String {
    if let Some((name, _)) =
        value.split_once('=').filter(|(name, _)| is_secret_name(name) && !name.contains("://"))
    {
        return format!("{name}={HIDDEN}");
    }
    let shown = hide(value).into_owned();
    // Of a sensitive text that isn't a URL, we don't know where the secret is.
    let is_url = Url::parse(value).is_ok_and(|url| url.has_host() || url.scheme() == "sqlite");
    if is_sensitive && !is_url && shown == value { HIDDEN.to_owned() } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown() {
        for secret in [
            "postgres://me:hunter2@db/crawls",
            "postgres://me@db/crawls?password=hunter2&sslmode=require",
            "host=db password=hunter2",
            "hunter2",
            "me:hunter2",
            "postgres://me:hunter2@db:port/crawls",
        ] {
            let text = shown(secret, true);
            assert!(!text.contains("hunter2") && text.contains(HIDDEN), "{text}");
        }
        assert_eq!(shown("postgres://me@db/crawls", true), "postgres://me@db/crawls");
        assert_eq!(shown("sqlite:dragline.db", true), "sqlite:dragline.db");
        assert_eq!(shown("api_token=hunter2", false), "api_token=***");
        assert_eq!(shown("http://me:hunter2@proxy:8080", true), "http://***@proxy:8080");
        assert_eq!(shown("me:hunter2@proxy:port", false), "me:***@proxy:port");
        assert_eq!(shown("tag=love", false), "tag=love");
    }
}
