//! What the columns of a run's rows hold, next to those of another run.

use std::collections::BTreeMap;

use dragline_core::item_figures::{ColumnFigures, FigureDrop, ItemFigures, percent};
use serde_json::{Map, Value as Json};

use crate::commands::table::table;
use crate::paint::Paint;

/// The table shows this much of a value.
const VALUE_CHARS: usize = 24;
/// A share that differs by less looks the same.
const SAME_SHARE: f64 = 0.0005;

/// The table, or an empty text if nothing is known about any column. A column that has lost values is in red.
pub(super) fn text(
    now: &ItemFigures,
    before: Option<&ItemFigures>,
    drops: &[FigureDrop],
    paint: Paint,
) -> String {
    let known: Vec<(&String, &String, &ColumnFigures, Option<&ColumnFigures>)> = now
        .iter()
        .flat_map(|(item, columns)| {
            columns.iter().map(move |(name, column)| (item, name, column, of(before, item, name)))
        })
        .collect();
    if known.is_empty() {
        return String::new();
    }
    let headings =
        ["item", "column", "filled", "before", "change", "distinct", "least", "greatest", "length"];
    let rows = known.iter().map(|(item, name, column, before)| row(item, name, column, *before));
    let table = table(headings, rows);
    let has_dropped = |item: &str, name: &str| {
        drops.iter().any(|drop| drop.item == item && drop.column.as_deref() == Some(name))
    };
    let mut lines = table.lines();
    let mut text = lines.next().map_or_else(String::new, |headings| format!("{headings}\n"));
    for (line, (item, name, ..)) in lines.zip(&known) {
        text.push_str(&if has_dropped(item, name) { paint.red(line) } else { line.to_owned() });
        text.push('\n');
    }
    text
}

fn of<'a>(figures: Option<&'a ItemFigures>, item: &str, name: &str) -> Option<&'a ColumnFigures> {
    figures?.get(item)?.get(name)
}

fn row(item: &str, name: &str, now: &ColumnFigures, before: Option<&ColumnFigures>) -> [String; 9] {
    let share = |figures: Option<&ColumnFigures>| {
        figures.and_then(ColumnFigures::filled_share).map_or_else(|| "-".to_owned(), percent)
    };
    let beside = |read: fn(&ColumnFigures) -> String| {
        let (now, before) = (read(now), before.map(read));
        match before {
            Some(before) if before != now => format!("{now} (was {before})"),
            _ => now,
        }
    };
    [
        item.to_owned(),
        name.to_owned(),
        share(Some(now)),
        share(before),
        change(now, before).map_or_else(|| "-".to_owned(), points),
        beside(distinct),
        beside(|column| value(column.least.as_ref())),
        beside(|column| value(column.greatest.as_ref())),
        beside(length),
    ]
}

/// By how much the share of filled values differs, if both are known.
fn change(now: &ColumnFigures, before: Option<&ColumnFigures>) -> Option<f64> {
    Some(now.filled_share()? - before?.filled_share()?)
}

/// Percentage points with their sign.
fn points(change: f64) -> String {
    if change.abs() < SAME_SHARE { "0".to_owned() } else { format!("{:+.1}", change * 100.0) }
}

fn distinct(column: &ColumnFigures) -> String {
    if column.is_sampled() {
        format!("{} in {} rows", column.distinct, column.sampled)
    } else {
        column.distinct.to_string()
    }
}

fn length(column: &ColumnFigures) -> String {
    match (column.shortest, column.longest) {
        (Some(shortest), Some(longest)) if shortest == longest => longest.to_string(),
        (Some(shortest), Some(longest)) => format!("{shortest} to {longest}"),
        _ => "-".to_owned(),
    }
}

fn value(value: Option<&Json>) -> String {
    let text = match value {
        None => return "-".to_owned(),
        Some(Json::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    match text.char_indices().nth(VALUE_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// By how much each share of filled values differs, for programs. Columns that only one run has are left out.
pub(super) fn changes(now: &ItemFigures, before: &ItemFigures) -> Json {
    let of_type = |item: &str, columns: &BTreeMap<String, ColumnFigures>| -> Json {
        let changes = columns.iter().filter_map(|(name, column)| {
            Some((name.clone(), Json::from(change(column, of(Some(before), item, name))?)))
        });
        Json::Object(changes.collect())
    };
    let types: Map<String, Json> =
        now.iter().map(|(item, columns)| (item.clone(), of_type(item, columns))).collect();
    Json::Object(types)
}
