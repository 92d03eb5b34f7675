//! The items and requests of a page, before they are its outcome.

use std::collections::BTreeMap;

use dragline_core::{DeadLetter, ItemLimits, ItemRecord, PageOutcome, QueuedRequest, Request, RuleCounts};

/// The items and requests of a page.
#[derive(Default)]
pub(super) struct Produced {
    /// Where the items come from, if this is not the page itself.
    pub(super) items_url: Option<String>,
    pub(super) items: Vec<ItemRecord>,
    pub(super) dead_letters: Vec<DeadLetter>,
    pub(super) requests: Vec<QueuedRequest>,
    pub(super) is_barren: bool,
    pub(super) rules: RuleCounts,
    /// The look-ups that its items need, by item type and key. The last item of a key is the one that is stored.
    pub(super) look_ups: BTreeMap<(String, String), Request>,
    /// Those whose answers are in memory, if the run keeps records of its pages.
    pub(super) known_look_ups: Vec<Request>,
}

impl Produced {
    /// Notes what an item asks, if it does.
    pub(super) fn ask(&mut self, record: &ItemRecord, asks: Option<Request>) {
        if asks.is_none() && self.look_ups.is_empty() {
            return;
        }
        let Some(key) = record.key_text() else { return };
        let key = (record.item_type.name().to_owned(), key);
        match asks {
            Some(request) => drop(self.look_ups.insert(key, request)),
            None => drop(self.look_ups.remove(&key)),
        }
    }

    pub(super) fn put_into(self, outcome: PageOutcome, limits: &ItemLimits) -> PageOutcome {
        let Self { items_url, items, dead_letters, requests, is_barren, rules, .. } = self;
        let mut outcome =
            PageOutcome { items_url, items, dead_letters, requests, is_barren, rules, ..outcome };
        if let Some(detail) = outcome.set_refused_items_apart(limits) {
            let url = outcome.url.as_str();
            tracing::warn!(
                url,
                error = detail,
                "no store can hold an item of this page; it is a dead letter"
            );
        }
        outcome
    }
}
