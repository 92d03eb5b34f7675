//! The environment: what its variables mean beyond one variable for one flag.

use std::env;
use std::ffi::OsStr;

use clap::Command;
use clap::builder::Resettable;

/// Takes an empty variable, as compose files like to leave it, for none; and `DATABASE_URL`, under which many
/// platforms hand out a database, for the store where nothing names one of our own.
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
