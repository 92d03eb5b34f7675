//! Counts kept, dropped and quarantined items for each item type of the spider.

use dragline_core::ItemType;

use crate::counter::Counter;

/// What the item pipelines decided about an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Kept,
    Dropped,
    Quarantined,
}

/// Items of one type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemsOfType {
    /// The type's name.
    pub item_type: String,
    /// Those that the item pipelines kept.
    pub kept: u64,
    /// Those that an item pipeline dropped.
    pub dropped: u64,
    /// Those that an item pipeline put into quarantine.
    pub quarantined: u64,
}

/// The counters. A spider has few types, so a linear search is fast enough.
#[derive(Debug, Default)]
pub(crate) struct ItemCounts(Box<[(String, [Counter; 3])]>);

impl ItemCounts {
    pub(crate) fn of(items: &[ItemType]) -> Self {
        Self(items.iter().map(|item| (item.name().to_owned(), Default::default())).collect())
    }

    pub(crate) fn add(&self, item_type: &str, fate: Fate) {
        if let Some((_, counters)) = self.0.iter().find(|(name, _)| *name == item_type) {
            counters[fate as usize].add(1);
        }
    }

    pub(crate) fn snapshot(&self) -> Vec<ItemsOfType> {
        let read = |(item_type, [kept, dropped, quarantined]): &(String, [Counter; 3])| ItemsOfType {
            item_type: item_type.clone(),
            kept: kept.get(),
            dropped: dropped.get(),
            quarantined: quarantined.get(),
        };
        self.0.iter().map(read).collect()
    }
}
