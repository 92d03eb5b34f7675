//! The history of an item type: a table with the earlier versions of its rows.
//!
//! A version is a row as it was before a run changed or removed it. So a row that never changes has none, and the row
//! itself is always the newest version.

use crate::item_type::{Column, ColumnType, ItemType};
use crate::table_name::{self, MAX_BYTES};

/// The end of the table's name, after the name of the item's own table.
pub const SUFFIX: &str = "_history";

/// From when on the version was the row. `NULL` if the row is older than its history.
pub const VALID_FROM: &str = "valid_from";
/// Until when the version was the row.
pub const VALID_TO: &str = "valid_to";
/// The run that made the version. `NULL` if the row is older than its history.
pub const RUN_ID: &str = "run_id";
/// The run that changed or removed the row. A run ends at most one version of a row, so it is part of the key.
pub const REPLACED_BY_RUN: &str = "replaced_by_run";
/// The names of the columns that are different in the next version. `NULL` if the run removed the row.
pub const CHANGED: &str = "changed";

/// The columns that each history has in addition to the item's own.
pub const COLUMNS: [&str; 5] = [VALID_FROM, VALID_TO, RUN_ID, REPLACED_BY_RUN, CHANGED];

/// The name of the table with the history of `table`.
///
/// ```
/// assert_eq!(dragline_spider::item_history::table("shop.books"), "shop.books_history");
/// ```
pub fn table(table: &str) -> String {
    format!("{table}{SUFFIX}")
}

/// Why an item type with this table and these columns cannot have a history. `None` if it can.
pub fn refusal<'a>(
    table: Option<&str>,
    is_keyed: bool,
    columns: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let Some(name) = table else {
        return Some("a history is a table next to the item's own: give the item a table".to_owned());
    };
    if !is_keyed {
        return Some("a history needs a key, which says which rows are versions of one another".to_owned());
    }
    let longest = MAX_BYTES - SUFFIX.len();
    if table_name::parts(name).1.len() > longest {
        return Some(format!(
            "the name of its history would be longer than the {MAX_BYTES} bytes that Postgres keeps: give the table a name of \
             {longest} characters at most"
        ));
    }
    columns.into_iter().find(|column| COLUMNS.contains(column)).map(|column| {
        format!("its history has a column {column} of its own: give the item's column another name")
    })
}

impl ItemType {
    /// The type of its earlier versions, whose table is the history. `None` if no history is kept.
    ///
    /// ```
    /// use dragline_spider::{ColumnType, ItemType};
    ///
    /// let book = ItemType::builder("book").with_table("books").with_column("isbn", ColumnType::Text);
    /// let book = book.with_key(["isbn"]).with_history().build()?;
    /// assert_eq!(book.history().unwrap().table(), Some("books_history"));
    /// # Ok::<(), dragline_spider::ItemTypeError>(())
    /// ```
    pub fn history(&self) -> Option<Self> {
        let own = self.table().filter(|_| self.keeps_history())?;
        // A column of the table may have been made by hand, and may then be null where the item's never is.
        let values = self
            .columns()
            .iter()
            .map(|column| Column { nullable: !self.is_key_column(&column.name), ..column.clone() });
        let of_version = [
            Column::nullable(VALID_FROM, ColumnType::Timestamp),
            Column::new(VALID_TO, ColumnType::Timestamp),
            Column::nullable(RUN_ID, ColumnType::BigInt),
            Column::new(REPLACED_BY_RUN, ColumnType::BigInt),
            Column::nullable(CHANGED, ColumnType::TextList),
        ];
        let key = self.key().iter().map(String::as_str).chain([REPLACED_BY_RUN]);
        Some(self.to_builder().of_versions(table(own), key, values.chain(of_version)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_needs_a_table_a_key_and_room_for_its_name() {
        let longest = "x".repeat(55);
        for table in ["books", "shop.books", &longest, &format!("shop.{longest}")] {
            assert_eq!(refusal(Some(table), true, ["isbn"]), None, "{table}");
        }
        for (table, is_keyed, column, problem) in [
            (None, true, "isbn", "give the item a table"),
            (Some("books"), false, "isbn", "needs a key"),
            (Some(&*format!("{longest}x")), true, "isbn", "55 characters at most"),
            (Some("books"), true, "valid_to", "a column valid_to of its own"),
        ] {
            let told = refusal(table, is_keyed, ["title", column]).unwrap_or_default();
            assert!(told.contains(problem), "{told:?}");
        }
    }

    #[test]
    fn the_versions_of_a_row_differ_in_the_run_that_replaced_them() {
        let book = ItemType::builder("book").with_table("shop.books").with_key(["isbn"]).with_history();
        let book = book.with_column("isbn", ColumnType::Text).with_column("price", ColumnType::Numeric);
        let history = book.build().unwrap().history().unwrap();
        assert_eq!((history.name(), history.table()), ("book", Some("shop.books_history")));
        assert_eq!(history.key(), ["isbn", "replaced_by_run"]);
        let columns: Vec<&str> = history.columns().iter().map(|column| column.name.as_str()).collect();
        assert_eq!(columns[..2], ["isbn", "price"]);
        assert_eq!(columns[2..], COLUMNS);
        assert!(!history.columns()[0].nullable && history.columns()[1].nullable);
        assert_eq!(history.history(), None);
    }
}
