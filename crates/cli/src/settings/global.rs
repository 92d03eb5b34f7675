//! The settings of every command: the store, the log, and the settings file.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Command, FromArgMatches};
use dragline_core::runs::RunAdmin;
use dragline_core::schedules::ScheduleStore;
use dragline_core::{StoreError, program};
use dragline_store::{SchemaAdmin, StoreSettings};

use super::environment;
use super::file::File;
use crate::arguments::{Global, Logging};
use crate::exit::Exit;
use crate::failed::Failed;
use dragline_runtime::logging::{LogFileSettings, LogSettings};
use dragline_runtime::settings::{StoreUrl, store_settings};

/// Settings of every command.
#[derive(Clone, Debug)]
pub(crate) struct Common {
    pub(crate) store: StoreUrl,
    pub(crate) log: LogSettings,
    pub(crate) file: File,
}

impl Common {
    /// The global settings as given, and the settings file that some of them come from.
    pub(crate) fn of(global: Global, logging: Logging, file: File) -> Self {
        let Logging { log_format, log, log_repeats, log_dir, log_file_bytes, log_files } = logging;
        let log = LogSettings {
            format: log_format,
            filter: log,
            repeats: log_repeats,
            files: log_dir.map(|dir| LogFileSettings {
                dir,
                max_bytes: log_file_bytes as u64,
                keep: log_files,
            }),
        };
        let store = StoreUrl(global.store);
        store.remember_secret();
        Self { store, log, file }
    }

    /// For flags that this command doesn't have: the values from the file and the environment, or else `words`.
    pub(crate) fn flags<F: Args + FromArgMatches>(&self, words: &[&str]) -> Result<F, Failed> {
        flags_from(&self.file, words)
    }

    /// The same without words, with the table that the file has for this spider.
    pub(crate) fn flags_of_spider<F: Args + FromArgMatches>(&self, spider: &str) -> Result<F, Failed> {
        flags_from(&self.file.clone().for_spider(Some(spider)), &[])
    }

    /// The folder of log files.
    pub(crate) fn log_dir(&self) -> Option<PathBuf> {
        self.log.files.as_ref().map(|files| files.dir.clone())
    }

    /// The store, for commands that look at its runs. This doesn't connect yet, so an error is a mistake in the
    /// settings.
    pub(crate) fn open_runs(&self, settings: &StoreSettings) -> Result<Box<dyn RunAdmin>, Failed> {
        dragline_store::open_runs(&self.store.0, settings).map_err(wrong_words)
    }

    /// The same, for schedules.
    pub(crate) fn open_schedules(&self, settings: &StoreSettings) -> Result<Arc<dyn ScheduleStore>, Failed> {
        dragline_store::open_schedules(&self.store.0, settings).map_err(wrong_words)
    }

    /// The same, for `dragline schema`.
    pub(crate) fn open_admin(&self, settings: &StoreSettings) -> Result<Box<dyn SchemaAdmin>, Failed> {
        dragline_store::open_admin(&self.store.0, settings).map_err(wrong_words)
    }

    /// The store's own settings.
    pub(crate) fn store_settings(&self) -> Result<StoreSettings, Failed> {
        Ok(store_settings(&self.flags(&[])?, &self.flags(&[])?))
    }
}

fn flags_from<F: Args + FromArgMatches>(file: &File, words: &[&str]) -> Result<F, Failed> {
    let command = F::augment_args(Command::new(program::name()).no_binary_name(true));
    let command = file.beneath(environment::read(command));
    let matches = command.try_get_matches_from(words).map_err(|error| plain(&error))?;
    F::from_arg_matches(&matches).map_err(|error| plain(&error))
}

/// For a store that isn't opened yet.
fn wrong_words(error: StoreError) -> Failed {
    Failed { exit: Exit::Usage, ..error.into() }
}

/// The parser's own error, without the word that all errors here begin with.
fn plain(error: &clap::Error) -> Failed {
    let text = error.to_string();
    Failed::usage(text.trim().trim_start_matches("error: "))
}
