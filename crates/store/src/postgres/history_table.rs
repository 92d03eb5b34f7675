//! The table of an item type's history: how it is created, and how an existing one must look.
//!
//! A version is copied from the row by the database. So each column must take whatever the row's column holds, also where a person
//! has made that one wider than the item needs.

use std::fmt::Write as _;

use dragline_core::store::StoreResult;
use dragline_core::{ItemType, item_history};

use super::item_check::{Difference, TableColumn, TableShape, compare, fits, look};
use super::item_table::sql_type;
use super::session::Session;
use crate::identifier::{quoted, quoted_list, quoted_path};

/// The statements that create the history of an item type. They don't look at the database.
pub(super) fn ddl(history: &ItemType) -> String {
    ddl_beside(history, None)
}

/// The same, with the types of the columns that the item's table has there.
pub(super) async fn ddl_there(session: &Session, item: &ItemType, history: &ItemType) -> StoreResult<String> {
    let beside = match item.table() {
        Some(table) => look(session, table).await?,
        None => None,
    };
    Ok(ddl_beside(history, beside.as_ref()))
}

/// What keeps versions from being stored.
pub(super) async fn differences(
    session: &Session,
    item: &ItemType,
    history: &ItemType,
) -> StoreResult<Vec<Difference>> {
    let (Some(own), Some(table)) = (item.table(), history.table()) else { return Ok(Vec::new()) };
    let beside = look(session, own).await?;
    let Some(found) = look(session, table).await? else {
        return Ok(vec![Difference {
            problem: format!("table {table} is missing, which holds the history of {own}"),
            remedy: ddl_beside(history, beside.as_ref()),
        }]);
    };
    let mut differences = compare(history, table, &found, &[]);
    if found.kind == "p" {
        // Versions are found again by their place, which is not unique among partitions.
        differences.push(Difference {
            problem: format!("table {table} is partitioned, and a history cannot be"),
            remedy: format!("-- rename {table}, then:\n{}", ddl_beside(history, beside.as_ref())),
        });
    }
    if found.may_write && !found.may_delete {
        differences.push(Difference {
            problem: format!(
                "no row of the table {table} may be deleted by {}: a change that is taken back leaves no version",
                found.user
            ),
            remedy: format!("GRANT DELETE ON {} TO {};", quoted_path(table), quoted(&found.user)),
        });
    }
    if let Some(beside) = &beside {
        differences.extend(too_narrow(item, table, &found, beside));
    }
    Ok(differences)
}

/// The columns that do not take what the row's column may hold. `compare` finds the columns that don't even fit the item.
fn too_narrow(item: &ItemType, table: &str, found: &TableShape, beside: &TableShape) -> Vec<Difference> {
    let column = |shape: &TableShape, name: &str| -> Option<TableColumn> {
        shape.columns.iter().find(|column| column.name == name).cloned()
    };
    let narrow = item.columns().iter().filter_map(|own| {
        let (version, row) = (column(found, &own.name)?, column(beside, &own.name)?);
        let is_known = fits(own.kind, &version);
        (is_known && !takes(&version, &row)).then_some((version, row))
    });
    narrow
        .map(|(version, row)| Difference {
            problem: format!(
                "table {table}: column {} is {}, and the rows have {}",
                version.name, version.shown, row.shown
            ),
            remedy: format!(
                "ALTER TABLE {} ALTER COLUMN {} TYPE {};",
                quoted_path(table),
                quoted(&version.name),
                row.shown
            ),
        })
        .collect()
}

/// Whether a column takes every value of another one, unchanged.
fn takes(version: &TableColumn, row: &TableColumn) -> bool {
    if version.shown == row.shown {
        return true;
    }
    let wider: &[&str] = match version.base.as_str() {
        "text" => return matches!(row.category.as_str(), "S" | "E") || row.base == "uuid",
        "int4" => &["int2", "int4"],
        "int8" => &["int2", "int4", "int8"],
        "float8" => &["float4", "float8"],
        "numeric" if version.limit.is_none() => &["int2", "int4", "int8", "numeric"],
        "timestamptz" => &["timestamptz", "timestamp"],
        same => return same == row.base && version.limit.is_none(),
    };
    wider.contains(&row.base.as_str())
}

fn ddl_beside(history: &ItemType, beside: Option<&TableShape>) -> String {
    let table = quoted_path(history.table().unwrap_or_default());
    let mut sql = format!("CREATE TABLE {table} (\n");
    for column in history.columns() {
        let of_item = beside.filter(|_| !item_history::COLUMNS.contains(&&*column.name));
        let there = of_item.and_then(|shape| shape.columns.iter().find(|there| there.name == column.name));
        let kind = there.map_or(sql_type(column.kind), |there| there.shown.as_str());
        let null = if column.nullable { "" } else { " NOT NULL" };
        // Writing to a String cannot fail.
        let _ = writeln!(sql, "    {} {kind}{null},", quoted(&column.name));
    }
    let _ = write!(
        sql,
        "    PRIMARY KEY ({})\n);\nCREATE INDEX ON {table} (replaced_by_run);\n",
        quoted_list(history.key())
    );
    sql
}

#[cfg(test)]
mod tests {
    use super::*;
    use dragline_core::{Column, ColumnType};

    fn item() -> ItemType {
        let item = ItemType::builder("book").with_table("shop.books").with_key(["isbn"]).with_history();
        let columns = [Column::new("isbn", ColumnType::Text), Column::nullable("price", ColumnType::Numeric)];
        item.with_columns(columns).build().unwrap()
    }

    #[test]
    fn a_history_has_the_columns_of_the_rows_and_those_of_versions() {
        assert_eq!(
            ddl(&item().history().unwrap()),
            "CREATE TABLE \"shop\".\"books_history\" (\n    \"isbn\" text NOT NULL,\n    \"price\" numeric,\n    \
             \"valid_from\" timestamptz,\n    \"valid_to\" timestamptz NOT NULL,\n    \"run_id\" bigint,\n    \
             \"replaced_by_run\" bigint NOT NULL,\n    \"changed\" text[],\n    \
             PRIMARY KEY (\"isbn\", \"replaced_by_run\")\n);\n\
             CREATE INDEX ON \"shop\".\"books_history\" (replaced_by_run);\n"
        );
    }

    #[test]
    fn a_column_takes_its_own_type_and_narrower_ones() {
        let column = |base: &str, limit: Option<&str>| TableColumn {
            name: "n".to_owned(),
            shown: limit.unwrap_or(base).to_owned(),
            base: base.to_owned(),
            category: if matches!(base, "text" | "varchar") { "S" } else { "N" }.to_owned(),
            not_null: false,
            has_default: false,
            generated: false,
            limit: limit.map(str::to_owned),
        };
        for (version, row, expected) in [
            (column("text", None), column("varchar", Some("varchar(5)")), true),
            (column("varchar", Some("varchar(5)")), column("varchar", Some("varchar(5)")), true),
            (column("varchar", Some("varchar(5)")), column("text", None), false),
            (column("varchar", None), column("varchar", Some("varchar(5)")), true),
            (column("int4", None), column("int8", None), false),
            (column("int8", None), column("int4", None), true),
            (column("numeric", Some("numeric(3,0)")), column("numeric", None), false),
            (column("numeric", None), column("numeric", Some("numeric(3,0)")), true),
            (column("jsonb", None), column("json", None), false),
        ] {
            assert_eq!(takes(&version, &row), expected, "{version:?} {row:?}");
        }
    }
}
