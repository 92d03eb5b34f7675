//! Waits for futures of a store, for code that only reads: the report of a crawl, and commands.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use dragline_core::StoreError;
use dragline_core::stop::Stop;
use dragline_core::store::{Store, StoreResult};

use crate::health::Health;

/// How often a wait reports that it is still at work.
const BEAT_EVERY: Duration = Duration::from_millis(500);

/// Why the store did not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlockingError {
    /// The operating system gave no runtime.
    #[error("cannot start a runtime for the store")]
    Runtime(#[source] io::Error),
    /// The store returned an error.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store didn't answer in time.
    #[error("{location} did not answer within {} s ({what})", .limit.as_secs())]
    Late {
        /// Where the store is.
        location: String,
        /// The operation.
        what: String,
        /// The time limit.
        limit: Duration,
    },
}

impl BlockingError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Runtime(_) => None,
            Self::Store(error) => error.hint(),
            Self::Late { .. } => {
                Some("check that the database is running and that this machine can reach it")
            }
        }
    }
}

/// A private runtime. It has its own worker, because the SQLite store blocks in place.
pub struct Blocking {
    runtime: tokio::runtime::Runtime,
    health: Option<Arc<Health>>,
    cut: Option<Stop>,
}

impl Blocking {
    /// A runtime for one command or report.
    ///
    /// # Errors
    /// When the operating system refuses it.
    pub fn new() -> Result<Self, BlockingError> {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("store")
            .enable_all()
            .build()
            .map(|runtime| Self { runtime, health: None, cut: None })
            .map_err(BlockingError::Runtime)
    }

    /// For a crawl that is being watched: long work reports itself with [`Blocking::still_here`].
    #[must_use]
    pub fn watched(self, health: &Arc<Health>) -> Self {
        Self { health: Some(Arc::clone(health)), ..self }
    }

    /// For work that may be cut off: long work checks [`Blocking::is_cut`].
    #[must_use]
    pub fn until(self, cut: &Stop) -> Self {
        Self { cut: Some(cut.clone()), ..self }
    }

    /// Whether the work should end before it is done.
    pub fn is_cut(&self) -> bool {
        self.cut.as_ref().is_some_and(Stop::is_requested)
    }

    /// Reports that the work goes on. You can call it as often as you like.
    pub fn still_here(&self) {
        if let Some(health) = &self.health {
            health.still_here();
        }
    }

    /// Waits for `work`, for at most `limit`.
    ///
    /// # Errors
    /// Those of the store, and when it does not answer in time.
    pub fn wait<T>(
        &self,
        store: &dyn Store,
        what: &str,
        limit: Duration,
        work: impl Future<Output = StoreResult<T>>,
    ) -> Result<T, BlockingError> {
        self.wait_plain(what, &store.location(), limit, work)
    }

    /// Runs `work` to its end and keeps reporting that it goes on.
    async fn beating<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let mut beats = tokio::time::interval(BEAT_EVERY);
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = beats.tick() => self.still_here(),
            }
        }
    }

    /// Waits for work that has a limit of its own. `None` if it is cut off.
    pub fn unless_cut<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.runtime.block_on(async {
            let cut = async {
                match &self.cut {
                    Some(cut) => cut.until_requested().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = cut => None,
                done = self.beating(work) => Some(done),
            }
        })
    }

    /// Closes the store's sessions, if the store answers in time.
    pub fn close(&self, store: &dyn Store, limit: Duration) {
        let _ = self.wait(store, "closing", limit, async {
            store.close().await;
            Ok(())
        });
    }

    /// Waits for `work` on a store that is known by its location.
    ///
    /// # Errors
    /// Those of the store, and when it does not answer in time.
    pub fn wait_plain<T>(
        &self,
        what: &str,
        location: &str,
        limit: Duration,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, BlockingError> {
        let timed = self.runtime.block_on(async { tokio::time::timeout(limit, self.beating(work)).await });
        match timed {
            Ok(result) => Ok(result?),
            Err(_) => {
                Err(BlockingError::Late { location: location.to_owned(), what: what.to_owned(), limit })
            }
        }
    }
}
