//! Closing: drain, flush, cancel and gather, write the run's end, close the store, stop the runtime.
//!
//! `close_spider` gets the deadline of the whole stop (design §6). Pending flushes may use the time until 2.5 s before
//! it. The last 2.5 s belong to the other steps, which need milliseconds unless the store hangs:
//!
//! ```text
//!   … flushes may finish │ cancel and gather │ end run │ close store │ stop runtime │
//!                     −2.5 s              −1.5 s    −1.2 s        −0.1 s         deadline
//! ```
//!
//! If the server hangs, gathering takes 1 s of its 2-second limit (see `tasks.rs`). If tasks do not even end when they
//! are aborted, it takes the 2 s, and the others fall back to 0.2 + 0.2 + 0.1 s, which is still in time. A step that
//! needs less leaves the rest to the next ones. When the deadline has passed, each step still gets its least time: a
//! close is never skipped. The watchdog ends a process that must end sooner.

use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{never, select};
use dragline_core::probe::reach;
use dragline_core::pulse::Beating;
use dragline_core::store::{RunState, StoreResult};
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use super::context::PersistenceContext;
use super::inbox::CloseOrder;
use super::notes;
use super::outage::chain;
use super::report::CloseReport;
use super::thread::PersistenceLoop;
use super::waiting::{BEAT_INTERVAL, beating};

/// The part of a stop's time that is reserved for all steps after the flushes.
pub(super) const LAST_STEPS: Duration = Duration::from_millis(2_500);
/// The time that the store gets to end its sessions. It cuts them itself after one second.
const CLOSE_STORE: Duration = Duration::from_millis(1_100);
/// The time that the runtime gets to stop.
const STOP_RUNTIME: Duration = Duration::from_millis(100);
/// The time that writing the run's end and closing the store each get even if the deadline has passed.
const LEAST: Duration = Duration::from_millis(200);

impl PersistenceLoop<'_> {
    /// Does every step that needs the thread's state. Returns the report so far and the deadline for the rest.
    pub(super) fn close(mut self, mut end: CloseOrder) -> (CloseReport, Instant) {
        self.tasks.stop_others();
        let begun = Instant::now();
        self.finish_flushes(before(end.deadline, LAST_STEPS));
        self.report.step("drain and flush", begun);
        reach("close: flushed");

        if self.context.stop.is_abandoned() {
            end.deadline = end.deadline.min(Instant::now() + LAST_STEPS);
        }
        self.drop_the_rest();
        self.cancel_and_gather();
        reach("close: gathered");
        self.end_run(&end);
        reach("close: run ended");

        let status = self.context.progress.status();
        self.report.flushed_pages = status.flushed_pages;
        self.report.flushed_rows = status.flushed_rows;
        (self.report, end.deadline)
    }

    /// Flushes the outcomes that were submitted and waits for the flushes, until `limit` or abandon.
    fn finish_flushes(&mut self, limit: Instant) {
        loop {
            self.context.pulse.beat(Beating::Persistence);
            self.hurry = true;
            self.fill();
            let is_done =
                self.batcher.is_empty() && self.inbox.outcomes.is_empty() && self.tasks.pending() == 0;
            let patience = limit.saturating_duration_since(Instant::now());
            if is_done || patience.is_zero() || self.context.has_failed() {
                return;
            }
            select! {
                recv(self.tasks.endings()) -> end => {
                    if let Ok(end) = end {
                        self.flush_ended(&end);
                    }
                }
                recv(self.context.stop.abandoned()) -> _ => return,
                default(patience.min(BEAT_INTERVAL)) => {}
            }
        }
    }

    /// Drops the outcomes that no flush took. Their requests are still queued. Dropping an outcome gives back its credit
    /// and charge. From here on, nobody can submit any more.
    fn drop_the_rest(&mut self) {
        let mut pages = 0;
        while let Some(batch) = self.batcher.take_any() {
            pages += batch.outcomes.len();
        }
        pages += mem::replace(&mut self.inbox.outcomes, never()).try_iter().count();
        self.report.pages_left_unflushed += pages as u64;
        self.context.progress.waiting(0, (0, 0, 0));
    }

    fn cancel_and_gather(&mut self) {
        let begun = Instant::now();
        self.report.tasks_pending = self.tasks.pending();
        if self.report.tasks_pending > 0 {
            info!(flushes = self.report.tasks_pending, "cancelling the flushes that are still pending");
        }
        let gathering = self.tasks.cancel_and_gather(self.context.settings.cancel_timeout);
        self.report.tasks_not_gathered = self.runtime.block_on(beating(&*self.context.pulse, gathering));
        let endings = self.tasks.endings().clone();
        for end in endings.try_iter() {
            self.flush_ended(&end);
        }
        if self.report.tasks_not_gathered > 0 {
            let tasks = self.report.tasks_not_gathered;
            warn!(tasks, "tasks did not end when cancelled; the resume decides by the pages' states");
            self.report.fault("tasks of the persistence thread did not end when cancelled");
        }
        self.report.step("cancel and gather", begun);
    }

    /// Writes how the run ends. A run that is said to be finished but left pages behind is only stopped.
    fn end_run(&mut self, end: &CloseOrder) {
        let begun = Instant::now();
        let left_behind = self.report.pages_unknown + self.report.pages_left_unflushed;
        let state = match end.run.state {
            RunState::Finished if left_behind > 0 => RunState::Stopped,
            state => state,
        };
        let limit = before(end.deadline, CLOSE_STORE + STOP_RUNTIME)
            .saturating_duration_since(begun)
            .min(self.context.settings.operation_timeout)
            .max(LEAST);
        let writing = self.write_end(state, &end.run.reason, limit);
        match self.runtime.block_on(beating(&*self.context.pulse, writing)) {
            Some(Ok(())) => self.report.end_written = true,
            Some(Err(error)) => {
                let hint = error.hint().unwrap_or("the same command resumes the run");
                error!(error = chain(&error), hint, "the run's end was not written");
                self.report.end_refused = !error.is_retryable();
                self.report.fault(format!("the run's end was not written: {}", chain(&error)));
            }
            None => self.report.fault(format!(
                "the run's end was not written: {} did not answer in time",
                self.context.store.location()
            )),
        }
        self.report.step("end run", begun);
    }

    /// Tries within `limit`, more than once, because a connection that broke since its last use is replaced only by
    /// trying again. Returns `None` if the store did not answer. After abandon there is one short attempt.
    async fn write_end(&self, state: RunState, reason: &str, limit: Duration) -> Option<StoreResult<()>> {
        let context = &self.context;
        let given_up = Instant::now() + limit;
        let tried = async {
            // The last figures help when you compare runs, but the run's end matters more.
            if !context.stop.is_abandoned() {
                let _ = timeout(LEAST, context.store.heartbeat(&self.run, &context.progress.stats())).await;
            }
            // A run that has ended for good no longer asks any host.
            if !state.is_final() {
                let (run, notes) = (Arc::new(self.run.clone()), Arc::clone(&self.inbox.notes));
                let _ = timeout(LEAST, notes::write(Arc::clone(context), run, notes)).await;
            }
            let mut back_off = context.settings.back_off();
            loop {
                match context.store.end_run(&self.run, state, reason).await {
                    Err(error) if error.is_retryable() && !context.stop.is_abandoned() => {
                        let pause = back_off.next_pause();
                        if Instant::now() + pause >= given_up {
                            return Err(error);
                        }
                        sleep(pause).await;
                    }
                    answer => return answer,
                }
            }
        };
        let hurried = async {
            context.stop.until_abandoned().await;
            sleep(LEAST).await;
        };
        tokio::select! {
            answer = timeout(limit, tried) => answer.ok(),
            () = hurried => None,
        }
    }
}

/// The last two steps, which also follow a failed start-up: ends the store's sessions, then stops the runtime.
pub(super) fn wind_down(
    context: &PersistenceContext,
    runtime: Runtime,
    deadline: Instant,
    report: &mut CloseReport,
) {
    let begun = Instant::now();
    let limit = before(deadline, STOP_RUNTIME).saturating_duration_since(begun).max(LEAST);
    let closing = beating(&*context.pulse, async { timeout(limit, context.store.close()).await });
    if runtime.block_on(closing).is_err() {
        warn!(
            store = context.store.location(),
            "the store was not closed in time; sessions may be left behind"
        );
        report.fault("the store was not closed in time");
    }
    report.step("close store", begun);
    reach("close: store closed");

    let begun = Instant::now();
    runtime.shutdown_timeout(deadline.saturating_duration_since(begun).max(STOP_RUNTIME));
    report.step("stop runtime", begun);
}

/// `time` before `deadline`, or now if that cannot be expressed.
fn before(deadline: Instant, time: Duration) -> Instant {
    deadline.checked_sub(time).unwrap_or_else(Instant::now)
}
