//! The tasks on the thread's runtime. All of them are started here and gathered here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use dragline_core::store::{Refill, RunKey};
use dragline_core::suspects::PageMarks;
use dragline_core::worker::panic_message;
use dragline_core::{Fingerprint, ItemType};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::timeout;
use tracing::{Instrument as _, Span, warn};

use super::background::{heartbeat, kept, links, mark, refill};
use super::batcher::Batch;
use super::context::PersistenceContext;
use super::flush::{FlushEnd, FlushEnding, flush};
use super::notes::{self, HostNotes, NOTE_EVERY};
use super::second_try::{SecondTry, second_try};

/// A flush or a sign of life takes milliseconds. If none has made progress for this long, the store has a problem.
const DEGRADED_AFTER: Duration = Duration::from_secs(5);
/// The latest time of the first heartbeat. It shows that the process had its chance: when the stores check whether a run
/// makes progress, they count only starts with a heartbeat.
const FIRST_HEARTBEAT_AFTER: Duration = Duration::from_secs(1);

pub(super) struct PersistenceTasks {
    context: Arc<PersistenceContext>,
    run: Arc<RunKey>,
    items: Arc<[ItemType]>,
    runtime: Handle,
    flushes: JoinSet<()>,
    others: JoinSet<()>,
    /// The latest heartbeat, and when it began.
    heartbeat: Option<(Instant, AbortHandle)>,
    heartbeat_due: Instant,
    noting: Option<AbortHandle>,
    note_due: Instant,
    cancel: watch::Sender<bool>,
    ending: Sender<FlushEnd>,
    endings: Receiver<FlushEnd>,
    slots: usize,
    pending: PendingFlushes,
    batches: u64,
}

/// Flush tasks whose end the thread has not heard yet.
#[derive(Clone, Copy, Debug, Default)]
struct PendingFlushes {
    flushes: usize,
    rows: usize,
    /// When the latest was started or ended.
    moved: Option<Instant>,
    /// When the log last said that they take long.
    told: Option<Instant>,
}

impl PersistenceTasks {
    pub(super) fn new(
        context: Arc<PersistenceContext>,
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
            pending: PendingFlushes::default(),
            batches: 0,
        }
    }

    /// Whether another flush may be started.
    pub(super) fn has_slot(&self) -> bool {
        self.pending.flushes < self.slots
    }

    /// The number of flushes under way.
    pub(super) fn pending(&self) -> usize {
        self.pending.flushes
    }

    /// The channel with the ends of flushes. Pass each one to [`PersistenceTasks::flush_ended`].
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
        let ending = FlushEnding::new(self.ending.clone(), &batch);
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

    pub(super) fn start_links(&mut self, pages: Vec<Fingerprint>) {
        let task = links(Arc::clone(&self.context), Arc::clone(&self.run), pages);
        self.others.spawn_on(task.instrument(Span::current()), &self.runtime);
    }

    pub(super) fn start_kept(&mut self, pages: Vec<Fingerprint>) {
        let task = kept(Arc::clone(&self.context), Arc::clone(&self.run), pages);
        self.others.spawn_on(task.instrument(Span::current()), &self.runtime);
    }

    pub(super) fn start_marks(&mut self, marks: PageMarks) {
        let task = mark(Arc::clone(&self.context), Arc::clone(&self.run), marks);
        self.others.spawn_on(task.instrument(Span::current()), &self.runtime);
    }

    pub(super) fn start_second_try(&mut self, asked: SecondTry) {
        let (context, run) = (Arc::clone(&self.context), Arc::clone(&self.run));
        let task = second_try(context, run, Arc::clone(&self.items), asked);
        self.others.spawn_on(task.instrument(Span::current()), &self.runtime);
    }

    /// Starts a heartbeat when one is due and the previous one has ended, so that they never pile up.
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

    /// Writes the hosts' notes if there are new ones, a second has passed, and the previous write has ended.
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

    /// Forgets tasks that have ended, so that the sets hold only tasks under way, and reports those that panicked.
    pub(super) fn reap(&mut self) {
        for tasks in [&mut self.flushes, &mut self.others] {
            while let Some(ended) = tasks.try_join_next() {
                tell_panic(&self.context, ended);
            }
        }
    }

    /// Since when the crawl has been waiting for its store, if it is: because of an outage, or because flushes or signs of
    /// life take long.
    pub(super) fn degraded_since(&self) -> Option<Instant> {
        let silent = self.heartbeat.as_ref().filter(|(_, task)| !task.is_finished()).map(|(begun, _)| *begun);
        let silent = silent.filter(|begun| begun.elapsed() >= DEGRADED_AFTER);
        self.context.progress.outage_since().or_else(|| self.stuck_since()).or(silent)
    }

    /// Logs, at a calm rhythm, that the store has taken a flush and does not answer.
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

    /// Ends the tasks that a run no longer needs when it is being closed.
    pub(super) fn stop_others(&mut self) {
        self.others.abort_all();
    }

    /// Cancels the pending tasks, at the server and here, and waits until every task has ended, for `limit` at most.
    /// Returns the number of tasks that have not ended.
    pub(super) async fn cancel_and_gather(&mut self, limit: Duration) -> usize {
        self.cancel.send_replace(true);
        self.others.abort_all();
        let gathered = timeout(limit, async {
            if self.pending.flushes > 0 {
                // When the server gives up a statement, the task ends by itself and its session stays clean.
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

async fn gather(context: &PersistenceContext, tasks: &mut JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        tell_panic(context, ended);
    }
}

/// A task reports its own result, except a panic, which would leave somebody waiting for ever.
fn tell_panic(context: &PersistenceContext, ended: Result<(), JoinError>) {
    if let Some(panic) = ended.err().and_then(|error| error.try_into_panic().ok()) {
        context.fail_by_panic("a task of the persistence thread", panic_message(panic.as_ref()));
    }
}
