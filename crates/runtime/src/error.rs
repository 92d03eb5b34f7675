//! Why a crawl couldn't start, or couldn't end normally.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use dragline_core::due::NotDue;
use dragline_core::{ArgumentError, StoreError};
use dragline_engine::EngineError;
use dragline_pipelines::StepError;
use dragline_pipelines::persistence::OpenError;

use crate::blocking::BlockingError;

/// An error of a crawl, with what failed. [`hint`](CrawlError::hint) says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CrawlError {
    /// A start URL is invalid.
    #[error("{problem}")]
    StartUrl {
        /// What is wrong with it, without secrets.
        problem: String,
        /// What to do about it.
        hint: String,
    },
    /// A setting of the engine has an invalid value.
    #[error(transparent)]
    Setting(Cause),
    /// The stop has too little time.
    #[error("the shutdown timeout is {:.1} s, but a stop needs at least 4 s", .0.as_secs_f64())]
    ShutdownTimeout(Duration),
    /// The store's URL is wrong.
    #[error(transparent)]
    StoreUrl(Cause),
    /// The spider can't start: its own error, or a pattern of it that is invalid.
    #[error("the spider {spider} cannot start: {problem}")]
    Spider {
        /// Its name.
        spider: String,
        /// What is wrong.
        problem: String,
    },
    /// The arguments do not fit those that the spider declares.
    #[error("the spider {spider} cannot start")]
    Arguments {
        /// Its name.
        spider: String,
        /// What is wrong.
        source: ArgumentError,
        /// The arguments that it has.
        hint: String,
    },
    /// Neither the spider nor its user named a start URL.
    #[error("the spider {spider} has no start URL")]
    NoStartUrl {
        /// Its name.
        spider: String,
    },
    /// A rule about its rows names an item type or a column that the spider doesn't have.
    #[error("{problem}")]
    Watch {
        /// What is wrong.
        problem: String,
        /// What the spider has.
        hint: String,
    },
    /// The settings for rows that are gone can't work with this spider.
    #[error("{problem}")]
    Gone {
        /// What is wrong.
        problem: String,
        /// What to do.
        hint: String,
    },
    /// A database that look-ups ask has no usable URL.
    #[error("the database {database} of look-ups: {problem}")]
    LookUpDatabase {
        /// Its name.
        database: String,
        /// What is wrong, without secrets.
        problem: String,
        /// What to do.
        hint: String,
    },
    /// The store did not open the run.
    #[error(transparent)]
    Open(Cause),
    /// The run was begun by a newer version.
    #[error("the run began with a rule for equal requests that this version does not know")]
    SameRequestRule,
    /// The engine could not start.
    #[error(transparent)]
    Engine(Cause),
    /// The operating system refused a thread.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    /// The heartbeat file can't be written.
    #[error("cannot write the heartbeat file {}", .file.display())]
    HeartbeatFile {
        /// Its path.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The metrics file can't be written.
    #[error("cannot write the metrics file {}", .file.display())]
    MetricsFile {
        /// Its path.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The metrics can't be registered.
    #[error("cannot register the metrics")]
    Metrics(#[source] Cause),
    /// The export of traces and metrics can't start.
    #[error("cannot export traces and metrics: {0}")]
    Otlp(String),
    /// The endpoints can't listen.
    #[error("cannot listen at {address}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The last finished run of this name is younger than [`Crawl::min_interval`](crate::Crawl::min_interval) allows. Nothing
    /// was fetched or changed.
    #[error("no run is due: {0}")]
    NotDue(NotDue),
    /// Another process has finished the run that this crawl was for. Nothing was fetched or changed.
    #[error("the run {run_id} of the name {name} is finished")]
    FinishedBefore {
        /// The name of the runs.
        name: String,
        /// The id of that run.
        run_id: i64,
    },
    /// A stop came before the run was open.
    #[error("stopped before the first request")]
    StoppedEarly,
    /// The stop took longer than its limit. Threads of the crawl are left behind.
    #[error("{diagnosis}")]
    StopOverran {
        /// The status of every part, and the likely causes.
        diagnosis: String,
    },
    /// The report could not be read.
    #[error(transparent)]
    Reading(Cause),
    /// A thread of Dragline panicked.
    #[error("the thread that runs the crawl ended without a result")]
    Lost,
}

/// What a part of Dragline says went wrong.
#[derive(Debug)]
pub struct Cause {
    error: Box<dyn Error + Send + Sync>,
    hint: Option<String>,
}

impl Cause {
    fn new(error: impl Error + Send + Sync + 'static, hint: Option<String>) -> Self {
        Self { error: Box::new(error), hint }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

impl From<EngineError> for Cause {
    fn from(error: EngineError) -> Self {
        let hint = error.hint().map(str::to_owned);
        Self::new(error, hint)
    }
}

impl From<StoreError> for Cause {
    fn from(error: StoreError) -> Self {
        let hint = error.hint().map(str::to_owned);
        Self::new(error, hint)
    }
}

impl From<OpenError> for Cause {
    fn from(error: OpenError) -> Self {
        let hint = error.hint().map(str::to_owned);
        Self::new(error, hint)
    }
}

impl From<BlockingError> for Cause {
    fn from(error: BlockingError) -> Self {
        let hint = error.hint().map(str::to_owned);
        Self::new(error, hint)
    }
}

impl From<StepError> for Cause {
    fn from(error: StepError) -> Self {
        Self::new(error, None)
    }
}

impl From<prometheus::Error> for Cause {
    fn from(error: prometheus::Error) -> Self {
        Self::new(error, None)
    }
}

impl CrawlError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::StartUrl { hint, .. }
            | Self::Arguments { hint, .. }
            | Self::Watch { hint, .. }
            | Self::Gone { hint, .. }
            | Self::LookUpDatabase { hint, .. } => Some(hint),
            Self::Setting(cause)
            | Self::StoreUrl(cause)
            | Self::Open(cause)
            | Self::Engine(cause)
            | Self::Reading(cause) => cause.hint.as_deref(),
            Self::ShutdownTimeout(_) => {
                Some("use at least 4 s; 8 s fits into the 10 s that a container gets")
            }
            Self::NoStartUrl { .. } => {
                Some("add one: --start-url https://example.com/ (or the URL of a sitemap: --sitemaps=URL)")
            }
            Self::SameRequestRule => {
                Some("resume it with the version that began it, or start a new run with --fresh")
            }
            Self::HeartbeatFile { .. } => {
                Some("choose a file in a folder that this user may write to (--heartbeat-file)")
            }
            Self::MetricsFile { .. } => {
                Some("choose a file in a folder that this user may write to (--metrics-textfile)")
            }
            Self::Listen { address, .. } if address.starts_with("unix:") => Some(
                "choose another file for the socket, in a folder that this user may write to (--listen unix:PATH)",
            ),
            Self::Listen { .. } => Some(
                "another process may be using the port; choose a different one (--listen ADDR:PORT, or \
                      the variable PORT)",
            ),
            Self::Thread(_) => Some("look at the limits on processes and open files (ulimit -u, ulimit -n)"),
            Self::NotDue(_) => Some("Crawl::force_run starts a run now"),
            Self::StoppedEarly | Self::StopOverran { .. } => Some("run the same crawl again to resume"),
            Self::Lost => Some(
                "this is a bug in Dragline; everything stored is safe, and the same crawl resumes the run",
            ),
            Self::Spider { .. } | Self::Metrics(_) | Self::Otlp(_) | Self::FinishedBefore { .. } => None,
        }
    }

    /// Whether the error is in the settings, and not in the environment.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::StartUrl { .. }
                | Self::Setting(_)
                | Self::ShutdownTimeout(_)
                | Self::StoreUrl(_)
                | Self::Spider { .. }
                | Self::Arguments { .. }
                | Self::NoStartUrl { .. }
                | Self::Watch { .. }
                | Self::Gone { .. }
                | Self::LookUpDatabase { .. }
        )
    }
}
