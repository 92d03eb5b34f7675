//! Counts the reasons why item pipelines dropped items. The reasons are texts of the pipelines, so their number is limited here.
//! The first 64 reasons have their own counters, and all others share one.

use std::collections::BTreeMap;

/// How many reasons have their own counter.
const MAX_REASONS: usize = 64;
/// The name of the counter for all others.
const OTHERS: &str = "other reasons";

/// Counters by reason.
#[derive(Debug, Default)]
pub(crate) struct DropReasons(BTreeMap<String, u64>);

impl DropReasons {
    /// Counts one more item with this reason.
    pub(crate) fn add(&mut self, reason: &str) {
        if let Some(count) = self.0.get_mut(reason) {
            *count += 1;
        } else {
            let reason = if self.0.len() < MAX_REASONS { reason } else { OTHERS };
            *self.0.entry(reason.to_owned()).or_default() += 1;
        }
    }

    /// The reasons with their counts.
    pub(crate) fn counts(&self) -> &BTreeMap<String, u64> {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_within_bounds() {
        let mut reasons = DropReasons::default();
        for number in 0..1_000 {
            reasons.add(&format!("reason {}", number % 100));
        }
        reasons.add("reason 7");
        assert_eq!(reasons.counts().len(), MAX_REASONS + 1);
        assert_eq!(reasons.counts().values().sum::<u64>(), 1_001);
        assert_eq!(reasons.counts()[OTHERS], 360);
        assert_eq!(reasons.counts()["reason 7"], 11);
    }
}
