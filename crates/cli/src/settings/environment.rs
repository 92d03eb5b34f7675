//! The environment: everything about variables beyond one variable per flag.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsStr;

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command, CommandFactory};

use crate::arguments::Arguments;

const OURS: &str = "DRAGLINE_";
/// Prefixes of variables for tests.
const OF_TESTS: [&str; 4] = ["PROBE", "TEST_", "TORTURE_", "SHARED"];

/// Treats an empty variable as not set, because compose files often leave empty ones. Uses `DATABASE_URL` as
/// the store if our own variable isn't set, because many platforms provide a database under that name.
pub(crate) fn read(command: Command) -> Command {
    let is_set = |name: &OsStr| env::var_os(name).is_some_and(|value| !value.is_empty());
    let command = command.mut_args(|flag| {
        let Some(name) = flag.get_env().map(OsStr::to_owned) else { return flag };
        if is_set(&name) {
            flag
        } else if flag.get_id() == "store" && is_set(OsStr::new("DATABASE_URL")) {
            flag.env("DATABASE_URL")
        } else if env::var_os(&name).is_some() {
            flag.env(Resettable::Reset)
        } else {
            flag
        }
    });
    let names: Vec<_> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, read))
}

/// Variables that look like ours but are unknown, each with a suggestion. Without a warning, a typo would
/// simply have no effect.
pub(crate) fn unknown() -> Vec<(String, String)> {
    let known = variables(&Arguments::command());
    let given = env::vars_os().filter_map(|(name, _)| Some(name.to_str()?.strip_prefix(OURS)?.to_owned()));
    let unknown = given
        .filter(|name| !known.contains(name) && !OF_TESTS.iter().any(|of_tests| name.starts_with(of_tests)));
    unknown
        .map(|name| {
            let hint = match nearest(&name, &known) {
                Some(near) => format!("did you mean {OURS}{near}?"),
                None => "`dragline crawl --help` lists the variables".to_owned(),
            };
            (format!("the variable {OURS}{name} is unknown and has no effect"), hint)
        })
        .collect()
}

/// The parser's errors don't say where a value comes from. If it comes from a variable, this adds its name.
pub(crate) fn name_variable(error: &mut clap::Error, words: &Command) {
    let Some(ContextValue::String(refused)) = error.get(ContextKind::InvalidArg).cloned() else { return };
    let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue).cloned() else { return };
    let flags = all_commands(words).into_iter().flat_map(Command::get_arguments);
    for flag in flags.filter(|flag| flag.to_string() == refused) {
        let Some(name) = flag.get_env() else { continue };
        let is_its = env::var_os(name).is_some_and(|given| given.to_string_lossy().contains(&value));
        if is_its && !is_given(flag) {
            let name = name.to_string_lossy();
            let tip = format!("the value comes from the variable {name}");
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
            return;
        }
    }
}

/// Whether the flag is on the command line. Its variable is then not read.
fn is_given(flag: &Arg) -> bool {
    let Some(long) = flag.get_long().map(|long| format!("--{long}")) else { return false };
    env::args_os().any(|word| word.to_string_lossy().split('=').next() == Some(&long))
}

fn all_commands(command: &Command) -> Vec<&Command> {
    let mut all = vec![command];
    let mut at = 0;
    while let Some(command) = all.get(at).copied() {
        all.extend(command.get_subcommands());
        at += 1;
    }
    all
}

/// The variables of all flags, without our prefix.
fn variables(command: &Command) -> BTreeSet<String> {
    let flags = all_commands(command).into_iter().flat_map(Command::get_arguments);
    let names = flags.filter_map(Arg::get_env).filter_map(OsStr::to_str);
    names.filter_map(|name| name.strip_prefix(OURS)).map(str::to_owned).collect()
}

/// The command line's parser finds the nearest name.
fn nearest(name: &str, known: &BTreeSet<String>) -> Option<String> {
    let flags = known.iter().map(|name| Arg::new(name.clone()).long(name.clone()));
    let command = Command::new("variables").no_binary_name(true).disable_help_flag(true).args(flags);
    let error = command.try_get_matches_from([format!("--{name}=")]).err()?;
    match error.get(ContextKind::SuggestedArg) {
        Some(ContextValue::String(near)) => Some(near.trim_start_matches('-').to_owned()),
        _ => None,
    }
}
