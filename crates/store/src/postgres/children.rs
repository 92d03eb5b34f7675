//! How a flush deletes the children that their page no longer gives (`#[item(children_of = …)]`). See [`crate::children`].
//!
//! The statements follow the COPY into the staging table, and come before those that store the rows:
//!
//! 1. `lock` finds the rows that the page no longer gives. If there are any, it locks them and the rows that are stored, in the order
//!    of keys, so that two flushes that have children in common do not wait for each other in a circle.
//! 2. `pass_on` leaves a row to another page that is known to give it. Only an incremental run needs this, because it does not parse
//!    pages that are as they were.
//! 3. `end_versions` writes the last versions of the others, if the type has a history.
//! 4. `delete` deletes them.

use dragline_core::ItemType;

use super::changes;
use super::history::{began, is_of_item};
use super::item_table::sql_type;
use super::seen::digest_of_key;
use crate::identifier::{SOURCE_FINGERPRINT, quoted, quoted_list, quoted_path};

/// The statements for the children of a type. Parameters of each: the run, its spider, the pages, the key of a parent for each
/// page, whether rows of later runs go too, and whether the run knows which items are on which pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ChildStatements {
    pub(super) lock: String,
    /// For a run that knows which items are on which pages.
    pub(super) pass_on: String,
    pub(super) end_versions: Option<String>,
    pub(super) delete: String,
}

impl ChildStatements {
    /// Those of an item type whose items are children.
    pub(super) fn new(item: &ItemType, stage: &str) -> Option<Self> {
        let table = quoted_path(item.table()?);
        let gone = gone(item, &table, stage)?;
        let key = quoted_list(item.key());
        let old_key = same_key(item, "old", "gone");
        Some(Self {
            lock: format!(
                "WITH {gone}
                 SELECT count(*) FROM (
                     SELECT {key} FROM (
                         SELECT {key} FROM gone
                         UNION SELECT {key} FROM pg_temp.{stage} WHERE EXISTS (SELECT FROM gone)
                     ) keys ORDER BY {key}
                 ) gone CROSS JOIN LATERAL (SELECT FROM {table} old WHERE {old_key} FOR NO KEY UPDATE) locked"
            ),
            pass_on: format!(
                "WITH {gone}
                 UPDATE {table} child SET source_fingerprint = gone.\"#other\", source_url = coalesce((
                     SELECT url FROM crawl_pages WHERE spider = $2 AND fingerprint = gone.\"#other\"
                 ), child.source_url)
                 FROM gone CROSS JOIN LATERAL (SELECT ctid AS \"#place\" FROM {table} old WHERE {old_key} OFFSET 0) old
                 WHERE child.ctid = old.\"#place\" AND gone.\"#other\" IS NOT NULL"
            ),
            end_versions: end_versions(item, &table, &gone),
            delete: delete(
                item,
                &format!(
                    "DELETE FROM {table} child USING gone
                     CROSS JOIN LATERAL (SELECT ctid AS \"#place\" FROM {table} old WHERE {old_key} OFFSET 0) old
                     WHERE child.ctid = old.\"#place\" AND gone.\"#other\" IS NULL"
                ),
                &gone,
            ),
        })
    }
}

/// Deletes the rows, and notes them if the type has a change feed.
fn delete(item: &ItemType, delete: &str, gone: &str) -> String {
    let columns: Vec<String> =
        item.columns().iter().map(|column| format!("child.{}", quoted(&column.name))).collect();
    match changes::note(item, "removed", "'gone'", "NULL::text[]").filter(|_| item.emits_changes()) {
        Some(note) => {
            format!("WITH {gone}, removed AS ({delete} RETURNING {}) {note}", columns.join(", "))
        }
        None => format!("WITH {gone} {delete}"),
    }
}

/// The keys of the rows that their page no longer gives, as the first part of a WITH, each with another page that gives it, if one is
/// known. No column of an item can have a name with "#".
fn gone(item: &ItemType, table: &str, stage: &str) -> Option<String> {
    let reference = item.children_of()?;
    let keys: Vec<String> = item.key().iter().map(|name| format!("child.{}", quoted(name))).collect();
    let keys = keys.join(", ");
    Some(format!(
        "gone AS MATERIALIZED (
             SELECT {keys}, CASE WHEN $6::boolean THEN (
                 SELECT other.fingerprint FROM crawl_page_items other
                 WHERE other.spider = $2 AND other.item_type = '{item_type}'
                 AND other.key_digest = (SELECT {digest} FROM (SELECT {keys}) keyed)
                 AND other.fingerprint <> ALL ($3::bytea[]) ORDER BY other.fingerprint LIMIT 1
             ) END AS \"#other\"
             FROM unnest($3::bytea[], $4::text[]) AS scope (\"#page\", \"#parent\")
             CROSS JOIN LATERAL (
                 SELECT * FROM {table} child WHERE child.{column} = CAST(scope.\"#parent\" AS {kind}) OFFSET 0
             ) child
             WHERE child.{SOURCE_FINGERPRINT} = scope.\"#page\" AND ($5::boolean OR coalesce(child.run_id, 0) <= $1)
             AND NOT EXISTS (SELECT FROM pg_temp.{stage} new WHERE {new_key})
         )",
        item_type = item.name().replace('\'', "''"),
        digest = digest_of_key(item)?,
        column = quoted(&reference.column),
        kind = sql_type(reference.kind),
        new_key = same_key(item, "new", "child"),
    ))
}

/// A version that this run has written already is that of the row before the run. It only has to say that the row is removed now.
fn end_versions(item: &ItemType, table: &str, gone: &str) -> Option<String> {
    let history = item.history()?;
    let history = quoted_path(history.table()?);
    let digest = digest_of_key(item)?;
    let names: Vec<&str> = item.columns().iter().map(|column| column.name.as_str()).collect();
    let of = |table: &str| {
        let names: Vec<String> = names.iter().map(|name| format!("{table}.{}", quoted(name))).collect();
        names.join(", ")
    };
    Some(format!(
        "WITH {gone}, pair AS MATERIALIZED (
             SELECT old.*, version.\"#place\" FROM gone
             CROSS JOIN LATERAL (SELECT {of_old}, {digest} AS \"#digest\" FROM {table} old WHERE {old_key} OFFSET 0) old
             LEFT JOIN LATERAL (
                 SELECT ctid AS \"#place\" FROM {history} version
                 WHERE {version_key} AND version.replaced_by_run = $1 OFFSET 0
             ) version ON true
             WHERE gone.\"#other\" IS NULL
         ), corrected AS (
             UPDATE {history} version SET changed = NULL FROM pair WHERE version.ctid = pair.\"#place\"
         )
         INSERT INTO {history} ({columns}, valid_from, valid_to, run_id, replaced_by_run, changed)
         SELECT {of_pair}, began.at, now(), began.run, $1, NULL
         FROM pair
         {began}
         WHERE pair.\"#place\" IS NULL AND made.made_by IS DISTINCT FROM $1",
        of_old = of("old"),
        of_pair = of("pair"),
        columns = quoted_list(&names),
        old_key = same_key(item, "old", "gone"),
        version_key = same_key(item, "version", "old"),
        began = began(&history, &same_key(item, "version", "pair"), &is_of_item(item)),
    ))
}

fn same_key(item: &ItemType, one: &str, other: &str) -> String {
    let equal = item.key().iter().map(quoted).map(|name| format!("{one}.{name} = {other}.{name}"));
    equal.collect::<Vec<_>>().join(" AND ")
}
