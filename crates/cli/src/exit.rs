//! The exit codes, and which end of a crawl has which. Shells and orchestrators rely on them.

use std::process::ExitCode;

use dragline_runtime::CrawlOutcome;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Finished, or a limit was reached.
    Finished,
    /// An error, or pages failed and not one was done.
    Error,
    /// A mistake on the command line, in the environment or in the settings file.
    Usage,
    /// Finished, but a person should look at the run. The same command would only crawl it again (`EX_DATAERR` of sysexits).
    Problems,
    /// Forced to end by the watchdog or by a second signal (`EX_SOFTWARE` of sysexits).
    Forced,
    /// Stopped early; the same command resumes (`EX_TEMPFAIL` of sysexits).
    Stopped,
}

impl Exit {
    /// The number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Finished => 0,
            Self::Error => 1,
            Self::Usage => 2,
            Self::Problems => 65,
            Self::Forced => 70,
            Self::Stopped => 75,
        }
    }

    /// Ends the process at once, without unwinding and without waiting.
    pub(crate) fn now(self) -> ! {
        signal_hook::low_level::exit(i32::from(self.code()))
    }
}

impl From<CrawlOutcome> for Exit {
    fn from(outcome: CrawlOutcome) -> Self {
        match outcome {
            CrawlOutcome::Finished => Self::Finished,
            CrawlOutcome::FinishedWithProblems => Self::Problems,
            CrawlOutcome::Stopped => Self::Stopped,
            CrawlOutcome::Forced => Self::Forced,
            // An unknown outcome doesn't count as success.
            _ => Self::Error,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
