//! Start-up: the steps that make the store ready before the first request, each with a limit.
//!
//! Over a slow link, a step of many answers takes long. While answers come, it goes on beyond its limit.
//!
//! If the store does not answer, a step tries again within its limit: a database that starts together with the crawl
//! needs a moment. The first failure is logged at once, so that nobody has to look at a silent screen.

use std::fmt;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dragline_core::due::{Due, NotDue, RunsOfName};
use dragline_core::item_type::ItemType;
use dragline_core::probe::reach;
use dragline_core::store::{BoxFuture, OpenedRun, RunSpec, StoreError, StoreResult};
use dragline_core::worker::JoinError;
use tokio::time::{sleep, timeout};
use tracing::warn;

use super::context::PersistenceContext;
use super::outage::chain;

/// A new reparse copies the requests of other runs, maybe many millions of them.
const REPARSE_LIMIT: Duration = Duration::from_secs(1800);
/// A start-up may take this many times its limit while the server goes on answering. The first start makes all tables.
const SLOW_LINK_TIMES: u32 = 6;

/// A step of the start-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartUp {
    /// Connecting to the store, and checking its own tables.
    Connect,
    /// Comparing the item tables with the database.
    Items,
    /// Taking the run's lock.
    Lock,
    /// Asking whether a new run is due.
    Due,
    /// Resuming or starting the run.
    Run,
}

/// Why `open_spider` failed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store refused, or failed until the step's limit.
    #[error("{step} failed")]
    Failed {
        /// The step.
        step: StartUp,
        /// What the store says.
        source: StoreError,
    },
    /// The store did not answer at all.
    #[error("{step} took longer than {:.1} s at {store}", .limit.as_secs_f64())]
    TimedOut {
        /// The step.
        step: StartUp,
        /// Where the store is.
        store: String,
        /// The step's limit.
        limit: Duration,
    },
    /// The last finished run of this name is younger than [`RunSpec::min_interval`]. Nothing was changed.
    #[error("no run is due: {0}")]
    NotDue(NotDue),
    /// A run of this name with a higher id than [`RunSpec::after_run`] has finished. Nothing was changed.
    #[error("the run {run_id} of the name {name} is finished")]
    FinishedBefore {
        /// The name of the runs.
        name: String,
        /// The id of that run.
        run_id: i64,
    },
    /// A stop came first.
    #[error("stopped while {step} was under way")]
    Stopped {
        /// The step.
        step: StartUp,
    },
    /// The thread or its runtime could not be started.
    #[error("the persistence thread cannot be started")]
    Thread(#[source] io::Error),
    /// The thread ended or hangs, and gave no answer.
    #[error("the persistence thread gave no answer")]
    NoAnswer(#[source] JoinError),
    /// A pipeline can be opened only once.
    #[error("the persistence pipeline was opened before")]
    OpenedBefore,
}

impl OpenError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Failed { source, .. } => source.hint(),
            Self::TimedOut { step: StartUp::Connect, .. } => {
                Some("is the address right, and does a firewall drop packets on the way?")
            }
            Self::TimedOut { .. } => {
                Some("is the database overloaded, or does a session hold a lock on these tables?")
            }
            Self::NotDue(_) => Some("--force-run starts a run now"),
            Self::Thread(_) => Some("does the process or container have a limit on threads?"),
            Self::FinishedBefore { .. } | Self::Stopped { .. } | Self::NoAnswer(_) | Self::OpenedBefore => {
                None
            }
        }
    }
}

impl fmt::Display for StartUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting to the store",
            Self::Items => "checking the item tables",
            Self::Lock => "taking the run's lock",
            Self::Due => "asking whether a run is due",
            Self::Run => "opening the run",
        })
    }
}

/// Does all steps.
pub(super) async fn start_up(
    context: &PersistenceContext,
    spec: &RunSpec,
    items: &[ItemType],
) -> Result<OpenedRun, OpenError> {
    let (store, settings) = (&context.store, &context.settings);
    let opening = match spec.reparse {
        Some(_) => settings.startup_timeout.max(REPARSE_LIMIT),
        None => settings.startup_timeout,
    };
    let now = Instant::now();
    let (end, slow_end) = (now + opening, now + opening.saturating_mul(SLOW_LINK_TIMES));
    let limit = settings.operation_timeout;
    let patience = settings.lock_patience;
    let steps = StartUpSteps { context, end, slow_end };
    steps.run(StartUp::Connect, limit, || store.connect()).await?;
    steps.run(StartUp::Items, limit, || store.prepare_items(items)).await?;
    steps.run(StartUp::Lock, limit + patience, || store.lock_run(&spec.name, patience)).await?;
    reach("start: locked");
    let min_interval = spec.min_interval.filter(|_| !spec.force);
    if spec.after_run.is_some() || min_interval.is_some() {
        // Under the lock, so that of two starts only one finds that a run is due.
        let runs = steps.run(StartUp::Due, limit, || store.runs_of_name(&spec.name)).await?;
        if let Some(run_id) = spec.after_run.and_then(|after_run| runs.finished_after(after_run)) {
            return Err(OpenError::FinishedBefore { name: spec.name.clone(), run_id });
        }
        if let Some(min_interval) = min_interval {
            due(spec, min_interval, &runs)?;
        }
    }
    // This step counts the run's requests, maybe many millions, so it may use all the time that is left.
    let opened = steps.run(StartUp::Run, opening, || store.open_run(spec)).await?;
    reach("start: run opened");
    Ok(opened)
}

/// Whether the run of `spec` may be opened. An unfinished run is always resumed. With `fresh`, it would be ended for a new run,
/// which must be due.
fn due(spec: &RunSpec, min_interval: Duration, runs: &RunsOfName) -> Result<(), OpenError> {
    if runs.is_unfinished && !spec.fresh {
        return Ok(());
    }
    match runs.due(&spec.name, min_interval) {
        Due::Yes => Ok(()),
        Due::ClockSetBack(last) => {
            warn!(
                run = spec.name,
                run_id = last.run_id,
                finished_at = %last.at,
                now = %runs.now,
                "the last run seems to finish in the future, so somebody has set the clock back; the minimum interval \
                 does not count"
            );
            Ok(())
        }
        Due::NotYet(not_due) => Err(OpenError::NotDue(not_due)),
    }
}

struct StartUpSteps<'a> {
    context: &'a PersistenceContext,
    end: Instant,
    /// The same if the server goes on answering.
    slow_end: Instant,
}

impl StartUpSteps<'_> {
    async fn run<'f, T>(
        &self,
        step: StartUp,
        limit: Duration,
        operation: impl Fn() -> BoxFuture<'f, StoreResult<T>>,
    ) -> Result<T, OpenError> {
        let mut last_error = None;
        let has_failed = AtomicBool::new(false);
        let outcome = tokio::select! {
            // A stop comes first, also before a store that answers at once.
            biased;
            () = self.context.stop.until_requested() => return Err(OpenError::Stopped { step }),
            done = self.while_answered(limit, &has_failed, self.try_until_answered(step, operation, &has_failed, &mut last_error)) => done,
        };
        match outcome {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(source)) => Err(OpenError::Failed { step, source }),
            Err(limit) => Err(match last_error {
                Some(source) => OpenError::Failed { step, source },
                None => OpenError::TimedOut { step, store: self.context.store.location(), limit },
            }),
        }
    }

    /// Waits for `limit`, and then again for the same time as often as the server has answered meanwhile and nothing has failed.
    /// If that was in vain, it returns the time that it has waited.
    async fn while_answered<T>(
        &self,
        limit: Duration,
        has_failed: &AtomicBool,
        trying: impl Future<Output = T>,
    ) -> Result<T, Duration> {
        let (store, begun) = (&self.context.store, Instant::now());
        let mut trying = pin!(trying);
        let mut end = self.end;
        loop {
            let answers = store.answers();
            let now = Instant::now();
            if answers > 0 {
                end = self.slow_end;
            }
            let limit = limit.min(end.saturating_duration_since(now));
            if let Ok(done) = timeout(limit, &mut trying).await {
                return Ok(done);
            }
            if store.answers() == answers
                || has_failed.load(Ordering::Relaxed)
                || Instant::now() >= self.slow_end
            {
                return Err(begun.elapsed());
            }
        }
    }

    async fn try_until_answered<'f, T>(
        &self,
        step: StartUp,
        operation: impl Fn() -> BoxFuture<'f, StoreResult<T>>,
        has_failed: &AtomicBool,
        last_error: &mut Option<StoreError>,
    ) -> StoreResult<T> {
        let mut back_off = self.context.settings.back_off();
        loop {
            match operation().await {
                Err(error) if error.is_retryable() => {
                    if last_error.is_none() {
                        warn!(error = chain(&error), hint = error.hint(), "{step} failed; trying again");
                    }
                    has_failed.store(true, Ordering::Relaxed);
                    *last_error = Some(error);
                    sleep(back_off.next_pause()).await;
                }
                answer => return answer,
            }
        }
    }
}
