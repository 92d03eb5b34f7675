//! Watches what the rows of a run hold. When a site changes its template, this names the column that stays empty.
//!
//! A drop is a warning. It is compared with what was usual, so it goes by itself once the new state has become usual, and it
//! changes neither verdict nor exit code. What `--min-filled` and `--min-items` ask for is a rule of the operator: a run that
//! breaks it has a problem, and its exit code is 1.

use dragline_core::ItemType;
use dragline_core::item_figures::{ColumnFigures, FigureDrop, figured_columns, percent};
use dragline_core::run_verdict::{EndFigures, GoodRun, Problem, ProblemKind};
use dragline_engine::{MinFilled, MinItems, WatchSettings};

use crate::error::CrawlError;

/// The number of good runs that the median is of. A single unusual one among them changes nothing.
const COMPARED_RUNS: usize = 5;
/// A number of missing values that says nothing about a column.
const FEW_VALUES: f64 = 4.0;
/// Item types that usually have fewer rows come and go.
const FEW_ROWS: f64 = 10.0;
/// A share that differs by fewer standard deviations may differ by chance.
const DEVIATIONS: f64 = 4.0;

/// What is watched about a finished run.
pub(crate) struct RowWatch<'a> {
    pub(crate) settings: &'a WatchSettings,
    pub(crate) figures: &'a EndFigures,
    /// Earlier good runs, the best to compare with first.
    pub(crate) good: &'a [GoodRun],
    /// The item types that may have no rows.
    pub(crate) may_be_empty: &'a [String],
}

/// Checks that the rules name item types and columns that the spider has.
///
/// # Errors
/// With the known names.
pub(crate) fn check(settings: &WatchSettings, items: &[ItemType]) -> Result<(), CrawlError> {
    let figured = figured_columns(items);
    let unknown = |flag: &str, what: String, known: Vec<String>| {
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let hint = format!(
            "it has {known}; in dragline.toml, a rule for one spider belongs in its own table [spider.NAME]"
        );
        Err(CrawlError::Watch { problem: format!("{flag}: the spider has no {what}"), hint })
    };
    let types = || items.iter().map(|item| item.name().to_owned()).collect();
    for MinFilled { item, column, .. } in &settings.min_filled {
        let Some((_, columns)) = figured.iter().find(|(known, _)| known.name() == item) else {
            return unknown("--min-filled", format!("item type {item:?}"), types());
        };
        if !columns.iter().any(|known| known.name == *column) {
            let known = columns.iter().map(|known| format!("{item}.{}", known.name)).collect();
            return unknown("--min-filled", format!("column {column:?} in {item}"), known);
        }
    }
    for item in settings.min_items.iter().filter_map(|least| least.item.as_ref()) {
        if !items.iter().any(|known| known.name() == item) {
            return unknown("--min-items", format!("item type {item:?}"), types());
        }
    }
    Ok(())
}

impl RowWatch<'_> {
    /// The rules that the run breaks.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let filled = self.settings.min_filled.iter().filter_map(|least| self.too_few_filled(least));
        let filled = filled.map(|text| Problem::new(ProblemKind::TooFewFilled, text));
        let items = self.settings.min_items.iter().filter_map(|least| self.too_few_items(least));
        filled.chain(items.map(|text| Problem::new(ProblemKind::TooFewItems, text))).collect()
    }

    fn too_few_filled(&self, least: &MinFilled) -> Option<String> {
        let MinFilled { item, column, share } = least;
        let Some(figures) = self.figures.columns.get(item).and_then(|columns| columns.get(column)) else {
            return Some(format!(
                "whether the column {column} of {item} is filled is unknown: the figures of the columns could not be read"
            ));
        };
        let now = figures.filled_share()?;
        (now < *share).then(|| {
            format!(
                "the column {column} of {item} is filled in {} of {} rows; at least {} should be",
                percent(now),
                figures.rows,
                percent(*share)
            )
        })
    }

    fn too_few_items(&self, least: &MinItems) -> Option<String> {
        let (rows, what) = match &least.item {
            Some(item) => (rows_of(self.figures, item), format!("of {item}")),
            None => (self.figures.all_items(), "of all item types".to_owned()),
        };
        let are = if rows == 1 { "is 1 row" } else { &format!("are {rows} rows") };
        (rows < least.rows).then(|| format!("there {are} {what}; at least {} should be there", least.rows))
    }

    /// What is far below the runs before it.
    pub(crate) fn drops(&self) -> Vec<FigureDrop> {
        let items = self.figures.items.keys().filter_map(|item| self.items_drop(item));
        let columns = self.figures.columns.iter().flat_map(|(item, columns)| {
            columns.iter().filter_map(|(name, column)| self.filled_drop(item, name, column))
        });
        items.chain(columns).collect()
    }

    fn items_drop(&self, item: &str) -> Option<FigureDrop> {
        let rows = rows_of(self.figures, item);
        let then: Vec<f64> =
            self.comparable().filter_map(|good| good.items.get(item)).map(|rows| as_f64(*rows)).collect();
        let (usual, now) = (median(&then)?, as_f64(rows));
        let is_far_below = usual >= FEW_ROWS && usual - now > self.settings.warn_items_drop * usual;
        // The verdict decides about a type that has no rows at all.
        let is_excused = rows == 0 || self.may_be_empty.iter().any(|name| name == item);
        (is_far_below && !is_excused).then(|| FigureDrop {
            item: item.to_owned(),
            column: None,
            now,
            usual,
            rows,
            runs: then.len() as u64,
        })
    }

    fn filled_drop(&self, item: &str, name: &str, column: &ColumnFigures) -> Option<FigureDrop> {
        let now = column.filled_share()?;
        let of = |good: &EndFigures| good.columns.get(item)?.get(name)?.filled_share();
        let then: Vec<f64> = self.comparable().filter_map(of).collect();
        let (usual, rows) = (median(&then)?, as_f64(column.rows));
        let missing = usual * rows - as_f64(column.filled);
        // How far a share that has not changed differs by chance (the binomial distribution).
        let by_chance = FEW_VALUES + DEVIATIONS * (rows * usual * (1.0 - usual)).max(0.0).sqrt();
        let is_far_below = missing > self.settings.warn_filled_drop * usual * rows;
        (is_far_below && missing > by_chance).then(|| FigureDrop {
            item: item.to_owned(),
            column: Some(name.to_owned()),
            now,
            usual,
            rows: column.rows,
            runs: then.len() as u64,
        })
    }

    /// The last good runs that the same limits cut, if any did.
    fn comparable(&self) -> impl Iterator<Item = &EndFigures> {
        let is_alike = |good: &&EndFigures| good.cut_by == self.figures.cut_by;
        self.good.iter().map(|good| &good.figures).filter(is_alike).take(COMPARED_RUNS)
    }
}

fn rows_of(figures: &EndFigures, item: &str) -> u64 {
    figures.items.get(item).copied().unwrap_or_default()
}

#[allow(clippy::cast_precision_loss)] // numbers of rows: their last digits do not matter
fn as_f64(count: u64) -> f64 {
    count as f64
}

/// The middle value, or what is between the two in the middle.
fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let is_odd = sorted.len() % 2 == 1;
    Some(if is_odd { upper } else { f64::midpoint(sorted[sorted.len() / 2 - 1], upper) })
}

#[cfg(test)]
mod tests;
