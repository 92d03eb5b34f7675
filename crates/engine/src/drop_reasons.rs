//! Why item pipelines dropped items, counted. The reasons are texts of the pipelines, so their number is bounded here: the
//! first 64 are counted each for itself, all further ones together.

use std::collections::BTreeMap;

/// As many are counted each for itself.
const MAX_REASONS: usize = 64;
/// The name under which the others are counted.
const OTHERS: &str = "other reasons";

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct DropReasons(BTreeMap<String, u64>);

impl DropReasons {
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
