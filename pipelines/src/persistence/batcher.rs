//! Collects page outcomes into batches by rows, bytes and age. This code is pure: the caller passes the time.
//!
//! A page is never split, and a page that is larger than a batch gets a batch of its own. So at most two batches exist
//! here: one that is being filled, and one that was closed because the next page did not fit. While the closed batch
//! waits, nothing more fits in, nobody empties the inbox, and the crawl slows down. This is the back-pressure.
//!
//! A batch that no flush can take yet keeps growing, up to a multiple of its rows. The fixed costs of a flush (round
//! trips, a COMMIT, staging tables) are then shared by more rows, exactly when everything waits for the store. The limit
//! on bytes does not grow, so the batch holds no more memory than before.

use std::time::{Duration, Instant};

use dragline_core::PageOutcome;

use super::settings::PersistenceSettings;

/// The age at which the first batch is flushed, if that is sooner. So a run makes progress even if its process is killed
/// again and again soon after each start.
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
    limits: BatchLimits,
    closed: Option<Batch>,
    filling: Batch,
    /// Whether no batch was taken yet.
    is_first: bool,
}

/// The limits at which a batch is full or old enough.
#[derive(Clone, Copy, Debug)]
pub(super) struct BatchLimits {
    pub(super) rows: usize,
    /// The rows that fill it while no flush can take it. At least `rows`.
    pub(super) grown_rows: usize,
    pub(super) bytes: usize,
    pub(super) age: Duration,
}

/// Whether a flush could take a batch now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlushSlot {
    Free,
    /// As many flushes are pending as the settings allow.
    Taken,
}

impl BatchLimits {
    pub(super) fn of(settings: &PersistenceSettings) -> Self {
        let unless_zero = |limit| if limit == 0 { usize::MAX } else { limit };
        let rows = unless_zero(settings.flush_rows);
        Self {
            rows,
            grown_rows: rows.saturating_mul(settings.flush_growth.max(1)),
            bytes: unless_zero(settings.flush_bytes),
            age: settings.flush_interval,
        }
    }

    fn rows_while(&self, slot: FlushSlot) -> usize {
        match slot {
            FlushSlot::Free => self.rows,
            FlushSlot::Taken => self.grown_rows,
        }
    }
}

impl Batcher {
    pub(super) fn new(limits: BatchLimits) -> Self {
        Self { limits, closed: None, filling: Batch::default(), is_first: true }
    }

    /// Whether another outcome may be added.
    pub(super) fn has_room(&self, slot: FlushSlot) -> bool {
        self.closed.is_none() && !self.is_full(slot)
    }

    /// Adds an outcome. Call it only while there is room. An outcome that is added without room makes the batch larger.
    pub(super) fn put(&mut self, outcome: PageOutcome, slot: FlushSlot, now: Instant) {
        let (rows, bytes) = (outcome.rows(), outcome.size());
        let fits = self.filling.rows.saturating_add(rows) <= self.limits.rows_while(slot)
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
        let due = self.is_full(FlushSlot::Free) || self.due_at().is_some_and(|at| at <= now);
        let batch = self.closed.take().or_else(|| due.then(|| std::mem::take(&mut self.filling)))?;
        self.is_first = false;
        Some(batch)
    }

    /// The next batch, whether it is due or not.
    pub(super) fn take_any(&mut self) -> Option<Batch> {
        let any = || Some(std::mem::take(&mut self.filling)).filter(|batch| !batch.outcomes.is_empty());
        let batch = self.closed.take().or_else(any)?;
        self.is_first = false;
        Some(batch)
    }

    /// When the batch that is being filled will be old enough.
    pub(super) fn due_at(&self) -> Option<Instant> {
        let age = if self.is_first { self.limits.age.min(FIRST_AFTER) } else { self.limits.age };
        self.filling.first_taken.map(|first| first + age)
    }

    /// The pages, rows and bytes that wait here.
    pub(super) fn waiting(&self) -> (usize, usize, usize) {
        self.closed.iter().chain([&self.filling]).fold((0, 0, 0), |(pages, rows, bytes), batch| {
            (pages + batch.outcomes.len(), rows + batch.rows, bytes + batch.bytes)
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.closed.is_none() && self.filling.outcomes.is_empty()
    }

    fn is_full(&self, slot: FlushSlot) -> bool {
        self.filling.rows >= self.limits.rows_while(slot) || self.filling.bytes >= self.limits.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use dragline_core::outcome::DeadLetter;
    use dragline_core::serde_json::Value as Json;
    use dragline_core::{Fingerprint, PageKey};
    use proptest::prelude::*;

    const AGE: Duration = Duration::from_secs(1);

    /// An outcome with `rows` rows. Its URL is its number.
    fn outcome(number: usize, rows: usize) -> PageOutcome {
        let fingerprint = Fingerprint::from_bytes(&(number as u128).to_be_bytes()).unwrap();
        let mut outcome = PageOutcome::done(PageKey { fingerprint, url: number.to_string() });
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
        growing(rows, rows, bytes)
    }

    fn growing(rows: usize, grown_rows: usize, bytes: usize) -> Batcher {
        Batcher { is_first: false, ..Batcher::new(BatchLimits { rows, grown_rows, bytes, age: AGE }) }
    }

    #[test]
    fn a_batch_is_due_when_it_is_full_or_its_first_page_is_old_enough() {
        let begun = Instant::now();
        let mut batcher = batcher(3, usize::MAX);
        assert_eq!(batcher.due_at(), None);
        batcher.put(outcome(0, 1), FlushSlot::Free, begun);
        batcher.put(outcome(1, 1), FlushSlot::Free, begun + AGE / 2);
        assert_eq!(batcher.due_at(), Some(begun + AGE));
        assert!(batcher.take_due(begun + AGE / 2).is_none());
        assert_eq!(batcher.take_due(begun + AGE).unwrap().outcomes.len(), 2);
        batcher.put(outcome(2, 3), FlushSlot::Free, begun);
        assert!(!batcher.has_room(FlushSlot::Free));
        assert_eq!(batcher.take_due(begun).unwrap().rows, 3);
        assert!(batcher.is_empty() && batcher.has_room(FlushSlot::Free));
    }

    #[test]
    fn the_first_batch_of_all_is_due_early() {
        let begun = Instant::now();
        let mut batcher = Batcher::new(BatchLimits { rows: 3, grown_rows: 3, bytes: usize::MAX, age: AGE });
        batcher.put(outcome(0, 1), FlushSlot::Free, begun);
        assert_eq!(batcher.due_at(), Some(begun + FIRST_AFTER));
        assert!(batcher.take_due(begun + FIRST_AFTER).is_some());
        batcher.put(outcome(1, 1), FlushSlot::Free, begun);
        assert_eq!(batcher.due_at(), Some(begun + AGE));
        let hasty = Duration::from_millis(10);
        let mut batcher = Batcher::new(BatchLimits { rows: 3, grown_rows: 3, bytes: usize::MAX, age: hasty });
        batcher.put(outcome(0, 1), FlushSlot::Free, begun);
        assert_eq!(batcher.due_at(), Some(begun + hasty), "never later than the setting");
    }

    #[test]
    fn a_page_larger_than_a_batch_goes_alone() {
        let now = Instant::now();
        let mut batcher = batcher(10, usize::MAX);
        batcher.put(outcome(0, 2), FlushSlot::Free, now);
        batcher.put(outcome(1, 50), FlushSlot::Free, now);
        assert!(!batcher.has_room(FlushSlot::Free));
        assert_eq!(batcher.waiting().1, 52);
        assert_eq!(batcher.take_due(now).unwrap().rows, 2);
        assert_eq!(batcher.take_due(now).unwrap().rows, 50);
        assert!(batcher.take_any().is_none());
    }

    #[test]
    fn bytes_fill_a_batch_too() {
        let now = Instant::now();
        let mut batcher = batcher(usize::MAX, outcome(0, 1).size() * 2);
        batcher.put(outcome(0, 1), FlushSlot::Free, now);
        assert!(batcher.has_room(FlushSlot::Free) && batcher.take_due(now).is_none());
        batcher.put(outcome(1, 1), FlushSlot::Free, now);
        assert!(!batcher.has_room(FlushSlot::Free) && batcher.take_due(now).is_some());
    }

    #[test]
    fn a_batch_grows_while_no_flush_can_take_it_and_goes_as_soon_as_one_can() {
        let now = Instant::now();
        let mut batcher = growing(3, 12, usize::MAX);
        for number in 0..4 {
            assert!(batcher.has_room(FlushSlot::Taken));
            batcher.put(outcome(number, 2), FlushSlot::Taken, now);
        }
        assert!(!batcher.has_room(FlushSlot::Free));
        assert_eq!(batcher.take_due(now).unwrap().rows, 8);

        batcher.put(outcome(4, 11), FlushSlot::Taken, now);
        assert!(batcher.has_room(FlushSlot::Taken));
        batcher.put(outcome(5, 2), FlushSlot::Taken, now);
        assert!(!batcher.has_room(FlushSlot::Taken), "a page that does not fit closes a grown batch, too");
        assert_eq!(batcher.take_due(now).unwrap().rows, 11);
        batcher.put(outcome(6, 10), FlushSlot::Taken, now);
        assert!(!batcher.has_room(FlushSlot::Taken));
        assert_eq!(batcher.take_due(now).unwrap().rows, 12);
    }

    #[test]
    fn no_batch_grows_beyond_its_bytes() {
        let now = Instant::now();
        let mut batcher = growing(1, 100, outcome(0, 1).size() * 2);
        batcher.put(outcome(0, 1), FlushSlot::Taken, now);
        assert!(batcher.has_room(FlushSlot::Taken));
        batcher.put(outcome(1, 1), FlushSlot::Taken, now);
        assert!(!batcher.has_room(FlushSlot::Taken));
        assert_eq!(batcher.take_due(now).unwrap().outcomes.len(), 2);
    }

    #[test]
    fn growth_is_bounded_by_its_setting_and_bytes_do_not_grow() {
        let limits = |flush_rows, flush_growth| {
            BatchLimits::of(&PersistenceSettings {
                flush_rows,
                flush_growth,
                ..PersistenceSettings::default()
            })
        };
        let grown = limits(1_000, 4);
        assert_eq!((grown.rows, grown.grown_rows), (1_000, 4_000));
        assert_eq!(grown.bytes, PersistenceSettings::default().flush_bytes);
        assert_eq!(limits(1_000, 1).grown_rows, 1_000);
        assert_eq!(limits(0, 4).grown_rows, usize::MAX);
    }

    /// What happens to a batcher.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        /// An outcome with this many rows comes, if there is room.
        Comes { rows: usize, slot: FlushSlot },
        /// A flush could take what is due.
        Flush,
    }

    fn step() -> impl Strategy<Value = Step> {
        let slot = prop_oneof![Just(FlushSlot::Free), Just(FlushSlot::Taken)];
        prop_oneof![
            3 => (1_usize..30, slot).prop_map(|(rows, slot)| Step::Comes { rows, slot }),
            1 => Just(Step::Flush),
        ]
    }

    proptest! {
        /// The model is a queue. Every outcome that goes in comes out once and in order. Each batch is a single page or
        /// within the limit. The grown limit applies only if an outcome came while no slot was free. At most two
        /// batches wait, and the batcher is full exactly when a batch is due.
        #[test]
        fn what_goes_in_comes_out_once_and_in_order(
            limit in 1_usize..20,
            growth in 1_usize..5,
            steps in prop::collection::vec(step(), 1..60),
        ) {
            let (now, grown) = (Instant::now(), limit * growth);
            let mut batcher = growing(limit, grown, usize::MAX);
            // The outcomes that wait in the model, with the slot when they came; then the totals.
            let (mut queue, mut given, mut taken) = (VecDeque::new(), 0, 0);
            let mut take = |batch: Batch, queue: &mut VecDeque<(String, FlushSlot)>| {
                let came: Vec<_> = queue.drain(..batch.outcomes.len()).collect();
                let may_be = if came.iter().any(|(_, slot)| *slot == FlushSlot::Taken) { grown } else { limit };
                prop_assert!(batch.rows <= may_be || came.len() == 1, "{} rows of {}", batch.rows, may_be);
                prop_assert_eq!(batch.rows, batch.outcomes.iter().map(PageOutcome::rows).sum::<usize>());
                prop_assert!(!batch.outcomes.is_empty());
                for (outcome, (url, _)) in batch.outcomes.iter().zip(came) {
                    prop_assert_eq!(&outcome.url, &url);
                }
                taken += batch.outcomes.len();
                Ok(())
            };
            for step in steps {
                match step {
                    Step::Comes { rows, slot } => if batcher.has_room(slot) {
                        let outcome = outcome(given, rows);
                        queue.push_back((outcome.url.clone(), slot));
                        batcher.put(outcome, slot, now);
                        given += 1;
                    }
                    Step::Flush => if let Some(batch) = batcher.take_due(now) {
                        take(batch, &mut queue)?;
                    }
                }
                prop_assert!(batcher.waiting().1 < grown + 30);
                prop_assert_eq!(batcher.has_room(FlushSlot::Free), batcher.take_would_wait(now));
                prop_assert!(batcher.has_room(FlushSlot::Taken) || !batcher.has_room(FlushSlot::Free));
            }
            while let Some(batch) = batcher.take_any() {
                take(batch, &mut queue)?;
            }
            prop_assert_eq!(given, taken);
        }
    }

    impl Batcher {
        fn take_would_wait(&self, now: Instant) -> bool {
            self.closed.is_none() && !self.is_full(FlushSlot::Free) && self.due_at().is_none_or(|at| at > now)
        }
    }
}
