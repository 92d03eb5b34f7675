//! The thread bridge: page outcomes go in from synchronous code, and come to rest in the store.
//!
//! ```text
//!  crawl threads ─submit─►┐             persistence thread              persistence-rt (tokio, one worker)
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
//! | what when the store is away, or refuses a row? | `flush.rs`, `outage.rs`, `pieces.rs` |
//! | what must be true before the first request? | `open.rs` |
//! | what of items whose parent came later? | `second_try.rs` |
//! | what of hosts that are to be left alone? | `notes.rs` |
//! | how does it end, within which time? | `close.rs`, `tasks.rs` |
//!
//! Nothing here is unbounded but the wait for a store that went away in mid-crawl, and for that there is
//! [`PersistenceSettings::max_outage`]. When the batch is full and no flush may start, the inbox is not
//! emptied, credits do not come back, and the crawl comes to rest by itself.

mod background;
mod batcher;
mod close;
mod context;
mod flush;
mod inbox;
mod notes;
mod open;
mod outage;
mod pieces;
mod report;
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

pub use flush::HowEnded;
pub use open::{OpenError, StartUp};
pub use report::{CloseReport, Monitor, PersistenceStatus, PersistenceTimes};
pub use settings::PersistenceSettings;

use crate::letters::RetryReport;
use context::Context;
use inbox::{End, Inbox, Receivers, inbox};
use report::Progress;
use thread::{Opening, work};

/// How long the thread may take beyond what it was given before it is left behind.
const MARGIN: Duration = Duration::from_millis(500);
/// The deadline of a close that nobody asked for: the shortest total that a stop may have (design §6).
const DROP_DEADLINE: Duration = Duration::from_secs(4);

/// The persistence thread, from outside. It is opened once and closed once; closing it again, unopened, or
/// by dropping it is harmless.
pub struct PersistencePipeline {
    store: Arc<dyn Store>,
    settings: PersistenceSettings,
    stop: Stop,
    pulse: Arc<dyn Pulse>,
    inbox: Arc<Inbox>,
    progress: Arc<Progress>,
    ended: Receiver<()>,
    phase: Mutex<Phase>,
}

/// How a run ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEnd {
    /// Its state from then on. `Finished` becomes `Stopped` when pages could not be flushed.
    pub state: RunState,
    /// Why.
    pub reason: String,
}

enum Phase {
    Unopened(Receivers, AliveGuard),
    Open(Worker<CloseReport>),
    Closed(CloseReport),
}

/// Held by the thread; when it is dropped, however that comes, `ended` is heard.
type AliveGuard = Sender<()>;

impl PersistencePipeline {
    /// A pipeline that is not open yet. `stop` cancels the start-up, is requested when the thread dies, and
    /// its abandon jumps to cancelling what is pending.
    pub fn new(
        store: Arc<dyn Store>,
        settings: PersistenceSettings,
        stop: Stop,
        pulse: Arc<dyn Pulse>,
    ) -> Self {
        let (inbox, receivers) = inbox(settings.inbox_capacity, stop.clone());
        let (alive, ended) = bounded(0);
        Self {
            store,
            settings,
            stop,
            pulse,
            inbox: Arc::new(inbox),
            progress: Arc::new(Progress::default()),
            ended,
            phase: Mutex::new(Phase::Unopened(receivers, alive)),
        }
    }

    /// Starts the thread and waits until the store is ready and the run is open. When it fails, thread,
    /// runtime and sessions are gone again.
    pub fn open_spider(
        &self,
        spec: RunSpec,
        items: Vec<ItemType>,
        receipts: Box<dyn ReceiptSink>,
    ) -> Result<OpenedRun, OpenError> {
        let mut phase = self.phase();
        let closed = Phase::Closed(CloseReport::default());
        let (receivers, alive) = match std::mem::replace(&mut *phase, closed) {
            Phase::Unopened(receivers, alive) => (receivers, alive),
            opened_before => {
                *phase = opened_before;
                return Err(OpenError::OpenedBefore);
            }
        };
        let context = Arc::new(Context::new(
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
        // What the start-up may take, and what the thread may take to close after its failure.
        let deadline = Instant::now() + self.settings.startup_timeout + close::LAST_STEPS + MARGIN;
        match answered.recv_deadline(deadline) {
            Ok(Ok(opened)) => {
                self.inbox.open();
                *phase = Phase::Open(worker);
                Ok(opened)
            }
            Ok(Err(error)) => {
                // It has closed everything and is on its last line.
                let _ = worker.join_until(Instant::now() + MARGIN);
                Err(error)
            }
            Err(_) => Err(OpenError::NoAnswer(match worker.join_until(Instant::now()) {
                Err(error) => error,
                Ok(_) => JoinError::StillRunning(worker.name().to_owned()),
            })),
        }
    }

    /// Tries the run's items whose parent was missing once more. To be called when the crawl has ended by itself,
    /// before `close_spider`. `page_limit` is the number of pages that the run may have `done` in all. `None` when
    /// a stop came first, or the thread ended: then the run is not finished, and its resume tries them.
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

    /// Closes everything by `deadline`, that of the whole stop: see design §6 and `close.rs` for the steps and
    /// their shares. Blocks until then at most, and half a second more when the thread itself hangs. A second
    /// call gives the first one's report; without an open run the report is empty.
    pub fn close_spider(&self, end: RunEnd, deadline: Instant) -> CloseReport {
        self.inbox.close();
        let mut phase = self.phase();
        let worker = match std::mem::replace(&mut *phase, Phase::Closed(CloseReport::default())) {
            Phase::Open(worker) => worker,
            Phase::Closed(report) => {
                *phase = Phase::Closed(report.clone());
                return report;
            }
            Phase::Unopened(..) => return CloseReport::default(),
        };
        self.inbox.end(End { run: end, deadline });
        // The last steps keep their time even when the deadline has passed.
        let patience = deadline.max(Instant::now() + close::LAST_STEPS) + MARGIN;
        let report = worker.join_until(patience).unwrap_or_else(|error| {
            warn!(%error, "the persistence thread did not close; the resume decides by the pages' states");
            CloseReport::without_thread(&self.status(), error.to_string())
        });
        *phase = Phase::Closed(report.clone());
        report
    }

    /// Disconnected from the moment on in which the thread has ended, in good order or not; never carries a
    /// message. When it died, the stop was requested with the reason.
    pub fn ended(&self) -> &Receiver<()> {
        &self.ended
    }

    /// Somebody who watches, also beyond the pipeline's own life.
    pub fn monitor(&self) -> Monitor {
        Monitor::of(&self.progress, &self.store)
    }

    /// What the thread holds and does right now.
    pub fn status(&self) -> PersistenceStatus {
        self.progress.status()
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For `main` when it unwinds or returns early.
impl Drop for PersistencePipeline {
    fn drop(&mut self) {
        if matches!(*self.phase(), Phase::Open(_)) {
            let reason = self.stop.reason().map_or_else(|| "left early".to_owned(), ToString::to_string);
            let end = RunEnd { state: RunState::Stopped, reason };
            self.close_spider(end, Instant::now() + DROP_DEADLINE);
        }
    }
}
