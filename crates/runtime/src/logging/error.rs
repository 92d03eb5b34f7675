//! Errors when the log starts.

use std::io;
use std::path::PathBuf;

/// An error of the log's start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The filter names something that does not exist.
    #[error("in the log filter, {part:?} {problem}")]
    Filter {
        /// The part of the filter.
        part: String,
        /// What is wrong with it.
        problem: &'static str,
        /// What can be written instead.
        hint: String,
    },
    /// The folder takes no log file.
    #[error("cannot write a log file in {}", .dir.display())]
    File {
        /// The folder.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The operating system refused a thread.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
}

impl LogError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Filter { hint, .. } => Some(hint),
            Self::File { .. } => Some(
                "choose a folder that this user may write to, on a disk with free space (--log-dir), or \
                 omit --log-dir",
            ),
            Self::Thread(_) => Some("look at the limits on processes and open files (ulimit -u, ulimit -n)"),
        }
    }

    /// Whether the error is a mistake in the settings.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Filter { .. })
    }

    pub(super) fn filter(part: &str, problem: &'static str, hint: impl Into<String>) -> Self {
        Self::Filter { part: part.to_owned(), problem, hint: hint.into() }
    }
}
