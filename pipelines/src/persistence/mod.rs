//! The thread bridge: synchronous code hands over page outcomes, and one thread writes them to the store.
//!
//! ```text
//!  crawl threads ─submit─►┐             persistence thread              persistence-rt (tokio, 2 workers)
//!  scheduler ─refill, ───►│ inbox ─► batcher ─► a slot is free? ─start─► flush task ─► Store::flush
//!             flush_now   │             ▲                                  │  refills, heartbeats
//!  main ─open, close─────►┘             └───────────── it has ended ───────┤
//!  scheduler ◄──────────────────────────────── receipts, refills, failure ─┘
//! ```
//!
//! | question | file |
//! |---|---|
//! | how does a crawl thread hand over an outcome? | `inbox.rs` |
//! | when is a batch flushed? | `batcher.rs`, `thread.rs` |
//! | what happens when the store is away, or refuses a row? | `flush.rs`, `blame.rs`, `outage.rs`, `pieces.rs`, `relief.rs` |
//! | what must be true before the first request? | `open.rs` |
//! | what happens to items whose parent came later? | `second_try.rs` |
//! | how does a host's pause survive a restart? | `notes.rs` |
//! | how does it end, within which time? | `close.rs`, `tasks.rs` |
//!
//! Everything here is bounded except the wait for a store that goes away in mid-crawl, and you can limit that with
//! [`PersistenceSettings::max_outage`]. When the batch is full and no flush may start, the thread stops emptying the
//! inbox, credits do not come back, and the crawl slows down to a halt.

mod background;
mod batcher;
mod blame;
mod close;
mod context;
mod due;
mod flush;
mod inbox;
mod notes;
mod open;
mod outage;
mod pieces;
mod relief;
mod report;
mod run_timeline;
mod second_try;
mod settings;
mod tasks;
#[cfg(test)]
mod tests;
mod thread;
mod waiting;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, select_biased};
use dragline_core::bridge::{OutcomeSink, ReceiptSink};
use dragline_core::item_type::ItemType;
use dragline_core::pulse::Pulse;
use dragline_core::stop::Stop;
use dragline_core::store::{OpenedRun, RunSpec, RunState, Store};
use dragline_core::worker::{JoinError, Worker};
use tracing::warn;

pub use due::DueSettings;
pub use flush::HowEnded;
pub use open::{OpenError, StartUp};
pub use report::{CloseReport, Monitor, PersistenceStatus, PersistenceTimes};
pub use settings::PersistenceSettings;

use crate::letters::RetryReport;
use context::PersistenceContext;
use inbox::{CloseOrder, Inbox, InboxReceivers, inbox};
use report::PersistenceProgress;
use thread::{Opening, work};

/// How long the thread may take beyond its deadline before it is left behind.
const MARGIN: Duration = Duration::from_millis(500);
/// The deadline of a close that nobody requested: the shortest total that a stop may have (design §6).
const DROP_DEADLINE: Duration = Duration::from_secs(4);

/// The persistence thread as others see it. It is opened once and closed once. You can safely close it twice, close it
/// before it is open, or just drop it.
pub struct PersistencePipeline {
    store: Arc<dyn Store>,
    settings: PersistenceSettings,
    stop: Stop,
    pulse: Arc<dyn Pulse>,
    inbox: Arc<Inbox>,
    progress: Arc<PersistenceProgress>,
    ended: Receiver<()>,
    phase: Mutex<PipelinePhase>,
}

/// How a run ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEnd {
    /// The run's state from then on. `Finished` becomes `Stopped` if pages could not be flushed.
    pub state: RunState,
    /// Why.
    pub reason: String,
}

enum PipelinePhase {
    Unopened(InboxReceivers, AliveGuard),
    Open(Worker<CloseReport>),
    Closed(CloseReport),
}

/// The thread holds it. Dropping it, for whatever reason, disconnects `ended`.
type AliveGuard = Sender<()>;

impl PersistencePipeline {
    /// A pipeline that is not open yet. A `stop` cancels the start-up. Its abandon cancels pending flushes at once. If the
    /// thread dies, it requests the stop.
    pub fn new(
        store: Arc<dyn Store>,
        settings: PersistenceSettings,
        stop: Stop,
        pulse: Arc<dyn Pulse>,
    ) -> Self {
        let progress = Arc::<PersistenceProgress>::default();
        let (inbox, receivers) = inbox(settings.inbox_capacity, Arc::clone(&progress), stop.clone());
        let (alive, ended) = bounded(0);
        Self {
            store,
            settings,
            stop,
            pulse,
            inbox: Arc::new(inbox),
            progress,
            ended,
            phase: Mutex::new(PipelinePhase::Unopened(receivers, alive)),
        }
    }

    /// Starts the thread and waits until the store is ready and the run is open.
    ///
    /// # Errors
    /// If a step of the start-up fails or takes too long, if a stop comes first, or if the pipeline was opened before.
    /// The thread, its runtime and its sessions have then ended.
    pub fn open_spider(
        &self,
        spec: RunSpec,
        items: Vec<ItemType>,
        receipts: Box<dyn ReceiptSink>,
    ) -> Result<OpenedRun, OpenError> {
        let mut phase = self.phase();
        let closed = PipelinePhase::Closed(CloseReport::default());
        let (receivers, alive) = match std::mem::replace(&mut *phase, closed) {
            PipelinePhase::Unopened(receivers, alive) => (receivers, alive),
            opened_before => {
                *phase = opened_before;
                return Err(OpenError::OpenedBefore);
            }
        };
        let context = Arc::new(PersistenceContext::new(
            Arc::clone(&self.store),
            self.settings.clone(),
            self.stop.clone(),
            Arc::clone(&self.pulse),
            receipts,
            Arc::clone(&self.progress),
        ));
        let (answer, answered) = bounded(1);
        let opening = Opening { spec, items, answer };
        let worker = Worker::spawn("persistence", move || {
            let _alive = alive;
            work(&context, receivers, opening)
        })
        .map_err(OpenError::Thread)?;
        // The time for the start-up, and the time for the thread to close after a failure.
        let deadline = Instant::now() + self.settings.startup_timeout + close::LAST_STEPS + MARGIN;
        match answered.recv_deadline(deadline) {
            Ok(Ok(opened)) => {
                self.inbox.open();
                *phase = PipelinePhase::Open(worker);
                Ok(opened)
            }
            Ok(Err(error)) => {
                // The thread has closed everything and is about to end.
                let _ = worker.join_until(Instant::now() + MARGIN);
                Err(error)
            }
            Err(_) => Err(OpenError::NoAnswer(match worker.join_until(Instant::now()) {
                Err(error) => error,
                Ok(_) => JoinError::StillRunning(worker.name().to_owned()),
            })),
        }
    }

    /// Tries the run's items once more whose parent was missing. Call it when the crawl has ended by itself, before
    /// `close_spider`. `page_limit` is the number of pages that the run may have `done` in all. Returns `None` if a stop
    /// came first or the thread ended. The run is then not finished, and its resume tries these items.
    pub fn second_try(&self, page_limit: Option<u64>) -> Option<RetryReport> {
        let answered = self.inbox.second_try(page_limit)?;
        select_biased! {
            recv(self.stop.requested()) -> _ => None,
            recv(answered) -> report => report.ok(),
        }
    }

    /// The way in, for engine and crawl threads. It refuses before `open_spider` and after `close_spider`.
    pub fn sink(&self) -> Arc<dyn OutcomeSink> {
        Arc::clone(&self.inbox) as Arc<dyn OutcomeSink>
    }

    /// Closes everything by `deadline`, which is the deadline of the whole stop. Design §6 and `close.rs` describe the
    /// steps and their shares of the time. Blocks until the deadline at most, or half a second longer if the thread
    /// itself hangs. A second call returns the first report. Without an open run, the report is empty.
    pub fn close_spider(&self, end: RunEnd, deadline: Instant) -> CloseReport {
        self.inbox.close();
        let mut phase = self.phase();
        let worker = match std::mem::replace(&mut *phase, PipelinePhase::Closed(CloseReport::default())) {
            PipelinePhase::Open(worker) => worker,
            PipelinePhase::Closed(report) => {
                *phase = PipelinePhase::Closed(report.clone());
                return report;
            }
            PipelinePhase::Unopened(..) => return CloseReport::default(),
        };
        self.inbox.end(CloseOrder { run: end, deadline });
        // The last steps keep their time even when the deadline has passed.
        let patience = deadline.max(Instant::now() + close::LAST_STEPS) + MARGIN;
        let report = worker.join_until(patience).unwrap_or_else(|error| {
            warn!(%error, "the persistence thread did not close; the resume decides by the pages' states");
            CloseReport::without_thread(&self.status(), error.to_string())
        });
        *phase = PipelinePhase::Closed(report.clone());
        report
    }

    /// A channel that never carries a message and is disconnected when the thread has ended, in good order or not. If the
    /// thread died, it has requested the stop and given the reason.
    pub fn ended(&self) -> &Receiver<()> {
        &self.ended
    }

    /// A monitor, which may outlive the pipeline.
    pub fn monitor(&self) -> Monitor {
        Monitor::of(&self.progress, &self.store)
    }

    /// What the thread holds and does now.
    pub fn status(&self) -> PersistenceStatus {
        self.progress.status()
    }

    fn phase(&self) -> MutexGuard<'_, PipelinePhase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes the pipeline when `main` unwinds or returns early.
impl Drop for PersistencePipeline {
    fn drop(&mut self) {
        if matches!(*self.phase(), PipelinePhase::Open(_)) {
            let reason = self.stop.reason().map_or_else(|| "left early".to_owned(), ToString::to_string);
            let end = RunEnd { state: RunState::Stopped, reason };
            self.close_spider(end, Instant::now() + DROP_DEADLINE);
        }
    }
}
