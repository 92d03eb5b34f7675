//! Normalizes text, so that the same words found twice give the same key and the same row.
//!
//! Line ends become `\n`, and white space at both ends is removed. The inside of a text stays as the spider found it: a
//! poem keeps its lines. JSON is not changed, because only the spider knows what white space means in it.

use dragline_core::{ItemOrigin, ItemPipeline, ItemRecord, Value, Verdict};

/// Trims texts and unifies their line ends.
///
/// ```
/// use dragline_core::{ColumnType, ItemOrigin, ItemPipeline, ItemRecord, ItemType, Value, Verdict};
/// use dragline_pipelines::normalize::Normalize;
///
/// let item_type = ItemType::builder("page").with_column("title", ColumnType::Text).build().unwrap();
/// let found = ItemRecord { item_type, values: vec![Value::Text("  Two\r\nlines\n".to_owned())] };
/// let origin = ItemOrigin::new("https://example.com/");
/// let Verdict::Keep(kept) = Normalize.process(found, &origin) else { panic!("it keeps all items") };
/// assert_eq!(kept.get("title"), Some(&Value::Text("Two\nlines".to_owned())));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Normalize;

impl ItemPipeline for Normalize {
    fn name(&self) -> &str {
        "normalize"
    }

    fn process(&self, mut record: ItemRecord, _origin: &ItemOrigin<'_>) -> Verdict {
        for value in &mut record.values {
            match value {
                Value::Text(text) => normalize(text),
                Value::TextList(texts) => texts.iter_mut().for_each(normalize),
                _ => {}
            }
        }
        Verdict::Keep(record)
    }
}

/// Most texts are normal already and are not copied.
fn normalize(text: &mut String) {
    if text.contains('\r') {
        *text = text.replace("\r\n", "\n").replace('\r', "\n");
    }
    let trimmed = text.trim();
    if trimmed.len() < text.len() {
        *text = trimmed.to_owned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalized(text: &str) -> String {
        let mut text = text.to_owned();
        normalize(&mut text);
        text
    }

    #[test]
    fn line_ends_meet_and_ends_are_trimmed() {
        assert_eq!(normalized("\u{a0} a\r\nb\rc\n"), "a\nb\nc");
        assert_eq!(normalized("as  it\tis"), "as  it\tis");
        assert_eq!(normalized(" \r\n"), "");
    }
}
