//! Names that are built into statements. Everything else in a statement is a parameter.

use dragline_core::item_extras::{changes_refusal, gone_mark_refusal};
use dragline_core::store::StoreResult;
use dragline_core::table_name::{self, is_plain, parts};
use dragline_core::{ItemType, StoreError, item_history};

use crate::{relations, views};

/// Columns that every item table has in addition to the item's own.
pub(crate) const ROW_COLUMNS: [&str; 3] = ["run_id", "source_url", "scraped_at"];
/// The column for the fingerprint of an item's page. Tables that were made before schema version 6 may lack it.
pub(crate) const SOURCE_FINGERPRINT: &str = "source_fingerprint";

/// The name in quotes, so that words such as `order` and `user` can be names.
pub(crate) fn quoted(name: impl AsRef<str>) -> String {
    format!("\"{}\"", name.as_ref())
}

/// The name of a table in quotes, each part by itself: `"shop"."books"`.
pub(crate) fn quoted_path(table: &str) -> String {
    match parts(table) {
        (Some(schema), table) => format!("{}.{}", quoted(schema), quoted(table)),
        (None, table) => quoted(table),
    }
}

/// Names in quotes, separated by commas.
pub(crate) fn quoted_list<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> String {
    names.into_iter().map(quoted).collect::<Vec<_>>().join(", ")
}

/// Checks the names of an item type before one of them gets into a statement.
///
/// # Errors
/// [`StoreError::Setup`] with the first name that is not allowed.
pub(crate) fn check_names(item: &ItemType) -> StoreResult<()> {
    let Some(table) = item.table() else { return Ok(()) };
    let wrong = |problem: String, hint: &str| Err(StoreError::Setup { problem, hint: hint.to_owned() });
    if let Some(problem) = table_name::refusal(table) {
        return wrong(
            format!("item type {}: it cannot have the table {table:?}: {problem}", item.name()),
            "choose another name",
        );
    }
    let names = item.columns().iter().map(|column| column.name.as_str());
    if let Some(name) = names.chain(item.key().iter().map(String::as_str)).find(|name| !is_plain(name)) {
        return wrong(
            format!("item type {}: {name:?} cannot be the name of a column", item.name()),
            "use lower-case letters, digits and _, at most 63, not a digit first",
        );
    }
    let is_reserved = |name: &str| name == SOURCE_FINGERPRINT || ROW_COLUMNS.contains(&name);
    if let Some(column) = item.columns().iter().find(|column| is_reserved(&column.name)) {
        return wrong(
            format!("item type {}: the column name {} is reserved", item.name(), column.name),
            "every item table has run_id, source_url, source_fingerprint and scraped_at already; choose another",
        );
    }
    if item.keeps_history() {
        let columns = item.columns().iter().map(|column| column.name.as_str());
        if let Some(problem) = item_history::refusal(Some(table), item.is_keyed(), columns) {
            return wrong(
                format!("item type {}: it cannot have a history: {problem}", item.name()),
                "or leave out `history`",
            );
        }
    }
    if item.emits_changes()
        && let Some(problem) = changes_refusal(Some(table), item.is_keyed())
    {
        return wrong(
            format!("item type {}: it cannot have a change feed: {problem}", item.name()),
            "or leave out `changes`",
        );
    }
    if item.marks_gone() {
        let columns = item.columns().iter().map(|column| column.name.as_str());
        if let Some(problem) = gone_mark_refusal(Some(table), item.is_keyed(), columns) {
            return wrong(
                format!("item type {}: its rows cannot be marked as gone: {problem}", item.name()),
                "or leave out `gone_mark`",
            );
        }
    }
    match item.key().iter().find(|key| item.position(key).is_none()) {
        Some(key) => wrong(
            format!("item type {}: it has no column for its key {key:?}", item.name()),
            "name a field of the item as its key",
        ),
        None => Ok(()),
    }
}

/// Checks the names of item types, also that no table is the history of another one, and that what they refer to is there.
///
/// # Errors
/// [`StoreError::Setup`] with the first name that is not allowed.
pub(crate) fn check_all_names(items: &[ItemType]) -> StoreResult<()> {
    items.iter().try_for_each(check_names)?;
    relations::check(items)?;
    views::check(items)?;
    for history in items.iter().filter_map(ItemType::history) {
        if let Some(item) = items.iter().find(|item| item.table() == history.table()) {
            return Err(StoreError::Setup {
                problem: format!(
                    "item type {}: its table {} is the history of the item type {}",
                    item.name(),
                    history.table().unwrap_or_default(),
                    history.name()
                ),
                hint: "choose another name for the table".to_owned(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::{Column, ColumnType};

    fn item(table: &str, key: &[&str], column: &'static str) -> ItemType {
        let item = ItemType::builder("quote").with_table(table).with_key(key.iter().copied());
        // The builder would refuse some of these names itself.
        item.derived([(column, ColumnType::Text, false)])
    }

    #[test]
    fn each_part_of_a_table_has_its_own_quotes() {
        assert_eq!(quoted_path("books"), "\"books\"");
        assert_eq!(quoted_path("shop.books"), "\"shop\".\"books\"");
    }

    #[test]
    fn the_history_of_one_type_is_no_table_of_another() {
        let text = || [Column::new("text", ColumnType::Text)];
        let quote = ItemType::builder("quote").with_table("quotes").with_key(["text"]).with_columns(text());
        let quote = quote.with_history().build().unwrap();
        let other = ItemType::builder("old").with_table("quotes_history").with_columns(text());
        let other = other.build().unwrap();
        assert!(check_all_names(&[quote.clone(), quote.clone()]).is_ok());
        let error = check_all_names(&[quote, other]).unwrap_err().to_string();
        assert!(error.contains("quotes_history is the history of the item type quote"), "{error}");
    }

    #[test]
    fn an_item_type_is_refused_by_name() {
        assert!(check_names(&item("quotes", &["text"], "text")).is_ok());
        assert!(check_names(&item("shop.quotes", &["text"], "text")).is_ok());
        for wrong in [
            item("Quotes", &[], "text"),
            item("crawl_runs", &[], "text"),
            item("a.b.c", &[], "text"),
            item("pg_temp.quotes", &[], "text"),
            item("shop.\"", &[], "text"),
            item("quotes", &[], "run_id"),
            item("quotes", &[], "x\"; --"),
        ] {
            assert!(matches!(check_names(&wrong), Err(StoreError::Setup { .. })), "{wrong:?}");
        }
    }
}
