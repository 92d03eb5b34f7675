//! The name of an item's table: `books`, or `shop.books` with the schema that it is in.
//!
//! Both parts are plain names, so they are the same with and without quotes, in every database.

/// How many bytes of a name Postgres keeps (`NAMEDATALEN` − 1).
pub(crate) const MAX_BYTES: usize = 63;

/// The schema, if the name has one, and the table in it.
///
/// ```
/// use dragline_spider::table_name::parts;
///
/// assert_eq!(parts("books"), (None, "books"));
/// assert_eq!(parts("shop.books"), (Some("shop"), "books"));
/// ```
pub fn parts(name: &str) -> (Option<&str>, &str) {
    match name.split_once('.') {
        Some((schema, table)) => (Some(schema), table),
        None => (None, name),
    }
}

/// Why a table of items cannot have this name. `None` if it can.
pub fn refusal(name: &str) -> Option<String> {
    let (schema, table) = parts(name);
    if !schema.is_none_or(is_plain) || !is_plain(table) {
        return Some(
            "it must be TABLE or SCHEMA.TABLE, and each part a lower-case letter or `_`, then letters, digits and `_`, \
             63 at most"
                .to_owned(),
        );
    }
    // Dragline's own tables, and those of the databases.
    if let Some(prefix) = ["crawl_", "sqlite_"].into_iter().find(|prefix| table.starts_with(prefix)) {
        return Some(format!("tables that begin with `{prefix}` are not for items"));
    }
    let is_of_database = |schema: &str| {
        schema.starts_with("pg_") || schema.starts_with("sqlite_") || schema == "information_schema"
    };
    schema
        .filter(|schema| is_of_database(schema))
        .map(|schema| format!("the schema `{schema}` belongs to the database"))
}

/// Whether `name` is `[a-z_][a-z0-9_]{0,62}`: the same thing quoted and unquoted, in both databases.
pub fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= MAX_BYTES
        && bytes.next().is_some_and(|first| first.is_ascii_lowercase() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_at_most_a_schema() {
        let long = "x".repeat(63);
        for name in ["books", "shop.books", "_a._b", "crawl_data.books", &format!("{long}.{long}")] {
            assert_eq!(refusal(name), None, "{name}");
        }
        for name in [
            "",
            ".",
            "a.",
            ".x",
            "a.b.c",
            "Shop.books",
            "shop.Books",
            "\"shop\".books",
            "shop.\"books\"",
            "shop .books",
            "crawl_runs",
            "shop.crawl_x",
            "sqlite_a",
            "sqlite_a.b",
            "pg_temp.books",
            "pg_catalog.pg_class",
            "information_schema.books",
            "shop.größe",
            &format!("{long}x.books"),
            "a.b; DROP TABLE crawl_runs",
        ] {
            assert!(refusal(name).is_some(), "{name}");
        }
    }

    #[test]
    fn only_plain_names_pass() {
        assert!(is_plain("quotes") && is_plain("_q9") && is_plain(&"q".repeat(63)));
        for name in ["", "9q", "Quotes", "a b", "a\"b", "größe", "a;drop", "a.b", &"q".repeat(64)] {
            assert!(!is_plain(name), "{name:?}");
        }
    }
}
