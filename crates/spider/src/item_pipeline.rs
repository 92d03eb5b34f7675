//! Item pipelines: ordered steps over items, which run on the crawl threads.

mod look_up;
mod typed;
mod verdict;

use std::sync::Arc;

use crate::error::Result;
use crate::item::ItemRecord;
use crate::item_origin::ItemOrigin;
use crate::item_type::ItemType;
use crate::rule_counts::BrokenRule;

pub use look_up::{Enrich, LookUp};
pub use typed::{TypedPipeline, of};
pub use verdict::Verdict;

/// One step. It returns a verdict about each item. It must not remember other items: a kill would erase its memory, and
/// the store handles duplicates.
///
/// This trait sees the items of every type as records. For the items of one type, [`of`] makes a step from a closure
/// over your struct.
pub trait ItemPipeline: Send + Sync {
    /// The step's name, for reasons and counters.
    fn name(&self) -> &str;

    /// Checks the step before a crawl begins, which has items of these types. Bad settings of a step are found here.
    ///
    /// # Errors
    /// What is wrong with the step, and how to fix it. The crawl does not start.
    fn check(&self, items: &[ItemType]) -> Result<()> {
        let _ = items;
        Ok(())
    }

    /// The rules that the step checks in items of these types, if it counts them. Their counts begin at 0.
    fn rules(&self, items: &[ItemType]) -> Vec<BrokenRule> {
        let _ = items;
        Vec::new()
    }

    /// The step as one that looks items up, if it is one.
    #[doc(hidden)] // for the engine
    fn look_up(&self) -> Option<&Enrich> {
        None
    }

    /// Decides about an item that comes from `origin`.
    fn process(&self, record: ItemRecord, origin: &ItemOrigin<'_>) -> Verdict;
}

/// A shared step.
impl<P: ItemPipeline + ?Sized> ItemPipeline for Arc<P> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn check(&self, items: &[ItemType]) -> Result<()> {
        (**self).check(items)
    }

    fn rules(&self, items: &[ItemType]) -> Vec<BrokenRule> {
        (**self).rules(items)
    }

    fn look_up(&self) -> Option<&Enrich> {
        (**self).look_up()
    }

    fn process(&self, record: ItemRecord, origin: &ItemOrigin<'_>) -> Verdict {
        (**self).process(record, origin)
    }
}
