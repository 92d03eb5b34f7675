//! Asks the store. Each answer has a limit, and a stop that begins in between doesn't wait for it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use dragline_core::StoreError;
use dragline_core::schedules::ScheduleStore;
use dragline_core::stop::Stop;
use dragline_core::store::StoreResult;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// Time limit of one answer. The supervisor looks at its processes in between.
const LIMIT: Duration = Duration::from_secs(5);
/// The same after a stop has begun.
const LIMIT_AT_THE_END: Duration = Duration::from_secs(1);

/// The store, for code that waits.
pub(crate) struct Asking {
    pub(crate) store: Arc<dyn ScheduleStore>,
    runtime: Runtime,
    stop: Stop,
}

/// Why the question has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0} did not answer in time")]
    Late(String),
    #[error("a stop came first")]
    Stopped,
}

impl NoAnswer {
    /// The reason with its causes, for people. It may hold secrets.
    pub(crate) fn told(&self) -> String {
        let mut told = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            let text = cause.to_string();
            if !told.contains(&text) {
                told = format!("{told}: {text}");
            }
            source = cause.source();
        }
        told
    }
}

impl Asking {
    pub(crate) fn new(store: Arc<dyn ScheduleStore>, stop: Stop) -> io::Result<Self> {
        // It has its own worker, because the SQLite store blocks in place.
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("store").enable_all().build()?;
        Ok(Self { store, runtime, stop })
    }

    /// The answer of the store.
    pub(crate) fn ask<'a, T, F>(
        &'a self,
        work: impl FnOnce(&'a dyn ScheduleStore) -> F,
    ) -> Result<T, NoAnswer>
    where
        F: Future<Output = StoreResult<T>> + 'a,
    {
        let is_stopping = self.stop.is_requested();
        let limit = if is_stopping { LIMIT_AT_THE_END } else { LIMIT };
        self.runtime.block_on(async {
            let stopped = async {
                if is_stopping {
                    std::future::pending::<()>().await;
                }
                self.stop.until_requested().await;
            };
            tokio::select! {
                biased;
                answer = timeout(limit, work(&*self.store)) => match answer {
                    Ok(answer) => Ok(answer?),
                    Err(_) => Err(NoAnswer::Late(self.store.location())),
                },
                () = stopped => Err(NoAnswer::Stopped),
            }
        })
    }
}
