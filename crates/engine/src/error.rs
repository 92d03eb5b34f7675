//! Why the engine could not start.

use std::io;

/// An error of start-up. Once it runs, the engine ends with a [`CrawlEnd`](crate::CrawlEnd) instead.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A setting that cannot be.
    #[error("{name} = {value} cannot be: {problem}")]
    Setting {
        /// The field of [`EngineSettings`](crate::EngineSettings).
        name: &'static str,
        /// What it was set to.
        value: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The HTTP client could not be built.
    #[error("the HTTP client could not be built")]
    Client(#[source] reqwest::Error),
    /// Something that the HTTP client was given cannot be used.
    #[error("{name}: {problem}")]
    Unusable {
        /// What it is.
        name: &'static str,
        /// What is wrong with it, without secrets.
        problem: String,
    },
    /// The operating system gave no thread or no event queue.
    #[error("the thread {thread} could not be started")]
    Thread {
        /// Which one.
        thread: &'static str,
        /// What the system says.
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
            Self::Client(_) => Some("does the user agent hold characters that no header may hold?"),
            Self::Thread { .. } => {
                Some("look at the limits on processes and open files (ulimit -u, ulimit -n)")
            }
        }
    }
}
