//! The contract between the engine and the persistence thread, in both directions.

use crate::earlier::EarlierPages;
use crate::host_note::HostNote;
use crate::kept_answer::KeptAnswers;
use crate::outcome::{PageOutcome, PageState};
use crate::store::{KeptLinks, Refill, Refilled, StoreError};
use crate::suspects::PageMarks;
use dragline_spider::fingerprint::Fingerprint;
use dragline_spider::queued_request::QueuedRequest;
use dragline_spider::reason::Reason;

/// The persistence thread as the engine sees it.
pub trait OutcomeSink: Send + Sync {
    /// Hands over an outcome. Waits while the inbox is full, but no longer than until abandon. If the inbox can hold
    /// as many outcomes as there are credits, it is never full, so the scheduler may call this too.
    ///
    /// # Errors
    /// [`SubmitError`] with the outcome, if the thread is not open or everybody gives up.
    fn submit(&self, outcome: PageOutcome) -> Result<(), SubmitError>;

    /// Asks for more of the frontier. The answer is a [`StoreEvent::Refilled`]. At most one such request is open at a time.
    ///
    /// # Errors
    /// [`SubmitError`] if the thread is not open or everybody gives up.
    fn refill(&self, ask: Refill) -> Result<(), SubmitError>;

    /// Asks for the links that earlier runs found on these pages. The answer is a [`StoreEvent::Links`]. At most one such
    /// request is open at a time.
    ///
    /// # Errors
    /// [`SubmitError`] if the thread is not open or everybody gives up.
    fn links(&self, pages: Vec<Fingerprint>) -> Result<(), SubmitError>;

    /// Asks for the newest whole answers that the store keeps of these pages. The answer is a [`StoreEvent::Kept`]. At most one
    /// such request is open at a time.
    ///
    /// # Errors
    /// [`SubmitError`] if the thread is not open or everybody gives up.
    fn kept(&self, pages: Vec<Fingerprint>) -> Result<(), SubmitError>;

    /// Marks pages in the store before the engine takes them up. When that is done, there is a [`StoreEvent::Marked`]. At most one
    /// such request is open at a time.
    ///
    /// # Errors
    /// [`SubmitError`] if the thread is not open or everybody gives up.
    fn mark(&self, marks: PageMarks) -> Result<(), SubmitError>;

    /// Asks for an immediate flush of the current batch, because the engine has credits but nothing to fetch.
    fn flush_now(&self);

    /// Keeps a note about how long not to ask a host, for a process that resumes the run. The last note of a host counts.
    /// This never waits.
    fn note_host(&self, note: HostNote);

    /// Says whether all that is left to fetch has to wait, because its hosts asked for that, keep failing or have a pace, or because
    /// the network is away. A start that ends like this has done what it should. This never waits.
    fn waits(&self, waits: bool);
}

/// An outcome was not taken. The error gives it back, and its request is still queued in the store.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// This was before `open_spider` or after `close_spider`.
    #[error("the persistence thread is not open")]
    Closed(Option<Box<PageOutcome>>),
    /// The crawl was abandoned meanwhile.
    #[error("abandoned while waiting for the persistence thread")]
    Abandoned(Option<Box<PageOutcome>>),
}

/// The engine as the persistence thread sees it.
pub trait ReceiptSink: Send + Sync {
    /// Delivers an event. Must not block for longer than the scheduler takes for one turn.
    fn deliver(&self, event: StoreEvent);
}

/// A message from the persistence thread to the scheduler.
#[derive(Debug)]
pub enum StoreEvent {
    /// A flush is durable.
    Receipt(Receipt),
    /// The answer to a refill.
    Refilled(Refilled),
    /// The links that earlier runs found on pages.
    Links(KeptLinks),
    /// The answers that the store keeps of pages.
    Kept(KeptAnswers),
    /// The marks of pages are stored.
    Marked,
    /// The store is gone for good or refuses this process, so the crawl must end.
    Failed(StoreError),
}

/// What a flush made durable.
#[derive(Debug, Default)]
pub struct Receipt {
    /// The pages, each with its state now.
    pub pages: Vec<(Fingerprint, PageState)>,
    /// The new requests that the store did not have before.
    pub new_requests: Vec<QueuedRequest>,
    /// What earlier runs know about the new requests. Only an incremental run has some.
    pub earlier: EarlierPages,
    /// All requests that the store has now, new or not.
    pub stored_requests: Vec<Fingerprint>,
    /// Item rows written.
    pub items: u64,
    /// Why pages failed or are dead, one entry for each.
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
    /// The fault of a page. `None` if it is done or skipped.
    pub fn of(page: &PageOutcome) -> Option<Self> {
        let PageOutcome { state, status, reason, error, .. } = page;
        if !matches!(state, PageState::Failed | PageState::Dead) {
            return None;
        }
        Some(Self { reason: (*reason)?, status: *status, detail: error.clone().unwrap_or_default() })
    }
}
