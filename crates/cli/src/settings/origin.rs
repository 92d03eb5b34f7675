//! Where the value of a setting comes from.

use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use serde::Serialize;

use super::file::File;

/// The layer in which a value was found.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "from", rename_all = "lowercase")]
pub(crate) enum Origin {
    /// The default.
    Default,
    /// The settings file.
    File {
        /// Which.
        path: PathBuf,
        /// Its line.
        line: usize,
    },
    /// An environment variable.
    Variable {
        /// Its name.
        name: String,
    },
    /// The command line.
    Flag,
}

impl Origin {
    /// The origin of `flag`, which `command` declares and whose value is in `matches`.
    pub(crate) fn of(command: &Command, flag: &Arg, matches: &ArgMatches, file: &File) -> Self {
        match matches.value_source(flag.get_id().as_str()) {
            Some(ValueSource::CommandLine) => Self::Flag,
            Some(ValueSource::EnvVariable) => {
                let name = flag.get_env().unwrap_or_default().to_string_lossy().into_owned();
                Self::Variable { name }
            }
            _ => match file.line_of(command, flag) {
                Some((path, line)) => Self::File { path: path.to_owned(), line },
                None => Self::Default,
            },
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Variable { name } => write!(f, "${name}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}
