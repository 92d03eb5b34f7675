//! `dragline config reference`: generates the tables of the settings reference from the declarations of the
//! flags.
//!
//! It replaces the text between `<!-- settings: NAME -->` and `<!-- end -->` with the tables of that name, and
//! keeps the rest. The help and the reference therefore always agree. The name `metrics` stands for the tables
//! of the metrics.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use clap::builder::PossibleValue;
use clap::{Arg, Command, CommandFactory};

use crate::arguments::Arguments;
use crate::commands::print;
use crate::exit::Exit;
use crate::failed::Failed;
use crate::settings::file::place;
use crate::settings::hosts;
use dragline_runtime::metrics;
use dragline_serve::ScheduleSettings;

pub(super) fn run(path: &Path) -> Result<Exit, Failed> {
    let cannot = |verb: &str, error| Failed::error(format!("{} cannot be {verb}: {error}", path.display()));
    let old = fs::read_to_string(path).map_err(|error| cannot("read", error))?;
    let new = fill(&old).map_err(|what| Failed::error(format!("{}: {what}", path.display())))?;
    if new == old {
        print("up to date\n")?;
    } else {
        fs::write(path, new).map_err(|error| cannot("written", error))?;
        print("written\n")?;
    }
    Ok(Exit::Finished)
}

/// The text with new tables between its markers.
fn fill(text: &str) -> Result<String, String> {
    let (mut new, mut rest) = (String::new(), text);
    while let Some((before, from_name)) = rest.split_once("<!-- settings: ") {
        let (name, body) = from_name.split_once(" -->").ok_or("a marker has no end")?;
        let (_, after) = body.split_once("<!-- end -->").ok_or(format!("no `<!-- end -->` after {name}"))?;
        let tables = tables(name).ok_or(format!("there is no table named {name:?}"))?;
        let _ = write!(new, "{before}<!-- settings: {name} -->\n\n{tables}\n<!-- end -->");
        rest = after;
    }
    if new.is_empty() {
        return Err("it has no marker such as `<!-- settings: crawl -->`".to_owned());
    }
    Ok(new + rest)
}

fn tables(name: &str) -> Option<String> {
    let all = Arguments::command();
    match name {
        "metrics" => Some(metrics::tables()),
        "every command" => Some(table(&all, &flags(&all))),
        "crawl" => {
            let crawl = all.find_subcommand("crawl")?;
            let mut headings: Vec<Option<&str>> = Vec::new();
            for flag in crawl.get_arguments() {
                if !headings.contains(&flag.get_help_heading()) {
                    headings.push(flag.get_help_heading());
                }
            }
            let mut text = String::new();
            for heading in headings {
                let flags: Vec<_> =
                    flags(crawl).into_iter().filter(|flag| flag.get_help_heading() == heading).collect();
                let _ = write!(text, "### {}\n\n{}\n", heading.unwrap_or("What"), table(crawl, &flags));
            }
            Some(text.trim_end().to_owned() + "\n")
        }
        "host" => {
            let mut text = "| in the file | what |\n|---|---|\n".to_owned();
            for flag in flags(&hosts::command()) {
                row(&mut text, &[&format!("`{}`", flag.get_id()), &what(flag)]);
            }
            Some(text)
        }
        "schedule" => {
            let mut text = "| in the file | default | what |\n|---|---|---|\n".to_owned();
            for flag in flags(&ScheduleSettings::command()) {
                row(&mut text, &[&format!("`{}`", flag.get_id()), &default(flag), &what(flag)]);
            }
            Some(text)
        }
        "other commands" => {
            let mut text =
                "| command | flag | variable | default | what |\n|---|---|---|---|---|\n".to_owned();
            others(&all, "", &mut text);
            Some(text)
        }
        _ => None,
    }
}

fn flags(command: &Command) -> Vec<&Arg> {
    command.get_arguments().filter(|flag| !flag.is_hide_set()).collect()
}

fn table(command: &Command, flags: &[&Arg]) -> String {
    let mut text = "| flag | variable | in the file | default | what |\n|---|---|---|---|---|\n".to_owned();
    for flag in flags {
        let key = place(command, flag).map(|(_, key)| format!("`{key}`")).unwrap_or_default();
        row(&mut text, &[&name(flag), &variable(flag), &key, &default(flag), &what(flag)]);
    }
    text
}

fn others(command: &Command, path: &str, text: &mut String) {
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let path = format!("{path} {}", sub.get_name());
        let path = path.trim_start();
        others(sub, path, text);
        for flag in flags(sub) {
            // These accept the flags of crawl.
            let is_of_crawl = matches!(path, "config show" | "reparse") && flag.get_env().is_some();
            if path != "crawl" && !is_of_crawl {
                row(text, &[&format!("`{path}`"), &name(flag), &variable(flag), &default(flag), &what(flag)]);
            }
        }
    }
}

fn row(text: &mut String, cells: &[&str]) {
    for cell in cells {
        let cell = cell.replace('|', "\\|");
        let _ = if cell.is_empty() { write!(text, "| ") } else { write!(text, "| {cell} ") };
    }
    text.push_str("|\n");
}

fn name(flag: &Arg) -> String {
    let value = flag.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    let value = value.filter(|_| flag.get_action().takes_values());
    let Some(long) = flag.get_long() else { return format!("`{}`", value.unwrap_or_default()) };
    let short = flag.get_short().map(|short| format!("-{short}, ")).unwrap_or_default();
    match value {
        Some(value) if flag.is_require_equals_set() => format!("`{short}--{long}[={value}]`"),
        Some(value) => format!("`{short}--{long} {value}`"),
        None => format!("`{short}--{long}`"),
    }
}

fn variable(flag: &Arg) -> String {
    flag.get_env().map(|name| format!("`{}`", name.to_string_lossy())).unwrap_or_default()
}

/// The default as the help describes it, if the parser doesn't know it.
pub(super) fn default_in_words(flag: &Arg) -> Option<String> {
    let help = flag.get_help()?.to_string();
    Some(help.split_once("[default: ")?.1.split_once(']')?.0.to_owned())
}

fn default(flag: &Arg) -> String {
    let values = flag.get_default_values();
    if !flag.get_action().takes_values() || values.is_empty() {
        return default_in_words(flag).unwrap_or_default();
    }
    let values: Vec<_> = values.iter().map(|value| value.to_string_lossy()).collect();
    // The reference must not change with each version.
    format!("`{}`", values.join(", ").replace(env!("CARGO_PKG_VERSION"), "VERSION"))
}

/// The long help if there is one, as one line.
fn what(flag: &Arg) -> String {
    let help = flag.get_long_help().or(flag.get_help()).map(ToString::to_string).unwrap_or_default();
    let help = match help.split_once("[default: ") {
        Some((before, after)) => {
            let after = after.split_once(']').map_or("", |(_, after)| after);
            format!("{}.{after}", before.trim_end())
        }
        None => help,
    };
    let paragraphs: Vec<_> =
        help.split("\n\n").map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let text = paragraphs.iter().map(|text| text.trim_end_matches('.')).filter(|text| !text.is_empty());
    let text = text.collect::<Vec<_>>().join(". ");
    let values: Vec<_> = flag.get_possible_values().iter().filter_map(value).collect();
    if values.is_empty() { text } else { format!("{text}: {}", values.join("; ")) }
}

/// One of a flag's possible values, if it has a help text.
fn value(value: &PossibleValue) -> Option<String> {
    let means = value.get_help()?.to_string();
    let mut chars = means.chars();
    let first = chars.next()?.to_lowercase();
    Some(format!("`{}` {first}{}", value.get_name(), chars.as_str()))
}
