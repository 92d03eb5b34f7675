//! Which names a table, a column and an item type may have.

/// A name that SQL takes without quotes, whatever the database: the pattern `[a-z_][a-z0-9_]{0,62}`. Postgres keeps
/// only 63 bytes of a longer name.
pub(crate) fn is_plain(name: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (1..=63).contains(&name.len())
        && name.chars().all(is_inner)
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// Why an item's column cannot have this name. `None` if it can.
pub(crate) fn column_refusal(name: &str) -> Option<String> {
    /// The columns that Dragline adds to each table.
    const ADDED: [&str; 3] = ["run_id", "source_url", "scraped_at"];
    /// The columns that Postgres has in each table (its documentation, section "System Columns").
    const SYSTEM: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];
    if !is_plain(name) {
        Some(not_plain(name))
    } else if ADDED.contains(&name) {
        Some(format!("`{name}` is a column that Dragline adds by itself: call this one something else"))
    } else if SYSTEM.contains(&name) {
        Some(format!("`{name}` is a system column of Postgres: call this one something else"))
    } else {
        None
    }
}

/// Why an item's table cannot have this name. `None` if it can.
pub(crate) fn table_refusal(name: &str) -> Option<String> {
    let (schema, table) = name.split_once('.').map_or((None, name), |(schema, table)| (Some(schema), table));
    if table.contains('.') {
        return Some(format!("`{name}` has too many parts: a table is `TABLE` or `SCHEMA.TABLE`"));
    }
    if let Some(part) = schema.into_iter().chain([table]).find(|part| !is_plain(part)) {
        return Some(match schema {
            Some(_) => format!("in `{name}`, {}", not_plain(part)),
            None => not_plain(part),
        });
    }
    if let Some(prefix) = ["crawl_", "sqlite_"].into_iter().find(|prefix| table.starts_with(prefix)) {
        return Some(format!(
            "tables that begin with `{prefix}` are not for items: call this one something else"
        ));
    }
    let is_of_database = |schema: &str| {
        schema.starts_with("pg_") || schema.starts_with("sqlite_") || schema == "information_schema"
    };
    let schema = schema.filter(|schema| is_of_database(schema))?;
    Some(format!("the schema `{schema}` belongs to the database: choose another"))
}

/// Why an item with this table and these columns cannot have a history. `None` if it can. The same rules as those of a type
/// that is built at run time.
pub(crate) fn history_refusal<'a>(
    table: Option<&str>,
    is_keyed: bool,
    columns: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    /// The columns that each history has.
    const OF_VERSION: [&str; 5] = ["valid_from", "valid_to", "run_id", "replaced_by_run", "changed"];
    /// With `_history`, this makes the 63 bytes of a name.
    const LONGEST: usize = 55;
    let Some(table) = table else {
        return Some(
            "`history` is a table next to the item's own: name that with `table = \"…\"`".to_owned(),
        );
    };
    if !is_keyed {
        return Some(
            "`history` needs a key, which says which rows are versions of one another: add `key = \"…\"`"
                .to_owned(),
        );
    }
    if table.rsplit('.').next().is_some_and(|name| name.len() > LONGEST) {
        return Some(format!(
            "the history's name would be longer than 63 characters: give the table a name of {LONGEST} at most"
        ));
    }
    let column = columns.into_iter().find(|column| OF_VERSION.contains(column))?;
    Some(format!(
        "`history` has a column `{column}` of its own: rename this one with #[item(column = \"…\")]"
    ))
}

/// Why an item with this table cannot have a change feed. `None` if it can. The same rules as those of a type that is built at run
/// time.
pub(crate) fn changes_refusal(table: Option<&str>, is_keyed: bool) -> Option<String> {
    let problem = match table {
        None => "`changes` needs a table of the item's own: name it with `table = \"…\"`",
        Some(_) if !is_keyed => "`changes` needs a key, which says which row has changed: add `key = \"…\"`",
        Some(_) => return None,
    };
    Some(problem.to_owned())
}

/// Why the rows of an item with this table and these columns cannot be marked as gone. `None` if they can. The same rules as those of
/// a type that is built at run time.
pub(crate) fn gone_mark_refusal<'a>(
    table: Option<&str>,
    is_keyed: bool,
    columns: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let problem = match table {
        None => "`gone_mark` is a column of the item's own table: name that table with `table = \"…\"`",
        Some(_) if !is_keyed => {
            "`gone_mark` needs a key, which says whether a row was seen again: add `key = \"…\"`"
        }
        Some(_) if columns.into_iter().any(|column| column == "gone_at") => {
            "`gone_mark` adds a column `gone_at`: rename this one with #[item(column = \"…\")]"
        }
        Some(_) => return None,
    };
    Some(problem.to_owned())
}

/// The message for a name that is not plain.
pub(crate) fn not_plain(name: &str) -> String {
    format!(
        "`{name}` is not a plain SQL name: a lower-case letter or `_`, then letters, digits and `_`, 63 at most"
    )
}

/// `HTMLPage` as `html_page`.
pub(crate) fn snake_case(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    let mut snake = String::with_capacity(name.len() + 4);
    for (at, character) in characters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| characters[before]);
        let after = characters.get(at + 1);
        let begins_word = character.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_ascii_digit()
                    || (before.is_uppercase() && after.is_some_and(|after| after.is_lowercase()))
            });
        if begins_word {
            snake.push('_');
        }
        snake.extend(character.to_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn struct_names_become_item_names() {
        for (name, expected) in [
            ("Quote", "quote"),
            ("QuoteTag", "quote_tag"),
            ("HTMLPage", "html_page"),
            ("Mp3File", "mp3_file"),
            ("Top40Entry", "top40_entry"),
            ("Already_snake", "already_snake"),
            ("URL", "url"),
        ] {
            assert_eq!(snake_case(name), expected);
        }
    }

    #[test]
    fn a_table_has_at_most_a_schema() {
        for name in ["books", "shop.books", "crawl_data.books"] {
            assert_eq!(table_refusal(name), None, "{name}");
        }
        for (name, problem) in [
            ("a.b.c", "too many parts"),
            (".x", "in `.x`, `` is not a plain SQL name"),
            ("x.", "in `x.`, `` is not a plain SQL name"),
            ("\"shop\".books", "`\"shop\"` is not a plain SQL name"),
            ("Shop.books", "`Shop` is not a plain SQL name"),
            ("shop.crawl_x", "not for items"),
            ("pg_temp.books", "belongs to the database"),
            ("information_schema.books", "belongs to the database"),
        ] {
            assert!(table_refusal(name).is_some_and(|told| told.contains(problem)), "{name}");
        }
    }

    #[test]
    fn plain_names_are_told_from_others() {
        for name in ["a", "_a1", "order", &"x".repeat(63)] {
            assert!(is_plain(name), "{name}");
        }
        for name in ["", "1a", "A", "größe", "a-b", "a b", "a.b", "a\"b", &"x".repeat(64)] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
