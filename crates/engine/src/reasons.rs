//! Counts by reason, however many reasons sites and spiders find: the first so many are told apart.

use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Further ones are counted together.
const MAX_REASONS: usize = 64;
/// What these are called.
const OTHERS: &str = "other reasons";

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Reasons(BTreeMap<String, u64>);

impl Reasons {
    /// One more for this reason.
    pub(crate) fn add(&mut self, reason: &str) {
        if let Some(count) = self.0.get_mut(reason) {
            *count += 1;
        } else {
            let reason = if self.0.len() < MAX_REASONS { reason } else { OTHERS };
            *self.0.entry(reason.to_owned()).or_default() += 1;
        }
    }

    /// Each, with how often it was the reason.
    pub(crate) fn counts(&self) -> &BTreeMap<String, u64> {
        &self.0
    }

    /// The most frequent one; of two that are as frequent the text decides.
    pub(crate) fn most_frequent(&self) -> Option<(&str, u64)> {
        let told_apart = self.0.iter().filter(|(reason, _)| *reason != OTHERS);
        let most = told_apart.max_by_key(|(reason, count)| (**count, Reverse(*reason)));
        most.map(|(reason, count)| (reason.as_str(), *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_within_bounds() {
        let mut reasons = Reasons::default();
        assert_eq!(reasons.most_frequent(), None);
        for number in 0..1_000 {
            reasons.add(&format!("reason {}", number % 100));
        }
        reasons.add("reason 7");
        assert_eq!(reasons.counts().len(), MAX_REASONS + 1);
        assert_eq!(reasons.counts().values().sum::<u64>(), 1_001);
        assert_eq!(reasons.counts()[OTHERS], 360);
        assert_eq!(reasons.most_frequent(), Some(("reason 7", 11)));
    }

    #[test]
    fn of_two_that_are_as_frequent_the_text_decides() {
        let mut reasons = Reasons::default();
        for reason in ["b", "a"] {
            reasons.add(reason);
        }
        assert_eq!(reasons.most_frequent(), Some(("a", 1)));
    }
}
