//! The item that a look-up carries: it travels in the request, so that nothing in memory has to remember it until the answer comes.

use dragline_spider::item::ItemRecord;
use dragline_spider::item_type::ItemType;
use dragline_spider::request::Request;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use crate::letters::record_of;

/// The key in the request's meta. A spider's own meta has other keys.
const KEY: &str = "#item";

/// An item on its way to an answer, and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct CarriedItem {
    /// The item, as it was before the look-up.
    pub record: ItemRecord,
    /// The URL of its page.
    pub url: String,
    /// The tag of its page.
    pub tag: String,
    /// The depth of its page.
    pub depth: u32,
}

/// Its stored form.
#[derive(Serialize, Deserialize)]
struct Stored {
    item: String,
    url: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    tag: String,
    #[serde(default)]
    depth: u32,
    fields: Map<String, Json>,
}

impl CarriedItem {
    /// The most bytes that an item may have as JSON to be carried. A larger one is stored, and not looked up.
    pub const MAX_BYTES: usize = 256 << 10;

    /// The request with the item in its meta.
    #[must_use]
    pub fn put_into(&self, request: Request) -> Request {
        let Self { record, url, tag, depth } = self;
        let stored = Stored {
            item: record.item_type.name().to_owned(),
            url: url.clone(),
            tag: tag.clone(),
            depth: *depth,
            fields: record.to_json(),
        };
        request.with_meta(KEY, json!(stored))
    }

    /// The item that a request carries, with its type as it is now.
    ///
    /// # Errors
    /// Why the item cannot be read: the request carries none, or it does not fit its type any more.
    pub fn of(request: &Request, types: &[ItemType]) -> Result<Self, String> {
        let stored = request.meta().get(KEY).ok_or("the look-up carries no item")?;
        let stored = Stored::deserialize(stored)
            .map_err(|error| format!("the item of the look-up cannot be read: {error}"))?;
        let Stored { item: name, url, tag, depth, fields } = stored;
        let item = types.iter().find(|item| item.name() == name);
        let item = item.ok_or_else(|| format!("the spider has no item type {name:?} any more"))?;
        let record = record_of(item, &Json::Object(fields))
            .map_err(|problem| format!("the item of the look-up cannot be read: {problem}"))?;
        Ok(Self { record, url, tag, depth })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_spider::item_type::ColumnType;

    #[test]
    fn an_item_comes_back_as_it_was_sent() {
        let track = ItemType::builder("track")
            .with_column("title", ColumnType::Text)
            .with_nullable_column("price", ColumnType::Numeric)
            .with_nullable_column("isrc", ColumnType::Text)
            .with_key(["title"])
            .build()
            .unwrap();
        let values = vec!["a \"b\"".into(), dragline_spider::Value::Decimal("1.50".parse().unwrap())];
        let values = values.into_iter().chain([dragline_spider::Value::Null]).collect();
        let carried = CarriedItem {
            record: ItemRecord { item_type: track.clone(), values },
            url: "https://mix.example/1".to_owned(),
            tag: "mix".to_owned(),
            depth: 2,
        };
        let plain = Request::get("https://api.example/").unwrap().with_meta("own", 1);
        let request = carried.put_into(plain.clone());
        assert_eq!(request.meta()["own"], 1);
        assert_eq!(CarriedItem::of(&request, std::slice::from_ref(&track)), Ok(carried));
        assert_eq!(
            CarriedItem::of(&request, &[]).unwrap_err(),
            "the spider has no item type \"track\" any more"
        );
        assert_eq!(CarriedItem::of(&plain, &[track]).unwrap_err(), "the look-up carries no item");
        let other = ItemType::builder("track").with_column("title", ColumnType::Text).build().unwrap();
        let error = CarriedItem::of(&request, &[other]).unwrap_err();
        assert!(error.contains("the item type track has no column \"price\" any more"), "{error}");
    }
}
