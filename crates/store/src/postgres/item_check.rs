//! Holds an item type against its table in the database.
//!
//! A column may be wider than the item needs: `varchar`, `citext`, an enum or a domain for text, a wider
//! integer or `numeric` for integers, `numeric(p,s)` for decimals, `json` for `jsonb`, `timestamp` (in UTC)
//! for `timestamptz`. A row that such a column refuses becomes a dead letter. What would refuse or double
//! *every* row is told here, before the first request.

use dragline_core::store::StoreResult;
use dragline_core::{Column, ColumnType, ItemType};

use super::item_table::{ddl, sql_type};
use super::session::Session;
use crate::identifier::{quoted, quoted_list};

/// A difference between an item type and its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Table, column and what is wrong.
    pub(crate) problem: String,
    /// The statement that mends it.
    pub(crate) remedy: String,
}

/// A table as the database has it.
#[derive(Debug)]
struct Found {
    kind: String,
    /// Who asks.
    user: String,
    may_write: bool,
    columns: Vec<FoundColumn>,
    /// The columns of each index that can settle a conflict, sorted.
    unique: Vec<Vec<String>>,
}

#[derive(Debug)]
struct FoundColumn {
    name: String,
    /// As people write it.
    shown: String,
    /// The base type, of a domain too.
    base: String,
    category: String,
    not_null: bool,
    has_default: bool,
    generated: bool,
}

/// Whether the table of an item type is there.
pub(super) async fn exists(session: &Session, table: &str) -> StoreResult<bool> {
    // Reading pg_class makes the server look at what others have just committed; to_regclass alone does not.
    let sql = "SELECT 1 FROM pg_class WHERE oid = to_regclass($1)";
    Ok(session.row(sql, &[&quoted(table)]).await?.is_some())
}

/// All differences; none when rows can be stored. `None` when there is no table.
pub(super) async fn differences(
    session: &Session,
    item: &ItemType,
    table: &str,
) -> StoreResult<Option<Vec<Difference>>> {
    Ok(look(session, table).await?.map(|found| compare(item, table, &found)))
}

/// A missing table as a difference.
pub(super) fn missing(item: &ItemType, table: &str) -> Difference {
    Difference { problem: format!("table {table} is missing"), remedy: ddl(item, table) }
}

async fn look(session: &Session, table: &str) -> StoreResult<Option<Found>> {
    let name = quoted(table);
    let about = "SELECT c.relkind::text, current_user::text,
                        has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
                        AND has_table_privilege(c.oid, 'UPDATE')
                 FROM pg_class c WHERE c.oid = to_regclass($1)";
    let Some(row) = session.row(about, &[&name]).await? else { return Ok(None) };
    let (kind, user, may_write) = (row.get(0), row.get(1), row.get(2));
    let columns = "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod),
                          coalesce(b.typname, t.typname)::text, t.typcategory::text,
                          a.attnotnull OR t.typnotnull,
                          a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL,
                          a.attgenerated <> '' OR a.attidentity = 'a'
                   FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
                   LEFT JOIN pg_type b ON b.oid = t.typbasetype
                   WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
                   ORDER BY a.attnum";
    let rows = session.rows(columns, &[&name]).await?;
    let columns = rows.iter().map(|row| FoundColumn {
        name: row.get(0),
        shown: row.get(1),
        base: row.get(2),
        category: row.get(3),
        not_null: row.get(4),
        has_default: row.get(5),
        generated: row.get(6),
    });
    let columns = columns.collect();
    // ON CONFLICT takes an index that is valid, immediate and whole; INCLUDE columns are no part of the key.
    let unique = "SELECT array(SELECT a.attname::text FROM pg_attribute a
                               WHERE a.attrelid = i.indrelid
                               AND a.attnum = ANY ((i.indkey::smallint[])[0:i.indnkeyatts - 1])
                               ORDER BY a.attname::text COLLATE \"C\")
                  FROM pg_index i
                  WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indisvalid AND i.indimmediate
                  AND i.indpred IS NULL AND i.indexprs IS NULL";
    let unique = session.rows(unique, &[&name]).await?.iter().map(|row| row.get(0)).collect();
    Ok(Some(Found { kind, user, may_write, columns, unique }))
}

fn compare(item: &ItemType, table: &str, found: &Found) -> Vec<Difference> {
    if !matches!(found.kind.as_str(), "r" | "p") {
        return vec![Difference {
            problem: format!("{table} is not a table"),
            remedy: format!("-- rename or drop {table}, then:\n{}", ddl(item, table)),
        }];
    }
    let mut differences = Vec::new();
    let mut differs = |problem: String, remedy: String| differences.push(Difference { problem, remedy });
    let alter = |column: &str, change: &str| {
        format!("ALTER TABLE {} ALTER COLUMN {} {change};", quoted(table), quoted(column))
    };
    if !found.may_write {
        differs(
            format!("table {table} may not be read and written by {}", found.user),
            format!("GRANT SELECT, INSERT, UPDATE ON {} TO {};", quoted(table), quoted(&found.user)),
        );
    }
    for column in item.columns.iter().chain(&ROW) {
        let (name, wanted) = (column.name, sql_type(column.kind));
        let Some(there) = found.columns.iter().find(|there| there.name == name) else {
            differs(
                format!("table {table}: column {name} ({wanted}) is missing"),
                // Without NOT NULL, for the rows that are there already have no value for it.
                format!("ALTER TABLE {} ADD COLUMN {} {wanted};", quoted(table), quoted(name)),
            );
            continue;
        };
        if there.generated {
            differs(
                format!("table {table}: column {name} is generated by the database and cannot be written"),
                format!(
                    "ALTER TABLE {0} DROP COLUMN {1}; ALTER TABLE {0} ADD COLUMN {1} {wanted};",
                    quoted(table),
                    quoted(name)
                ),
            );
        } else if !fits(column.kind, there) {
            differs(
                format!("table {table}: column {name} is {}, and the item needs {wanted}", there.shown),
                alter(name, &format!("TYPE {wanted} USING {}::text::{wanted}", quoted(name))),
            );
        }
        if item.key.contains(&name) && !there.not_null {
            differs(
                format!("table {table}: column {name} is part of the key and may be null"),
                alter(name, "SET NOT NULL"),
            );
        }
        if column.nullable && there.not_null {
            differs(
                format!("table {table}: column {name} is NOT NULL, and the item's may be absent"),
                alter(name, "DROP NOT NULL"),
            );
        }
    }
    for there in &found.columns {
        let known = item.columns.iter().chain(&ROW).any(|column| column.name == there.name);
        if !known && there.not_null && !there.has_default {
            differs(
                format!(
                    "table {table}: column {} is NOT NULL without a default, and the item lacks it",
                    there.name
                ),
                alter(&there.name, "DROP NOT NULL"),
            );
        }
    }
    let mut key = item.key.to_vec();
    key.sort_unstable();
    if item.is_keyed() && !found.unique.iter().any(|columns| *columns == key) {
        differs(
            format!("table {table}: there is no unique index on the key ({})", item.key.join(", ")),
            format!("CREATE UNIQUE INDEX ON {} ({});", quoted(table), quoted_list(item.key.iter().copied())),
        );
    }
    differences
}

/// The columns that every item table has.
const ROW: [Column; 3] = [
    Column { name: "run_id", kind: ColumnType::BigInt, nullable: false },
    Column { name: "source_url", kind: ColumnType::Text, nullable: false },
    Column { name: "scraped_at", kind: ColumnType::Timestamp, nullable: false },
];

fn fits(kind: ColumnType, there: &FoundColumn) -> bool {
    let base = there.base.as_str();
    match kind {
        // Category S: text, varchar, char, name, citext; E: enums. Of a domain it is its base type's.
        ColumnType::Text => matches!(there.category.as_str(), "S" | "E") || base == "uuid",
        ColumnType::SmallInt => matches!(base, "int2" | "int4" | "int8" | "numeric"),
        ColumnType::Integer => matches!(base, "int4" | "int8" | "numeric"),
        ColumnType::BigInt => matches!(base, "int8" | "numeric"),
        ColumnType::Real => matches!(base, "float4" | "float8" | "numeric"),
        ColumnType::Double => matches!(base, "float8" | "numeric"),
        ColumnType::Boolean => base == "bool",
        ColumnType::Numeric => base == "numeric",
        ColumnType::Date => base == "date",
        ColumnType::Timestamp => matches!(base, "timestamptz" | "timestamp"),
        ColumnType::TextList => matches!(base, "_text" | "_varchar" | "_citext"),
        ColumnType::Json => matches!(base, "jsonb" | "json"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ITEM: ItemType = ItemType {
        name: "quote",
        table: Some("quotes"),
        key: &["text"],
        columns: &[
            Column { name: "text", kind: ColumnType::Text, nullable: false },
            Column { name: "n", kind: ColumnType::Integer, nullable: true },
        ],
        auto_create: true,
    };

    fn column(name: &str, base: &str, not_null: bool) -> FoundColumn {
        let category = if matches!(base, "text" | "varchar") { "S" } else { "N" };
        FoundColumn {
            name: name.to_owned(),
            shown: base.to_owned(),
            base: base.to_owned(),
            category: category.to_owned(),
            not_null,
            has_default: false,
            generated: false,
        }
    }

    fn table(columns: Vec<FoundColumn>) -> Found {
        let row = [("run_id", "int8"), ("source_url", "text"), ("scraped_at", "timestamptz")];
        let row = row.map(|(name, base)| column(name, base, true));
        Found {
            kind: "r".to_owned(),
            user: "me".to_owned(),
            may_write: true,
            columns: columns.into_iter().chain(row).collect(),
            unique: vec![vec!["text".to_owned()]],
        }
    }

    fn problems(found: &Found) -> Vec<String> {
        compare(&ITEM, "quotes", found)
            .into_iter()
            .map(|it| format!("{} | {}", it.problem, it.remedy))
            .collect()
    }

    #[test]
    fn a_wider_table_fits() {
        let found = table(vec![column("text", "varchar", true), column("n", "int8", false)]);
        assert_eq!(problems(&found), Vec::<String>::new());
    }

    #[test]
    fn every_difference_comes_with_its_statement() {
        let mut found = table(vec![
            column("text", "text", false),
            column("n", "int2", true),
            column("extra", "text", true),
        ]);
        found.unique.clear();
        found.columns.retain(|column| column.name != "source_url");
        assert_eq!(
            problems(&found),
            [
                "table quotes: column text is part of the key and may be null | \
                 ALTER TABLE \"quotes\" ALTER COLUMN \"text\" SET NOT NULL;",
                "table quotes: column n is int2, and the item needs integer | \
                 ALTER TABLE \"quotes\" ALTER COLUMN \"n\" TYPE integer USING \"n\"::text::integer;",
                "table quotes: column n is NOT NULL, and the item's may be absent | \
                 ALTER TABLE \"quotes\" ALTER COLUMN \"n\" DROP NOT NULL;",
                "table quotes: column source_url (text) is missing | \
                 ALTER TABLE \"quotes\" ADD COLUMN \"source_url\" text;",
                "table quotes: column extra is NOT NULL without a default, and the item lacks it | \
                 ALTER TABLE \"quotes\" ALTER COLUMN \"extra\" DROP NOT NULL;",
                "table quotes: there is no unique index on the key (text) | \
                 CREATE UNIQUE INDEX ON \"quotes\" (\"text\");",
            ]
        );
    }
}
