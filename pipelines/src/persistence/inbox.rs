//! The way in: crawl threads and the scheduler hand over outcomes and messages through bounded channels.
//!
//! Outcomes have a channel of their own. The persistence thread stops reading this channel while a batch is full and no flush
//! may start. It must still receive messages then, such as a request for more of the frontier, or the order to close.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded, select, select_biased};
use dragline_core::bridge::{OutcomeSink, SubmitError};
use dragline_core::stop::Stop;
use dragline_core::store::Refill;
use dragline_core::suspects::PageMarks;
use dragline_core::{Fingerprint, HostNote, PageOutcome};

use super::RunEnd;
use super::notes::HostNotes;
use super::report::PersistenceProgress;
use super::second_try::SecondTry;
use crate::letters::RetryReport;

/// One refill, one question for links, one for kept answers, one set of marks and one order to close may wait at the same time. The other places are
/// for an engine that asks twice.
const MESSAGES: usize = 7;

/// The side of the senders.
pub(super) struct Inbox {
    open: AtomicBool,
    outcomes: Sender<PageOutcome>,
    messages: Sender<InboxMessage>,
    idle: Sender<()>,
    notes: Arc<HostNotes>,
    noted: Sender<()>,
    progress: Arc<PersistenceProgress>,
    stop: Stop,
}

/// The side of the persistence thread. When it is dropped, everyone who still waits to submit gets an error.
pub(super) struct InboxReceivers {
    pub(super) outcomes: Receiver<PageOutcome>,
    pub(super) messages: Receiver<InboxMessage>,
    /// Says that the engine has nothing to fetch.
    pub(super) idle: Receiver<()>,
    /// How long not to ask each host.
    pub(super) notes: Arc<HostNotes>,
    /// Says that there are new notes.
    pub(super) noted: Receiver<()>,
}

/// A message to the thread. Outcomes have their own channel.
pub(super) enum InboxMessage {
    /// Read more of the frontier.
    Refill(Refill),
    /// Read the links that earlier runs found on these pages.
    Links(Vec<Fingerprint>),
    /// Read the answers that are kept of these pages.
    Kept(Vec<Fingerprint>),
    /// Mark pages.
    Mark(PageMarks),
    /// Try again to store the items whose parent was missing.
    SecondTry(SecondTry),
    /// Flush everything and end.
    Close(CloseOrder),
}

/// How the run ends, and the deadline for that.
#[derive(Clone, Debug)]
pub(super) struct CloseOrder {
    pub(super) run: RunEnd,
    pub(super) deadline: Instant,
}

/// Creates both sides. The inbox refuses everything until [`Inbox::open`].
pub(super) fn inbox(
    capacity: usize,
    progress: Arc<PersistenceProgress>,
    stop: Stop,
) -> (Inbox, InboxReceivers) {
    let (outcomes, outcomes_out) = bounded(capacity);
    let (messages, messages_out) = bounded(MESSAGES);
    // One place is enough, because a second message of this kind would say nothing new.
    let (idle, idle_out) = bounded(1);
    let (noted, noted_out) = bounded(1);
    let notes = Arc::new(HostNotes::default());
    (
        Inbox {
            open: AtomicBool::new(false),
            outcomes,
            messages,
            idle,
            notes: Arc::clone(&notes),
            noted,
            progress,
            stop,
        },
        InboxReceivers {
            outcomes: outcomes_out,
            messages: messages_out,
            idle: idle_out,
            notes,
            noted: noted_out,
        },
    )
}

impl Inbox {
    pub(super) fn open(&self) {
        self.open.store(true, Ordering::Release);
    }

    /// From now on, the inbox refuses everything except the order to close.
    pub(super) fn close(&self) {
        self.open.store(false, Ordering::Release);
    }

    /// Asks for a second try and returns where the report will arrive. `None` if the inbox is not open.
    pub(super) fn second_try(&self, page_limit: Option<u64>) -> Option<Receiver<RetryReport>> {
        let (answer, answered) = bounded(1);
        let message = InboxMessage::SecondTry(SecondTry { page_limit, answer });
        let is_asked = self.is_open()
            && select_biased! {
                recv(self.stop.requested()) -> _ => false,
                send(self.messages, message) -> sent => sent.is_ok(),
            };
        is_asked.then_some(answered)
    }

    /// Tells the thread to end. Does nothing if the thread has already ended.
    pub(super) fn end(&self, end: CloseOrder) {
        let deadline = end.deadline;
        let _ = self.messages.send_deadline(InboxMessage::Close(end), deadline);
    }

    fn ask(&self, message: InboxMessage) -> Result<(), SubmitError> {
        if !self.is_open() {
            return Err(SubmitError::Closed(None));
        }
        select! {
            recv(self.stop.abandoned()) -> _ => Err(SubmitError::Abandoned(None)),
            send(self.messages, message) -> sent => sent.map_err(|_| SubmitError::Closed(None)),
        }
    }

    fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }
}

impl OutcomeSink for Inbox {
    fn submit(&self, outcome: PageOutcome) -> Result<(), SubmitError> {
        if !self.is_open() {
            return Err(SubmitError::Closed(Some(Box::new(outcome))));
        }
        select_biased! {
            recv(self.stop.abandoned()) -> _ => Err(SubmitError::Abandoned(Some(Box::new(outcome)))),
            send(self.outcomes, outcome) -> sent => {
                sent.map_err(|refused| SubmitError::Closed(Some(Box::new(refused.into_inner()))))
            }
        }
    }

    fn refill(&self, ask: Refill) -> Result<(), SubmitError> {
        self.ask(InboxMessage::Refill(ask))
    }

    fn links(&self, pages: Vec<Fingerprint>) -> Result<(), SubmitError> {
        self.ask(InboxMessage::Links(pages))
    }

    fn kept(&self, pages: Vec<Fingerprint>) -> Result<(), SubmitError> {
        self.ask(InboxMessage::Kept(pages))
    }

    fn mark(&self, marks: PageMarks) -> Result<(), SubmitError> {
        self.ask(InboxMessage::Mark(marks))
    }

    fn flush_now(&self) {
        // A full channel already holds this message.
        let _ = self.idle.try_send(());
    }

    fn note_host(&self, note: HostNote) {
        if self.is_open() {
            self.notes.put(note);
            let _ = self.noted.try_send(());
        }
    }

    fn waits(&self, waits: bool) {
        self.progress.waits.store(waits, Ordering::Relaxed);
    }
}
