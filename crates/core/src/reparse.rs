//! A reparse: a run that parses kept pages of other runs once more.

use dragline_spider::fingerprint::Fingerprint;
use dragline_spider::item::ItemRecord;
use dragline_spider::merge::Merge;
use dragline_spider::queued_request::QueuedRequest;
use dragline_spider::value::Value;
use serde_json::{Map, Value as Json, json};

use crate::outcome::PageState;

/// Whose pages are parsed once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReparseOf {
    /// Those of this run.
    Run(i64),
    /// Those of all runs of the spider, each page once.
    Spider,
}

/// What a reparse does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reparse {
    /// Whose pages it parses.
    pub of: ReparseOf,
    /// Whether it queues and fetches new links. Otherwise it stores them as skipped.
    pub follows_links: bool,
}

/// The requests of a reparse, by what becomes of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReparseCounts {
    /// Pages that were or will be parsed once more.
    pub pages: u64,
    /// Pages of which no whole answer is kept.
    pub not_kept: u64,
    /// Pages that a later run has fetched, so that older values must not replace newer ones.
    pub fetched_later: u64,
    /// New links that are not followed.
    pub not_followed: u64,
}

/// Asks which pages a reparse would parse, one part after the other. Nothing is changed.
#[derive(Clone, Debug)]
pub struct PlanAsk {
    /// The run whose requests are looked at.
    pub run_id: i64,
    /// Its spider.
    pub spider: String,
    /// Whether it is one of all runs of the spider. Then only those pages count whose newest answer this run has kept.
    pub of: ReparseOf,
    /// Only requests after this place. `None` begins with the first.
    pub after: Option<PlanPlace>,
    /// How many requests to look at.
    pub limit: u32,
}

/// A place in the order of a run's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanPlace {
    /// The shard of the request.
    pub shard: i16,
    /// The request.
    pub fingerprint: Fingerprint,
}

/// A part of the pages that a reparse would parse.
#[derive(Clone, Debug, Default)]
pub struct PlanPart {
    /// The pages, each with the state that it has in its run.
    pub pages: Vec<(QueuedRequest, PageState)>,
    /// The requests that were looked at and would not be parsed.
    pub left_out: ReparseCounts,
    /// Where to continue. `None` at the end.
    pub next: Option<PlanPlace>,
}

/// A row as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRow {
    /// The run that it belongs to.
    pub run_id: i64,
    /// Its fields.
    pub fields: Map<String, Json>,
    /// The shares that the page has added to its sums. `None` if no page has added anything.
    pub shares: Option<Map<String, Json>>,
}

impl StoredRow {
    /// The fields that the row gets from an item of a page that this run has fetched. If the pages are added up in a column, it shows what this
    /// page changes.
    pub fn after(&self, record: &ItemRecord, run_id: i64) -> Map<String, Json> {
        let mut after = record.to_json();
        let item = &record.item_type;
        for (column, merge) in item.merges() {
            let Some(at) = item.position(column) else { continue };
            let value = |fields: Option<&Map<String, Json>>| {
                let json = fields.and_then(|fields| fields.get(column));
                let value = json.and_then(|json| Value::from_json(item.columns()[at].kind, json));
                value.unwrap_or(Value::Null)
            };
            let (before, new) = (value(Some(&self.fields)), &record.values[at]);
            let merged = match merge {
                // A number that no page has added is older than the rule.
                Merge::Add if self.shares.is_none() => merge.apply(&Value::Null, new),
                Merge::Add => Merge::negative(&value(self.shares.as_ref()))
                    .and_then(|share| merge.apply(&before, &share))
                    .and_then(|others| merge.apply(&others, new)),
                // The values of a row that a later run has stored are newer.
                Merge::Fill if self.run_id > run_id => Merge::Keep.apply(&before, new),
                _ => merge.apply(&before, new),
            };
            after.insert(column.to_owned(), merged.unwrap_or(before).into_json());
        }
        after
    }
}

impl Reparse {
    /// Where it stands among a run's arguments.
    pub const ARGUMENT: &'static str = "reparse";

    /// Its form among the arguments of a run.
    pub fn to_json(self) -> Json {
        let of = match self.of {
            ReparseOf::Run(run_id) => json!(run_id),
            ReparseOf::Spider => json!("spider"),
        };
        json!({ "of": of, "follow": self.follows_links })
    }

    /// From this form.
    pub fn from_json(json: &Json) -> Option<Self> {
        let of = match json.get("of")? {
            Json::String(_) => ReparseOf::Spider,
            run_id => ReparseOf::Run(run_id.as_i64()?),
        };
        Some(Self { of, follows_links: json.get("follow")?.as_bool()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reparse_is_read_as_it_was_stored() {
        for of in [ReparseOf::Run(12), ReparseOf::Spider] {
            for follows_links in [false, true] {
                let reparse = Reparse { of, follows_links };
                assert_eq!(Reparse::from_json(&reparse.to_json()), Some(reparse));
            }
        }
        assert_eq!(Reparse::from_json(&json!({ "of": 12 })), None);
    }
}
