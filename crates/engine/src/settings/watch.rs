//! When a run has far fewer rows or values than it should.

use std::fmt;
use std::str::FromStr;

use clap::Args;
use dragline_flags::{number, share};

/// When a finished run has far fewer rows or values than it should. The runtime watches this.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(next_help_heading = "Limits")]
pub struct WatchSettings {
    /// End with exit 1 if fewer values of a column are filled, as `TYPE.COLUMN=SHARE`; repeatable
    ///
    /// For example, `book.author=0.95`: at least 95 % of the books must have an author. The rows are stored
    /// first, and the run is `finished` with problems. Without any rows of the type, nothing is checked. Separate
    /// several by commas.
    #[arg(
        long,
        env = "DRAGLINE_MIN_FILLED",
        value_name = "TYPE.COLUMN=SHARE",
        value_delimiter = ',',
        hide_short_help = true
    )]
    pub min_filled: Vec<MinFilled>,

    /// End with exit 1 if the run has fewer rows: `N` of all types together, or `TYPE=N` of one; repeatable
    ///
    /// The rows are stored first, and the run is `finished` with problems. Separate several by commas.
    #[arg(
        long,
        env = "DRAGLINE_MIN_ITEMS",
        value_name = "[TYPE=]N",
        value_delimiter = ',',
        hide_short_help = true
    )]
    pub min_items: Vec<MinItems>,

    /// Warn if a column has lost more than this share of its filled values; 1 = never
    ///
    /// It is compared with the median of the last five good runs. With 0.2, a column that is usually filled in
    /// every row may be empty in a fifth of them. A warning changes no exit code.
    #[arg(long, env = "DRAGLINE_WARN_FILLED_DROP", value_name = "SHARE", value_parser = share, default_value_t = Self::default().warn_filled_drop, hide_short_help = true)]
    pub warn_filled_drop: f64,

    /// Warn if an item type has lost more than this share of its rows; 1 = never
    ///
    /// It is compared with the median of the last five good runs. A warning changes no exit code.
    #[arg(long, env = "DRAGLINE_WARN_ITEMS_DROP", value_name = "SHARE", value_parser = share, default_value_t = Self::default().warn_items_drop, hide_short_help = true)]
    pub warn_items_drop: f64,
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self {
            min_filled: Vec::new(),
            min_items: Vec::new(),
            // A page that lacks a value now and then is usual. A selector that no longer matches loses all of them, or all
            // values of one kind of page.
            warn_filled_drop: 0.2,
            // The contents of a site come and go. Losing half of them overnight is unusual.
            warn_items_drop: 0.5,
        }
    }
}

/// The least share of filled values of a column.
#[derive(Clone, Debug, PartialEq)]
pub struct MinFilled {
    /// The item type.
    pub item: String,
    /// Its column.
    pub column: String,
    /// The share, from 0 to 1.
    pub share: f64,
}

/// The least number of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MinItems {
    /// The item type. `None` for all of them together.
    pub item: Option<String>,
    /// The number.
    pub rows: u64,
}

impl FromStr for MinFilled {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write TYPE.COLUMN=SHARE, such as book.author=0.95".to_owned();
        let (name, least) = text.trim().rsplit_once('=').ok_or_else(wrong)?;
        // A column has no dot in its name, and a type may have one.
        let (item, column) = name.rsplit_once('.').ok_or_else(wrong)?;
        if item.is_empty() || column.is_empty() {
            return Err(wrong());
        }
        Ok(Self { item: item.to_owned(), column: column.to_owned(), share: share(least)? })
    }
}

impl FromStr for MinItems {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write a number of rows, or TYPE=N, such as quote=500".to_owned();
        let (item, rows) = match text.trim().rsplit_once('=') {
            Some((item, rows)) if !item.is_empty() => (Some(item.to_owned()), rows),
            Some(_) => return Err(wrong()),
            None => (None, text),
        };
        Ok(Self { item, rows: number(rows).map_err(|_| wrong())? })
    }
}

impl fmt::Display for MinFilled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}={}", self.item, self.column, self.share)
    }
}

impl fmt::Display for MinItems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.item {
            Some(item) => write!(f, "{item}={}", self.rows),
            None => write!(f, "{}", self.rows),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_least_value_is_written_with_its_type_and_column() {
        let filled: MinFilled = "shop.quote.author=0.95".parse().unwrap();
        assert_eq!(
            (filled.item.as_str(), filled.column.as_str(), filled.share),
            ("shop.quote", "author", 0.95)
        );
        for wrong in
            ["", "quote", "quote=1", "quote.author", "quote.author=2", ".author=1", "quote.=1", "a.b=x"]
        {
            assert!(wrong.parse::<MinFilled>().is_err(), "{wrong}");
        }
        let all: MinItems = " 500".parse().unwrap();
        let some: MinItems = "quote=0".parse().unwrap();
        assert_eq!((all.to_string(), some.to_string()), ("500".to_owned(), "quote=0".to_owned()));
        for wrong in ["", "quote", "quote=", "=5", "-1", "quote=1.5"] {
            assert!(wrong.parse::<MinItems>().is_err(), "{wrong}");
        }
    }
}
