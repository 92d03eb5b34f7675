//! A store's futures, waited for by commands that only read.

use std::sync::Arc;
use std::time::Duration;

use dragline_core::StoreError;
use dragline_core::stop::Stop;
use dragline_core::store::{Store, StoreResult};

use dragline_runtime::exit::Failed;
use dragline_runtime::health::Health;

/// How often a wait gives a sign of life.
const BEAT_EVERY: Duration = Duration::from_millis(500);

/// A private runtime. It has a worker of its own since the SQLite store blocks in place.
pub(crate) struct Blocking {
    runtime: tokio::runtime::Runtime,
    health: Option<Arc<Health>>,
    cut: Option<Stop>,
}

impl Blocking {
    pub(crate) fn new() -> Result<Self, Failed> {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("store")
            .enable_all()
            .build()
            .map(|runtime| Self { runtime, health: None, cut: None })
            .map_err(|error| Failed::error(format!("no runtime for the store could be started: {error}")))
    }

    /// On behalf of a crawl that is watched: whoever works for long tells so by [`Blocking::still_here`].
    pub(crate) fn watched(self, health: &Arc<Health>) -> Self {
        Self { health: Some(Arc::clone(health)), ..self }
    }

    /// On behalf of somebody who may cut it off: whoever works for long asks [`Blocking::is_cut`].
    pub(crate) fn until(self, cut: &Stop) -> Self {
        Self { cut: Some(cut.clone()), ..self }
    }

    /// Whether the work is to end before it is done.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut.as_ref().is_some_and(Stop::is_requested)
    }

    /// A sign of life, as often as one likes.
    pub(crate) fn still_here(&self) {
        if let Some(health) = &self.health {
            health.still_here();
        }
    }

    /// Waits for `work`, at most for `limit`.
    pub(crate) fn wait<T>(
        &self,
        store: &dyn Store,
        what: &str,
        limit: Duration,
        work: impl Future<Output = StoreResult<T>>,
    ) -> Result<T, Failed> {
        self.wait_plain(what, &store.location(), limit, work)
    }

    /// Runs `work` to its end, and gives signs of life meanwhile.
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

    /// Waits for `work` on a store that is known by its location.
    pub(crate) fn wait_plain<T>(
        &self,
        what: &str,
        location: &str,
        limit: Duration,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, Failed> {
        let timed = self.runtime.block_on(async { tokio::time::timeout(limit, self.beating(work)).await });
        match timed {
            Ok(result) => result.map_err(Failed::from),
            Err(_) => {
                Err(Failed::error(format!("{location} did not answer within {} s ({what})", limit.as_secs()))
                    .hint("is the database running, and can it be reached from here?"))
            }
        }
    }
}
