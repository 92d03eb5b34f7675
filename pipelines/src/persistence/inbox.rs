//! The way in: what crawl threads and scheduler hand over, through bounded channels.
//!
//! Outcomes have a channel of their own, for the thread stops reading it when a batch is full and no flush
//! may start, and must go on hearing the rest: the asks for the frontier, and the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded, select, select_biased};
use dragline_core::bridge::{OutcomeSink, SubmitError};
use dragline_core::stop::Stop;
use dragline_core::store::Refill;
use dragline_core::{HostNote, PageOutcome};

use super::RunEnd;
use super::notes::HostNotes;
use super::second_try::SecondTry;
use crate::letters::RetryReport;

/// One ask for the frontier and one end may be under way; the rest is for an engine that asks twice.
const MESSAGES: usize = 4;

/// The senders' side.
pub(super) struct Inbox {
    open: AtomicBool,
    outcomes: Sender<PageOutcome>,
    messages: Sender<Message>,
    idle: Sender<()>,
    notes: Arc<HostNotes>,
    noted: Sender<()>,
    stop: Stop,
}

/// The persistence thread's side. Dropping it refuses whoever still waits to submit.
pub(super) struct Receivers {
    pub(super) outcomes: Receiver<PageOutcome>,
    pub(super) messages: Receiver<Message>,
    /// The engine has nothing to fetch.
    pub(super) idle: Receiver<()>,
    /// What hosts were told to wait.
    pub(super) notes: Arc<HostNotes>,
    /// There is something new among it.
    pub(super) noted: Receiver<()>,
}

/// What is said to the thread beside the outcomes.
pub(super) enum Message {
    /// Read a part of the frontier.
    Refill(Refill),
    /// Try items whose parent was missing once more.
    SecondTry(SecondTry),
    /// Flush what there is and end.
    End(End),
}

/// How the run ends, and until when that must be over.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) run: RunEnd,
    pub(super) deadline: Instant,
}

/// Both sides. What is submitted is refused until [`Inbox::open`].
pub(super) fn inbox(capacity: usize, stop: Stop) -> (Inbox, Receivers) {
    let (outcomes, outcomes_out) = bounded(capacity);
    let (messages, messages_out) = bounded(MESSAGES);
    // One place is enough: saying twice that there is nothing to fetch says no more than once.
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
            stop,
        },
        Receivers { outcomes: outcomes_out, messages: messages_out, idle: idle_out, notes, noted: noted_out },
    )
}

impl Inbox {
    pub(super) fn open(&self) {
        self.open.store(true, Ordering::Release);
    }

    /// From now on everything is refused but the end.
    pub(super) fn close(&self) {
        self.open.store(false, Ordering::Release);
    }

    /// Asks for a second try; where its report will be. `None` when nobody is there to try.
    pub(super) fn second_try(&self, page_limit: Option<u64>) -> Option<Receiver<RetryReport>> {
        let (answer, answered) = bounded(1);
        let message = Message::SecondTry(SecondTry { page_limit, answer });
        let is_asked = self.is_open()
            && select_biased! {
                recv(self.stop.requested()) -> _ => false,
                send(self.messages, message) -> sent => sent.is_ok(),
            };
        is_asked.then_some(answered)
    }

    /// Tells the thread to end. It may have ended by itself, which is fine.
    pub(super) fn end(&self, end: End) {
        let deadline = end.deadline;
        let _ = self.messages.send_deadline(Message::End(end), deadline);
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
        if !self.is_open() {
            return Err(SubmitError::Closed(None));
        }
        select! {
            recv(self.stop.abandoned()) -> _ => Err(SubmitError::Abandoned(None)),
            send(self.messages, Message::Refill(ask)) -> sent => sent.map_err(|_| SubmitError::Closed(None)),
        }
    }

    fn flush_now(&self) {
        // Full means that it is said already.
        let _ = self.idle.try_send(());
    }

    fn note_host(&self, note: HostNote) {
        if self.is_open() {
            self.notes.put(note);
            let _ = self.noted.try_send(());
        }
    }
}
