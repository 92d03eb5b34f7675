//! What the rows of a run hold, by item type and column: how many values are filled, and a few simple statistics.
//!
//! A store reads these figures at the end of a run from the rows that the run saw. So they don't depend on how often the run was
//! killed and resumed. They are kept with the run, because a row with a key belongs to the last run that saw it.

use std::collections::BTreeMap;

use dragline_spider::item_type::{Column, ItemType};
use serde_json::{Map, Value as Json, json};

/// The figures of a run by item type and column.
pub type ItemFigures = BTreeMap<String, BTreeMap<String, ColumnFigures>>;

/// Different values are counted in a sample of this many rows, because counting them in all rows would have to remember all
/// values. A smaller run is counted completely.
pub const MAX_SAMPLED_ROWS: u32 = 10_000;

/// The number of columns that have figures, over all item types of a spider. The first ones do.
pub const MAX_FIGURED_COLUMNS: usize = 500;

/// The columns that have figures, by item type, in the order in which the spider declares them.
///
/// A column without a table of its own may have any name. A name with a quotation mark, a backslash or a control character has
/// no figures, because it can't be written as a path in JSON.
pub fn figured_columns(items: &[ItemType]) -> Vec<(&ItemType, Vec<&Column>)> {
    let mut left = MAX_FIGURED_COLUMNS;
    let of_type = |item| {
        let columns: Vec<&Column> =
            ItemType::columns(item).iter().filter(|column| is_writable(&column.name)).take(left).collect();
        left -= columns.len();
        (item, columns)
    };
    items.iter().map(of_type).collect()
}

fn is_writable(name: &str) -> bool {
    !name.contains(['"', '\\']) && !name.chars().any(char::is_control)
}

/// What one column of a run's rows holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnFigures {
    /// The rows of its item type.
    pub rows: u64,
    /// Rows with a value: not null, not a blank text, not an empty list or object.
    pub filled: u64,
    /// Different values among the rows of the sample.
    pub distinct: u64,
    /// The rows of the sample, [`MAX_SAMPLED_ROWS`] at most.
    pub sampled: u64,
    /// The least number, date or time.
    pub least: Option<Json>,
    /// The greatest one.
    pub greatest: Option<Json>,
    /// The length of the shortest text in characters, or of the shortest list in entries. Blank ones don't count.
    pub shortest: Option<u64>,
    /// The same of the longest one.
    pub longest: Option<u64>,
}

impl ColumnFigures {
    /// The share of filled values. `None` without rows.
    pub fn filled_share(&self) -> Option<f64> {
        (self.rows > 0).then(|| share(self.filled, self.rows))
    }

    /// Whether different values were counted in a sample only.
    pub fn is_sampled(&self) -> bool {
        self.sampled < self.rows
    }

    fn to_json(&self) -> Json {
        json!({
            "rows": self.rows,
            "filled": self.filled,
            "distinct": self.distinct,
            "sampled": self.sampled,
            "least": self.least,
            "greatest": self.greatest,
            "shortest": self.shortest,
            "longest": self.longest,
        })
    }

    fn from_json(json: &Json) -> Self {
        let number = |key: &str| json[key].as_u64();
        let value = |key: &str| json.get(key).filter(|value| !value.is_null()).cloned();
        Self {
            rows: number("rows").unwrap_or_default(),
            filled: number("filled").unwrap_or_default(),
            distinct: number("distinct").unwrap_or_default(),
            sampled: number("sampled").unwrap_or_default(),
            least: value("least"),
            greatest: value("greatest"),
            shortest: number("shortest"),
            longest: number("longest"),
        }
    }
}

/// The stored form.
pub fn to_json(figures: &ItemFigures) -> Json {
    let of_type = |columns: &BTreeMap<String, ColumnFigures>| -> Json {
        columns.iter().map(|(name, column)| (name.clone(), column.to_json())).collect::<Map<_, _>>().into()
    };
    figures.iter().map(|(name, columns)| (name.clone(), of_type(columns))).collect::<Map<_, _>>().into()
}

/// From the stored form.
pub fn from_json(json: &Json) -> ItemFigures {
    let of_type = |columns: &Json| -> BTreeMap<String, ColumnFigures> {
        let columns = columns.as_object().into_iter().flatten();
        columns.map(|(name, column)| (name.clone(), ColumnFigures::from_json(column))).collect()
    };
    let types = json.as_object().into_iter().flatten();
    types.map(|(name, columns)| (name.clone(), of_type(columns))).collect()
}

/// Something of which a run has far less than the runs before it.
#[derive(Clone, Debug, PartialEq)]
pub struct FigureDrop {
    /// The item type.
    pub item: String,
    /// The column whose values are missing. `None` if there are too few rows.
    pub column: Option<String>,
    /// The share of filled values, or the number of rows.
    pub now: f64,
    /// The median of the earlier runs.
    pub usual: f64,
    /// The rows of the item type in this run.
    pub rows: u64,
    /// How many earlier runs the median is of.
    pub runs: u64,
}

impl FigureDrop {
    /// The code of a column whose values are missing.
    pub const FILLED: &str = "filled_drop";
    /// The code of an item type with too few rows.
    pub const ITEMS: &str = "items_drop";

    /// The code of its kind. People write the codes in queries, so they stay.
    pub fn code(&self) -> &'static str {
        if self.column.is_some() { Self::FILLED } else { Self::ITEMS }
    }

    /// The share of the usual values or rows that is missing.
    pub fn lost(&self) -> f64 {
        if self.usual > 0.0 { (self.usual - self.now) / self.usual } else { 0.0 }
    }

    /// What it is, for people.
    pub fn text(&self) -> String {
        let runs = match self.runs {
            1 => "in the last good run, it was".to_owned(),
            runs => format!("the median of the last {runs} good runs is"),
        };
        match &self.column {
            Some(column) => format!(
                "the column {column} of {} is filled in {} of {} rows; {runs} {}",
                self.item,
                percent(self.now),
                self.rows,
                percent(self.usual)
            ),
            None => format!("there are {} rows of {}; {runs} {}", self.rows, self.item, self.usual),
        }
    }

    /// The stored form, also for programs.
    pub fn to_json(&self) -> Json {
        json!({
            "code": self.code(),
            "text": self.text(),
            "item": self.item,
            "column": self.column,
            "now": self.now,
            "usual": self.usual,
            "rows": self.rows,
            "runs": self.runs,
        })
    }

    /// From the stored form.
    pub fn from_json(json: &Json) -> Option<Self> {
        Some(Self {
            item: json["item"].as_str()?.to_owned(),
            column: json["column"].as_str().map(str::to_owned),
            now: json["now"].as_f64()?,
            usual: json["usual"].as_f64()?,
            rows: json["rows"].as_u64()?,
            runs: json["runs"].as_u64()?,
        })
    }
}

/// A share as people read it.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A part of a whole.
#[allow(clippy::cast_precision_loss)] // nobody looks at the last digits of a share
pub fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_spider::item_type::ColumnType;

    #[test]
    fn the_stored_forms_are_read_again() {
        let column = ColumnFigures {
            rows: 98,
            filled: 3,
            distinct: 2,
            sampled: 98,
            least: Some(json!(1.5)),
            greatest: Some(json!("2026-11-30")),
            shortest: Some(1),
            longest: None,
        };
        let figures: ItemFigures = [("quote".to_owned(), [("author".to_owned(), column)].into())].into();
        assert_eq!(from_json(&to_json(&figures)), figures);
        assert_eq!(from_json(&Json::Null), ItemFigures::new());
        let drop = |column: Option<&str>| FigureDrop {
            item: "quote".to_owned(),
            column: column.map(str::to_owned),
            now: 0.5,
            usual: 7.5,
            rows: 4,
            runs: 2,
        };
        for drop in [drop(None), drop(Some("author"))] {
            assert_eq!(FigureDrop::from_json(&drop.to_json()), Some(drop));
        }
    }

    #[test]
    fn a_drop_names_its_column() {
        let drop = FigureDrop {
            item: "quote".to_owned(),
            column: Some("author".to_owned()),
            now: 3.0 / 98.0,
            usual: 1.0,
            rows: 98,
            runs: 5,
        };
        let told = "the column author of quote is filled in 3.1 % of 98 rows; the median of the last 5 good runs is 100.0 %";
        assert_eq!(drop.text(), told);
        let few = FigureDrop { column: None, now: 40.0, usual: 98.5, rows: 40, runs: 1, ..drop };
        assert_eq!(few.text(), "there are 40 rows of quote; in the last good run, it was 98.5");
    }

    #[test]
    fn the_number_of_columns_is_bounded() {
        let item = |name: &str, columns: usize| {
            let columns = (0..columns).map(|n| Column::new(format!("c{n}"), ColumnType::Text));
            ItemType::builder(name).with_columns(columns).build().unwrap()
        };
        let items = [item("a", MAX_FIGURED_COLUMNS - 1), item("b", 3), item("c", 1)];
        let figured = figured_columns(&items);
        let counts: Vec<usize> = figured.iter().map(|(_, columns)| columns.len()).collect();
        assert_eq!(counts, [MAX_FIGURED_COLUMNS - 1, 1, 0]);
        let odd = ItemType::builder("odd").with_column("a\"b", ColumnType::Text).build().unwrap();
        assert!(figured_columns(&[odd])[0].1.is_empty());
    }
}
