//! Collects page outcomes into batches by rows, bytes and age. Pure: the caller brings the time.
//!
//! A page is never split, and one that is larger than a batch goes alone. So at most two batches exist here:
//! one that is being filled, and one that was closed because the next page did not fit. While the closed one
//! waits there is no room, the inbox is not emptied, and the crawl slows down: that is the back-pressure.

use std::time::{Duration, Instant};

use dragline_core::PageOutcome;

use super::settings::PersistenceSettings;

/// Outcomes that are flushed together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) outcomes: Vec<PageOutcome>,
    pub(super) rows: usize,
    pub(super) bytes: usize,
    first_taken: Option<Instant>,
}

/// Fills batches.
#[derive(Debug)]
pub(super) struct Batcher {
    limits: Limits,
    closed: Option<Batch>,
    filling: Batch,
}

/// What fills a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) rows: usize,
    pub(super) bytes: usize,
    pub(super) age: Duration,
}

impl Limits {
    pub(super) fn of(settings: &PersistenceSettings) -> Self {
        let unless_zero = |limit| if limit == 0 { usize::MAX } else { limit };
        Self {
            rows: unless_zero(settings.flush_rows),
            bytes: unless_zero(settings.flush_bytes),
            age: settings.flush_interval,
        }
    }
}

impl Batcher {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, closed: None, filling: Batch::default() }
    }

    /// Whether another outcome may be put in.
    pub(super) fn has_room(&self) -> bool {
        self.closed.is_none() && !self.is_full(&self.filling)
    }

    /// Puts an outcome in. To be called only while there is room; what is put in regardless is kept all the
    /// same, in a larger batch.
    pub(super) fn put(&mut self, outcome: PageOutcome, now: Instant) {
        let (rows, bytes) = (outcome.rows(), outcome.size());
        let fits = self.filling.rows.saturating_add(rows) <= self.limits.rows
            && self.filling.bytes.saturating_add(bytes) <= self.limits.bytes;
        if !fits && !self.filling.outcomes.is_empty() && self.closed.is_none() {
            self.closed = Some(std::mem::take(&mut self.filling));
        }
        self.filling.rows += rows;
        self.filling.bytes += bytes;
        self.filling.first_taken.get_or_insert(now);
        self.filling.outcomes.push(outcome);
    }

    /// The next batch that is full or old enough.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Batch> {
        let due = self.is_full(&self.filling) || self.due_at().is_some_and(|at| at <= now);
        self.closed.take().or_else(|| due.then(|| std::mem::take(&mut self.filling)))
    }

    /// The next batch, due or not.
    pub(super) fn take_any(&mut self) -> Option<Batch> {
        self.closed
            .take()
            .or_else(|| Some(std::mem::take(&mut self.filling)).filter(|batch| !batch.outcomes.is_empty()))
    }

    /// When the batch that is being filled becomes old enough.
    pub(super) fn due_at(&self) -> Option<Instant> {
        self.filling.first_taken.map(|first| first + self.limits.age)
    }

    /// Pages, rows and bytes that wait here.
    pub(super) fn waiting(&self) -> (usize, usize, usize) {
        self.closed.iter().chain([&self.filling]).fold((0, 0, 0), |(pages, rows, bytes), batch| {
            (pages + batch.outcomes.len(), rows + batch.rows, bytes + batch.bytes)
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.closed.is_none() && self.filling.outcomes.is_empty()
    }

    fn is_full(&self, batch: &Batch) -> bool {
        batch.rows >= self.limits.rows || batch.bytes >= self.limits.bytes
    }
}
