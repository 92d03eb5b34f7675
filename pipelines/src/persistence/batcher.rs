//! Collects page outcomes into batches by rows, bytes and age. Pure: the caller brings the time.
//!
//! A page is never split, and one that is larger than a batch goes alone. So at most two batches exist here:
//! one that is being filled, and one that was closed because the next page did not fit. While the closed one
//! waits there is no room, the inbox is not emptied, and the crawl slows down: that is the back-pressure.

use std::time::{Duration, Instant};

use dragline_core::PageOutcome;

use super::settings::PersistenceSettings;

/// Age at which the first batch is flushed, if that is sooner: a process that is killed soon, again and again,
/// brings its run further all the same.
const FIRST_AFTER: Duration = Duration::from_millis(100);

/// Outcomes that are flushed together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) outcomes: Vec<PageOutcome>,
    pub(super) rows: usize,
    pub(super) bytes: usize,
    pub(super) first_taken: Option<Instant>,
}

/// Fills batches.
#[derive(Debug)]
pub(super) struct Batcher {
    limits: Limits,
    closed: Option<Batch>,
    filling: Batch,
    /// No batch was taken yet.
    is_first: bool,
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
        Self { limits, closed: None, filling: Batch::default(), is_first: true }
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
        let batch = self.closed.take().or_else(|| due.then(|| std::mem::take(&mut self.filling)))?;
        self.is_first = false;
        Some(batch)
    }

    /// The next batch, due or not.
    pub(super) fn take_any(&mut self) -> Option<Batch> {
        let any = || Some(std::mem::take(&mut self.filling)).filter(|batch| !batch.outcomes.is_empty());
        let batch = self.closed.take().or_else(any)?;
        self.is_first = false;
        Some(batch)
    }

    /// When the batch that is being filled becomes old enough.
    pub(super) fn due_at(&self) -> Option<Instant> {
        let age = if self.is_first { self.limits.age.min(FIRST_AFTER) } else { self.limits.age };
        self.filling.first_taken.map(|first| first + age)
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

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::outcome::DeadLetter;
    use dragline_core::serde_json::Value as Json;
    use dragline_core::{Fingerprint, PageState};
    use proptest::prelude::*;

    const AGE: Duration = Duration::from_secs(1);

    /// An outcome of `rows` rows; its URL says which one it is.
    fn outcome(number: usize, rows: usize) -> PageOutcome {
        let fingerprint = Fingerprint::from_bytes(&(number as u128).to_be_bytes()).unwrap();
        let mut outcome = PageOutcome::new(fingerprint, number.to_string(), PageState::Done);
        let letter = DeadLetter {
            item_type: "any".to_owned(),
            payload: Json::Null,
            error: String::new(),
            sqlstate: None,
        };
        outcome.dead_letters = vec![letter; rows - 1];
        outcome
    }

    fn batcher(rows: usize, bytes: usize) -> Batcher {
        Batcher { is_first: false, ..Batcher::new(Limits { rows, bytes, age: AGE }) }
    }

    #[test]
    fn a_batch_is_due_when_it_is_full_or_its_first_page_is_old_enough() {
        let begun = Instant::now();
        let mut batcher = batcher(3, usize::MAX);
        assert_eq!(batcher.due_at(), None);
        batcher.put(outcome(0, 1), begun);
        batcher.put(outcome(1, 1), begun + AGE / 2);
        assert_eq!(batcher.due_at(), Some(begun + AGE));
        assert!(batcher.take_due(begun + AGE / 2).is_none());
        assert_eq!(batcher.take_due(begun + AGE).unwrap().outcomes.len(), 2);
        batcher.put(outcome(2, 3), begun);
        assert!(!batcher.has_room());
        assert_eq!(batcher.take_due(begun).unwrap().rows, 3);
        assert!(batcher.is_empty() && batcher.has_room());
    }

    #[test]
    fn the_first_batch_of_all_is_due_early() {
        let begun = Instant::now();
        let mut batcher = Batcher::new(Limits { rows: 3, bytes: usize::MAX, age: AGE });
        batcher.put(outcome(0, 1), begun);
        assert_eq!(batcher.due_at(), Some(begun + FIRST_AFTER));
        assert!(batcher.take_due(begun + FIRST_AFTER).is_some());
        batcher.put(outcome(1, 1), begun);
        assert_eq!(batcher.due_at(), Some(begun + AGE));
        let hasty = Duration::from_millis(10);
        let mut batcher = Batcher::new(Limits { rows: 3, bytes: usize::MAX, age: hasty });
        batcher.put(outcome(0, 1), begun);
        assert_eq!(batcher.due_at(), Some(begun + hasty), "never later than told");
    }

    #[test]
    fn a_page_larger_than_a_batch_goes_alone() {
        let now = Instant::now();
        let mut batcher = batcher(10, usize::MAX);
        batcher.put(outcome(0, 2), now);
        batcher.put(outcome(1, 50), now);
        assert!(!batcher.has_room());
        assert_eq!(batcher.waiting().1, 52);
        assert_eq!(batcher.take_due(now).unwrap().rows, 2);
        assert_eq!(batcher.take_due(now).unwrap().rows, 50);
        assert!(batcher.take_any().is_none());
    }

    #[test]
    fn bytes_fill_a_batch_too() {
        let now = Instant::now();
        let mut batcher = batcher(usize::MAX, outcome(0, 1).size() * 2);
        batcher.put(outcome(0, 1), now);
        assert!(batcher.has_room() && batcher.take_due(now).is_none());
        batcher.put(outcome(1, 1), now);
        assert!(!batcher.has_room() && batcher.take_due(now).is_some());
    }

    proptest! {
        /// Against the model: a queue. Whatever goes in comes out once, in order, in batches that are within
        /// the limit or a single page, and never more than two batches wait.
        #[test]
        fn what_goes_in_comes_out_once_and_in_order(
            limit in 1_usize..20,
            steps in prop::collection::vec(prop::option::of(1_usize..30), 1..60),
        ) {
            let now = Instant::now();
            let mut batcher = batcher(limit, usize::MAX);
            let (mut given, mut taken) = (Vec::new(), Vec::new());
            let mut take = |batch: Batch| {
                prop_assert!(batch.rows <= limit || batch.outcomes.len() == 1);
                prop_assert_eq!(batch.rows, batch.outcomes.iter().map(PageOutcome::rows).sum::<usize>());
                prop_assert!(!batch.outcomes.is_empty());
                taken.extend(batch.outcomes.into_iter().map(|outcome| outcome.url));
                Ok(())
            };
            for step in steps {
                match step {
                    Some(rows) if batcher.has_room() => {
                        batcher.put(outcome(given.len(), rows), now);
                        given.push(given.len().to_string());
                    }
                    _ => if let Some(batch) = batcher.take_due(now) {
                        take(batch)?;
                    }
                }
                prop_assert!(batcher.waiting().1 < 2 * limit + 30);
                prop_assert_eq!(batcher.has_room(), batcher.take_would_wait(now));
            }
            while let Some(batch) = batcher.take_any() {
                take(batch)?;
            }
            prop_assert_eq!(given, taken);
        }
    }

    impl Batcher {
        fn take_would_wait(&self, now: Instant) -> bool {
            self.closed.is_none() && !self.is_full(&self.filling) && self.due_at().is_none_or(|at| at > now)
        }
    }
}
