//! The foreign keys of the database, and those that stand in the way of every order.

use dragline_core::store::StoreResult;

use super::item_check::Difference;
use super::session::Session;
use crate::identifier::quoted;
use crate::table_order::{ForeignKey, TableOrder};

/// A table that is not in the search path keeps the name of its schema.
const READ: &str = "SELECT child.name AS child, parent.name AS parent, con.conname::text AS name,
        con.condeferrable AS is_deferrable
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

/// Reads the order of all tables.
pub(super) async fn order(session: &Session) -> StoreResult<TableOrder> {
    let keys = session.rows(READ, &[]).await?;
    let keys: Vec<ForeignKey> = keys
        .iter()
        .map(|row| ForeignKey {
            child: row.get("child"),
            parent: row.get("parent"),
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
            quoted(child),
            name.replace('"', "\"\"")
        ),
    };
    keys.map(difference).collect()
}
