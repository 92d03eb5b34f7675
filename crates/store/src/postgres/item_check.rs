//! Compares an item type with its table in the database.
//!
//! A column may differ from what the item needs: `varchar`, `citext`, an enum or a domain for text, a wider integer or
//! `numeric` for integers, `numeric(p,s)` for decimals, `json` for `jsonb`, `timestamp` (in UTC) for `timestamptz`. If such a
//! column refuses a row, the row becomes a dead letter; a limit on length or digits is logged at the start. If a difference
//! would refuse or duplicate *every* row, it is an error here, before the first request.

use dragline_core::item_extras::GONE_AT;
use dragline_core::store::StoreResult;
use dragline_core::table_name::parts;
use dragline_core::{Column, ColumnType, ItemType, Reference};

use super::item_table::{ddl, schema_ddl, sql_type};
use super::session::Session;
use crate::identifier::{SOURCE_FINGERPRINT, quoted, quoted_list, quoted_path};

/// A difference between an item type and its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Table, column and what is wrong.
    pub(crate) problem: String,
    /// The statement that fixes it.
    pub(crate) remedy: String,
}

/// A table as the database has it.
#[derive(Debug)]
pub(super) struct TableShape {
    pub(super) kind: String,
    /// The user of this session.
    pub(super) user: String,
    pub(super) may_write: bool,
    pub(super) may_delete: bool,
    /// Whether this user may change the table.
    is_owner: bool,
    pub(super) columns: Vec<TableColumn>,
    /// The sorted columns of each index that ON CONFLICT can use.
    unique: Vec<Vec<String>>,
    /// The columns that partition the table.
    partitions: Option<Partitions>,
}

#[derive(Debug)]
struct Partitions {
    /// As people write it.
    shown: String,
    /// Its columns; `None` when it has an expression.
    columns: Option<Vec<String>>,
}

#[derive(Clone, Debug)]
pub(super) struct TableColumn {
    pub(super) name: String,
    /// As people write it.
    pub(super) shown: String,
    /// The base type. For a domain, this is the type that it is based on.
    pub(super) base: String,
    pub(super) category: String,
    pub(super) not_null: bool,
    pub(super) has_default: bool,
    pub(super) generated: bool,
    /// Its base type, when that has a limit on length or digits.
    pub(super) limit: Option<String>,
}

/// Whether a table exists.
pub(super) async fn exists(session: &Session, table: &str) -> StoreResult<bool> {
    // Reading pg_class shows what others have just committed; to_regclass by itself does not.
    let sql = "SELECT 1 FROM pg_class WHERE oid = to_regclass($1)";
    Ok(session.row(sql, &[&quoted_path(table)]).await?.is_some())
}

/// The result of comparing an item type with its table.
#[derive(Debug)]
pub(super) struct Comparison {
    /// The differences that keep rows from being stored.
    pub(super) differences: Vec<Difference>,
    /// Whether the table has the column for the fingerprint of the page.
    pub(super) has_fingerprint: bool,
    /// Whether this user may add that column.
    pub(super) is_owner: bool,
}

/// Compares an item type with its table. `None` if the table does not exist.
pub(super) async fn compare_with_table(
    session: &Session,
    item: &ItemType,
    table: &str,
) -> StoreResult<Option<Comparison>> {
    let Some(found) = look(session, table).await? else { return Ok(None) };
    for (column, limit) in limits(item, &found) {
        tracing::warn!(table, column, "a page whose value does not fit into {limit} will be dead");
    }
    let is_fingerprint = |column: &TableColumn| {
        column.name == SOURCE_FINGERPRINT && column.base == "bytea" && !column.generated
    };
    Ok(Some(Comparison {
        differences: compare(item, table, &found, &row_columns(item)),
        has_fingerprint: found.columns.iter().any(is_fingerprint),
        is_owner: found.is_owner,
    }))
}

/// Whether the schema of a table exists. A table without one is in a schema of the search path.
pub(super) async fn has_schema(session: &Session, table: &str) -> StoreResult<bool> {
    let (Some(schema), _) = parts(table) else { return Ok(true) };
    let sql = "SELECT 1 FROM pg_namespace WHERE nspname = $1";
    Ok(session.row(sql, &[&schema]).await?.is_some())
}

/// A missing table as a difference.
pub(super) async fn missing(
    session: &Session,
    item: &ItemType,
    table: &str,
    put_off: &[&Reference],
) -> StoreResult<Difference> {
    let ddl = ddl(item, table, put_off);
    Ok(match parts(table).0 {
        Some(schema) if !has_schema(session, table).await? => Difference {
            problem: format!("table {table} is missing, and so is its schema {schema}"),
            remedy: schema_ddl(schema) + &ddl,
        },
        _ => Difference { problem: format!("table {table} is missing"), remedy: ddl },
    })
}

pub(super) async fn look(session: &Session, table: &str) -> StoreResult<Option<TableShape>> {
    let name = quoted_path(table);
    let about = "SELECT c.relkind::text AS kind, current_user::text AS user,
                        pg_has_role(c.relowner, 'USAGE') AS is_owner,
                        has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
                        AND has_table_privilege(c.oid, 'UPDATE') AS may_write,
                        has_table_privilege(c.oid, 'DELETE') AS may_delete
                 FROM pg_class c WHERE c.oid = to_regclass($1)";
    let Some(row) = session.row(about, &[&name]).await? else { return Ok(None) };
    let (kind, user) = (row.get("kind"), row.get("user"));
    let (may_write, may_delete) = (row.get("may_write"), row.get("may_delete"));
    let is_owner = row.get("is_owner");
    let columns = "SELECT a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS shown,
                          coalesce(b.typname, t.typname)::text AS base, t.typcategory::text AS category,
                          a.attnotnull OR t.typnotnull AS not_null,
                          a.atthasdef OR a.attidentity <> '' OR t.typdefault IS NOT NULL AS has_default,
                          a.attgenerated <> '' OR a.attidentity = 'a' AS generated,
                          CASE WHEN m.typmod >= 0 THEN format_type(coalesce(b.oid, t.oid), m.typmod) END AS limit
                   FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
                   LEFT JOIN pg_type b ON b.oid = t.typbasetype
                   CROSS JOIN LATERAL (SELECT greatest(a.atttypmod, t.typtypmod) AS typmod) m
                   WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
                   ORDER BY a.attnum";
    let rows = session.rows(columns, &[&name]).await?;
    let columns = rows.iter().map(|row| TableColumn {
        name: row.get("name"),
        shown: row.get("shown"),
        base: row.get("base"),
        category: row.get("category"),
        not_null: row.get("not_null"),
        has_default: row.get("has_default"),
        generated: row.get("generated"),
        limit: row.get("limit"),
    });
    let columns = columns.collect();
    // ON CONFLICT takes an index that is valid, immediate and not partial. The INCLUDE columns are not part of its key.
    let unique = "SELECT array(SELECT a.attname::text FROM pg_attribute a
                               WHERE a.attrelid = i.indrelid
                               AND a.attnum = ANY ((i.indkey::smallint[])[0:i.indnkeyatts - 1])
                               ORDER BY a.attname::text COLLATE \"C\") AS columns
                  FROM pg_index i
                  WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indisvalid AND i.indimmediate
                  AND i.indpred IS NULL AND i.indexprs IS NULL";
    let unique = session.rows(unique, &[&name]).await?.iter().map(|row| row.get("columns")).collect();
    let partitions = "SELECT pg_get_partkeydef(p.partrelid) AS shown,
                             array(SELECT a.attname::text FROM pg_attribute a
                                   WHERE a.attrelid = p.partrelid AND a.attnum = ANY (p.partattrs::smallint[])) AS columns,
                             p.partexprs IS NULL AS has_only_columns
                      FROM pg_partitioned_table p WHERE p.partrelid = to_regclass($1)";
    let partitions = session.row(partitions, &[&name]).await?.map(|row| Partitions {
        shown: row.get("shown"),
        columns: row.get::<_, bool>("has_only_columns").then(|| row.get("columns")),
    });
    Ok(Some(TableShape { kind, user, may_write, may_delete, is_owner, columns, unique, partitions }))
}

/// Compares an item type with its table, which also needs the columns `of_row`.
pub(super) fn compare(
    item: &ItemType,
    table: &str,
    found: &TableShape,
    of_row: &[Column],
) -> Vec<Difference> {
    if !matches!(found.kind.as_str(), "r" | "p") {
        return vec![Difference {
            problem: format!("{table} is not a table"),
            remedy: format!("-- rename or drop {table}, then:\n{}", ddl(item, table, &[])),
        }];
    }
    let mut differences = Vec::new();
    let mut differs = |problem: String, remedy: String| differences.push(Difference { problem, remedy });
    let alter = |column: &str, change: &str| {
        format!("ALTER TABLE {} ALTER COLUMN {} {change};", quoted_path(table), quoted(column))
    };
    if !found.may_write {
        differs(
            format!("table {table} may not be read and written by {}", found.user),
            format!("GRANT SELECT, INSERT, UPDATE ON {} TO {};", quoted_path(table), quoted(&found.user)),
        );
    }
    if item.children_of().is_some() {
        let is_fingerprint = |there: &TableColumn| there.name == SOURCE_FINGERPRINT && there.base == "bytea";
        if !found.columns.iter().any(is_fingerprint) {
            differs(
                format!(
                    "table {table}: column {SOURCE_FINGERPRINT} (bytea) is missing, and children are found by it"
                ),
                format!("ALTER TABLE {} ADD COLUMN {SOURCE_FINGERPRINT} bytea;", quoted_path(table)),
            );
        }
        if found.may_write && !found.may_delete {
            differs(
                format!("no row of the table {table} may be deleted by {}, and children are", found.user),
                format!("GRANT DELETE ON {} TO {};", quoted_path(table), quoted(&found.user)),
            );
        }
    }
    for column in item.columns().iter().chain(of_row) {
        let (name, wanted) = (column.name.as_str(), sql_type(column.kind));
        let Some(there) = found.columns.iter().find(|there| there.name == name) else {
            differs(
                format!("table {table}: column {name} ({wanted}) is missing"),
                // Without NOT NULL, because existing rows have no value for it.
                format!("ALTER TABLE {} ADD COLUMN {} {wanted};", quoted_path(table), quoted(name)),
            );
            continue;
        };
        if there.generated {
            differs(
                format!("table {table}: column {name} is generated by the database and cannot be written"),
                format!(
                    "ALTER TABLE {0} DROP COLUMN {1}; ALTER TABLE {0} ADD COLUMN {1} {wanted};",
                    quoted_path(table),
                    quoted(name)
                ),
            );
        } else if !fits(column.kind, there) {
            let through = if wanted == "text" { String::new() } else { format!("::{wanted}") };
            differs(
                format!("table {table}: column {name} is {}, and the item needs {wanted}", there.shown),
                alter(name, &format!("TYPE {wanted} USING {}::text{through}", quoted(name))),
            );
        }
        if item.is_key_column(name) && !there.not_null {
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
        let known = there.name == SOURCE_FINGERPRINT
            || item.columns().iter().chain(of_row).any(|column| column.name == there.name);
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
    let mut key = item.key().to_vec();
    key.sort_unstable();
    if item.is_keyed() && !found.unique.contains(&key) {
        differs(
            format!("table {table}: a unique index on the key ({}) is missing", item.key().join(", ")),
            unique_index(item, table, found.partitions.as_ref()),
        );
    }
    differences
}

/// The statement that makes the key unique. If the server would refuse it, says what else can be done.
fn unique_index(item: &ItemType, table: &str, partitions: Option<&Partitions>) -> String {
    let is_in_key = |column: &String| item.is_key_column(column);
    match partitions {
        Some(Partitions { shown, columns })
            if !columns.as_ref().is_some_and(|all| all.iter().all(is_in_key)) =>
        {
            format!(
                "-- {table} is partitioned by {shown}, and a unique index must hold all columns of that: split it by \
                 columns of the key ({}) instead, or name a table that is not partitioned",
                item.key().join(", ")
            )
        }
        _ => format!("CREATE UNIQUE INDEX ON {} ({});", quoted_path(table), quoted_list(item.key())),
    }
}

/// The columns that the table of an item type must have in addition to the item's own.
fn row_columns(item: &ItemType) -> Vec<Column> {
    let mut columns = vec![
        Column::new("run_id", ColumnType::BigInt),
        Column::new("source_url", ColumnType::Text),
        Column::new("scraped_at", ColumnType::Timestamp),
    ];
    columns.extend(item.marks_gone().then(|| Column::nullable(GONE_AT, ColumnType::Timestamp)));
    columns
}

/// The columns with a limit on length or digits that the item does not have, each with its limit.
fn limits<'a>(item: &ItemType, found: &'a TableShape) -> Vec<(&'a str, &'a str)> {
    // Timestamps are left out, because they round.
    let refuses = |base: &str| matches!(base, "varchar" | "bpchar" | "numeric" | "_varchar");
    let row = row_columns(item);
    let written =
        |there: &&TableColumn| item.columns().iter().chain(&row).any(|column| column.name == there.name);
    let columns = found.columns.iter().filter(written).filter(|there| refuses(&there.base));
    columns.filter_map(|there| Some((there.name.as_str(), there.limit.as_deref()?))).collect()
}

pub(super) fn fits(kind: ColumnType, there: &TableColumn) -> bool {
    let base = there.base.as_str();
    match kind {
        // Category S: text, varchar, char, name, citext; E: enums. A domain has the category of its base type.
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
        ColumnType::Uuid => base == "uuid",
        ColumnType::Json => matches!(base, "jsonb" | "json"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::LazyLock;

    static ITEM: LazyLock<ItemType> = LazyLock::new(|| {
        ItemType::builder("quote")
            .with_table("quotes")
            .with_key(["text"])
            .with_columns([Column::new("text", ColumnType::Text), Column::nullable("n", ColumnType::Integer)])
            .build()
            .unwrap()
    });

    fn column(name: &str, base: &str, not_null: bool) -> TableColumn {
        let category = if matches!(base, "text" | "varchar") { "S" } else { "N" };
        TableColumn {
            name: name.to_owned(),
            shown: base.to_owned(),
            base: base.to_owned(),
            category: category.to_owned(),
            not_null,
            has_default: false,
            generated: false,
            limit: None,
        }
    }

    fn table(columns: Vec<TableColumn>) -> TableShape {
        let row = [("run_id", "int8"), ("source_url", "text"), ("scraped_at", "timestamptz")];
        let row = row.map(|(name, base)| column(name, base, true));
        TableShape {
            kind: "r".to_owned(),
            user: "me".to_owned(),
            may_write: true,
            may_delete: true,
            is_owner: true,
            columns: columns.into_iter().chain(row).collect(),
            unique: vec![vec!["text".to_owned()]],
            partitions: None,
        }
    }

    fn problems(found: &TableShape) -> Vec<String> {
        compare(&ITEM, "quotes", found, &row_columns(&ITEM))
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
    fn limits_are_told() {
        let limited = |name, base, limit: &str| TableColumn {
            limit: Some(limit.to_owned()),
            ..column(name, base, false)
        };
        let found = table(vec![
            limited("text", "varchar", "character varying(5)"),
            limited("n", "numeric", "numeric(3,0)"),
            limited("other", "varchar", "character varying(1)"),
        ]);
        assert_eq!(limits(&ITEM, &found), [("text", "character varying(5)"), ("n", "numeric(3,0)")]);
    }

    #[test]
    fn a_partitioned_table_may_have_no_unique_index() {
        let partitions = |columns: Option<&[&str]>| Partitions {
            shown: "HASH (…)".to_owned(),
            columns: columns.map(|all| all.iter().map(|it| (*it).to_owned()).collect()),
        };
        let remedy = |columns| unique_index(&ITEM, "quotes", Some(&partitions(columns)));
        assert!(remedy(Some(&["text"])).starts_with("CREATE UNIQUE INDEX"));
        for columns in [Some(["scraped_at"].as_slice()), None] {
            assert!(remedy(columns).contains("is partitioned by HASH (…)"), "{}", remedy(columns));
        }
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
                "table quotes: a unique index on the key (text) is missing | \
                 CREATE UNIQUE INDEX ON \"quotes\" (\"text\");",
            ]
        );
    }
}
