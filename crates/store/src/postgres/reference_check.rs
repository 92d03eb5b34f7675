//! Compares the references of an item type with the foreign keys of its table.

use dragline_core::store::StoreResult;
use dragline_core::{ItemType, Reference};
use tokio_postgres::Row;

use super::item_check::Difference;
use super::item_table::add_foreign_key;
use super::session::Session;
use crate::identifier::{quoted, quoted_path};

/// The foreign keys of one column each.
const KEYS: &str =
    "SELECT con.conname::text AS name, con.confrelid::regclass::text AS parent, con.confrelid AS parent_id,
        own.attname::text AS column, other.attname::text AS key, con.condeferrable AS is_deferrable
    FROM pg_constraint con
    JOIN pg_attribute own ON own.attrelid = con.conrelid AND own.attnum = con.conkey[1]
    JOIN pg_attribute other ON other.attrelid = con.confrelid AND other.attnum = con.confkey[1]
    WHERE con.contype = 'f' AND con.conrelid = to_regclass($1) AND cardinality(con.conkey) = 1 ORDER BY name";

/// The columns that an index begins with.
const INDEXED: &str = "SELECT att.attname::text AS column FROM pg_index index
    JOIN pg_attribute att ON att.attrelid = index.indrelid AND att.attnum = index.indkey[0]
    WHERE index.indrelid = to_regclass($1) AND index.indpred IS NULL";

/// The references that the table does not keep.
pub(super) async fn differences(
    session: &Session,
    item: &ItemType,
    table: &str,
) -> StoreResult<Vec<Difference>> {
    if item.references().is_empty() {
        return Ok(Vec::new());
    }
    let keys = session.rows(KEYS, &[&quoted_path(table)]).await?;
    let indexed = session.rows(INDEXED, &[&quoted_path(table)]).await?;
    let indexed: Vec<&str> = indexed.iter().map(|row| row.get("column")).collect();
    let mut differences = Vec::new();
    for reference in item.references() {
        let parent = session
            .row("SELECT to_regclass($1)::oid AS id", &[&quoted_path(&reference.table)])
            .await?
            .and_then(|row| row.get::<_, Option<u32>>("id"));
        let on_column: Vec<&Row> =
            keys.iter().filter(|key| key.get::<_, &str>("column") == reference.column).collect();
        let found = on_column.iter().find(|key| {
            Some(key.get::<_, u32>("parent_id")) == parent && key.get::<_, &str>("key") == reference.key
        });
        let is_indexed = indexed.contains(&reference.column.as_str());
        differences.extend(match found {
            None => Some(missing(table, reference, &on_column, is_indexed)),
            Some(key) if reference.is_deferrable && !key.get::<_, bool>("is_deferrable") => {
                Some(at_once(table, reference, key.get("name")))
            }
            Some(_) => None,
        });
    }
    Ok(differences)
}

fn missing(table: &str, reference: &Reference, on_column: &[&Row], is_indexed: bool) -> Difference {
    let Reference { column, table: parent, key, .. } = reference;
    let others = on_column.iter().map(|other| {
        let (to, of): (&str, &str) = (other.get("parent"), other.get("key"));
        format!(", but one to {to} ({of})")
    });
    let drops = on_column.iter().map(|other| {
        let name = other.get::<_, &str>("name").replace('"', "\"\"");
        format!("ALTER TABLE {} DROP CONSTRAINT \"{name}\";", quoted_path(table))
    });
    let look = format!(
        "-- Rows without a parent would be refused. To see them: SELECT * FROM {} WHERE {} NOT IN (SELECT {} FROM {});",
        quoted_path(table),
        quoted(column),
        quoted(key),
        quoted_path(parent)
    );
    let index = format!("CREATE INDEX ON {} ({});", quoted_path(table), quoted(column));
    let add = add_foreign_key(table, reference).trim_end().to_owned();
    let statements = drops.chain([look, add]).chain((!is_indexed).then_some(index));
    Difference {
        problem: format!("table {table}: column {column} has no foreign key to {parent} ({key})")
            + &others.collect::<String>(),
        remedy: statements.collect::<Vec<_>>().join("\n"),
    }
}

fn at_once(table: &str, reference: &Reference, name: &str) -> Difference {
    let Reference { column, table: parent, .. } = reference;
    Difference {
        problem: format!(
            "table {table}: the foreign key {name} of column {column} is checked at once, and the row of {parent} may come later in \
             the transaction"
        ),
        remedy: format!(
            "ALTER TABLE {} ALTER CONSTRAINT \"{}\" DEFERRABLE INITIALLY DEFERRED;",
            quoted_path(table),
            name.replace('"', "\"\"")
        ),
    }
}
