//! `dragline config show`: the settings of a crawl, and where each comes from.

use clap::{Arg, ArgMatches, Command};
use dragline_core::args::is_secret;
use serde::Serialize;
use url::Url;

use super::Given;
use super::reference::default_in_words;
use crate::arguments::ConfigFormat;
use crate::commands::print;
use crate::commands::table::table;
use crate::failed::Failed;
use crate::settings::origin::Origin;

/// Replaces a hidden value.
const HIDDEN: &str = "***";

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
            flag.get_long().is_some() && !matches!(flag.get_id().as_str(), "help" | "version" | "format")
        });
        flags.map(|flag| setting(command, flag, matches, given)).collect()
    };
    of(all).into_iter().chain(of(own)).chain(of_hosts(given)).collect()
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
    let is_sensitive = flag.is_hide_env_values_set() || is_secret(id);
    let values: Vec<_> = raw.map(|value| shown(value.to_string_lossy().trim(), is_sensitive)).collect();
    Setting {
        name: id.to_owned(),
        otherwise: values.is_empty().then(|| default_in_words(flag).unwrap_or_else(|| "none".to_owned())),
        values,
        origin: Origin::of(command, flag, matches, given.file),
    }
}

/// Hides everything that nobody else should read: passwords in URLs, names that sound like secrets, and for a
/// sensitive setting everything that isn't a URL.
fn shown(value: &str, is_sensitive: bool) -> String {
    if let Some((name, _)) =
        value.split_once('=').filter(|(name, _)| is_secret(name) && !name.contains("://"))
    {
        return format!("{name}={HIDDEN}");
    }
    let Ok(mut url) = Url::parse(value) else {
        // In a text that only looks like a URL, we don't know where the password is.
        return if is_sensitive || value.contains('@') { HIDDEN.to_owned() } else { value.to_owned() };
    };
    // `user:password` is itself a valid URL, with the scheme `user`.
    if !url.has_host() && (value.contains('@') || is_sensitive && url.scheme() != "sqlite") {
        return HIDDEN.to_owned();
    }
    if url.password().is_some() && url.set_password(Some(HIDDEN)).is_err() {
        return HIDDEN.to_owned();
    }
    if url.query().is_some() {
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        if pairs.iter().any(|(name, _)| is_secret(name)) {
            let pairs = pairs.into_iter().map(|(name, value)| {
                let value = if is_secret(&name) { HIDDEN.to_owned() } else { value };
                (name, value)
            });
            let pairs: Vec<_> = pairs.collect();
            url.query_pairs_mut().clear().extend_pairs(pairs);
            return url.to_string();
        }
    }
    if url.password().is_some() { url.to_string() } else { value.to_owned() }
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
        assert_eq!(shown("http://me:hunter2@proxy:8080", false), "http://me:***@proxy:8080/");
        assert_eq!(shown("me:hunter2@proxy:port", false), "***");
        assert_eq!(shown("tag=love", false), "tag=love");
    }
}
