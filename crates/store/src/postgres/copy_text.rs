//! The text format of COPY (`PostgreSQL` manual, "COPY", File Formats, Text Format).
//!
//! This uses text and not binary. The server then reads each field with the input function of its column. So the
//! same row fits `text`, `varchar(20)`, `numeric(10,2)` or a domain, and each column applies its own rule.

use std::fmt::{Display, Write as _};

use bytes::Bytes;
use dragline_core::Value;
use dragline_core::value::{decimal_text, timestamp_text, unsigned_zero};

use crate::columns::hex;

/// Rows on their way into a COPY.
#[derive(Debug, Default)]
pub(super) struct CopyText {
    text: String,
    row_has_field: bool,
}

impl CopyText {
    /// A field whose text needs no escape: a number, a boolean, or one of our own names.
    pub(super) fn plain(&mut self, value: impl Display) {
        self.begin_field();
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{value}");
    }

    /// A field of any text.
    pub(super) fn text(&mut self, value: &str) {
        self.begin_field();
        escape(value, &mut self.text);
    }

    /// An absent field.
    pub(super) fn null(&mut self) {
        self.begin_field();
        self.text.push_str("\\N");
    }

    /// A field that may be absent.
    pub(super) fn optional(&mut self, value: Option<&str>) {
        match value {
            Some(text) => self.text(text),
            None => self.null(),
        }
    }

    /// A `bytea`.
    pub(super) fn bytes(&mut self, value: &[u8]) {
        self.begin_field();
        self.text.push_str("\\\\x");
        hex(value, &mut self.text);
    }

    /// An item's field.
    pub(super) fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.null(),
            Value::Text(text) => self.text(text),
            Value::Int(number) => self.plain(number),
            // The shortest text that reads back as the same float.
            Value::Float(number) => self.plain(format_args!("{:?}", unsigned_zero(*number))),
            Value::Bool(truth) => self.plain(truth),
            Value::Decimal(number) => self.plain(decimal_text(number)),
            Value::Date(date) => self.plain(date),
            Value::Timestamp(moment) => self.text(&timestamp_text(moment)),
            Value::TextList(texts) => self.text(&array_literal(texts)),
            Value::Json(json) => self.text(&json.to_string()),
        }
    }

    /// Ends the row.
    pub(super) fn end_row(&mut self) {
        self.text.push('\n');
        self.row_has_field = false;
    }

    /// Whether there is nothing to copy.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// All rows.
    pub(super) fn into_bytes(self) -> Bytes {
        Bytes::from(self.text)
    }

    fn begin_field(&mut self) {
        if self.row_has_field {
            self.text.push('\t');
        }
        self.row_has_field = true;
    }
}

/// Replaces NUL characters, because Postgres cannot store them. Items with a NUL were refused before.
fn escape(value: &str, out: &mut String) {
    let mut rest = value;
    // In UTF-8, none of these bytes is ever part of another character.
    let is_special = |byte: u8| matches!(byte, b'\\' | b'\t' | b'\n' | b'\r' | b'\0');
    while let Some(at) = rest.bytes().position(is_special) {
        out.push_str(&rest[..at]);
        out.push_str(match rest.as_bytes()[at] {
            b'\t' => "\\t",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\0' => "\u{fffd}",
            _ => "\\\\",
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

/// Writes `{"a","b"}`. Every element is quoted, so `NULL`, braces and commas count as text.
fn array_literal(texts: &[String]) -> String {
    let mut literal = String::from("{");
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            literal.push(',');
        }
        literal.push('"');
        for character in text.chars() {
            if matches!(character, '"' | '\\') {
                literal.push('\\');
            }
            literal.push(character);
        }
        literal.push('"');
    }
    literal.push('}');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(fill: impl FnOnce(&mut CopyText)) -> String {
        let mut copy = CopyText::default();
        fill(&mut copy);
        copy.end_row();
        String::from_utf8(copy.into_bytes().to_vec()).unwrap()
    }

    #[test]
    fn what_would_end_a_field_or_a_row_is_escaped() {
        assert_eq!(copied(|copy| copy.text("a\tb\nc\rd\\e")), "a\\tb\\nc\\rd\\\\e\n");
        assert_eq!(copied(|copy| copy.text("\\.")), "\\\\.\n");
        assert_eq!(copied(|copy| copy.text("\\N")), "\\\\N\n");
        assert_eq!(copied(|copy| copy.text("")), "\n");
        assert_eq!(copied(|copy| copy.text("a\0")), "a\u{fffd}\n");
        assert_eq!(copied(|copy| copy.text("zwölf €")), "zwölf €\n");
    }

    #[test]
    fn fields_are_kept_apart() {
        let row = copied(|copy| {
            copy.text("");
            copy.null();
            copy.bytes(&[0, 0xff]);
            copy.optional(None);
            copy.plain(7);
        });
        assert_eq!(row, "\t\\N\t\\\\x00ff\t\\N\t7\n");
    }

    #[test]
    fn values_have_the_text_that_the_server_reads_back() {
        let of = |value: Value| copied(|copy| copy.value(&value));
        assert_eq!(of(Value::Null), "\\N\n");
        assert_eq!(of(Value::Float(0.1)), "0.1\n");
        assert_eq!(of(Value::Float(1e300)), "1e300\n");
        assert_eq!(of(Value::Decimal("51.770".parse().unwrap())), "51.770\n");
        assert_eq!(of(Value::Bool(true)), "true\n");
        assert_eq!(
            of(Value::TextList(vec!["a,b".into(), "\"}\\".into(), "NULL".into(), String::new()])),
            "{\"a,b\",\"\\\\\"}\\\\\\\\\",\"NULL\",\"\"}\n"
        );
        assert_eq!(of(Value::Json(serde_json::json!({"a": "\n"}))), "{\"a\":\"\\\\n\"}\n");
    }
}
