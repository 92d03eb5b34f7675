//! Replaces NUL characters, which Postgres cannot store in a text.
//!
//! This is a setting (`--replace-nul`), because it changes what the spider found. Without it, an item with a NUL becomes
//! a dead letter: somebody looks at it and decides.

use dragline_core::outcome::clean;
use dragline_core::serde_json::Value as Json;
use dragline_core::value::json_has_nul;
use dragline_core::{ItemOrigin, ItemPipeline, ItemRecord, Value, Verdict};

/// Replaces each NUL character by U+FFFD, the replacement character.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReplaceNul;

impl ItemPipeline for ReplaceNul {
    fn name(&self) -> &str {
        "replace-nul"
    }

    fn process(&self, mut record: ItemRecord, _origin: &ItemOrigin<'_>) -> Verdict {
        for value in &mut record.values {
            match value {
                Value::Text(text) => replace(text),
                Value::TextList(texts) => texts.iter_mut().for_each(replace),
                Value::Json(json) if json_has_nul(json) => replace_in(json),
                _ => {}
            }
        }
        Verdict::Keep(record)
    }
}

fn replace(text: &mut String) {
    if text.contains('\0') {
        *text = clean(text);
    }
}

fn replace_in(json: &mut Json) {
    match json {
        Json::String(text) => replace(text),
        Json::Array(list) => list.iter_mut().for_each(replace_in),
        Json::Object(map) => {
            map.values_mut().for_each(replace_in);
            *map = std::mem::take(map).into_iter().map(|(name, value)| (clean(&name), value)).collect();
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::serde_json::json;
    use dragline_core::{ColumnType, ItemType};

    #[test]
    fn every_text_loses_its_nul_characters_and_nothing_else() {
        let item_type = ItemType::builder("note").with_column("any", ColumnType::Json).build().unwrap();
        for (found, kept) in [
            (Value::from("a\0b\0"), Value::from("a\u{fffd}b\u{fffd}")),
            (Value::from("as it is\n"), Value::from("as it is\n")),
            (Value::TextList(vec!["\0".into()]), Value::TextList(vec!["\u{fffd}".into()])),
            (
                Value::Json(json!({"k\0": [1, {"x": "\0"}]})),
                Value::Json(json!({"k\u{fffd}": [1, {"x": "\u{fffd}"}]})),
            ),
            (Value::Int(0), Value::Int(0)),
        ] {
            let record = |value| ItemRecord { item_type: item_type.clone(), values: vec![value] };
            assert_eq!(
                ReplaceNul.process(record(found), &ItemOrigin::new("")),
                Verdict::Keep(record(kept.clone()))
            );
            assert_eq!(kept.refusal(), None);
        }
    }
}
