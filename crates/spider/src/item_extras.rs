//! What an item type with a table of its own may ask for in addition: a mark for rows that are gone, and a change feed. Its history is
//! in [`item_history`](crate::item_history).

/// The column of an item's own table that says since when the site no longer has the row, if the item type asks for it
/// ([`ItemTypeBuilder::with_gone_mark`](crate::ItemTypeBuilder::with_gone_mark)).
pub const GONE_AT: &str = "gone_at";

/// Why an item type with this table cannot have a change feed. `None` if it can.
pub fn changes_refusal(table: Option<&str>, is_keyed: bool) -> Option<String> {
    let problem = match table {
        None => "it needs a table of the item's own: give the item a table",
        Some(_) if !is_keyed => "it needs a key, which says which row has changed: give the item a key",
        Some(_) => return None,
    };
    Some(problem.to_owned())
}

/// Why the rows of an item type with this table and these columns cannot be marked. `None` if they can.
pub fn gone_mark_refusal<'a>(
    table: Option<&str>,
    is_keyed: bool,
    columns: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let problem = match table {
        None => "the mark is a column of the item's own table: give the item a table",
        Some(_) if !is_keyed => {
            "without a key, nobody can tell whether a row was seen again: give the item a key"
        }
        Some(_) if columns.into_iter().any(|column| column == GONE_AT) => {
            "the mark is a column gone_at of its own: give the item's column another name"
        }
        Some(_) => return None,
    };
    Some(problem.to_owned())
}
