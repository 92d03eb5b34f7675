//! One line of the log, as text for people and as one JSON object for machines.
//!
//! Both forms are safe against what sites send. Control characters are escaped, and long texts are cut. In the
//! text form, the further lines of a message are indented, so a line that isn't indented always begins with a
//! time stamp.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::OnceLock;

use chrono::{DateTime, SecondsFormat, Utc};
use dragline_core::counted::counted;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;

use crate::shown::shown;
use crate::visible::is_obeyed;

/// Maximum bytes of a message or of a field's value. The rest is cut.
const MAX_TEXT_BYTES: usize = 16 << 10;
/// The keys of a JSON line that an event must not use.
const RESERVED: [&str; 5] = ["ts", "level", "target", "message", "pid"];
/// Keys that every line has. An event may set them itself if the process doesn't know them.
pub(super) const ABOUT: [&str; 3] = ["run", "run_id", "spider"];

/// A line of the log.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) at: DateTime<Utc>,
    pub(crate) level: &'static str,
    pub(crate) target: Cow<'static, str>,
    pub(crate) message: String,
    /// The event's own fields come before those of its spans, innermost first. If two have the same name, the
    /// first counts.
    pub(crate) fields: Vec<(&'static str, Value)>,
}

/// What all lines of a process have in common, as far as it is known.
#[derive(Debug, Default)]
pub(crate) struct About {
    pub(crate) spider: OnceLock<String>,
    pub(crate) run: OnceLock<String>,
    pub(crate) run_id: OnceLock<i64>,
}

/// The form of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text { colours: bool },
    Json,
}

impl Line {
    /// A line from Dragline itself, with the current time.
    pub(crate) fn now(level: &'static str, message: impl Into<String>) -> Self {
        Self {
            at: Utc::now(),
            level,
            target: Cow::Borrowed("dragline"),
            message: cut(message.into()),
            fields: Vec::new(),
        }
    }

    /// Adds a field, unless the line already has one of this name.
    pub(crate) fn add(&mut self, name: &'static str, value: Value) {
        if self.fields.iter().all(|(known, _)| *known != name) {
            self.fields.push((name, value));
        }
    }

    /// The line with its line end, without secrets.
    pub(crate) fn render(&self, form: Form, about: &About) -> Vec<u8> {
        let shown = self.shown();
        match form {
            Form::Text { colours } => shown.text(colours).into_bytes(),
            Form::Json => shown.json(about),
        }
    }

    fn shown(&self) -> Self {
        let text = |value: &Value| match value {
            Value::String(text) => Value::String(shown(text).into_owned()),
            // A list, such as arguments, is logged as a text.
            other => other.clone(),
        };
        Self {
            message: shown(&self.message).into_owned(),
            fields: self.fields.iter().map(|(name, value)| (*name, text(value))).collect(),
            ..self.clone()
        }
    }

    fn json(&self, about: &About) -> Vec<u8> {
        // Maps with text keys and JSON values: this cannot fail.
        let mut line = serde_json::to_vec(&Object { line: self, about }).unwrap_or_default();
        line.push(b'\n');
        line
    }

    fn text(&self, colours: bool) -> String {
        let paint = if colours { Paint::COLOURS } else { Paint::NONE };
        let at = self.at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let (dim, level_colour, off) = (paint.dim, paint.level(self.level), paint.off);
        let mut text = format!("{dim}{at}{off} {level_colour}{:>5}{off} ", self.level);
        push_message(&mut text, &self.message);
        for (name, value) in &self.fields {
            let _ = write!(text, " {dim}{name}={off}");
            match value {
                Value::String(value) => push_value(&mut text, value),
                value => push_value(&mut text, &value.to_string()),
            }
        }
        text.push('\n');
        text
    }
}

/// A line as flat JSON: first the keys that every line has, then its fields.
struct Object<'a> {
    line: &'a Line,
    about: &'a About,
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self { line, about } = self;
        let own = |name: &str| line.fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("ts", &line.at.to_rfc3339_opts(SecondsFormat::Micros, true))?;
        map.serialize_entry("level", line.level)?;
        map.serialize_entry("target", &line.target)?;
        map.serialize_entry("message", &line.message)?;
        map.serialize_entry("pid", &std::process::id())?;
        let mut known = |name: &'static str, value: Option<Value>| {
            map.serialize_entry(name, &own(name).cloned().or(value).unwrap_or(Value::Null))
        };
        known("spider", about.spider.get().map(|name| Value::from(name.as_str())))?;
        known("run", about.run.get().map(|name| Value::from(name.as_str())))?;
        known("run_id", about.run_id.get().map(|id| Value::from(*id)))?;
        for (name, value) in &line.fields {
            if RESERVED.contains(name) {
                map.serialize_entry(&format!("{name}_"), value)?;
            } else if !ABOUT.contains(name) {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}

/// Escape sequences for a terminal. Without a terminal, they are empty.
struct Paint {
    dim: &'static str,
    off: &'static str,
    levels: [(&'static str, &'static str); 6],
}

impl Paint {
    const NONE: Self = Self { dim: "", off: "", levels: [("", ""); 6] };
    const COLOURS: Self = Self {
        dim: "\x1b[2m",
        off: "\x1b[0m",
        levels: [
            ("TRACE", "\x1b[35m"),
            ("DEBUG", "\x1b[34m"),
            ("INFO", "\x1b[32m"),
            ("WARN", "\x1b[33m"),
            ("ERROR", "\x1b[31m"),
            ("CRITICAL", "\x1b[1;31m"),
        ],
    };

    fn level(&self, level: &str) -> &'static str {
        self.levels.iter().find(|(name, _)| *name == level).map_or("", |(_, colour)| colour)
    }
}

/// Cuts a text that is too long for the log.
pub(crate) fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT_BYTES {
        let end = (0..=MAX_TEXT_BYTES).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        let more = text.len() - end;
        text.truncate(end);
        let _ = write!(text, "… ({} more)", counted(more, "byte"));
    }
    text
}

fn push_message(text: &mut String, message: &str) {
    for (number, line) in message.trim_end().split('\n').enumerate() {
        if number > 0 {
            text.push('\n');
            if !line.starts_with(' ') {
                text.push_str("  ");
            }
        }
        push_escaped(text, line);
    }
}

/// Writes a value as it is if that is unambiguous, and otherwise in quotes.
fn push_value(text: &mut String, value: &str) {
    let is_plain =
        !value.is_empty() && value.chars().all(|c| !c.is_whitespace() && !is_obeyed(c) && c != '"');
    if is_plain {
        text.push_str(value);
    } else {
        text.push('"');
        push_escaped(text, &value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"));
        text.push('"');
    }
}

fn push_escaped(text: &mut String, part: &str) {
    for c in part.chars() {
        match c {
            '\t' => text.push(c),
            c if c == '\n' || is_obeyed(c) => text.extend(c.escape_default()),
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(message: &str, fields: &[(&'static str, Value)]) -> Line {
        let mut line = Line::now("WARN", message);
        for (name, value) in fields {
            line.add(name, value.clone());
        }
        line
    }

    fn text(line: &Line) -> String {
        String::from_utf8(line.render(Form::Text { colours: false }, &About::default())).unwrap()
    }

    #[test]
    fn json_is_one_flat_object_a_line_with_what_every_line_has() {
        let about = About::default();
        about.spider.set("quotes".to_owned()).unwrap();
        let said =
            line("one\ntwo \u{1b}[31m", &[("url", json!("http://a/")), ("level", json!(7)), ("n", json!(3))]);
        let bytes = said.render(Form::Json, &about);
        assert_eq!(bytes.split(|byte| *byte == b'\n').filter(|part| !part.is_empty()).count(), 1);
        let object: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(object["message"], "one\ntwo \u{1b}[31m");
        assert_eq!((&object["level"], &object["level_"]), (&json!("WARN"), &json!(7)));
        assert_eq!((&object["spider"], &object["run"]), (&json!("quotes"), &Value::Null));
        assert_eq!((&object["n"], &object["pid"]), (&json!(3), &json!(std::process::id())));
        assert!(DateTime::parse_from_rfc3339(object["ts"].as_str().unwrap()).is_ok());
    }

    #[test]
    fn a_field_of_the_event_goes_before_that_of_a_span_and_of_the_process() {
        let about = About::default();
        about.run.set("nightly".to_owned()).unwrap();
        let said = line("x", &[("run", json!("other")), ("url", json!("inner")), ("url", json!("outer"))]);
        let object: Value = serde_json::from_slice(&said.render(Form::Json, &about)).unwrap();
        assert_eq!((&object["run"], &object["url"]), (&json!("other"), &json!("inner")));
    }

    #[test]
    fn no_line_has_a_secret_in_either_form() {
        let said = line(
            "no route to postgres://me:hunter2@db/x",
            &[("url", json!("http://a.example/?token=hunter2")), ("hint", json!("Bearer hunter2"))],
        );
        for form in [Form::Text { colours: true }, Form::Json] {
            let bytes = said.render(form, &About::default());
            let text = String::from_utf8(bytes).unwrap();
            assert!(!text.contains("hunter2") && text.contains("postgres://me:***@db/x"), "{text}");
        }
    }

    #[test]
    fn what_a_site_sends_cannot_look_like_a_line_of_its_own() {
        let said = text(&line(
            "first\n2026-01-01T00:00:00Z ERROR forged \u{1b}[2J",
            &[("error", json!("a\n2026 \"b\"\u{7}"))],
        ));
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(lines.len(), 2, "{said}");
        assert!(lines[1].starts_with("  2026") && lines[1].contains("\\u{1b}[2J"), "{said}");
        assert!(lines[1].ends_with(r#"error="a\n2026 \"b\"\u{7}""#), "{said}");
    }

    #[test]
    fn a_text_that_is_too_long_is_cut_between_characters() {
        let long = cut("ä".repeat(MAX_TEXT_BYTES));
        assert!(long.len() < MAX_TEXT_BYTES + 40 && long.ends_with("bytes more)"), "{}", long.len());
        assert_eq!(cut("short".to_owned()), "short");
    }
}
