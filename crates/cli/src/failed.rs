//! An error that ends the process: what failed, what to do about it, and the exit code.

use std::fmt;

use dragline_core::StoreError;
use dragline_runtime::blocking::BlockingError;
use dragline_runtime::logging::{FatalError, LogError};
use dragline_runtime::{CrawlError, chain};

use crate::exit::Exit;

/// An error that ends the process.
#[derive(Debug)]
pub(crate) struct Failed {
    /// How the process ends.
    pub(crate) exit: Exit,
    /// What failed, and why.
    pub(crate) what: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
}

impl Failed {
    /// An error at run time.
    pub(crate) fn error(what: impl fmt::Display) -> Self {
        Self { exit: Exit::Error, what: what.to_string(), hint: None }
    }

    /// A mistake in what the user wrote.
    pub(crate) fn usage(what: impl fmt::Display) -> Self {
        Self { exit: Exit::Usage, ..Self::error(what) }
    }

    /// Adds advice.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The form for the log.
    pub(crate) fn fatal(&self) -> FatalError<'_> {
        FatalError { what: &self.what, hint: self.hint.as_deref(), exit_code: self.exit.code() }
    }

    fn of(error: &(dyn std::error::Error + 'static), hint: Option<&str>, is_usage: bool) -> Self {
        let exit = if is_usage { Exit::Usage } else { Exit::Error };
        Self { exit, what: chain(error), hint: hint.map(str::to_owned) }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fatal().fmt(f)
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::of(&error, error.hint(), false)
    }
}

impl From<BlockingError> for Failed {
    fn from(error: BlockingError) -> Self {
        Self::of(&error, error.hint(), false)
    }
}

impl From<LogError> for Failed {
    fn from(error: LogError) -> Self {
        Self::of(&error, error.hint(), error.is_usage())
    }
}

impl From<CrawlError> for Failed {
    fn from(error: CrawlError) -> Self {
        let failed = Self::of(&error, error.hint(), error.is_usage());
        match error {
            CrawlError::StoppedEarly => Self { exit: Exit::Stopped, ..failed },
            CrawlError::StopOverran { .. } => Self { exit: Exit::Forced, ..failed },
            _ => failed,
        }
    }
}
