//! How large an item may be. A larger one is refused before it comes near a store, the same way for all stores.
//!
//! The limit is on the length as JSON, because a text of control characters is six times as long there. The length is computed
//! without writing the JSON.

use std::io;

use serde::Serialize;

use crate::item::ItemRecord;

/// A byte of a text becomes at most this many bytes of JSON: `\u0001`.
const JSON_TIMES: usize = 6;

/// The largest items that are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemLimits {
    /// All fields of an item together, as JSON.
    pub max_item_bytes: usize,
    /// One field, as JSON.
    pub max_field_bytes: usize,
}

impl Default for ItemLimits {
    fn default() -> Self {
        Self { max_item_bytes: 32 << 20, max_field_bytes: 16 << 20 }
    }
}

impl ItemLimits {
    /// Why the item is too large, or `None` if it is not.
    pub fn refusal(&self, record: &ItemRecord) -> Option<String> {
        // This decides about nearly every item.
        if record.size().saturating_mul(JSON_TIMES) <= self.max_item_bytes.min(self.max_field_bytes) {
            return None;
        }
        let name = record.item_type.name();
        let columns = record.item_type.columns().iter().zip(&record.values);
        let large = columns.map(|(column, value)| (column, json_bytes(value)));
        if let Some((column, bytes)) = large.into_iter().find(|(_, bytes)| *bytes > self.max_field_bytes) {
            let limit = self.max_field_bytes;
            let column = &column.name;
            return Some(format!(
                "{name}.{column} has {bytes} bytes as JSON, and the limit is {limit} (max_field)"
            ));
        }
        let (bytes, limit) = (record.json_bytes(), self.max_item_bytes);
        (bytes > limit)
            .then(|| format!("{name} has {bytes} bytes as JSON, and the limit is {limit} (max_item)"))
    }
}

/// The length of a value as JSON.
pub(crate) fn json_bytes(value: &impl Serialize) -> usize {
    let mut counter = Counter(0);
    // Nothing fails here: every value can be expressed, and the writer only counts.
    let _ = serde_json::to_writer(&mut counter, value);
    counter.0
}

/// Counts what is written.
struct Counter(usize);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item_type::{ColumnType, ItemType};
    use crate::value::Value;

    #[test]
    fn what_counts_is_the_length_as_json() {
        let note = ItemType::builder("note")
            .with_column("one", ColumnType::Text)
            .with_nullable_column("two", ColumnType::Json)
            .build()
            .unwrap();
        let limits = ItemLimits { max_item_bytes: 3_000, max_field_bytes: 2_000 };
        let refusal = |one: String, two: Value| {
            let record = ItemRecord { item_type: note.clone(), values: vec![Value::Text(one), two] };
            assert_eq!(record.json_bytes(), record.json_text().len());
            limits.refusal(&record)
        };
        let json = |bytes: usize| Value::Json(serde_json::json!("x".repeat(bytes)));
        assert_eq!(refusal("x".repeat(1_998), Value::Null), None);
        for (one, bytes) in
            [("x".repeat(1_999), 2_001), ("\\".repeat(1_000), 2_002), ("\u{1}".repeat(334), 2_006)]
        {
            let expected = format!("note.one has {bytes} bytes as JSON, and the limit is 2000 (max_field)");
            assert_eq!(refusal(one, Value::Null), Some(expected));
        }
        assert!(refusal(String::new(), json(1_999)).unwrap().starts_with("note.two has 2001 bytes"));
        // {"one":"…","two":"…"}
        assert_eq!(refusal("x".repeat(1_500), json(1_481)), None);
        let expected = "note has 3001 bytes as JSON, and the limit is 3000 (max_item)";
        assert_eq!(refusal("x".repeat(1_500), json(1_482)).as_deref(), Some(expected));
    }
}
