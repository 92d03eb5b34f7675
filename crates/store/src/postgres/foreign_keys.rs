//! The foreign keys of the database, and those that stand in the way of every order.

use std::collections::HashMap;

use dragline_core::store::StoreResult;
use tokio_postgres::Row;

use super::item_check::Difference;
use super::session::Session;
use crate::identifier::quoted_path;
use crate::table_order::{ForeignKey, TableOrder};

/// A table that is not in the search path keeps the name of its schema.
const READ: &str = "SELECT con.conrelid AS child_id, con.confrelid AS parent_id, child.name AS child,
        parent.name AS parent, con.conname::text AS name, con.condeferrable AS is_deferrable
    FROM pg_constraint con
    CROSS JOIN LATERAL (
        SELECT CASE WHEN pg_table_is_visible(oid) THEN relname::text
                    ELSE relnamespace::regnamespace::text || '.' || relname END AS name
        FROM pg_class WHERE oid = con.conrelid
    ) child
    CROSS JOIN LATERAL (
        SELECT CASE WHEN pg_table_is_visible(oid) THEN relname::text
                    ELSE relnamespace::regnamespace::text || '.' || relname END AS name
        FROM pg_class WHERE oid = con.confrelid
    ) parent
    WHERE con.contype = 'f' ORDER BY child, parent, name";

/// The tables of item types. An item type may name the schema of its table even if it is in the search path.
const NAMED: &str = "SELECT name, to_regclass(path)::oid AS id
    FROM unnest($1::text[], $2::text[]) AS named (name, path) WHERE to_regclass(path) IS NOT NULL";

/// Reads the order of all tables. Those of item types, `tables`, have the names that the types give them.
pub(super) async fn order(session: &Session, tables: &[&str]) -> StoreResult<TableOrder> {
    let paths: Vec<String> = tables.iter().map(|table| quoted_path(table)).collect();
    let named = session.rows(NAMED, &[&tables, &paths]).await?;
    let named: HashMap<u32, String> = named.iter().map(|row| (row.get("id"), row.get("name"))).collect();
    let name_of = |row: &Row, id: &str, name: &str| {
        named.get(&row.get::<_, u32>(id)).cloned().unwrap_or_else(|| row.get(name))
    };
    let keys = session.rows(READ, &[]).await?;
    let keys: Vec<ForeignKey> = keys
        .iter()
        .map(|row| ForeignKey {
            child: name_of(row, "child_id", "child"),
            parent: name_of(row, "parent_id", "parent"),
            name: row.get("name"),
            is_deferrable: row.get("is_deferrable"),
        })
        .collect();
    Ok(TableOrder::of(&keys))
}

/// The foreign keys of these tables that the database checks before the parent can be there.
pub(super) fn in_the_way(order: &TableOrder, tables: &[&str]) -> Vec<Difference> {
    let keys =
        order.circular(tables).filter(|key| !key.is_deferrable && order.comes_late(&key.parent, &key.child));
    let difference = |ForeignKey { child, parent, name, .. }: &ForeignKey| Difference {
        problem: format!(
            "tables {child} and {parent} refer to each other, so no order of writing them fits the foreign key {name}, \
             which is checked at once; a row of {child} is refused unless its row of {parent} is there already"
        ),
        remedy: format!(
            "-- The database then checks it at the end of a page's transaction:\nALTER TABLE {} ALTER CONSTRAINT \"{}\" \
             DEFERRABLE INITIALLY DEFERRED;",
            quoted_path(child),
            name.replace('"', "\"\"")
        ),
    };
    keys.map(difference).collect()
}
