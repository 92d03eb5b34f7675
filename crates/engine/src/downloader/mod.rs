//! The downloader: what turns a request into an answer. Each request chooses one.
//!
//! The built-in downloader, `http`, sends one HTTP request (`fetch`). A program may add others, for example one that
//! lets a browser load the page, and a request names it: `Request::with_downloader("browser")`. A downloader only
//! downloads. Which request is next, robots.txt, the pace of a host, retries, redirects, the limits on size and type, and the
//! outcome stay outside it, so they are the same for every downloader.

mod answer;
mod error;
mod limits;
mod sql;

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use dragline_core::Request;
use dragline_core::sql_answers::SqlAnswers;

use self::sql::{SqlDownloader, name_of};

pub(crate) use self::answer::Proof;
pub use self::answer::{Answer, AnswerBody};
pub use self::error::DownloadError;
pub(crate) use self::error::Fault;
pub use self::limits::DownloadLimits;
pub(crate) use self::sql::check as check_database;

/// The name of the built-in downloader. A request that names none uses it.
pub const HTTP: &str = "http";

/// A download under way.
pub type Downloading<'a> = Pin<Box<dyn Future<Output = Result<Answer, DownloadError>> + Send + 'a>>;

/// Turns requests into answers.
///
/// ```
/// use dragline_core::{Reason, Request};
/// use dragline_engine::{Answer, DownloadError, DownloadLimits, Downloader, Downloading};
///
/// /// Answers from a folder of stored files.
/// struct Folder(std::path::PathBuf);
///
/// impl Downloader for Folder {
///     fn download<'a>(&'a self, request: &'a Request, _limits: &'a DownloadLimits) -> Downloading<'a> {
///         Box::pin(async move {
///             let file = self.0.join(request.url().path().trim_start_matches('/'));
///             match tokio::task::spawn_blocking(|| std::fs::read(file)).await {
///                 Ok(Ok(body)) => Ok(Answer::new(200).with_body(body)),
///                 Ok(Err(_)) => Ok(Answer::new(404)),
///                 Err(error) => Err(DownloadError::new(Reason::Connection, error.to_string()).retryable()),
///             }
///         })
///     }
/// }
/// ```
pub trait Downloader: Send + Sync + 'static {
    /// Downloads what `request` asks for. A status such as 404 or 301 is an answer, not an error. Do not follow redirects:
    /// Dragline makes the target a request of its own.
    ///
    /// This runs on the download thread, so it must never block. Dragline gives up a download after
    /// [`DownloadLimits::timeout`], and it applies the limits on body size, status and type to the answer. A downloader that
    /// knows early that an answer exceeds a limit may stop there.
    ///
    /// # Cancel safety
    /// Dragline drops the future at the time-out and when the crawl stops. Whatever the download holds must be freed then.
    fn download<'a>(&'a self, request: &'a Request, limits: &'a DownloadLimits) -> Downloading<'a>;
}

/// The downloaders that a program adds, by name. Clones share them.
#[derive(Clone, Default)]
pub struct Downloaders(BTreeMap<String, Arc<dyn Downloader>>);

impl Downloaders {
    /// Only the built-in downloader.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a downloader. Requests choose it by this name.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, downloader: impl Downloader) -> Self {
        self.0.insert(name.into(), Arc::new(downloader));
        self
    }

    /// Adds the databases that look-ups ask.
    #[must_use]
    pub(crate) fn with_databases(self, databases: &[Arc<dyn SqlAnswers>]) -> Self {
        databases
            .iter()
            .fold(self, |all, database| all.with(name_of(&**database), SqlDownloader(Arc::clone(database))))
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<dyn Downloader>> {
        self.0.get(name)
    }
}

impl fmt::Debug for Downloaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}
