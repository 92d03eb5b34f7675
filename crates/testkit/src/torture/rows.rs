//! The rows of a database that must be equal after any disturbance, and the difference between two databases.
//!
//! The list of tables comes from the database's own catalogue, so that none is forgotten.

use std::collections::BTreeMap;

use super::ground::{Ground, Place};

/// Tables about processes and not about pages.
const NOT_COMPARED: [&str; 2] = ["crawl_runs", "crawl_schema"];

/// Columns that differ between two undisturbed crawls of one site: numbers in order of arrival, digests that contain such a
/// number, the number of attempts, and depth and parent, because the order of answers decides which of several pages was the
/// first to find a request. Columns whose names end in `_at` are times and differ too.
const NOT_EQUAL: [&str; 7] = ["run_id", "item_id", "letter_id", "key_digest", "attempts", "depth", "parent"];

/// How many characters of a row a message shows.
const SHOWN_CHARS: usize = 240;

/// The rows of each table, with the number of times that each occurs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows(BTreeMap<String, BTreeMap<Vec<String>, usize>>);

/// The difference between two databases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Rows that are missing.
    pub lost: Vec<String>,
    /// Rows that occur too often.
    pub doubled: Vec<String>,
}

impl Rows {
    /// Reads all tables.
    pub fn read(ground: &Ground, place: &Place) -> Self {
        let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (table, column) in ground.columns(place) {
            let is_equal = !NOT_EQUAL.contains(&column.as_str()) && !column.ends_with("_at");
            if is_equal && !NOT_COMPARED.contains(&table.as_str()) {
                tables.entry(table).or_default().push(format!("\"{column}\""));
            }
        }
        let mut all = BTreeMap::new();
        for (table, columns) in tables {
            let rows: &mut BTreeMap<Vec<String>, usize> = all.entry(table.clone()).or_default();
            let sql = format!("SELECT {} FROM \"{table}\"", columns.join(", "));
            for row in ground.query(place, &sql) {
                *rows.entry(row).or_default() += 1;
            }
        }
        Self(all)
    }

    /// How many rows each table has.
    pub fn counts(&self) -> impl Iterator<Item = (&str, usize)> {
        self.0.iter().map(|(table, rows)| (table.as_str(), rows.values().sum()))
    }

    /// How `found` differs from this.
    pub fn difference(&self, found: &Self) -> Difference {
        Difference { lost: self.without(found), doubled: found.without(self) }
    }

    /// The rows that are here more often than there.
    fn without(&self, other: &Self) -> Vec<String> {
        let nothing = BTreeMap::new();
        let mut left = Vec::new();
        for (table, rows) in &self.0 {
            let others = other.0.get(table).unwrap_or(&nothing);
            for (row, times) in rows {
                let more = times.saturating_sub(others.get(row).copied().unwrap_or_default());
                let shown: String = row.join(" | ").chars().take(SHOWN_CHARS).collect();
                left.extend(std::iter::repeat_n(format!("{table}: {shown}"), more));
            }
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(of_table: &[&str]) -> Rows {
        let mut rows = BTreeMap::new();
        for row in of_table {
            *rows.entry(vec![(*row).to_owned()]).or_default() += 1;
        }
        Rows(BTreeMap::from([("t".to_owned(), rows)]))
    }

    #[test]
    fn a_row_that_is_missing_is_lost_and_one_too_many_is_doubled() {
        let wanted = rows(&["a", "b", "b", "c"]);
        assert_eq!(wanted.difference(&wanted), Difference::default());
        let difference = wanted.difference(&rows(&["b", "b", "b", "c", "d"]));
        assert_eq!(difference.lost, ["t: a"]);
        assert_eq!(difference.doubled, ["t: b", "t: d"]);
        assert_eq!(Rows::default().difference(&wanted).doubled.len(), 4);
    }
}
