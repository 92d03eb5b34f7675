//! Sends items through the item pipelines.

use dragline_core::rust_decimal::Decimal;
use dragline_core::{
    Fingerprint, ItemOrigin, ItemRecord, Merge, QueuedRequest, Request, RuleTally, Value, Verdict,
};

use super::Packer;
use super::look_up::LookedUp;
use super::produced::Produced;
use crate::item_counts::Fate;
use crate::refusals::Refusals;

/// An item on its way through the steps.
pub(super) struct Passing {
    pub(super) record: ItemRecord,
    /// The step that comes next.
    pub(super) from: usize,
    /// The page that gives it.
    pub(super) page: Fingerprint,
    /// Whether it is not stored yet. An item that was looked up is.
    pub(super) is_new: bool,
    pub(super) is_changed: bool,
}

impl Passing {
    /// An item that a page gives.
    pub(super) fn new(record: ItemRecord, page: &QueuedRequest) -> Self {
        Self { record, from: 0, page: page.fingerprint, is_new: true, is_changed: false }
    }
}

/// An item that all steps keep.
struct Passed {
    record: ItemRecord,
    is_changed: bool,
    /// The look-up that it needs.
    asks: Option<Request>,
}

/// An item that a step does not keep.
struct Refused<'a> {
    verdict: Verdict,
    step: &'a str,
}

impl Packer {
    /// Sends an item through the pipelines.
    pub(super) fn pass(
        &self,
        passing: Passing,
        origin: &ItemOrigin<'_>,
        produced: &mut Produced,
        refusals: &mut impl Refusals,
    ) {
        let (copy, item_type) = (refusals.copy_of(&passing.record), passing.record.item_type.clone());
        let item_type = item_type.name();
        let (is_new, not_yet) = (passing.is_new, RuleTally::default());
        let Passed { mut record, is_changed, asks } = match self.steps(passing, origin, &not_yet, produced) {
            Ok(passed) => passed,
            Err(Refused { verdict, step }) => {
                // It is not looked up after all.
                origin.count_rules(|counts| counts.add(&not_yet.into_counts()));
                return match verdict {
                    Verdict::Keep(_) => {}
                    Verdict::Drop { reason } => refusals.item(item_type, copy, format!("{step}: {reason}")),
                    Verdict::Quarantine { item, reason } => {
                        self.stats.item(item_type, Fate::Quarantined);
                        produced.dead_letters.push(self.letter(item, &format!("{step}: {reason}")));
                    }
                };
            }
        };
        // A pipeline may have changed what identifies the item.
        record.compute_id();
        if is_new {
            self.stats.item(item_type, Fate::Kept);
        }
        produced.ask(&record, asks);
        if !is_new {
            without_shares(&mut record);
        }
        if is_new || is_changed {
            produced.items.push(record);
        }
    }

    /// An item after all steps, or the verdict that ends its way. An item that is looked up will pass the later steps once more, so
    /// the rules that it breaks there are only counted in `not_yet`.
    fn steps(
        &self,
        passing: Passing,
        origin: &ItemOrigin<'_>,
        not_yet: &RuleTally,
        produced: &mut Produced,
    ) -> Result<Passed, Refused<'_>> {
        let Passing { mut record, from, page, mut is_changed, .. } = passing;
        let mut asks = None;
        for step in self.pipelines.iter().skip(from) {
            let Some(look_up) = step.look_up() else {
                let origin = if asks.is_some() { origin.with_tally(not_yet) } else { *origin };
                match step.process(record, &origin) {
                    Verdict::Keep(next) => record = next,
                    verdict => return Err(Refused { verdict, step: step.name() }),
                }
                continue;
            };
            if asks.is_some() {
                continue;
            }
            match self.look_up(look_up, &mut record, page, origin) {
                LookedUp::Nothing => {}
                LookedUp::Known { filled, request } => {
                    is_changed |= filled != record;
                    record = filled;
                    produced.known_look_ups.extend(self.revisits.as_ref().map(|_| request));
                }
                LookedUp::Asks(request) => asks = Some(request),
            }
        }
        Ok(Passed { record, is_changed, asks })
    }
}

/// An item that was looked up adds nothing to a sum (`merge = "add"`): its page has done that, and each page counts once.
fn without_shares(record: &mut ItemRecord) {
    let ItemRecord { item_type, values } = record;
    for (column, value) in item_type.columns().iter().zip(values) {
        if item_type.merge(&column.name) != Some(Merge::Add) {
            continue;
        }
        match value {
            Value::Int(share) => *share = 0,
            Value::Decimal(share) => *share = Decimal::ZERO,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::{ColumnType, ItemType};

    #[test]
    fn only_sums_are_left_to_the_page() {
        let artist = ItemType::builder("artist").with_table("artists").with_column("name", ColumnType::Text);
        let artist = artist.with_column("sets", ColumnType::Integer).with_column("best", ColumnType::Integer);
        let artist = artist.with_column("paid", ColumnType::Numeric).with_key(["name"]);
        let artist = artist.with_merge("sets", Merge::Add).with_merge("paid", Merge::Add);
        let artist = artist.with_merge("best", Merge::Max).build().unwrap();
        let paid = |text: &str| Value::Decimal(text.parse().unwrap());
        let values = vec!["Ann".into(), Value::Int(3), Value::Int(3), paid("1.5")];
        let mut record = ItemRecord { item_type: artist, values };
        without_shares(&mut record);
        assert_eq!(record.values, ["Ann".into(), Value::Int(0), Value::Int(3), paid("0")]);
    }
}
