//! The newest rows of an item type, for people who look at them: a bounded number at a time, and a bounded part of each value.

use std::fmt;
use std::str::FromStr;

use chrono::DateTime;

/// How many characters of a value are read.
pub const MAX_VALUE_CHARS: usize = 500;
/// How many columns of an item type are read. The first ones are.
pub const MAX_COLUMNS: usize = 40;
/// The longest text to look for, in bytes.
pub const MAX_SEARCH_BYTES: usize = 800;

/// Which rows to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowsAsk {
    /// The spider. It only matters for a type without a table of its own.
    pub spider: String,
    /// Only rows with this text in one of their columns. The case of ASCII letters does not matter.
    pub contains: Option<String>,
    /// Only rows that come after this one.
    pub after: Option<RowCursor>,
    /// How many rows at most.
    pub max: usize,
}

/// The place of a row in the order of time. Its text form is for addresses of pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowCursor {
    /// When the row was scraped, as the store writes it.
    pub scraped_at: String,
    /// What tells it apart from rows of the same moment: a row id in SQLite, a tuple id in Postgres.
    pub place: String,
}

impl fmt::Display for RowCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}~{}", self.scraped_at, self.place)
    }
}

impl FromStr for RowCursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (scraped_at, place) = text.split_once('~').ok_or(())?;
        let inner = place.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(place);
        let is_number = |part: &str| part.parse::<u32>().is_ok();
        let is_place = match inner.split_once(',') {
            Some((block, row)) => is_number(block) && row.parse::<u16>().is_ok(),
            None => inner.parse::<i64>().is_ok(),
        };
        let is_moment = DateTime::parse_from_rfc3339(scraped_at).is_ok();
        if !is_moment || !is_place {
            return Err(());
        }
        Ok(Self { scraped_at: scraped_at.to_owned(), place: place.to_owned() })
    }
}

/// Rows, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowsFound {
    /// The names of the columns that were read.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<FoundRow>,
    /// Where to go on. `None` at the end.
    pub next: Option<RowCursor>,
    /// How many rows there are in all. `None` if counting them would take too long.
    pub count: Option<u64>,
    /// Whether the table of the type does not exist yet.
    pub is_table_missing: bool,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRow {
    /// The values of the columns as texts, each of [`MAX_VALUE_CHARS`] characters at most, and one more if there are more.
    pub values: Vec<Option<String>>,
    /// The URL of its page.
    pub url: String,
    /// The last run that saw it.
    pub run_id: Option<i64>,
    /// When it was scraped, in RFC 3339.
    pub scraped_at: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_again_and_nothing_else_is_one() {
        for text in ["2026-11-30T19:00:00.000000Z~17", "2026-11-30T19:00:00.123456Z~(0,3)"] {
            assert_eq!(text.parse::<RowCursor>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "~",
            "2026-11-30T19:00:00Z",
            "2026-11-30T19:00:00Z~x",
            "now~1",
            "2026-11-30T19:00:00Z~(1,2);",
        ] {
            assert!(text.parse::<RowCursor>().is_err(), "{text}");
        }
    }
}
