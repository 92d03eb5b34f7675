//! The persistence thread: one loop in which everything that happens meets.
//!
//! It waits for its inbox with a deadline, fills batches, and starts flush tasks on a runtime of its own. It
//! never waits for the store itself, so that it goes on hearing whatever happens meanwhile.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, never, select};
use dragline_core::PageOutcome;
use dragline_core::item_type::ItemType;
use dragline_core::pulse::Beating;
use dragline_core::store::{OpenedRun, RunKey, RunSpec, RunState};
use dragline_core::worker::panic_message;
use tokio::runtime::{Builder, Runtime};
use tracing::error_span;

use super::RunEnd;
use super::batcher::{Batcher, Limits, Slot};
use super::close::{LAST_STEPS, wind_down};
use super::context::Context;
use super::flush::{FlushEnd, HowEnded};
use super::inbox::{End, Message, Receivers};
use super::open::{OpenError, start_up};
use super::report::CloseReport;
use super::tasks::Tasks;
use super::waiting::{BEAT_INTERVAL, beating};

/// What the thread is started with.
pub(super) struct Opening {
    pub(super) spec: RunSpec,
    pub(super) items: Vec<ItemType>,
    pub(super) answer: Sender<Result<OpenedRun, OpenError>>,
}

/// The thread's work, from start-up to the end of its runtime.
pub(super) fn work(context: &Arc<Context>, inbox: Receivers, opening: Opening) -> CloseReport {
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
    context.progress.opened(opened.earlier.items);
    let span = error_span!("persistence", run_id = opened.key.run_id, epoch = opened.key.epoch);
    let _entered = span.enter();
    let bridge = Bridge::new(Arc::clone(context), opened.key.clone(), items.into(), inbox, &runtime);
    // Nobody sends an end to a run that nobody waited for.
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

/// The open thread's state. Its closing is in `close.rs`.
pub(super) struct Bridge<'rt> {
    pub(super) context: Arc<Context>,
    pub(super) run: RunKey,
    pub(super) runtime: &'rt Runtime,
    pub(super) inbox: Receivers,
    pub(super) batcher: Batcher,
    pub(super) tasks: Tasks,
    pub(super) report: CloseReport,
    /// Flush what there is without waiting for more. Holds until nothing waits.
    pub(super) hurry: bool,
    nothing: Receiver<PageOutcome>,
}

/// What happens to the thread.
enum Event {
    Outcome(PageOutcome),
    Message(Message),
    Idle,
    Noted,
    FlushEnded(FlushEnd),
    Abandoned,
    Tick,
}

impl<'rt> Bridge<'rt> {
    fn new(
        context: Arc<Context>,
        run: RunKey,
        items: Arc<[ItemType]>,
        inbox: Receivers,
        runtime: &'rt Runtime,
    ) -> Self {
        Self {
            batcher: Batcher::new(Limits::of(&context.settings)),
            tasks: Tasks::new(Arc::clone(&context), Arc::new(run.clone()), items, runtime.handle().clone()),
            context,
            run,
            runtime,
            inbox,
            report: CloseReport::default(),
            hurry: false,
            nothing: never(),
        }
    }

    /// Works until the end, closes, and gives the report and the time until which the rest must be done.
    fn run(mut self, is_wanted: bool) -> (CloseReport, Instant) {
        let end = if is_wanted { self.work() } else { self.end_at_once("the start-up was given up") };
        self.close(end)
    }

    fn work(&mut self) -> End {
        loop {
            self.context.pulse.beat(Beating::Persistence);
            self.fill();
            self.tasks.reap();
            self.tasks.beat_when_due();
            self.tasks.note_when_due(&self.inbox.notes);
            self.tasks.tell_when_slow();
            self.context.pulse.degraded(self.tasks.degraded_since());
            match self.next_event() {
                Event::Outcome(outcome) => self.take(outcome),
                Event::Message(Message::Refill(ask)) => self.tasks.start_refill(ask),
                Event::Message(Message::SecondTry(asked)) => self.tasks.start_second_try(asked),
                Event::Message(Message::End(end)) => return end,
                Event::Idle => self.hurry = true,
                Event::FlushEnded(end) => self.flush_ended(&end),
                Event::Abandoned => return self.end_at_once("abandoned"),
                Event::Noted | Event::Tick => {}
            }
        }
    }

    fn next_event(&self) -> Event {
        let outcomes = if self.has_room() { &self.inbox.outcomes } else { &self.nothing };
        select! {
            recv(outcomes) -> outcome => outcome.map_or(Event::Abandoned, Event::Outcome),
            recv(self.inbox.messages) -> message => message.map_or(Event::Abandoned, Event::Message),
            recv(self.inbox.idle) -> _ => Event::Idle,
            recv(self.inbox.noted) -> _ => Event::Noted,
            recv(self.tasks.endings()) -> end => end.map_or(Event::Tick, Event::FlushEnded),
            recv(self.context.stop.abandoned()) -> _ => Event::Abandoned,
            default(self.patience()) => Event::Tick,
        }
    }

    /// How long nothing needs to be done unless something happens.
    fn patience(&self) -> Duration {
        let batch_due = self.batcher.due_at().filter(|_| self.may_flush());
        let next = batch_due.into_iter().chain([self.tasks.heartbeat_due()]).min();
        next.map_or(BEAT_INTERVAL, |at| at.saturating_duration_since(Instant::now()).min(BEAT_INTERVAL))
    }

    /// Takes what is in the inbox as far as there is room, and starts every flush that is due.
    pub(super) fn fill(&mut self) {
        // One inbox full at a time, so that a fast crawl does not keep the thread from the rest.
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

    /// Takes an outcome: its credit goes back here and now, its charge stays until it is durable. After a
    /// failure it is dropped, so that nobody waits for a thread that stores nothing; its request is queued.
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

    fn slot(&self) -> Slot {
        if self.tasks.has_slot() { Slot::Free } else { Slot::Taken }
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

    /// The inbox is empty: what was waiting when the hurry began is in the batches now.
    fn start_hurried_flush(&mut self) {
        while self.hurry && self.may_flush() {
            match self.batcher.take_any() {
                Some(batch) => self.tasks.start_flush(batch),
                None => self.hurry = false,
            }
        }
    }

    /// The end that this thread gives itself when it hears no other.
    fn end_at_once(&self, what: &str) -> End {
        let reason = self.context.stop.reason().map_or_else(|| what.to_owned(), ToString::to_string);
        End { run: RunEnd { state: RunState::Stopped, reason }, deadline: Instant::now() + LAST_STEPS }
    }
}

/// One worker: it waits for the network. What computes is on the crawl threads.
fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(1).thread_name("persistence-rt").enable_all().build()
}
