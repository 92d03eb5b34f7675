//! The contract between engine and persistence thread, in both directions.

use crate::host_note::HostNote;
use crate::outcome::{PageOutcome, PageState};
use crate::store::{Refill, Refilled, StoreError};
use dragline_spider::fingerprint::Fingerprint;
use dragline_spider::queued_request::QueuedRequest;
use dragline_spider::reason::Reason;

/// The persistence thread as the engine sees it.
pub trait OutcomeSink: Send + Sync {
    /// Hands over an outcome. Waits while the inbox is full, but not beyond abandon. An inbox that holds as
    /// many outcomes as there are credits is never full, so the scheduler may call this too.
    ///
    /// # Errors
    /// [`SubmitError`] with the outcome, before `open_spider`, after `close_spider`, and after abandon.
    fn submit(&self, outcome: PageOutcome) -> Result<(), SubmitError>;

    /// Asks for more of the frontier; the answer is a [`StoreEvent::Refilled`]. At most one ask is open.
    ///
    /// # Errors
    /// [`SubmitError`] before `open_spider`, after `close_spider`, and after abandon.
    fn refill(&self, ask: Refill) -> Result<(), SubmitError>;

    /// The engine has credits and nothing to fetch: what is batched should be flushed at once.
    fn flush_now(&self);

    /// What a host was told to wait is to be kept for whoever resumes the run. Of several notes of a host the last
    /// counts. Waits for nothing.
    fn note_host(&self, note: HostNote);
}

/// An outcome that was not taken. It is given back; its request is still queued in the store.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// Before `open_spider` or after `close_spider`.
    #[error("the persistence thread is not open")]
    Closed(Option<Box<PageOutcome>>),
    /// Everybody was told to give up.
    #[error("abandoned while waiting for the persistence thread")]
    Abandoned(Option<Box<PageOutcome>>),
}

/// The engine as the persistence thread sees it.
pub trait ReceiptSink: Send + Sync {
    /// Delivers an event. Must not block for longer than the scheduler takes for one turn.
    fn deliver(&self, event: StoreEvent);
}

/// What the persistence thread tells the scheduler.
#[derive(Debug)]
pub enum StoreEvent {
    /// A flush is durable.
    Receipt(Receipt),
    /// The answer to a refill.
    Refilled(Refilled),
    /// The store is gone for good, or refuses this process: the crawl must end.
    Failed(StoreError),
}

/// What a flush made durable.
#[derive(Debug, Default)]
pub struct Receipt {
    /// The pages and the states that they are in now.
    pub pages: Vec<(Fingerprint, PageState)>,
    /// The new requests that the store did not know before.
    pub new_requests: Vec<QueuedRequest>,
    /// Requests that the store has now, new or not.
    pub stored_requests: Vec<Fingerprint>,
    /// Item rows written.
    pub items: u64,
    /// Why pages failed or are dead: one entry for each of them.
    pub faults: Vec<PageFault>,
}

/// Why a page failed or is dead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageFault {
    /// The reason.
    pub reason: Reason,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// What happened in this case.
    pub detail: String,
}

impl PageFault {
    /// The fault of a page; `None` when it is done or skipped.
    pub fn of(page: &PageOutcome) -> Option<Self> {
        let PageOutcome { state, status, reason, error, .. } = page;
        if !matches!(state, PageState::Failed | PageState::Dead) {
            return None;
        }
        Some(Self { reason: (*reason)?, status: *status, detail: error.clone().unwrap_or_default() })
    }
}
