//! Counts the rules that items broke.
//!
//! The counts are figures for people and for limits. No rule depends on them, so a kill can't change which items are stored.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value as Json, json};

use crate::counted::counted;

/// What a broken rule does with its item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Consequence {
    /// The item is left out.
    Drop,
    /// The item becomes a dead letter.
    Quarantine,
    /// The item is stored, and the rule is counted.
    Warn,
}

impl Consequence {
    /// All of them, the gravest first.
    pub const ALL: [Self; 3] = [Self::Drop, Self::Quarantine, Self::Warn];

    /// What happened to the item, as reports, metrics and the store name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Drop => "dropped",
            Self::Quarantine => "quarantined",
            Self::Warn => "warned",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|consequence| consequence.as_str() == text)
    }
}

/// A rule, and what it did.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BrokenRule {
    /// The item type.
    pub item: String,
    /// The name of the rule, such as `price range`.
    pub rule: String,
    /// What happened to the items that broke it.
    pub consequence: Consequence,
}

/// How many items passed rules, and which rules they broke.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleCounts {
    /// Items that had to follow rules.
    pub checked: u64,
    /// Those of them that were dropped or quarantined because of a rule.
    pub invalid: u64,
    broken: BTreeMap<BrokenRule, u64>,
}

impl RuleCounts {
    /// The key in `crawl_runs.stats` for the counts of all starts of a run.
    pub const STATS: &str = "run_rules";

    /// Notes an item that had to follow rules.
    pub fn item(&mut self, is_invalid: bool) {
        self.checked += 1;
        self.invalid += u64::from(is_invalid);
    }

    /// Begins to count this rule.
    pub fn know(&mut self, rule: BrokenRule) {
        self.broken.entry(rule).or_default();
    }

    /// Notes a rule that an item broke.
    pub fn broken(&mut self, rule: BrokenRule) {
        *self.broken.entry(rule).or_default() += 1;
    }

    /// Adds the counts of others.
    pub fn add(&mut self, other: &Self) {
        self.checked += other.checked;
        self.invalid += other.invalid;
        for (rule, count) in &other.broken {
            if let Some(sum) = self.broken.get_mut(rule) {
                *sum += count;
            } else {
                self.broken.insert(rule.clone(), *count);
            }
        }
    }

    /// The rules that are known or were broken, each with the number of items that broke it.
    pub fn iter(&self) -> impl Iterator<Item = (&BrokenRule, u64)> {
        self.broken.iter().map(|(rule, count)| (rule, *count))
    }

    /// Whether no item had to follow a rule.
    pub fn is_empty(&self) -> bool {
        self.checked == 0
    }

    /// The share of the checked items that are invalid, from 0 to 1.
    #[allow(clippy::cast_precision_loss)] // a share of items: their last digits don't matter
    pub fn invalid_share(&self) -> f64 {
        self.invalid as f64 / self.checked.max(1) as f64
    }

    /// What is wrong if a larger share than `max` is invalid.
    pub fn too_many_invalid(&self, max: f64) -> Option<String> {
        let (share, percent) = (self.invalid_share(), |share: f64| share * 100.0);
        (share > max).then(|| {
            let grave = self.iter().filter(|(rule, _)| rule.consequence != Consequence::Warn);
            let most = grave.max_by_key(|(_, count)| *count).map_or_else(String::new, |(rule, count)| {
                let times = counted(count, "time");
                format!("; the rule that was broken most: {}: {}, {times}", rule.item, rule.rule)
            });
            format!(
                "{} of {} broke a rule ({:.1} %, at most {:.1} % may){most}",
                self.invalid,
                counted(self.checked, "item"),
                percent(share),
                percent(max)
            )
        })
    }

    /// The stored form.
    pub fn to_json(&self) -> Json {
        let broken = self.iter().map(|(rule, count)| {
            json!({ "item": rule.item, "rule": rule.rule, "consequence": rule.consequence.as_str(), "count": count })
        });
        json!({ "checked": self.checked, "invalid": self.invalid, "broken": broken.collect::<Vec<_>>() })
    }

    /// What a run recorded in its figures. Without a record, all counts are 0.
    pub fn of_stats(stats: &Json) -> Self {
        let stored = &stats[Self::STATS];
        let count = |json: &Json, name: &str| json[name].as_u64().unwrap_or_default();
        let broken = stored["broken"].as_array().into_iter().flatten().filter_map(|broken| {
            let text = |name: &str| broken[name].as_str();
            let rule = BrokenRule {
                item: text("item")?.to_owned(),
                rule: text("rule")?.to_owned(),
                consequence: Consequence::parse(text("consequence")?)?,
            };
            Some((rule, count(broken, "count")))
        });
        Self {
            checked: count(stored, "checked"),
            invalid: count(stored, "invalid"),
            broken: broken.collect(),
        }
    }
}

/// Where the steps of one page count the rules that its items broke.
#[derive(Debug, Default)]
pub struct RuleTally(Mutex<RuleCounts>);

impl RuleTally {
    /// Changes the counts.
    pub fn note(&self, change: impl FnOnce(&mut RuleCounts)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The counts.
    pub fn into_counts(self) -> RuleCounts {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(rule: &str, consequence: Consequence) -> BrokenRule {
        BrokenRule { item: "offer".to_owned(), rule: rule.to_owned(), consequence }
    }

    #[test]
    fn counts_are_added_and_come_back_from_the_store() {
        let mut page = RuleCounts::default();
        page.item(true);
        page.item(false);
        page.broken(rule("price range", Consequence::Quarantine));
        page.broken(rule("title length", Consequence::Warn));
        let mut run = page.clone();
        run.add(&page);
        let counts: Vec<(&str, u64)> = run.iter().map(|(rule, count)| (&*rule.rule, count)).collect();
        assert_eq!(counts, [("price range", 2), ("title length", 2)]);
        assert_eq!((run.checked, run.invalid, run.invalid_share()), (4, 2, 0.5));
        assert_eq!(RuleCounts::of_stats(&json!({ RuleCounts::STATS: run.to_json() })), run);
    }

    #[test]
    fn a_run_without_a_record_has_no_counts() {
        for stats in [json!({}), json!({ "run_rules": 7 }), json!({ "run_rules": { "broken": [{}] } })] {
            let counts = RuleCounts::of_stats(&stats);
            assert!(counts.is_empty() && counts.iter().next().is_none(), "{stats}");
            assert!(counts.invalid_share() < f64::EPSILON);
        }
    }
}
