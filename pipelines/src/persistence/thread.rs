//! The persistence thread: one loop that handles every event.
//!
//! It waits for its inbox with a deadline, fills batches, and starts flush tasks on a runtime of its own. It never waits
//! for the store itself, so it keeps hearing everything that happens meanwhile.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, never, select};
use dragline_core::item_type::ItemType;
use dragline_core::pulse::Beating;
use dragline_core::store::{OpenedRun, RunKey, RunSpec, RunState};
use dragline_core::worker::panic_message;
use dragline_core::{PageOutcome, RunKind};
use tokio::runtime::{Builder, Runtime};
use tracing::error_span;

use super::RunEnd;
use super::batcher::{BatchLimits, Batcher, FlushSlot};
use super::close::{LAST_STEPS, wind_down};
use super::context::PersistenceContext;
use super::flush::{FlushEnd, HowEnded};
use super::inbox::{CloseOrder, InboxMessage, InboxReceivers};
use super::open::{OpenError, start_up};
use super::report::CloseReport;
use super::tasks::PersistenceTasks;
use super::waiting::{BEAT_INTERVAL, beating};

/// Everything that the thread needs to open a run.
pub(super) struct Opening {
    pub(super) spec: RunSpec,
    pub(super) items: Vec<ItemType>,
    pub(super) answer: Sender<Result<OpenedRun, OpenError>>,
}

/// The thread's work, from start-up to the end of its runtime.
pub(super) fn work(
    context: &Arc<PersistenceContext>,
    inbox: InboxReceivers,
    opening: Opening,
) -> CloseReport {
    let Opening { spec, items, answer } = opening;
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = answer.send(Err(OpenError::Thread(error)));
            return CloseReport::default();
        }
    };
    let started = start_up(context, &spec, &items);
    let opened = match runtime.block_on(beating(&*context.pulse, started)) {
        Ok(opened) => opened,
        Err(error) => {
            let mut report = CloseReport::default();
            wind_down(context, runtime, Instant::now() + LAST_STEPS, &mut report);
            let _ = answer.send(Err(error));
            return report;
        }
    };
    let ended = opened.resumed.as_ref().map(|resumed| resumed.pages.clone()).unwrap_or_default();
    context.progress.opened(&opened.earlier, &ended, requests_of(&opened, &spec));
    let span = error_span!("persistence", run_id = opened.key.run_id, epoch = opened.key.epoch);
    let _entered = span.enter();
    let bridge = PersistenceLoop::new(Arc::clone(context), opened.key.clone(), items.into(), inbox, &runtime);
    // If nobody waits for the run any more, nobody will order its close.
    let is_wanted = answer.send(Ok(opened)).is_ok();
    drop(answer);
    let (mut report, deadline) = match catch_unwind(AssertUnwindSafe(|| bridge.run(is_wanted))) {
        Ok(closed) => closed,
        Err(panic) => {
            let message = panic_message(panic.as_ref());
            let error = format!("the persistence thread panicked: {message}");
            let report = CloseReport::without_thread(&context.progress.status(), error);
            context.fail_by_panic("the persistence thread", message);
            (report, Instant::now() + LAST_STEPS)
        }
    };
    wind_down(context, runtime, deadline, &mut report);
    report
}

/// The state of the open thread. `close.rs` closes it.
pub(super) struct PersistenceLoop<'rt> {
    pub(super) context: Arc<PersistenceContext>,
    pub(super) run: RunKey,
    pub(super) runtime: &'rt Runtime,
    pub(super) inbox: InboxReceivers,
    pub(super) batcher: Batcher,
    pub(super) tasks: PersistenceTasks,
    pub(super) report: CloseReport,
    /// Whether to flush everything without waiting for more. Stays set until nothing waits.
    pub(super) hurry: bool,
    nothing: Receiver<PageOutcome>,
}

/// Something that the thread reacts to. It handles one at a time, so the size of the largest doesn't matter.
#[allow(clippy::large_enum_variant)]
enum ThreadEvent {
    Outcome(PageOutcome),
    Message(InboxMessage),
    Idle,
    Noted,
    FlushEnded(FlushEnd),
    Abandoned,
    Tick,
}

impl<'rt> PersistenceLoop<'rt> {
    fn new(
        context: Arc<PersistenceContext>,
        run: RunKey,
        items: Arc<[ItemType]>,
        inbox: InboxReceivers,
        runtime: &'rt Runtime,
    ) -> Self {
        Self {
            batcher: Batcher::new(BatchLimits::of(&context.settings)),
            tasks: PersistenceTasks::new(
                Arc::clone(&context),
                Arc::new(run.clone()),
                items,
                runtime.handle().clone(),
            ),
            context,
            run,
            runtime,
            inbox,
            report: CloseReport::default(),
            hurry: false,
            nothing: never(),
        }
    }

    /// Works until the end and closes. Returns the report and the deadline for the remaining steps.
    fn run(mut self, is_wanted: bool) -> (CloseReport, Instant) {
        let end = if is_wanted { self.work() } else { self.end_at_once("the start-up was given up") };
        self.close(end)
    }

    fn work(&mut self) -> CloseOrder {
        loop {
            self.context.pulse.beat(Beating::Persistence);
            self.fill();
            self.tasks.reap();
            self.tasks.beat_when_due();
            self.tasks.note_when_due(&self.inbox.notes);
            self.tasks.tell_when_slow();
            self.context.pulse.degraded(self.tasks.degraded_since());
            match self.next_event() {
                ThreadEvent::Outcome(outcome) => self.take(outcome),
                ThreadEvent::Message(InboxMessage::Refill(ask)) => self.tasks.start_refill(ask),
                ThreadEvent::Message(InboxMessage::Links(pages)) => self.tasks.start_links(pages),
                ThreadEvent::Message(InboxMessage::Kept(pages)) => self.tasks.start_kept(pages),
                ThreadEvent::Message(InboxMessage::Mark(marks)) => self.tasks.start_marks(marks),
                ThreadEvent::Message(InboxMessage::SecondTry(asked)) => {
                    self.tasks.start_second_try(asked);
                }
                ThreadEvent::Message(InboxMessage::Close(end)) => return end,
                ThreadEvent::Idle => self.hurry = true,
                ThreadEvent::FlushEnded(end) => self.flush_ended(&end),
                ThreadEvent::Abandoned => return self.end_at_once("abandoned"),
                ThreadEvent::Noted | ThreadEvent::Tick => {}
            }
        }
    }

    fn next_event(&self) -> ThreadEvent {
        let outcomes = if self.has_room() { &self.inbox.outcomes } else { &self.nothing };
        select! {
            recv(outcomes) -> outcome => outcome.map_or(ThreadEvent::Abandoned, ThreadEvent::Outcome),
            recv(self.inbox.messages) -> message => message.map_or(ThreadEvent::Abandoned, ThreadEvent::Message),
            recv(self.inbox.idle) -> _ => ThreadEvent::Idle,
            recv(self.inbox.noted) -> _ => ThreadEvent::Noted,
            recv(self.tasks.endings()) -> end => end.map_or(ThreadEvent::Tick, ThreadEvent::FlushEnded),
            recv(self.context.stop.abandoned()) -> _ => ThreadEvent::Abandoned,
            default(self.patience()) => ThreadEvent::Tick,
        }
    }

    /// How long the thread may wait for an event.
    fn patience(&self) -> Duration {
        let batch_due = self.batcher.due_at().filter(|_| self.may_flush());
        let next = batch_due.into_iter().chain([self.tasks.heartbeat_due()]).min();
        next.map_or(BEAT_INTERVAL, |at| at.saturating_duration_since(Instant::now()).min(BEAT_INTERVAL))
    }

    /// Takes outcomes from the inbox while there is room, and starts every flush that is due.
    pub(super) fn fill(&mut self) {
        // One full inbox at a time, so that a fast crawl does not keep the thread from its other work.
        for _ in 0..=self.context.settings.inbox_capacity {
            self.start_due_flushes();
            if !self.has_room() {
                break;
            }
            match self.inbox.outcomes.try_recv() {
                Ok(outcome) => self.take(outcome),
                Err(_) => {
                    self.start_hurried_flush();
                    break;
                }
            }
        }
        self.context.progress.waiting(self.inbox.outcomes.len(), self.batcher.waiting());
    }

    pub(super) fn flush_ended(&mut self, end: &FlushEnd) {
        self.tasks.flush_ended(end);
        match end.how {
            HowEnded::Durable => {}
            HowEnded::Cancelled => {
                self.report.tasks_cancelled += 1;
                self.report.pages_unknown += end.pages_left as u64;
            }
            HowEnded::Failed => self.report.pages_left_unflushed += end.pages_left as u64,
        }
    }

    /// Takes an outcome. Its credit goes back now, and its charge stays until the outcome is durable. After a failure the
    /// outcome is dropped, so that nobody waits for a thread that stores nothing. Its request is still queued.
    fn take(&mut self, mut outcome: PageOutcome) {
        if self.context.has_failed() {
            self.report.pages_left_unflushed += 1;
            return;
        }
        outcome.credit = None;
        self.batcher.put(outcome, self.slot(), Instant::now());
    }

    fn has_room(&self) -> bool {
        self.batcher.has_room(self.slot()) || self.context.has_failed()
    }

    fn slot(&self) -> FlushSlot {
        if self.tasks.has_slot() { FlushSlot::Free } else { FlushSlot::Taken }
    }

    fn may_flush(&self) -> bool {
        self.tasks.has_slot() && !self.context.has_failed()
    }

    fn start_due_flushes(&mut self) {
        let now = Instant::now();
        while self.may_flush() {
            match self.batcher.take_due(now) {
                Some(batch) => self.tasks.start_flush(batch),
                None => break,
            }
        }
    }

    /// Flushes at once. The inbox is empty, so every outcome that was waiting when the hurry began is in a batch now.
    fn start_hurried_flush(&mut self) {
        while self.hurry && self.may_flush() {
            match self.batcher.take_any() {
                Some(batch) => self.tasks.start_flush(batch),
                None => self.hurry = false,
            }
        }
    }

    /// The order that the thread gives itself when it gets no other.
    fn end_at_once(&self, what: &str) -> CloseOrder {
        let reason = self.context.stop.reason().map_or_else(|| what.to_owned(), ToString::to_string);
        CloseOrder { run: RunEnd { state: RunState::Stopped, reason }, deadline: Instant::now() + LAST_STEPS }
    }
}

/// How many requests the run has. A reparse stores only some of the new ones, so it doesn't count them.
fn requests_of(opened: &OpenedRun, spec: &RunSpec) -> Option<u64> {
    match &opened.resumed {
        _ if opened.key.kind == RunKind::Reparse => None,
        Some(resumed) => Some(resumed.requests),
        None => {
            let distinct: HashSet<_> = spec.start.iter().map(|request| request.fingerprint).collect();
            Some(distinct.len() as u64)
        }
    }
}

/// One worker would be enough to wait for the network. But a flush of a page with very many links also computes, for seconds on a
/// busy machine, and then the limits of a stop must not wait for it.
fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(2).thread_name("persistence-rt").enable_all().build()
}
