//! Rules that items have to follow.
//!
//! A page may change in a way that no selector notices: a price of 0, a date in the year 2125, a title that is a whole article. A
//! [`Rule`] says what a column may hold, and what happens to an item that breaks it. [`Rules`] is the step that checks them.
//!
//! ```
//! use dragline_core::{ColumnType, ItemOrigin, ItemPipeline, ItemRecord, ItemType, Verdict};
//! use dragline_pipelines::rules::{Rule, Rules};
//!
//! let offer = ItemType::builder("offer")
//!     .with_column("title", ColumnType::Text)
//!     .with_column("stock", ColumnType::Integer)
//!     .build()?;
//! let rules = Rules::new().on_type("offer", [
//!     Rule::length("title", 1..=300),
//!     Rule::range("stock", 0..).or_drop(),
//! ]);
//! rules.check(&[offer.clone()])?;
//!
//! let record = |title: &str, stock: i64| ItemRecord { item_type: offer.clone(), values: vec![title.into(), dragline_core::Value::Int(stock)] };
//! let verdict = |record| rules.process(record, &ItemOrigin::new("https://shop.example/1"));
//! assert!(matches!(verdict(record("Spade", 2)), Verdict::Keep(_)));
//! assert!(matches!(verdict(record("Spade", -2)), Verdict::Drop { reason } if reason == "stock range"));
//! assert!(matches!(verdict(record("", 2)), Verdict::Quarantine { .. }));
//! # Ok::<(), dragline_core::Error>(())
//! ```

mod bounds;
mod marks;
mod rule;
mod test;
#[cfg(test)]
mod tests;

use dragline_core::{
    BrokenRule, Consequence, Error, Item, ItemOrigin, ItemPipeline, ItemRecord, ItemType, Result, Verdict,
};

pub use rule::Rule;

/// The step that checks rules. Its name is `rules`.
///
/// It checks all rules of an item, also after one is broken, so that the counts say how often each was broken. The gravest
/// consequence counts: an item that breaks a rule with [`Rule::or_drop`] is dropped, whatever other rules say.
///
/// An item type may have the columns `validation_status` (text) and `data_quality_score` (a number). The step fills them: the
/// status is `valid`, or `warning` if a rule with [`Rule::or_warn`] is broken, and the score is the share of the type's rules that
/// the item follows, from 0 to 1.
#[derive(Debug, Default)]
pub struct Rules(Vec<RulesOfType>);

/// The rules of one item type.
#[derive(Debug)]
struct RulesOfType {
    item: String,
    rules: Vec<Rule>,
}

impl RulesOfType {
    fn counted(&self) -> impl Iterator<Item = BrokenRule> {
        self.rules.iter().map(|rule| self.counted_as(rule))
    }

    fn counted_as(&self, rule: &Rule) -> BrokenRule {
        BrokenRule { item: self.item.clone(), rule: rule.name().to_owned(), consequence: rule.consequence() }
    }
}

impl Rules {
    /// No rules yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds rules for the items of a struct.
    #[must_use]
    pub fn on<T: Item>(self, rules: impl IntoIterator<Item = Rule>) -> Self {
        self.on_type(T::item_type().name(), rules)
    }

    /// Adds rules for the items of a type with this name, which may be made at run time.
    #[must_use]
    pub fn on_type(mut self, item: &str, rules: impl IntoIterator<Item = Rule>) -> Self {
        match self.0.iter_mut().find(|of_type| of_type.item == item) {
            Some(of_type) => of_type.rules.extend(rules),
            None => {
                self.0.push(RulesOfType { item: item.to_owned(), rules: rules.into_iter().collect() });
            }
        }
        self
    }

    fn of(&self, item: &ItemType) -> Option<&RulesOfType> {
        self.0.iter().find(|of_type| of_type.item == item.name())
    }
}

impl ItemPipeline for Rules {
    fn name(&self) -> &'static str {
        "rules"
    }

    fn check(&self, items: &[ItemType]) -> Result<()> {
        for item in items {
            let Some(of_type) = self.of(item) else { continue };
            for rule in &of_type.rules {
                rule.check_type(item)
                    .map_err(|problem| Error::new(format!("rules: {}.{problem}", item.name())))?;
            }
            marks::check(item)?;
        }
        Ok(())
    }

    fn rules(&self, items: &[ItemType]) -> Vec<BrokenRule> {
        let of_types = items.iter().filter_map(|item| self.of(item));
        of_types.flat_map(RulesOfType::counted).collect()
    }

    fn process(&self, mut record: ItemRecord, origin: &ItemOrigin<'_>) -> Verdict {
        let Some(of_type) = self.of(&record.item_type) else { return Verdict::Keep(record) };
        let broken: Vec<(&Rule, String)> =
            of_type.rules.iter().filter_map(|rule| Some((rule, rule.problem(&record)?))).collect();
        let gravest = broken.iter().map(|(rule, _)| rule.consequence()).min();
        origin.count_rules(|counts| {
            counts.item(matches!(gravest, Some(Consequence::Drop | Consequence::Quarantine)));
            for (rule, _) in &broken {
                counts.broken(of_type.counted_as(rule));
            }
        });
        let of_consequence = |consequence: Consequence| {
            broken.iter().filter(move |(rule, _)| rule.consequence() == consequence)
        };
        match gravest {
            Some(Consequence::Drop) => {
                // Dropped items are counted by this text, so it has no values.
                let names: Vec<&str> =
                    of_consequence(Consequence::Drop).map(|(rule, _)| rule.name()).collect();
                Verdict::drop(names.join(", "))
            }
            Some(Consequence::Quarantine) => {
                let told: Vec<String> = of_consequence(Consequence::Quarantine)
                    .map(|(rule, problem)| format!("{}: {problem}", rule.name()))
                    .collect();
                Verdict::quarantine(record, told.join("; "))
            }
            Some(Consequence::Warn) | None => {
                marks::set(&mut record, broken.len(), of_type.rules.len());
                Verdict::Keep(record)
            }
        }
    }
}
