//! How a comparison is written: as text, as JSON lines or as CSV.

use std::fmt::Write as _;
use std::io::{self, Write};

use dragline_core::diff::{RowChange, RowFields};
use dragline_core::{ItemType, program};
use serde_json::{Map, Value as Json, json};

use super::is_for_people;
use crate::arguments::DiffFormat;

/// How many characters of a value people see.
const SHOWN_CHARS: usize = 60;

/// How many rows differ.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    new: u64,
    changed: u64,
    gone: u64,
}

impl Counts {
    pub(super) fn add(&mut self, change: &RowChange) {
        match change {
            RowChange::New(_) => self.new += 1,
            RowChange::Changed { .. } => self.changed += 1,
            RowChange::Gone(_) => self.gone += 1,
        }
    }

    pub(super) fn all(self) -> u64 {
        self.new + self.changed + self.gone
    }
}

/// Writes a comparison.
pub(super) struct Output<W: Write> {
    to: W,
    format: DiffFormat,
    has_header: bool,
}

/// A row that differs, with both of its sides.
struct Sides<'a> {
    kind: &'static str,
    before: Option<&'a RowFields>,
    after: Option<&'a RowFields>,
}

impl<'a> Sides<'a> {
    fn of(change: &'a RowChange) -> Self {
        match change {
            RowChange::New(row) => Self { kind: "new", before: None, after: Some(row) },
            RowChange::Changed { before, after } => {
                Self { kind: "changed", before: Some(before), after: Some(after) }
            }
            RowChange::Gone(row) => Self { kind: "gone", before: Some(row), after: None },
        }
    }

    fn key(&self, item: &ItemType) -> Vec<(String, Json)> {
        let row = self.before.or(self.after);
        let value = |name: &String| row.and_then(|row| row.get(name)).cloned().unwrap_or_default();
        item.key().iter().map(|name| (name.clone(), value(name))).collect()
    }

    /// The columns outside of the key that differ, in the order of the item. All of them if the row is only on one side.
    fn columns<'i>(&self, item: &'i ItemType) -> impl Iterator<Item = &'i str> {
        let names = item.columns().iter().map(|column| column.name.as_str());
        let (before, after) = (self.before, self.after);
        names.filter(move |name| {
            !item.is_key_column(name)
                && before.zip(after).is_none_or(|(before, after)| before.get(*name) != after.get(*name))
        })
    }
}

impl<W: Write> Output<W> {
    pub(super) fn new(format: DiffFormat, to: W) -> Self {
        Self { to, format, has_header: false }
    }

    /// Says what is compared, to people.
    pub(super) fn title(&mut self, title: &str) -> io::Result<()> {
        if is_for_people(self.format) { writeln!(self.to, "{title}") } else { Ok(()) }
    }

    /// Says what is not known. Programs get only rows, so there it goes to the log.
    pub(super) fn note(&mut self, note: &str) -> io::Result<()> {
        if is_for_people(self.format) {
            return writeln!(self.to, "note: {}", program::with_own_commands(note));
        }
        tracing::warn!("{note}");
        Ok(())
    }

    /// Counts the rows of a type, for people.
    pub(super) fn end_of_type(
        &mut self,
        item: &ItemType,
        counts: Counts,
        knows_gone: bool,
    ) -> io::Result<()> {
        if !is_for_people(self.format) {
            return Ok(());
        }
        let Counts { new, changed, gone } = counts;
        let (new, changed) = if item.keeps_history() {
            (new.to_string(), changed.to_string())
        } else {
            ("?".to_owned(), "?".to_owned())
        };
        let gone = if knows_gone && item.is_keyed() { gone.to_string() } else { "?".to_owned() };
        writeln!(self.to, "{}: {new} new, {changed} changed, {gone} gone", item.name())
    }

    pub(super) fn change(&mut self, item: &ItemType, change: &RowChange) -> io::Result<()> {
        let sides = Sides::of(change);
        match self.format {
            DiffFormat::Text => self.text(item, &sides),
            DiffFormat::Jsonl => self.json(item, &sides),
            DiffFormat::Csv => self.csv(item, &sides),
        }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        // A reader of CSV expects the header even without rows.
        if self.format == DiffFormat::Csv {
            self.header()?;
        }
        self.to.flush()
    }

    fn text(&mut self, item: &ItemType, sides: &Sides<'_>) -> io::Result<()> {
        let mut line = format!("{:<8} {}", sides.kind, item.name());
        for (name, value) in sides.key(item) {
            // Writing to a String cannot fail.
            let _ = write!(line, " {name}={}", shown(Some(&value)));
        }
        for name in sides.columns(item) {
            let side = |row: Option<&RowFields>| shown(row.and_then(|row| row.get(name)));
            let _ = match (sides.before, sides.after) {
                (Some(_), Some(_)) => {
                    write!(line, "  {name}: {} -> {}", side(sides.before), side(sides.after))
                }
                (before, after) => write!(line, "  {name}: {}", side(before.or(after))),
            };
        }
        writeln!(self.to, "{}", dragline_runtime::shown(&line))
    }

    fn json(&mut self, item: &ItemType, sides: &Sides<'_>) -> io::Result<()> {
        let mut line = Map::new();
        line.insert("_type".to_owned(), item.name().into());
        line.insert("_change".to_owned(), sides.kind.into());
        line.insert("key".to_owned(), Json::Object(sides.key(item).into_iter().collect()));
        if let Some(before) = sides.before {
            line.insert("before".to_owned(), json!(before));
        }
        if let Some(after) = sides.after {
            line.insert("after".to_owned(), json!(after));
        }
        if sides.before.is_some() && sides.after.is_some() {
            line.insert("changed".to_owned(), sides.columns(item).collect());
        }
        serde_json::to_writer(&mut self.to, &line)?;
        self.to.write_all(b"\n")
    }

    fn header(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.has_header, true) {
            return Ok(());
        }
        self.to.write_all(b"type,change,key,column,before,after\n")
    }

    fn csv(&mut self, item: &ItemType, sides: &Sides<'_>) -> io::Result<()> {
        self.header()?;
        let key = sides.key(item);
        let key = match key.as_slice() {
            [(_, value)] => plain(Some(value)),
            several => {
                Json::from(several.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>()).to_string()
            }
        };
        let mut writer = csv::Writer::from_writer(&mut self.to);
        let mut columns: Vec<&str> = sides.columns(item).collect();
        if columns.is_empty() {
            // An item that is only a key has one line all the same.
            columns.push("");
        }
        for name in columns {
            let side = |row: Option<&RowFields>| plain(row.and_then(|row| row.get(name)));
            writer.write_record([
                item.name(),
                sides.kind,
                &key,
                name,
                &side(sides.before),
                &side(sides.after),
            ])?;
        }
        writer.flush()
    }
}

/// A value as a CSV file of rows has it.
fn plain(value: Option<&Json>) -> String {
    match value {
        None | Some(Json::Null) => String::new(),
        Some(Json::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// A value for people.
fn shown(value: Option<&Json>) -> String {
    let text = value.map_or_else(|| "null".to_owned(), Json::to_string);
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
