//! The text format of COPY (`PostgreSQL` manual, "COPY", File Formats, Text Format).
//!
//! This uses text and not binary. The server then reads each field with the input function of its column. So the
//! same row fits `text`, `varchar(20)`, `numeric(10,2)` or a domain, and each column applies its own rule.
//!
//! Everything is escaped while it is written, so a field is never in memory in two forms.

use std::fmt::Display;
use std::io::{self, BufWriter, Write};

use bytes::Bytes;
use dragline_core::Value;
use dragline_core::value::{decimal_text, timestamp_text, unsigned_zero};
use serde::Serialize;

use crate::columns::{COLLECTED_BYTES, hex};

/// Rows on their way into a COPY.
#[derive(Debug, Default)]
pub(super) struct CopyText {
    text: Vec<u8>,
    row_has_field: bool,
}

impl CopyText {
    /// A field whose text needs no escape: a number, a boolean, or one of our own names.
    pub(super) fn plain(&mut self, value: impl Display) {
        self.begin_field();
        // Writing to a Vec cannot fail.
        let _ = write!(self.text, "{value}");
    }

    /// A field of any text.
    pub(super) fn text(&mut self, value: &str) {
        self.begin_field();
        escape(value.as_bytes(), &mut self.text);
    }

    /// A field of text that `write` writes.
    pub(super) fn written<T>(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<T>,
    ) -> io::Result<T> {
        self.begin_field();
        write(&mut Escaped(&mut self.text))
    }

    /// A field of JSON.
    pub(super) fn json(&mut self, json: &impl Serialize) {
        // This fails only for a map whose keys are not strings, or for a type whose `Serialize` returns an error.
        let _ = self.written(|out| {
            let mut collected = BufWriter::with_capacity(COLLECTED_BYTES, out);
            serde_json::to_writer(&mut collected, json)?;
            collected.flush()
        });
    }

    /// An absent field.
    pub(super) fn null(&mut self) {
        self.begin_field();
        self.text.extend_from_slice(b"\\N");
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
        self.text.extend_from_slice(b"\\\\x");
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
            Value::TextList(texts) => {
                self.begin_field();
                array_literal(texts, &mut self.text);
            }
            Value::Uuid(id) => self.plain(id),
            Value::Json(json) => self.json(json),
        }
    }

    /// Ends the row.
    pub(super) fn end_row(&mut self) {
        self.text.push(b'\n');
        self.row_has_field = false;
    }

    /// How many bytes there are.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// The rows since the last call.
    pub(super) fn take(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.text))
    }

    fn begin_field(&mut self) {
        if self.row_has_field {
            self.text.push(b'\t');
        }
        self.row_has_field = true;
    }
}

/// Escapes what is written.
struct Escaped<'a>(&'a mut Vec<u8>);

impl Write for Escaped<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        escape(bytes, self.0);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Replaces NUL characters, because Postgres cannot store them. Items with a NUL were refused before.
fn escape(mut rest: &[u8], out: &mut Vec<u8>) {
    // In UTF-8, none of these bytes is ever part of another character.
    let is_special = |byte: &u8| matches!(byte, b'\\' | b'\t' | b'\n' | b'\r' | b'\0');
    while let Some(at) = rest.iter().position(is_special) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(match rest[at] {
            b'\t' => b"\\t",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\0' => "\u{fffd}".as_bytes(),
            _ => b"\\\\",
        });
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// Writes `{"a","b"}`. Every element is quoted, so `NULL`, braces and commas count as text.
fn array_literal(texts: &[String], out: &mut Vec<u8>) {
    out.push(b'{');
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.push(b'"');
        let mut rest = text.as_bytes();
        while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
            escape(&rest[..at], out);
            // The backslash of the literal is one in a field of COPY.
            out.extend_from_slice(b"\\\\");
            escape(&rest[at..=at], out);
            rest = &rest[at + 1..];
        }
        escape(rest, out);
        out.push(b'"');
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(fill: impl FnOnce(&mut CopyText)) -> String {
        let mut copy = CopyText::default();
        fill(&mut copy);
        copy.end_row();
        String::from_utf8(copy.take().to_vec()).unwrap()
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
        let long = "\\\u{1}é".repeat(COLLECTED_BYTES);
        let json = serde_json::json!({ "a": long });
        assert_eq!(of(Value::Json(json.clone())), of(Value::Text(json.to_string())));
    }
}
