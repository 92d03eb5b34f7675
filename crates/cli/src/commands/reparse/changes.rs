//! Counts the findings of a dry run, and shows them as text or as JSON lines.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use dragline_core::counted::counted;
use dragline_core::reparse::{ReparseCounts, ReparseOf, StoredRow};
use dragline_core::{Column, ColumnType, ItemRecord, ItemType, PageState, secrets};
use dragline_runtime::shown;
use serde_json::{Map, Value as Json, json};

use super::dry_run::ParsedPage;
use crate::arguments::DryRunFormat;
use crate::commands::print;
use crate::failed::Failed;

/// How many changes of each item type, and how many pages, the text shows.
const SHOWN: usize = 5;
/// How many characters of a value the text shows.
const SHOWN_CHARS: usize = 60;

/// See the module.
pub(super) struct Changes {
    format: DryRunFormat,
    types: BTreeMap<String, TypeChanges>,
    done: u64,
    failed: u64,
    other: u64,
    fail_now: PageList,
    done_now: PageList,
}

/// The rows of an item type.
#[derive(Default)]
struct TypeChanges {
    new: u64,
    changed: u64,
    same: u64,
    newer: u64,
    without_key: u64,
    columns: BTreeMap<String, u64>,
    shown: Vec<String>,
}

#[derive(Default)]
struct PageList {
    count: u64,
    shown: Vec<String>,
}

impl Changes {
    pub(super) fn new(format: DryRunFormat) -> Self {
        let (types, done_now, fail_now) = (BTreeMap::new(), PageList::default(), PageList::default());
        Self { format, types, done: 0, failed: 0, other: 0, fail_now, done_now }
    }

    /// This type was looked at.
    pub(super) fn is_there(&mut self, item: &ItemType) {
        self.of(item);
    }

    /// Counts items of a type without a key. They would replace the earlier ones of their pages.
    pub(super) fn without_key(&mut self, item: &ItemType, count: u64) {
        self.of(item).without_key += count;
    }

    /// An item with a key, and the row that is stored under its key. Its page was fetched by this run.
    pub(super) fn row(
        &mut self,
        item: &ItemType,
        run_id: i64,
        record: &ItemRecord,
        row: Option<StoredRow>,
    ) -> Result<(), Failed> {
        let after = match &row {
            Some(row) => row.after(record, run_id),
            None => record.to_json(),
        };
        let key: Map<String, Json> = item
            .key()
            .iter()
            .map(|name| (name.clone(), after.get(name).cloned().unwrap_or_default()))
            .collect();
        let Some(StoredRow { run_id: of_row, fields: before, .. }) = row else {
            let of = self.of(item);
            of.new += 1;
            of.show(|| format!("new      {}", key_text(&key)));
            return self.line(|| json!({ "change": "new", "item": item.name(), "key": key, "after": after }));
        };
        let differ: Vec<&Column> = item
            .columns()
            .iter()
            .filter(|column| !is_same(column.kind, before.get(&column.name), after.get(&column.name)))
            .collect();
        let of = self.of(item);
        if differ.is_empty() {
            of.same += 1;
            return Ok(());
        }
        if of_row > run_id {
            of.newer += 1;
            return Ok(());
        }
        of.changed += 1;
        let side =
            |row: &Map<String, Json>, column: &Column| row.get(&column.name).cloned().unwrap_or_default();
        for column in &differ {
            *of.columns.entry(column.name.clone()).or_default() += 1;
        }
        of.show(|| {
            let told = differ.iter().map(|column| {
                let (before, after) = (side(&before, column), side(&after, column));
                format!("{}: {} → {}", column.name, shortened(&before), shortened(&after))
            });
            format!("changed  {}  {}", key_text(&key), told.collect::<Vec<_>>().join(", "))
        });
        self.line(|| {
            let columns: Map<String, Json> = differ
                .iter()
                .map(|column| {
                    let sides = json!({ "before": side(&before, column), "after": side(&after, column) });
                    (column.name.clone(), sides)
                })
                .collect();
            json!({ "change": "changed", "item": item.name(), "key": key, "columns": columns })
        })
    }

    /// A page, by its state then and now.
    pub(super) fn page(&mut self, page: &ParsedPage) -> Result<(), Failed> {
        let ParsedPage { url, was, outcome, .. } = page;
        match outcome.state {
            PageState::Done => self.done += 1,
            PageState::Failed | PageState::Dead => self.failed += 1,
            PageState::Skipped => self.other += 1,
        }
        let (was_done, is_done) = (*was == PageState::Done, outcome.state == PageState::Done);
        if was_done == is_done {
            return Ok(());
        }
        let error = outcome.error.as_deref().unwrap_or_default();
        let (list, change) =
            if is_done { (&mut self.done_now, "done_now") } else { (&mut self.fail_now, "not_done_now") };
        list.add(|| if is_done { url.clone() } else { format!("{url}: {error}") });
        self.line(|| json!({ "change": change, "url": url, "was": was.as_str(), "is": outcome.state.as_str(), "error": outcome.error }))
    }

    /// Shows everything that was not shown yet.
    pub(super) fn finish(&self, counts: &ReparseCounts, of: ReparseOf) -> Result<(), Failed> {
        match self.format {
            DryRunFormat::Text => print(&shown(&self.text(counts, of))),
            DryRunFormat::Jsonl => self.line(|| self.summary(counts)),
        }
    }

    fn text(&self, counts: &ReparseCounts, of: ReparseOf) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name:<9} {value}");
        };
        line("dry run", "nothing was stored");
        let Self { done, failed, other, .. } = self;
        let parsed = counted(counts.pages, "page");
        line("pages", &format!("{parsed} parsed: done {done}, failed {failed}, skipped {other}"));
        if counts.not_kept > 0 && matches!(of, ReparseOf::Run(_)) {
            line("left out", &format!("{} of which nothing is kept", counted(counts.not_kept, "page")));
        }
        if counts.fetched_later > 0 {
            line(
                "left out",
                &format!("{} that a later run has fetched", counted(counts.fetched_later, "page")),
            );
        }
        for (name, list) in [("mended", &self.done_now), ("broken", &self.fail_now)] {
            if list.count > 0 {
                let what = if name == "mended" {
                    "that was not done is done now"
                } else {
                    "that was done is not done now"
                };
                let what = if list.count == 1 {
                    what.to_owned()
                } else {
                    what.replace("was", "were").replace(" is ", " are ")
                };
                line(name, &format!("{} {what}", counted(list.count, "page")));
                for page in &list.shown {
                    line("", page);
                }
            }
        }
        for (item, changes) in &self.types {
            let TypeChanges { new, changed, same, newer, without_key, columns, shown } = changes;
            if *without_key > 0 {
                let items = counted(*without_key, "item");
                line(item, &format!("{items} without a key, which would replace those of their pages"));
                continue;
            }
            let newer = if *newer > 0 { format!(", newer in the store {newer}") } else { String::new() };
            line(item, &format!("new {new}, changed {changed}, as they are {same}{newer}"));
            for (column, count) in columns {
                line("", &format!("{column}: {count} changed"));
            }
            for change in shown {
                line("", change);
            }
        }
        text
    }

    fn summary(&self, counts: &ReparseCounts) -> Json {
        let types: Map<String, Json> = self
            .types
            .iter()
            .map(|(name, of)| {
                let counts = json!({
                    "new": of.new,
                    "changed": of.changed,
                    "same": of.same,
                    "newer_in_store": of.newer,
                    "without_key": of.without_key,
                    "columns": of.columns,
                });
                (name.clone(), counts)
            })
            .collect();
        json!({
            "summary": {
                "pages": counts.pages,
                "done": self.done,
                "failed": self.failed,
                "skipped": self.other,
                "not_kept": counts.not_kept,
                "fetched_later": counts.fetched_later,
                "done_now": self.done_now.count,
                "not_done_now": self.fail_now.count,
                "items": types,
            }
        })
    }

    /// Prints a line, if the format has lines.
    fn line(&self, line: impl FnOnce() -> Json) -> Result<(), Failed> {
        if self.format != DryRunFormat::Jsonl {
            return Ok(());
        }
        let mut line = line();
        secrets::hide_in_json(&mut line);
        print(&format!("{line}\n"))
    }

    fn of(&mut self, item: &ItemType) -> &mut TypeChanges {
        self.types.entry(item.name().to_owned()).or_default()
    }
}

impl TypeChanges {
    fn show(&mut self, change: impl FnOnce() -> String) {
        if self.shown.len() < SHOWN {
            self.shown.push(change());
        }
    }
}

impl PageList {
    fn add(&mut self, page: impl FnOnce() -> String) {
        self.count += 1;
        if self.shown.len() < SHOWN {
            self.shown.push(page());
        }
    }
}

/// Whether a stored value is what the item has. A store may write the same number in another way.
fn is_same(kind: ColumnType, before: Option<&Json>, after: Option<&Json>) -> bool {
    let (before, after) = (before.unwrap_or(&Json::Null), after.unwrap_or(&Json::Null));
    match (before, after) {
        (Json::Number(one), Json::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Json::String(one), Json::String(other)) if kind == ColumnType::Numeric => {
            without_zeros(one) == without_zeros(other)
        }
        _ => before == after,
    }
}

/// A decimal number without zeros at its end.
fn without_zeros(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

fn key_text(key: &Map<String, Json>) -> String {
    key.values().map(shortened).collect::<Vec<_>>().join(" ")
}

fn shortened(value: &Json) -> String {
    let text = match value {
        Json::String(text) => text.replace('\n', " "),
        other => other.to_string(),
    };
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_written_in_another_way_is_the_same() {
        let same = |kind, before: Json, after: Json| is_same(kind, Some(&before), Some(&after));
        assert!(same(ColumnType::Double, json!(1), json!(1.0)));
        assert!(same(ColumnType::Numeric, json!("12.50"), json!("12.5")));
        assert!(!same(ColumnType::Numeric, json!("120"), json!("12")));
        assert!(!same(ColumnType::Text, json!("12.50"), json!("12.5")));
        assert!(is_same(ColumnType::Text, None, Some(&Json::Null)));
    }

    #[test]
    fn long_values_are_shortened() {
        assert_eq!(shortened(&json!("é".repeat(100))).chars().count(), SHOWN_CHARS + 1);
        assert_eq!(shortened(&json!("a\nb")), "a b");
    }
}
