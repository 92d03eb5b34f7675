//! Why the engine could not start.

use std::io;

/// Why the engine could not start. A running engine ends with a [`CrawlEnd`](crate::CrawlEnd) instead.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A setting is invalid.
    #[error("{name} = {value} is invalid: {problem}")]
    Setting {
        /// The field of [`EngineSettings`](crate::EngineSettings).
        name: &'static str,
        /// Its value.
        value: String,
        /// The problem.
        problem: &'static str,
    },
    /// The HTTP client could not be built.
    #[error("the HTTP client could not be built")]
    Client(#[source] reqwest::Error),
    /// A part of the configuration cannot be used.
    #[error("{name}: {problem}")]
    Unusable {
        /// The part.
        name: &'static str,
        /// The problem, without secrets.
        problem: String,
    },
    /// The operating system could not start a thread or an event queue.
    #[error("the thread {thread} could not be started")]
    Thread {
        /// The name of the thread.
        thread: &'static str,
        /// The error of the system.
        source: io::Error,
    },
}

impl EngineError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Setting { .. } | Self::Unusable { .. } => {
                Some("change it on the command line, in the environment or in dragline.toml")
            }
            Self::Client(_) => Some("does the user agent contain characters that a header cannot contain?"),
            Self::Thread { .. } => {
                Some("look at the limits on processes and open files (ulimit -u, ulimit -n)")
            }
        }
    }
}
