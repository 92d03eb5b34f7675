//! The tasks on the thread's runtime: started here, and all of them gathered here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use dragline_core::ItemType;
use dragline_core::store::{Refill, RunKey};
use dragline_core::worker::panic_message;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::timeout;
use tracing::{Instrument as _, Span, warn};

use super::background::{heartbeat, refill};
use super::batcher::Batch;
use super::context::Context;
use super::flush::{Ending, FlushEnd, flush};
use super::notes::{self, HostNotes, NOTE_EVERY};
use super::second_try::{SecondTry, second_try};

/// A flush or a sign of life takes milliseconds: when none has moved for so long, something is wrong with the store.
const DEGRADED_AFTER: Duration = Duration::from_secs(5);
/// When the first heartbeat comes, at the latest. It shows that the process had its chance: the stores count only such a start
/// when they look whether a run gets any further.
const FIRST_HEARTBEAT_AFTER: Duration = Duration::from_secs(1);

pub(super) struct Tasks {
    context: Arc<Context>,
    run: Arc<RunKey>,
    items: Arc<[ItemType]>,
    runtime: Handle,
    flushes: JoinSet<()>,
    others: JoinSet<()>,
    /// The latest, and when it began.
    heartbeat: Option<(Instant, AbortHandle)>,
    heartbeat_due: Instant,
    noting: Option<AbortHandle>,
    note_due: Instant,
    cancel: watch::Sender<bool>,
    ending: Sender<FlushEnd>,
    endings: Receiver<FlushEnd>,
    slots: usize,
    pending: Pending,
    batches: u64,
}

/// Flush tasks whose end was not yet heard.
#[derive(Clone, Copy, Debug, Default)]
struct Pending {
    flushes: usize,
    rows: usize,
    /// When the latest was started or the last one ended.
    moved: Option<Instant>,
    /// When it was last told that they take long.
    told: Option<Instant>,
}

impl Tasks {
    pub(super) fn new(
        context: Arc<Context>,
        run: Arc<RunKey>,
        items: Arc<[ItemType]>,
        runtime: Handle,
    ) -> Self {
        let slots = context.settings.max_pending_flushes.min(context.store.max_concurrent_flushes()).max(1);
        let (ending, endings) = bounded(slots);
        Self {
            heartbeat_due: Instant::now() + FIRST_HEARTBEAT_AFTER.min(context.settings.heartbeat_interval),
            context,
            run,
            items,
            runtime,
            flushes: JoinSet::new(),
            others: JoinSet::new(),
            heartbeat: None,
            noting: None,
            note_due: Instant::now(),
            cancel: watch::Sender::new(false),
            ending,
            endings,
            slots,
            pending: Pending::default(),
            batches: 0,
        }
    }

    /// Whether another flush may be started.
    pub(super) fn has_slot(&self) -> bool {
        self.pending.flushes < self.slots
    }

    /// Flushes under way.
    pub(super) fn pending(&self) -> usize {
        self.pending.flushes
    }

    /// Where the ends of flushes are heard; each is to be given to [`Tasks::flush_ended`].
    pub(super) fn endings(&self) -> &Receiver<FlushEnd> {
        &self.endings
    }

    pub(super) fn heartbeat_due(&self) -> Instant {
        self.heartbeat_due
    }

    pub(super) fn start_flush(&mut self, batch: Batch) {
        if let Some(first) = batch.first_taken {
            self.context.progress.times.batch_wait.note(first.elapsed());
        }
        self.pending.flushes += 1;
        self.pending.rows += batch.rows;
        self.pending.moved = Some(Instant::now());
        self.batches += 1;
        self.tell_pending();
        let ending = Ending::new(self.ending.clone(), &batch);
        let (context, run) = (Arc::clone(&self.context), Arc::clone(&self.run));
        let task = flush(context, run, self.batches, batch, self.cancel.subscribe(), ending);
        self.flushes.spawn_on(task.instrument(Span::current()), &self.runtime);
    }

    pub(super) fn flush_ended(&mut self, end: &FlushEnd) {
        self.pending.flushes -= 1;
        self.pending.rows -= end.rows;
        self.pending.moved = Some(Instant::now());
        self.context.progress.flush_ended(end.how);
        self.tell_pending();
    }

    pub(super) fn start_refill(&mut self, ask: Refill) {
        let task = refill(Arc::clone(&self.context), Arc::clone(&self.run), ask);
        self.others.spawn_on(task.instrument(Span::current()), &self.runtime);
    }

    pub(super) fn start_second_try(&mut self, asked: SecondTry) {
        let (context, run) = (Arc::clone(&self.context), Arc::clone(&self.run));
        let task = second_try(context, run, Arc::clone(&self.items), asked);
        self.others.spawn_on(task.instrument(Span::current()), &self.runtime);
    }

    /// Starts a heartbeat when one is due and the one before has ended: they never pile up.
    pub(super) fn beat_when_due(&mut self) {
        let now = Instant::now();
        if now < self.heartbeat_due {
            return;
        }
        self.heartbeat_due = now + self.context.settings.heartbeat_interval;
        if self.heartbeat.as_ref().is_none_or(|(_, task)| task.is_finished()) {
            let task = heartbeat(Arc::clone(&self.context), Arc::clone(&self.run));
            let task = self.others.spawn_on(task.instrument(Span::current()), &self.runtime);
            self.heartbeat = Some((now, task));
        }
    }

    /// Writes what hosts were told to wait, if there is news, it is time, and the write before has ended.
    pub(super) fn note_when_due(&mut self, notes: &Arc<HostNotes>) {
        let now = Instant::now();
        let is_free = self.noting.as_ref().is_none_or(AbortHandle::is_finished);
        if notes.is_empty() || now < self.note_due || !is_free {
            return;
        }
        self.note_due = now + NOTE_EVERY;
        let task = notes::write(Arc::clone(&self.context), Arc::clone(&self.run), Arc::clone(notes));
        self.noting = Some(self.others.spawn_on(task.instrument(Span::current()), &self.runtime));
    }

    /// Forgets tasks that have ended, so that a set never grows beyond what is under way, and tells of those
    /// that panicked.
    pub(super) fn reap(&mut self) {
        for tasks in [&mut self.flushes, &mut self.others] {
            while let Some(ended) = tasks.try_join_next() {
                tell_panic(&self.context, ended);
            }
        }
    }

    /// Since when the crawl waits for its store, if it does: in an outage, or because flushes or signs of life take
    /// long.
    pub(super) fn degraded_since(&self) -> Option<Instant> {
        let silent = self.heartbeat.as_ref().filter(|(_, task)| !task.is_finished()).map(|(begun, _)| *begun);
        let silent = silent.filter(|begun| begun.elapsed() >= DEGRADED_AFTER);
        self.context.progress.outage_since().or_else(|| self.stuck_since()).or(silent)
    }

    /// Says so, at a calm rhythm, when the store takes a flush and does not answer.
    pub(super) fn tell_when_slow(&mut self) {
        let log_interval = self.context.settings.outage_log_interval;
        let Some(since) = self.stuck_since().filter(|since| since.elapsed() >= log_interval) else { return };
        let is_due = self.pending.told.is_none_or(|told| told.elapsed() >= log_interval);
        if is_due && self.context.progress.outage_since().is_none() {
            self.pending.told = Some(Instant::now());
            warn!(
                flushes = self.pending.flushes,
                rows_waiting = self.pending.rows,
                "the store has not answered a flush for {:.0} s: is it overloaded, or does a session hold a lock?",
                since.elapsed().as_secs_f64()
            );
        }
    }

    fn stuck_since(&self) -> Option<Instant> {
        let moved = self.pending.moved.filter(|_| self.pending.flushes > 0)?;
        (moved.elapsed() >= DEGRADED_AFTER).then_some(moved)
    }

    /// Ends what is of no use to a run that is being closed.
    pub(super) fn stop_others(&mut self) {
        self.others.abort_all();
    }

    /// Cancels what is pending, at the server and here, and waits until every task has ended, for at most
    /// `limit`. Gives the number of tasks that have not.
    pub(super) async fn cancel_and_gather(&mut self, limit: Duration) -> usize {
        self.cancel.send_replace(true);
        self.others.abort_all();
        let gathered = timeout(limit, async {
            if self.pending.flushes > 0 {
                // A statement that the server gave up ends its task by itself, and its session stays clean.
                let asked = timeout(limit / 4, self.context.store.cancel_flushes()).await;
                if asked.is_ok() {
                    let _ = timeout(limit / 4, gather(&self.context, &mut self.flushes)).await;
                }
            }
            self.flushes.abort_all();
            gather(&self.context, &mut self.flushes).await;
            gather(&self.context, &mut self.others).await;
        });
        let _ = gathered.await;
        self.flushes.len() + self.others.len()
    }

    fn tell_pending(&self) {
        self.context.progress.pending(self.pending.flushes, self.pending.rows);
    }
}

async fn gather(context: &Context, tasks: &mut JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        tell_panic(context, ended);
    }
}

/// A task tells its result by itself, but for a panic, which would leave somebody waiting for ever.
fn tell_panic(context: &Context, ended: Result<(), JoinError>) {
    if let Some(panic) = ended.err().and_then(|error| error.try_into_panic().ok()) {
        context.fail_by_panic("a task of the persistence thread", panic_message(panic.as_ref()));
    }
}
