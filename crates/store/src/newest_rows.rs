//! What both stores agree on about the newest rows of an item type.

use dragline_core::newest_rows::{FoundRow, MAX_COLUMNS, RowCursor, RowsAsk, RowsFound};
use dragline_core::{Column, ItemType};

/// The columns that are read. The name of one without a table of its own may have any form, and it must fit into a path in JSON.
pub(crate) fn columns(item: &ItemType) -> Vec<&Column> {
    let is_readable = |column: &&Column| item.table().is_some() || !column.name.contains(['"', '\\']);
    item.columns().iter().filter(is_readable).take(MAX_COLUMNS).collect()
}

/// The answer. One row more than was asked for was read, so that it is known whether there are more.
pub(crate) fn found(
    ask: &RowsAsk,
    columns: &[&Column],
    rows: Vec<(FoundRow, String)>,
    count: Option<u64>,
) -> RowsFound {
    let has_more = rows.len() > ask.max;
    let mut rows = rows;
    rows.truncate(ask.max);
    let next = rows
        .last()
        .filter(|_| has_more)
        .map(|(row, place)| RowCursor { scraped_at: row.scraped_at.clone(), place: place.clone() });
    RowsFound {
        columns: columns.iter().map(|column| column.name.clone()).collect(),
        rows: rows.into_iter().map(|(row, _)| row).collect(),
        next,
        count,
        is_table_missing: false,
    }
}
