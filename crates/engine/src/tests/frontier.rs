//! A tiny frontier in memory, which the scheduler's tests have instead of a store. It keeps the contracts of the bridge:
//! duplicates are filtered, pages end once, and refills leave out what is in hand.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use dragline_core::chrono::DateTime;
use dragline_core::kept_answer::{KeptAnswer, KeptAnswers};
use dragline_core::kept_body::KeptBody;
use dragline_core::store::{Refill, RefillScope, StoreError};
use dragline_core::suspects::PageMarks;
use dragline_core::tally::{Tally, TallyOf};
use dragline_core::worker::Worker;
use dragline_core::{
    Fingerprint, HostNote, OutcomeSink, PageFault, PageOutcome, PageState, QueuedRequest, Reason, Receipt,
    ReceiptSink, Refilled, Request, StoreEvent, SubmitError,
};

use crate::receipts::ReceiptSender;

/// A request and what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) queued: QueuedRequest,
    pub(crate) state: Option<PageState>,
    pub(crate) status: Option<u16>,
    pub(crate) attempts: u32,
    pub(crate) reason: Option<Reason>,
    pub(crate) error: Option<String>,
}

/// The frontier. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frontier(Arc<Mutex<FrontierState>>);

#[derive(Debug, Default)]
struct FrontierState {
    rows: BTreeMap<Fingerprint, Row>,
    items: Vec<String>,
    notes: BTreeMap<String, HostNote>,
    kept: BTreeMap<Fingerprint, KeptAnswer>,
    largest_answer: usize,
}

/// The sink that the engine submits to.
pub(crate) struct Sink {
    messages: Sender<Message>,
    frontier: Frontier,
}

enum Message {
    Outcome(Box<PageOutcome>),
    Refill(Refill),
    Kept(Vec<Fingerprint>),
    Mark,
    FlushNow,
    Fail,
}

impl Row {
    fn new(queued: QueuedRequest) -> Self {
        Self { queued, state: None, status: None, attempts: 0, reason: None, error: None }
    }
}

impl Frontier {
    pub(crate) fn with(requests: impl IntoIterator<Item = QueuedRequest>) -> Self {
        let frontier = Self::default();
        requests.into_iter().for_each(|queued| frontier.insert(queued));
        frontier
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, FrontierState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, queued: QueuedRequest) {
        self.lock().rows.insert(queued.fingerprint, Row::new(queued));
    }

    /// From now on, this is what an earlier run has kept of a page.
    pub(crate) fn keep(&self, url: &str, status: u16, body: KeptBody) {
        let request = Request::get(url).unwrap();
        let fingerprint = QueuedRequest::start(request, 0).fingerprint;
        let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
        let (url, fetched_at) = (url.to_owned(), DateTime::UNIX_EPOCH);
        let answer = KeptAnswer { fingerprint, run_id: 7, url, status, headers, fetched_at, body };
        self.lock().kept.insert(fingerprint, answer);
    }

    /// Answers with one page at a time, as if the others did not fit.
    fn kept(&self, pages: &[Fingerprint]) -> KeptAnswers {
        let state = self.lock();
        let mut found = pages.iter().filter_map(|page| state.kept.get(page).cloned());
        let answers = found.by_ref().take(1).collect();
        KeptAnswers { answers, left: found.map(|answer| answer.fingerprint).collect() }
    }

    /// All rows, by URL.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = self.lock().rows.values().cloned().collect();
        rows.sort_by(|a, b| a.queued.request.url().cmp(b.queued.request.url()));
        rows
    }

    /// How many rows are in a state. `None` means queued.
    pub(crate) fn count(&self, state: Option<PageState>) -> usize {
        self.lock().rows.values().filter(|row| row.state == state).count()
    }

    pub(crate) fn items(&self) -> Vec<String> {
        let mut items = self.lock().items.clone();
        items.sort();
        items
    }

    /// The notes about hosts, for the process that resumes.
    pub(crate) fn notes(&self) -> Vec<HostNote> {
        self.lock().notes.values().filter(|note| !note.is_empty()).cloned().collect()
    }

    pub(crate) fn largest_answer(&self) -> usize {
        self.lock().largest_answer
    }

    pub(crate) fn tally(&self, of: TallyOf) -> Tally {
        let mut tally = Tally::default();
        for row in self.rows().iter().filter(|row| row.state == Some(PageState::Done)) {
            let QueuedRequest { host, request, depth, .. } = &row.queued;
            tally.add(of, host, request.url().as_str(), *depth);
        }
        tally
    }

    pub(crate) fn start_hosts(&self) -> Vec<String> {
        let state = self.lock();
        state.rows.values().filter(|row| row.queued.depth == 0).map(|row| row.queued.host.clone()).collect()
    }

    /// Starts a thread that takes outcomes and flushes them after `flush_after` at the latest. It ends when the sink is
    /// dropped.
    pub(crate) fn open(
        &self,
        receipts: ReceiptSender,
        capacity: usize,
        flush_after: Duration,
    ) -> (Sink, Worker<()>) {
        let (messages, inbox) = bounded(capacity + 8);
        let frontier = self.clone();
        let worker = Worker::spawn("frontier", move || {
            let mut batch: Vec<PageOutcome> = Vec::new();
            let mut due: Option<Instant> = None;
            loop {
                let wait = due.map_or(flush_after, |due| due.saturating_duration_since(Instant::now()));
                match inbox.recv_timeout(wait) {
                    Ok(Message::Outcome(mut outcome)) => {
                        outcome.credit = None;
                        due = due.or(Some(Instant::now() + flush_after));
                        batch.push(*outcome);
                        continue;
                    }
                    Ok(Message::Refill(ask)) => {
                        receipts.deliver(StoreEvent::Refilled(frontier.refill(&ask)));
                        continue;
                    }
                    Ok(Message::Kept(pages)) => {
                        receipts.deliver(StoreEvent::Kept(frontier.kept(&pages)));
                        continue;
                    }
                    Ok(Message::Mark) => {
                        receipts.deliver(StoreEvent::Marked);
                        continue;
                    }
                    Ok(Message::Fail) => {
                        receipts.deliver(StoreEvent::Failed(StoreError::Superseded { run_id: 1, epoch: 1 }));
                        continue;
                    }
                    Ok(Message::FlushNow) | Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => {
                        frontier.flush(std::mem::take(&mut batch));
                        return;
                    }
                }
                due = None;
                if !batch.is_empty() {
                    receipts.deliver(StoreEvent::Receipt(frontier.flush(std::mem::take(&mut batch))));
                }
            }
        });
        (Sink { messages, frontier: self.clone() }, worker.unwrap())
    }

    fn flush(&self, batch: Vec<PageOutcome>) -> Receipt {
        let mut receipt = Receipt::default();
        let mut state = self.lock();
        for outcome in batch {
            let row =
                state.rows.get_mut(&outcome.fingerprint).expect("an outcome of a request that is known");
            if row.state.is_none() {
                row.state = Some(outcome.state);
                receipt.faults.extend(PageFault::of(&outcome));
                (row.status, row.attempts) = (outcome.status, outcome.attempts);
                (row.reason, row.error) = (outcome.reason, outcome.error);
                for item in &outcome.items {
                    receipt.items += 1;
                    state.items.push(serde_json::Value::Object(item.to_json()).to_string());
                }
                for queued in outcome.requests {
                    receipt.stored_requests.push(queued.fingerprint);
                    if let Entry::Vacant(place) = state.rows.entry(queued.fingerprint) {
                        place.insert(Row::new(queued.clone()));
                        receipt.new_requests.push(queued);
                    }
                }
            }
            let now = state.rows[&outcome.fingerprint].state;
            receipt.pages.push((outcome.fingerprint, now.expect("it has ended")));
        }
        receipt
    }

    fn refill(&self, ask: &Refill) -> Refilled {
        let mut state = self.lock();
        let in_hand: HashSet<Fingerprint> = ask.in_hand.iter().copied().collect();
        let mut hosts: BTreeMap<String, Vec<QueuedRequest>> = BTreeMap::new();
        for row in state.rows.values().filter(|row| row.state.is_none()) {
            if !in_hand.contains(&row.queued.fingerprint) {
                hosts.entry(row.queued.host.clone()).or_default().push(row.queued.clone());
            }
        }
        let mut refilled = Refilled::default();
        let mut last = None;
        for (host, mut queue) in hosts {
            match &ask.scope {
                RefillScope::Hosts(names) if !names.contains(&host) => continue,
                RefillScope::After(Some(after)) if host <= *after => continue,
                _ => {}
            }
            if refilled.requests.len() >= ask.max_requests {
                match ask.scope {
                    RefillScope::Hosts(_) => refilled.more_of.push(host),
                    RefillScope::After(_) | RefillScope::Shards { .. } => {
                        refilled.next_host = last;
                        break;
                    }
                }
                continue;
            }
            queue.sort_by(QueuedRequest::fetch_order);
            let takes = ask.per_host.min(ask.max_requests - refilled.requests.len());
            if queue.len() > takes {
                queue.truncate(takes);
                refilled.more_of.push(host.clone());
            }
            refilled.requests.extend(queue);
            last = Some(host);
        }
        state.largest_answer = state.largest_answer.max(refilled.requests.len());
        refilled
    }
}

impl Sink {
    /// The store refuses this process from now on.
    pub(crate) fn fail(&self) {
        self.messages.send(Message::Fail).unwrap();
    }
}

impl OutcomeSink for Sink {
    fn submit(&self, outcome: PageOutcome) -> Result<(), SubmitError> {
        self.messages.send(Message::Outcome(Box::new(outcome))).map_err(|_| SubmitError::Closed(None))
    }

    fn refill(&self, ask: Refill) -> Result<(), SubmitError> {
        self.messages.send(Message::Refill(ask)).map_err(|_| SubmitError::Closed(None))
    }

    fn links(&self, _pages: Vec<Fingerprint>) -> Result<(), SubmitError> {
        Ok(())
    }

    fn kept(&self, pages: Vec<Fingerprint>) -> Result<(), SubmitError> {
        self.messages.send(Message::Kept(pages)).map_err(|_| SubmitError::Closed(None))
    }

    fn mark(&self, _marks: PageMarks) -> Result<(), SubmitError> {
        self.messages.send(Message::Mark).map_err(|_| SubmitError::Closed(None))
    }

    fn flush_now(&self) {
        let _ = self.messages.try_send(Message::FlushNow);
    }

    fn waits(&self, _waits: bool) {}

    fn note_host(&self, note: HostNote) {
        self.frontier.lock().notes.insert(note.host.clone(), note);
    }
}
