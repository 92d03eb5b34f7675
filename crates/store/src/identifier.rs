//! Names that are built into statements. Everything else in a statement is a parameter.

use dragline_core::store::StoreResult;
use dragline_core::{ItemType, StoreError};

/// How many bytes of a name Postgres keeps (`NAMEDATALEN` − 1).
const MAX_BYTES: usize = 63;
/// Columns that every item table has in addition to the item's own.
pub(crate) const ROW_COLUMNS: [&str; 3] = ["run_id", "source_url", "scraped_at"];
/// The column for the fingerprint of an item's page. Tables that were made before schema version 6 may lack it.
pub(crate) const SOURCE_FINGERPRINT: &str = "source_fingerprint";
/// The names of Dragline's own tables begin with this. The names of item tables must not.
const OWN_PREFIX: &str = "crawl_";

/// Whether `name` is `[a-z_][a-z0-9_]{0,62}`: the same thing quoted and unquoted, in both databases.
pub(crate) fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= MAX_BYTES
        && bytes.next().is_some_and(|first| first.is_ascii_lowercase() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The name in quotes, so that words such as `order` and `user` can be names.
pub(crate) fn quoted(name: impl AsRef<str>) -> String {
    format!("\"{}\"", name.as_ref())
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
    let names = std::iter::once(table).chain(item.columns().iter().map(|column| column.name.as_str()));
    if let Some(name) = names.chain(item.key().iter().map(String::as_str)).find(|name| !is_plain(name)) {
        return wrong(
            format!("item type {}: {name:?} cannot be the name of a table or column", item.name()),
            "use lower-case letters, digits and _, at most 63, not a digit first",
        );
    }
    if table.starts_with(OWN_PREFIX) {
        return wrong(
            format!("item type {}: the table name {table} is reserved", item.name()),
            "names that begin with crawl_ belong to Dragline; choose another",
        );
    }
    let is_reserved = |name: &str| name == SOURCE_FINGERPRINT || ROW_COLUMNS.contains(&name);
    if let Some(column) = item.columns().iter().find(|column| is_reserved(&column.name)) {
        return wrong(
            format!("item type {}: the column name {} is reserved", item.name(), column.name),
            "every item table has run_id, source_url, source_fingerprint and scraped_at already; choose another",
        );
    }
    match item.key().iter().find(|key| item.position(key).is_none()) {
        Some(key) => wrong(
            format!("item type {}: it has no column for its key {key:?}", item.name()),
            "name a field of the item as its key",
        ),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::ColumnType;

    fn item(table: &str, key: &[&str], column: &str) -> ItemType {
        let item = ItemType::builder("quote").with_table(table).with_column(column, ColumnType::Text);
        item.with_key(key.iter().copied()).build().unwrap()
    }

    #[test]
    fn only_plain_names_pass() {
        assert!(is_plain("quotes") && is_plain("_q9") && is_plain(&"q".repeat(63)));
        for name in ["", "9q", "Quotes", "a b", "a\"b", "größe", "a;drop", &"q".repeat(64)] {
            assert!(!is_plain(name), "{name:?}");
        }
    }

    #[test]
    fn an_item_type_is_refused_by_name() {
        assert!(check_names(&item("quotes", &["text"], "text")).is_ok());
        for wrong in [
            item("Quotes", &[], "text"),
            item("crawl_runs", &[], "text"),
            item("quotes", &[], "run_id"),
            item("quotes", &[], "x\"; --"),
        ] {
            assert!(matches!(check_names(&wrong), Err(StoreError::Setup { .. })), "{wrong:?}");
        }
    }
}
