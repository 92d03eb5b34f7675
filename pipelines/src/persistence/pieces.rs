//! Finds the page that the store refuses: halve the batch until the page is the only one left. This code is pure: it does
//! not know who flushes the pieces.
//!
//! When the first half is stored, the bad page is in the second half, which is halved without being tried as a whole. So
//! one bad page in a batch of n costs at most 2·log2(n) + 2 transactions after the first.

use dragline_core::{PageOutcome, Reason};

use super::relief::Relief;

/// The pieces of a batch that remain, in order.
#[derive(Debug)]
pub(super) struct Pieces(Vec<Piece>);

/// A part of a batch that is flushed in one transaction.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) outcomes: Vec<PageOutcome>,
    /// What was removed from it, if it is one page.
    pub(super) relief: Relief,
    /// How often in a row the store failed at it, if it is one page, although the store worked.
    pub(super) failures: u32,
    /// Since when.
    pub(super) failing_since: Option<std::time::Instant>,
    /// It is the second half of a refused piece, and the store has refused nothing in the first half yet.
    is_suspect: bool,
    /// It was given up before, or is a part of a piece that was.
    was_given_up: bool,
}

/// A page that the store refuses in every form.
#[derive(Debug)]
pub(super) struct Unstorable(pub(super) Piece);

impl Pieces {
    pub(super) fn of(outcomes: Vec<PageOutcome>) -> Self {
        let mut pieces = Self(Vec::new());
        pieces.push(outcomes, false, false);
        pieces
    }

    /// The piece to flush next. The pieces before it are stored or were given back.
    pub(super) fn next(&mut self) -> Option<Piece> {
        loop {
            let piece = self.0.pop()?;
            // A single page is always tried: it becomes dead for a reason of its own, never by inference.
            if !piece.is_suspect || piece.outcomes.len() == 1 {
                return Some(piece);
            }
            self.halve(piece);
        }
    }

    /// Takes back a piece that was refused. It will be tried in halves or, if it is one page, with less in it.
    ///
    /// # Errors
    /// If it is one page and nothing more can be removed from it.
    pub(super) fn refused(
        &mut self,
        piece: Piece,
        reason: Reason,
        error: &str,
        sqlstate: Option<&str>,
    ) -> Result<(), Unstorable> {
        // If this was a first half, it explains the refusal of the whole: the second half is no longer suspect.
        if let Some(next) = self.0.last_mut() {
            next.is_suspect = false;
        }
        if piece.outcomes.len() > 1 {
            self.halve(piece);
            return Ok(());
        }
        let Piece { mut outcomes, mut relief, .. } = piece;
        let is_relieved = outcomes.first_mut().is_some_and(|page| relief.next(page, reason, error, sqlstate));
        let piece = Piece { outcomes, relief, ..piece };
        if is_relieved {
            self.0.push(piece);
            Ok(())
        } else {
            Err(Unstorable(piece))
        }
    }

    /// Takes back a piece that the store gave up again and again. It will be tried in halves or, if it is one page, after
    /// all the others.
    pub(super) fn given_up(&mut self, mut piece: Piece) {
        if piece.outcomes.len() > 1 {
            let second = piece.outcomes.split_off(piece.outcomes.len() / 2);
            self.push(second, false, true);
            self.push(piece.outcomes, false, true);
        } else {
            piece.was_given_up = true;
            self.0.insert(0, piece);
        }
    }

    fn halve(&mut self, piece: Piece) {
        let mut first = piece.outcomes;
        let second = first.split_off(first.len() / 2);
        self.push(second, true, false);
        self.push(first, false, false);
    }

    fn push(&mut self, outcomes: Vec<PageOutcome>, is_suspect: bool, was_given_up: bool) {
        if !outcomes.is_empty() {
            let relief = Relief::default();
            self.0.push(Piece {
                outcomes,
                relief,
                failures: 0,
                failing_since: None,
                is_suspect,
                was_given_up,
            });
        }
    }
}

impl Piece {
    /// The URL of a page that is flushed on its own.
    pub(super) fn lone_url(&self) -> Option<&str> {
        match self.outcomes.as_slice() {
            [page] => Some(&page.url),
            _ => None,
        }
    }

    /// The URL of a page that is flushed on its own because the store gave it up before.
    pub(super) fn stuck_url(&self) -> Option<&str> {
        self.lone_url().filter(|_| self.was_given_up)
    }

    /// Whether it was given up before, or is a part of a piece that was.
    pub(super) fn was_given_up(&self) -> bool {
        self.was_given_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::serde_json::json;
    use dragline_core::{Column, ColumnType, ItemRecord, ItemType};
    use dragline_core::{Fingerprint, PageState, QueuedRequest, Request, Value};
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::sync::LazyLock;

    static NOTE: LazyLock<ItemType> = LazyLock::new(|| {
        ItemType::builder("note").with_columns([Column::new("text", ColumnType::Text)]).build().unwrap()
    });

    fn page(number: usize) -> PageOutcome {
        let start = QueuedRequest::start(Request::get(format!("http://a.example/{number}")).unwrap(), 0);
        let mut page = PageOutcome { url: number.to_string(), ..PageOutcome::done(&start) };
        page.items =
            vec![ItemRecord { item_type: NOTE.clone(), values: vec![Value::Text("text".to_owned())] }];
        page.requests =
            vec![start.child(Request::get(format!("http://a.example/{number}/next")).unwrap(), 0)];
        page
    }

    /// Flushes pages into a store that refuses every piece for which `refuses` is true. Gives what was
    /// stored, in order, and the transactions that it took.
    fn store(
        pages: usize,
        refuses: impl Fn(&PageOutcome) -> bool,
    ) -> (Result<Vec<PageOutcome>, Unstorable>, usize) {
        let mut pieces = Pieces::of((0..pages).map(page).collect());
        let (mut stored, mut transactions) = (Vec::new(), 0);
        while let Some(piece) = pieces.next() {
            transactions += 1;
            if piece.outcomes.iter().any(&refuses) {
                if let Err(unstorable) = pieces.refused(piece, Reason::StoreRefused, "no", Some("22000")) {
                    return (Err(unstorable), transactions);
                }
            } else {
                stored.extend(piece.outcomes);
            }
        }
        (Ok(stored), transactions)
    }

    fn fingerprints(pages: &[PageOutcome]) -> Vec<Fingerprint> {
        pages.iter().map(|page| page.fingerprint).collect()
    }

    proptest! {
        #[test]
        fn a_guilty_page_costs_itself_and_few_transactions(
            pages in 1_usize..1_200,
            guilty in prop::collection::btree_set(0_usize..1_200, 0..4),
        ) {
            let guilty: BTreeSet<String> =
                guilty.into_iter().map(|number| (number % pages).to_string()).collect();
            let refuses = |page: &PageOutcome| !page.items.is_empty() && guilty.contains(&page.url);
            let (stored, transactions) = store(pages, refuses);
            let stored = stored.unwrap();
            prop_assert_eq!(fingerprints(&stored), (0..pages).map(|n| page(n).fingerprint).collect::<Vec<_>>());
            for page in &stored {
                let is_guilty = guilty.contains(&page.url);
                prop_assert_eq!(page.state, if is_guilty { PageState::Dead } else { PageState::Done });
                prop_assert_eq!(page.dead_letters.len(), usize::from(is_guilty));
                prop_assert_eq!(page.requests.len(), 1, "new requests are stored all the same");
            }
            #[allow(clippy::cast_precision_loss)] // a thousand and some
            let (extra, guilty, depth) =
                ((transactions - 1) as f64, guilty.len() as f64, (pages as f64).log2());
            prop_assert!(extra <= guilty * (2.0 * depth + 2.0), "{} transactions", transactions);
        }
    }

    #[test]
    fn what_is_given_up_is_tried_in_halves_and_a_page_after_all_others() {
        let mut pieces = Pieces::of((0..8).map(page).collect());
        let (mut stored, mut tries) = (Vec::new(), 0);
        while let Some(piece) = pieces.next() {
            tries += 1;
            // Page 2 is given up until nothing else is left, and once more then.
            if piece.outcomes.iter().any(|page| page.url == "2") && !(stored.len() == 7 && tries > 8) {
                pieces.given_up(piece);
            } else {
                stored.extend(piece.outcomes.into_iter().map(|page| page.url));
            }
        }
        assert_eq!(stored, ["0", "1", "3", "4", "5", "6", "7", "2"]);
        assert_eq!(tries, 9);
    }

    #[test]
    fn requests_that_are_refused_become_letters() {
        let (stored, _) = store(3, |page| page.url == "1" && !page.requests.is_empty());
        let stored = stored.unwrap();
        let dead = stored.iter().find(|page| page.url == "1").unwrap();
        let kinds: Vec<&str> = dead.dead_letters.iter().map(|letter| letter.item_type.as_str()).collect();
        assert_eq!((dead.state, kinds), (PageState::Dead, vec!["note", "request"]));
        assert_eq!(stored.iter().filter(|page| page.state == PageState::Done).count(), 2);
    }

    #[test]
    fn letters_that_are_refused_do_not_take_the_requests_with_them() {
        let (stored, _) = store(1, |page| {
            page.dead_letters.iter().any(|it| it.item_type == "note") || !page.items.is_empty()
        });
        let dead = &stored.unwrap()[0];
        assert_eq!((dead.state, dead.requests.len()), (PageState::Dead, 1));
        assert_eq!(dead.dead_letters[0].payload, json!({ "letters_refused": 1 }));
    }

    #[test]
    fn letters_that_are_refused_leave_one_that_says_so() {
        let (stored, _) = store(1, |page| page.dead_letters.len() != 1 || !page.requests.is_empty());
        let dead = &stored.unwrap()[0];
        assert_eq!(dead.dead_letters[0].payload, json!({ "letters_refused": 2 }));
    }

    #[test]
    fn a_page_that_is_refused_in_every_form_ends_the_search() {
        let (stored, transactions) = store(2, |page| page.url == "0");
        assert_eq!(stored.unwrap_err().0.outcomes[0].url, "0");
        assert_eq!(transactions, 6);
    }
}
