//! A flush task: makes one batch durable, whatever the store does meanwhile.
//!
//! While the store is away, the task waits. If the store gives up a batch again and again, the task tries it in halves,
//! so that the other pages commit. It tries a single page several times, because a passing fault does not justify a dead letter.
//! If the store does other work all the while, the page is dead. If the store refuses a row, its page becomes dead; halving finds that page. If the store refuses this process
//! (superseded, wrong set-up, broken), the crawl ends. Receipts are delivered as the pieces commit.

use std::collections::HashSet;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crossbeam_channel::Sender;
use dragline_core::bridge::{PageFault, Receipt, StoreEvent};
use dragline_core::probe::reach;
use dragline_core::store::{FlushReceipt, RunKey, StoreError, StoreResult};
use dragline_core::{Fingerprint, PageOutcome, PageState, QueuedRequest, Reason};
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::sleep;
use tracing::{debug, warn};

use super::batcher::Batch;
use super::blame;
use super::context::PersistenceContext;
use super::outage::chain;
use super::pieces::{Piece, Pieces, Unstorable};

/// How many times in a row the store may give up a piece before the piece is tried in halves.
const MAX_GIVEN_UP: u32 = 5;
/// The same for a part of a piece that was given up.
const MAX_GIVEN_UP_AGAIN: u32 = 2;

/// How many requests are dropped at a time.
const DROPPED_AT_ONCE: usize = 4_096;

/// How a flush task ended, and what it left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FlushEnd {
    pub(super) how: HowEnded,
    /// The pages of the batch that no receipt covers.
    pub(super) pages_left: usize,
    /// The rows of the whole batch.
    pub(super) rows: usize,
}

/// How a flush task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HowEnded {
    /// All of it is durable.
    Durable,
    /// It was cancelled before that.
    Cancelled,
    /// The store refuses to go on, or the task panicked. The crawl ends.
    Failed,
}

/// Tells the thread that the task has ended. It does so when it is dropped, so an abort or a panic is reported too.
pub(super) struct FlushEnding {
    sender: Sender<FlushEnd>,
    end: FlushEnd,
}

impl HowEnded {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Durable, Self::Cancelled, Self::Failed];

    /// Its name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Durable => "durable",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }
}

impl FlushEnding {
    /// `sender` must have room for every task that may be pending.
    pub(super) fn new(sender: Sender<FlushEnd>, batch: &Batch) -> Self {
        let end = FlushEnd { how: HowEnded::Cancelled, pages_left: batch.outcomes.len(), rows: batch.rows };
        Self { sender, end }
    }
}

impl Drop for FlushEnding {
    fn drop(&mut self) {
        if thread::panicking() {
            self.end.how = HowEnded::Failed;
        }
        // There is room for every pending task. Without a reader, nobody needs the message.
        let _ = self.sender.try_send(self.end);
    }
}

/// Flushes the whole `batch`, unless `cancel` becomes true.
pub(super) async fn flush(
    context: Arc<PersistenceContext>,
    run: Arc<RunKey>,
    number: u64,
    batch: Batch,
    mut cancel: watch::Receiver<bool>,
    mut ending: FlushEnding,
) {
    let begun = Instant::now();
    let (pages, rows, bytes) = (batch.outcomes.len(), batch.rows, batch.bytes);
    let mut pieces = Pieces::of(batch.outcomes);
    let mut transactions = 0_usize;
    while let Some(mut piece) = pieces.next() {
        transactions += 1;
        let (reason, message, sqlstate) = match write(&context, &run, &mut piece, &mut cancel).await {
            Ok(PieceWritten::GivenUp) => {
                debug!(batch = number, pages = piece.outcomes.len(), "given up, trying less at once");
                pieces.given_up(piece);
                continue;
            }
            Ok(PieceWritten::Durable(receipt)) => {
                ending.end.pages_left -= piece.outcomes.len();
                if let Some(url) = piece.lone_url() {
                    piece.relief.log_lost_letters(url);
                }
                acknowledge(&context, piece.outcomes, receipt);
                continue;
            }
            Ok(PieceWritten::Hopeless { message, sqlstate }) => (Reason::StoreGaveUp, message, sqlstate),
            Err(StoreError::Refused { message, sqlstate }) => (Reason::StoreRefused, message, sqlstate),
            Err(StoreError::Cancelled) => {
                discard(piece.outcomes).await;
                return;
            }
            Err(error) => {
                ending.end.how = HowEnded::Failed;
                context.fail(error);
                return;
            }
        };
        tell_refusal(number, &piece, &message, sqlstate.as_deref());
        if let Err(Unstorable(piece)) = pieces.refused(piece, reason, &message, sqlstate.as_deref()) {
            ending.end.how = HowEnded::Failed;
            context.fail(unstorable(&context, &piece, &message));
            return;
        }
    }
    ending.end.how = HowEnded::Durable;
    let elapsed = begun.elapsed();
    context.progress.times.flush.note(elapsed);
    let elapsed_ms = elapsed.as_millis();
    debug!(batch = number, pages, rows, bytes, transactions, elapsed_ms, "flushed");
}

/// Drops the pages of a flush that was cancelled. A million requests take a second, in which nothing else could run.
async fn discard(outcomes: Vec<PageOutcome>) {
    for mut outcome in outcomes {
        while !outcome.requests.is_empty() {
            outcome.requests.truncate(outcome.requests.len().saturating_sub(DROPPED_AT_ONCE));
            yield_now().await;
        }
    }
}

/// The result of writing a piece.
enum PieceWritten {
    Durable(FlushReceipt),
    /// The store answers, but gave up the piece several times. It may manage a smaller one.
    GivenUp,
    /// The store failed at a page on its own, again and again, and did other work. It may manage less of the page.
    Hopeless {
        message: String,
        sqlstate: Option<String>,
    },
}

/// Tries one transaction until the store answers. [`StoreError::Cancelled`] means that this task was cancelled. If
/// somebody else cancelled the statement, it is tried again.
async fn write(
    context: &PersistenceContext,
    run: &RunKey,
    piece: &mut Piece,
    cancel: &mut watch::Receiver<bool>,
) -> StoreResult<PieceWritten> {
    let mut back_off = context.settings.back_off();
    let (mut given_up, mut blamed) = (0, 0);
    let max_given_up = if piece.was_given_up() { MAX_GIVEN_UP_AGAIN } else { MAX_GIVEN_UP };
    loop {
        if *cancel.borrow() {
            return Err(StoreError::Cancelled);
        }
        reach("flush: before");
        let error = match context.store.flush(run, &piece.outcomes).await {
            Err(error) if error.is_retryable() || matches!(error, StoreError::Cancelled) => error,
            // A stored batch and a refused row both show that the store works. Errors that end the crawl do not.
            answer => {
                if matches!(answer, Ok(_) | Err(StoreError::Refused { .. })) {
                    context.answered(&context.writing);
                    if piece.stuck_url().is_some() {
                        context.answered(&context.stuck);
                    }
                }
                return answer.map(PieceWritten::Durable);
            }
        };
        if *cancel.borrow() {
            return Err(StoreError::Cancelled);
        }
        context.progress.retried();
        given_up = if matches!(error, StoreError::GaveUp { .. }) { given_up + 1 } else { 0 };
        let weight = blame::weight(context, run, piece, &error).await;
        blamed = if weight > 0 { blamed + 1 } else { 0 };
        if piece.lone_url().is_some() {
            piece.failures = if weight > 0 { piece.failures + weight } else { 0 };
            let max = context.settings.max_lone_failures;
            let now = Instant::now();
            let since = if weight > 0 { *piece.failing_since.get_or_insert(now) } else { now };
            piece.failing_since = Some(since).filter(|_| weight > 0);
            // A connection that only breaks may be flapping. That passes, and must not cost the page.
            let is_lasting = weight > 1 || now.duration_since(since) >= context.settings.lone_failures_last;
            if piece.failures >= max && is_lasting {
                // With less in it, the page has one more chance, and not as many again.
                piece.failures = max - 1;
                return Ok(hopeless(error));
            }
        }
        let (kind, error) = match piece.stuck_url().filter(|_| given_up > 0 || blamed > 0) {
            Some(url) => (&context.stuck, naming(error, url)),
            None => (&context.writing, error),
        };
        // A store that does other work is not away, so the limit on outages does not count.
        if context.waits(kind, &error).is_none() && weight == 0 {
            return Err(error);
        }
        if given_up.max(blamed) >= max_given_up {
            return Ok(PieceWritten::GivenUp);
        }
        tokio::select! {
            () = sleep(back_off.next_pause()) => {}
            // An error means that the thread is gone, which also cancels this task.
            _ = cancel.wait_for(|cancelled| *cancelled) => return Err(StoreError::Cancelled),
        }
    }
}

fn hopeless(error: StoreError) -> PieceWritten {
    let message =
        format!("the store did other work, and failed at this page again and again: {}", chain(&error));
    match error {
        StoreError::GaveUp { sqlstate, .. } | StoreError::Unavailable { sqlstate, .. } => {
            PieceWritten::Hopeless { message, sqlstate }
        }
        _ => PieceWritten::Hopeless { message, sqlstate: None },
    }
}

/// Adds the URL to the error of a page that is flushed on its own.
fn naming(error: StoreError, url: &str) -> StoreError {
    match error {
        StoreError::GaveUp { store, what, sqlstate, source } => {
            StoreError::GaveUp { store, what: format!("{what} with only {url}"), sqlstate, source }
        }
        StoreError::Unavailable { store, what, sqlstate, source } => {
            StoreError::Unavailable { store, what: format!("{what} with only {url}"), sqlstate, source }
        }
        other => other,
    }
}

/// Tells the scheduler what is durable now. The credits were given back earlier; the charges end with the outcomes.
fn acknowledge(context: &PersistenceContext, outcomes: Vec<PageOutcome>, receipt: FlushReceipt) {
    context.progress.committed(&receipt, &outcomes);
    for (fingerprint, _) in receipt.pages.iter().filter(|(_, state)| *state == PageState::Dead) {
        if let Some(page) = outcomes.iter().find(|page| page.fingerprint == *fingerprint) {
            let error = page.error.as_deref().unwrap_or_default();
            warn!(
                url = page.url,
                error, "page is dead: what cannot be stored of it is kept in the dead letters"
            );
        }
    }
    let faults = outcomes.iter().filter_map(PageFault::of).collect();
    let new_requests = unknown_before(outcomes, &receipt.new_requests);
    let FlushReceipt { pages, earlier, stored_requests, items, .. } = receipt;
    let receipt = Receipt { pages, new_requests, earlier, stored_requests, items, faults };
    context.receipts.deliver(StoreEvent::Receipt(receipt));
}

/// Moves out the requests that the store did not know. Where two pages found the same one, the first counts,
/// as in the store.
fn unknown_before(outcomes: Vec<PageOutcome>, new: &[Fingerprint]) -> Vec<QueuedRequest> {
    let mut wanted: HashSet<Fingerprint> = new.iter().copied().collect();
    outcomes
        .into_iter()
        .flat_map(|outcome| outcome.requests)
        .filter(|queued| wanted.remove(&queued.fingerprint))
        .collect()
}

fn tell_refusal(number: u64, piece: &Piece, message: &str, sqlstate: Option<&str>) {
    match piece.outcomes.as_slice() {
        [page] => {
            debug!(batch = number, url = page.url, error = message, sqlstate, "the store refuses a page");
        }
        pages => {
            debug!(
                batch = number,
                pages = pages.len(),
                error = message,
                sqlstate,
                "refused, trying in halves"
            );
        }
    }
}

fn unstorable(context: &PersistenceContext, piece: &Piece, message: &str) -> StoreError {
    let url = piece.outcomes.first().map(|page| page.url.as_str()).unwrap_or_default();
    StoreError::Broken {
        store: context.store.location(),
        what: format!("storing {url} even as a dead page without items"),
        source: message.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use dragline_core::{PageKey, Request};
    use tokio::runtime::Builder;

    use super::*;

    #[test]
    fn others_have_their_turn_while_a_large_page_is_dropped() {
        let page = QueuedRequest::start(Request::get("http://a.example/").unwrap(), 0);
        let key = PageKey { fingerprint: page.fingerprint, url: page.request.url().to_string() };
        let mut outcome = PageOutcome::failed(key, Reason::StoreGaveUp, "test");
        outcome.requests = vec![page; 20 * DROPPED_AT_ONCE];
        let turns = Arc::new(AtomicUsize::new(0));
        let taken = Arc::clone(&turns);
        Builder::new_current_thread().build().unwrap().block_on(async move {
            let other = tokio::spawn(async move {
                loop {
                    taken.fetch_add(1, Ordering::Relaxed);
                    yield_now().await;
                }
            });
            discard(vec![outcome]).await;
            other.abort();
        });
        assert!(turns.load(Ordering::Relaxed) >= 10, "{turns:?}");
    }
}
