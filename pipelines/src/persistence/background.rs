//! The tasks that run in parallel with the flushes: reads of the frontier, and heartbeats.

use std::sync::Arc;

use dragline_core::Fingerprint;
use dragline_core::bridge::StoreEvent;
use dragline_core::kept_answer::KeptAsk;
use dragline_core::probe::reach;
use dragline_core::store::{BoxFuture, Refill, RunKey, StoreError, StoreResult};
use dragline_core::suspects::PageMarks;
use tracing::debug;

use super::context::PersistenceContext;
use super::outage::chain;
use crate::pause::pause;

/// How many compressed bytes of kept answers are read at once. They are in memory before the scheduler charges them.
const KEPT_BYTES: usize = 8 << 20;

/// Reads a part of the frontier and answers the scheduler. The read may run before or after any flush, because the scheduler
/// names the requests that it already has in hand.
pub(super) async fn refill(context: Arc<PersistenceContext>, run: Arc<RunKey>, ask: Refill) {
    reach("refill: asked");
    match until_answered(&context, || context.store.refill(&run, &ask)).await {
        None => {}
        Some(Ok(refilled)) => {
            reach("refill: read");
            context.receipts.deliver(StoreEvent::Refilled(refilled));
        }
        Some(Err(error)) => context.fail(error),
    }
}

/// Reads the links that earlier runs found on pages, and answers the scheduler.
pub(super) async fn links(context: Arc<PersistenceContext>, run: Arc<RunKey>, pages: Vec<Fingerprint>) {
    match until_answered(&context, || context.store.links(&run, &pages)).await {
        None => {}
        Some(Ok(links)) => context.receipts.deliver(StoreEvent::Links(links)),
        Some(Err(error)) => context.fail(error),
    }
}

/// Reads the answers that are kept of pages, and answers the scheduler.
pub(super) async fn kept(context: Arc<PersistenceContext>, run: Arc<RunKey>, pages: Vec<Fingerprint>) {
    let (spider, up_to_run) = (run.spider.to_string(), run.kept_up_to());
    let ask = KeptAsk { spider, pages, up_to_run, max_bytes: KEPT_BYTES };
    match until_answered(&context, || context.store.kept_answers(&ask)).await {
        None => {}
        Some(Ok(answers)) => context.receipts.deliver(StoreEvent::Kept(answers)),
        Some(Err(error)) => context.fail(error),
    }
}

/// Marks pages, and tells the scheduler that it may take them up.
pub(super) async fn mark(context: Arc<PersistenceContext>, run: Arc<RunKey>, marks: PageMarks) {
    match until_answered(&context, || context.store.mark_pages(&run, &marks)).await {
        None => {}
        Some(Ok(())) => {
            reach("marks: stored");
            context.receipts.deliver(StoreEvent::Marked);
        }
        Some(Err(error)) => context.fail(error),
    }
}

/// Writes the run's figures and a sign of life. This is not part of a flush, so flushes never wait for each other on the
/// run's row.
///
/// A crawl that waits for a slow site has nothing to flush. Then only the heartbeat can notice an outage, and it is tried
/// until the store answers. When flushes already report the outage, a failed heartbeat is not reported. A process that
/// was superseded stops here at once, and not when it next has something to store.
pub(super) async fn heartbeat(context: Arc<PersistenceContext>, run: Arc<RunKey>) {
    let mut back_off = context.settings.back_off();
    loop {
        match context.store.heartbeat(&run, &context.progress.stats()).await {
            Ok(()) => return context.answered(&context.beating),
            Err(error @ (StoreError::Superseded { .. } | StoreError::Gone { .. })) => {
                return context.fail(error);
            }
            Err(error) if error.is_retryable() && !context.is_told_of_an_outage() => {
                if context.waits(&context.beating, &error).is_none() {
                    return context.fail(error);
                }
                if !pause(&mut back_off, &context.stop).await {
                    return;
                }
            }
            Err(error) => {
                debug!(error = chain(&error), "the heartbeat was not written");
                return;
            }
        }
    }
}

/// Tries until the store answers. `None` when a stop came first: a crawl that stops claims nothing more.
async fn until_answered<'a, T>(
    context: &PersistenceContext,
    ask: impl Fn() -> BoxFuture<'a, StoreResult<T>>,
) -> Option<StoreResult<T>> {
    let mut back_off = context.settings.back_off();
    loop {
        match ask().await {
            // An administrator may have cancelled the read.
            Err(error) if error.is_retryable() || matches!(error, StoreError::Cancelled) => {
                if context.waits(&context.reading, &error).is_none() {
                    return Some(Err(error));
                }
                if !pause(&mut back_off, &context.stop).await {
                    return None;
                }
            }
            answer => {
                if answer.is_ok() {
                    context.answered(&context.reading);
                }
                return Some(answer);
            }
        }
    }
}
