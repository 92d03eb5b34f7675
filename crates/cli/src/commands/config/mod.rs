//! `dragline config`.

mod reference;
mod show;

use clap::{ArgMatches, Command};

use crate::arguments::ConfigAction;
use crate::exit::Exit;
use crate::failed::Failed;
use crate::settings::file::File;
use crate::settings::{CommandSettings, StoreUrl, environment};
use dragline_runtime::logging;

/// The settings on the command line and in the file.
pub(super) struct Given<'a> {
    pub(super) words: &'a Command,
    pub(super) matches: &'a ArgMatches,
    pub(super) file: &'a File,
}

pub(super) fn run(action: ConfigAction, store: &StoreUrl, given: &Given<'_>) -> Result<Exit, Failed> {
    match action {
        ConfigAction::Show(asked) => {
            show::run(asked.format, given)?;
            for (what, hint) in environment::unknown() {
                logging::warned_before_start(&what, &hint);
            }
            // Print the table first. If a crawl would refuse a value, the table shows where the value comes from.
            CommandSettings::combine(asked.flags, store, given.file).map(|_| Exit::Finished)
        }
        ConfigAction::Reference { file } => reference::run(&file),
    }
}
