//! The share of items that may break a rule before the crawl stops. A page that has changed gives thousands of items that no rule
//! accepts, and nobody looks before the morning.
//!
//! During the crawl, only the items of this process count, so that a resume has a fair chance. The verdict judges the whole run.

use dragline_core::RuleCounts;

/// The share says nothing about the rest before this many items were checked.
const MIN_CHECKED: u64 = 100;

/// Why the crawl must stop, if it must.
pub(super) fn exceeded(max: Option<f64>, rules: &RuleCounts) -> Option<String> {
    if rules.checked >= MIN_CHECKED { rules.too_many_invalid(max?) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::{BrokenRule, Consequence};

    #[test]
    fn a_share_is_judged_once_enough_items_were_checked() {
        let mut rules = RuleCounts::default();
        let rule = |rule: &str| BrokenRule {
            item: "offer".to_owned(),
            rule: rule.to_owned(),
            consequence: Consequence::Drop,
        };
        for _ in 0..99 {
            rules.item(true);
            rules.broken(rule("price range"));
        }
        rules.broken(rule("title length"));
        assert_eq!(exceeded(Some(0.5), &rules), None);
        rules.item(false);
        assert_eq!(
            exceeded(Some(0.5), &rules).unwrap(),
            "99 of 100 items broke a rule (99.0 %, at most 50.0 % may); the rule that was broken most: offer: price range, 99 times"
        );
        assert_eq!((exceeded(Some(0.99), &rules), exceeded(None, &rules)), (None, None));
    }
}
