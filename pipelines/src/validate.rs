//! Holds back items whose key is empty.
//!
//! An empty key usually means that the site has changed. All such items would have the same key, so each would
//! overwrite the one before. They become dead letters, where somebody sees them. Their pages and the other items are
//! not affected.

use dragline_core::{ItemOrigin, ItemPipeline, ItemRecord, Value, Verdict};

/// Quarantines items with an empty text in their key.
///
/// It comes after [`Normalize`](crate::normalize::Normalize), so a text of white space counts as empty too.
#[derive(Clone, Copy, Debug, Default)]
pub struct Validate;

impl ItemPipeline for Validate {
    fn name(&self) -> &str {
        "validate"
    }

    fn process(&self, record: ItemRecord, _origin: &ItemOrigin<'_>) -> Verdict {
        match empty_key(&record) {
            None => Verdict::Keep(record),
            Some(column) => {
                let name = record.item_type.name();
                let reason = format!("{name}.{column} is empty, and it is part of the key");
                Verdict::quarantine(record, reason)
            }
        }
    }
}

fn empty_key(record: &ItemRecord) -> Option<&str> {
    let is_empty = |column: &&str| match record.get(column) {
        Some(Value::Text(text)) => text.is_empty(),
        Some(Value::Null) | None => true,
        Some(_) => false,
    };
    let keyed = record.item_type.key().iter().map(String::as_str).find(is_empty);
    keyed.or_else(|| record.empty_id_part())
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::{ColumnType, ItemType};

    fn offer(shop: &str, note: Value) -> ItemRecord {
        let item_type = ItemType::builder("offer")
            .with_column("shop", ColumnType::Text)
            .with_column("number", ColumnType::Integer)
            .with_nullable_column("note", ColumnType::Text)
            .with_key(["shop", "number"])
            .build()
            .unwrap();
        ItemRecord { item_type, values: vec![Value::Text(shop.to_owned()), Value::Int(0), note] }
    }

    #[test]
    fn a_whole_key_is_kept_whatever_the_other_fields_are() {
        for note in [Value::Null, Value::Text(String::new())] {
            let record = offer("corner", note);
            assert_eq!(Validate.process(record.clone(), &ItemOrigin::new("")), Verdict::Keep(record));
        }
    }

    #[test]
    fn an_empty_key_is_quarantined_and_named() {
        let record = offer("", Value::Null);
        assert_eq!(
            Validate.process(record.clone(), &ItemOrigin::new("")),
            Verdict::quarantine(record, "offer.shop is empty, and it is part of the key")
        );
    }
}
