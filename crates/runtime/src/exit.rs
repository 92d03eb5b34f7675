//! How a process ends: one error type at the edge, and the exit codes.

use std::fmt;
use std::process::ExitCode;

/// The exit codes, a contract with shells and orchestrators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Finished, or a limit was reached.
    Finished,
    /// An error; also when pages failed and none was done.
    Error,
    /// Wrong words on the command line, in the environment or in the settings file.
    Usage,
    /// Ended by the watchdog or by a second signal (`EX_SOFTWARE` of sysexits).
    Forced,
    /// Stopped early; the same command resumes (`EX_TEMPFAIL` of sysexits).
    Stopped,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Finished => 0,
            Self::Error => 1,
            Self::Usage => 2,
            Self::Forced => 70,
            Self::Stopped => 75,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// An error that ends the process: what failed, and apart from it what to do.
#[derive(Debug)]
pub struct Failed {
    /// How the process ends.
    pub exit: Exit,
    /// What failed, and why.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Failed {
    /// An error at run time.
    pub fn error(what: impl fmt::Display) -> Self {
        Self { exit: Exit::Error, what: what.to_string(), hint: None }
    }

    /// An error in what the user wrote.
    pub fn usage(what: impl fmt::Display) -> Self {
        Self { exit: Exit::Usage, ..Self::error(what) }
    }

    /// With advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {}", hint.trim().replace('\n', "\n        ")),
            None => Ok(()),
        }
    }
}

/// An error with its causes in one line; a cause that the line already tells is left out.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
        source = cause.source();
    }
    line
}

impl From<dragline_core::StoreError> for Failed {
    fn from(error: dragline_core::StoreError) -> Self {
        let failed = Self::error(chain(&error));
        match error.hint() {
            Some(hint) => failed.hint(hint),
            None => failed,
        }
    }
}
