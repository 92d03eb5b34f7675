//! The share of pages that may fail or die before the crawl is no use going on with: a site that has changed, or
//! that does not want us, fails page after page, and nobody looks before the morning.
//!
//! Counted are the pages that ended since this start, so that a resume has a chance of its own.

use std::collections::HashMap;

use dragline_core::{PageState, Receipt};

/// So many pages must have ended before the share says something about the rest.
const MIN_ENDED: u64 = 20;
/// Different errors that are told apart; further ones are counted with the pages alone.
const MAX_ERRORS: usize = 64;

/// See the module.
#[derive(Debug)]
pub(super) struct FailedShare {
    max: Option<f64>,
    ended: u64,
    failed: u64,
    errors: HashMap<String, u64>,
}

impl FailedShare {
    pub(super) fn new(max: Option<f64>) -> Self {
        Self { max, ended: 0, failed: 0, errors: HashMap::new() }
    }

    /// A page has ended. Skipped ones say nothing: redirects, robots.
    pub(super) fn page(&mut self, state: PageState) {
        self.ended += u64::from(state != PageState::Skipped);
        self.failed += u64::from(matches!(state, PageState::Failed | PageState::Dead));
    }

    /// The errors of the pages of a receipt.
    pub(super) fn errors(&mut self, receipt: &Receipt) {
        for error in &receipt.errors {
            if let Some(count) = self.errors.get_mut(error) {
                *count += 1;
            } else if self.errors.len() < MAX_ERRORS {
                self.errors.insert(error.clone(), 1);
            }
        }
    }

    /// Why the crawl must stop, if so.
    pub(super) fn is_exceeded(&self) -> Option<String> {
        if self.ended >= MIN_ENDED { self.of_all() } else { None }
    }

    /// The same for a crawl that has come to its end: then few pages are all there are.
    #[allow(clippy::cast_precision_loss)] // a share of pages: their last digits do not matter
    pub(super) fn of_all(&self) -> Option<String> {
        let max = self.max?;
        let Self { failed, ended, .. } = self;
        let share = *failed as f64 / (*ended).max(1) as f64;
        (share > max).then(|| {
            let (share, max) = (share * 100.0, max * 100.0);
            let most = self.most_frequent();
            format!("{failed} of {ended} pages failed or died ({share:.1} %, {max:.1} % may){most}")
        })
    }

    fn most_frequent(&self) -> String {
        // Of two that are as frequent one is told, whichever the map gives; so the text decides.
        let most = self.errors.iter().max_by_key(|(error, count)| (**count, std::cmp::Reverse(*error)));
        most.map_or_else(String::new, |(error, count)| {
            format!("; the most frequent error, {count} times: {error}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(share: &mut FailedShare, state: PageState, count: usize) {
        (0..count).for_each(|_| share.page(state));
    }

    #[test]
    fn a_share_is_judged_once_enough_pages_have_ended() {
        let mut share = FailedShare::new(Some(0.5));
        pages(&mut share, PageState::Failed, 10);
        pages(&mut share, PageState::Skipped, 100);
        assert!(share.is_exceeded().is_none() && share.of_all().is_some());
        pages(&mut share, PageState::Done, 10);
        assert!(share.is_exceeded().is_none(), "half is not more than half");
        pages(&mut share, PageState::Dead, 1);
        let error = |text: &str| text.to_owned();
        share.errors(&Receipt {
            errors: vec![error("HTTP 500"), error("HTTP 404"), error("HTTP 500")],
            ..Receipt::default()
        });
        assert_eq!(
            share.is_exceeded().unwrap(),
            "11 of 21 pages failed or died (52.4 %, 50.0 % may); the most frequent error, 2 times: HTTP 500"
        );
    }

    #[test]
    fn without_a_limit_all_may_fail() {
        let mut share = FailedShare::new(None);
        pages(&mut share, PageState::Failed, 1_000);
        assert_eq!(share.is_exceeded(), None);
        let mut none = FailedShare::new(Some(0.0));
        pages(&mut none, PageState::Done, 1_000);
        assert_eq!((none.is_exceeded(), none.of_all()), (None, None));
    }

    #[test]
    fn errors_are_told_apart_within_bounds() {
        let mut share = FailedShare::new(Some(0.5));
        for number in 0..1_000 {
            share.errors(&Receipt { errors: vec![number.to_string()], ..Receipt::default() });
        }
        assert_eq!(share.errors.len(), MAX_ERRORS);
    }
}
