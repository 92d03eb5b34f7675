//! Item pipelines: ordered steps over items, run on the crawl thread.

use std::sync::Arc;

use crate::item::ItemRecord;

/// One step. It answers with a value and keeps no memory of other items: memory dies with a kill, and
/// duplicates are the store's matter.
pub trait ItemPipeline: Send + Sync {
    /// Its name, for reasons and counters.
    fn name(&self) -> &'static str;
    /// What becomes of an item that was found on the page at `url`.
    fn process(&self, record: ItemRecord, url: &str) -> Verdict;
}

/// A step that several hold.
impl<P: ItemPipeline + ?Sized> ItemPipeline for Arc<P> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn process(&self, record: ItemRecord, url: &str) -> Verdict {
        (**self).process(record, url)
    }
}

/// What becomes of an item.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It goes on, changed or not.
    Keep(ItemRecord),
    /// It is left out; the reason is counted.
    Drop {
        /// Why.
        reason: String,
    },
    /// It goes to the dead letters; its page is not affected.
    Quarantine {
        /// The item.
        record: ItemRecord,
        /// Why.
        reason: String,
    },
}
