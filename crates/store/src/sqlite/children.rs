//! How a flush deletes the children that their page no longer gives (`#[item(children_of = …)]`). See [`crate::children`].
//!
//! An incremental run does not parse pages that are as they were. So there, a row is left to another page that is known to give it.

use std::collections::BTreeSet;

use dragline_core::store::RunKey;
use dragline_core::{ItemRecord, ItemType, PageOutcome};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params, params_from_iter};

use super::changes;
use super::fault::Fault;
use super::items::{Conflict, NOW, to_sql};
use super::seen::digest_of_key;
use crate::children::Scopes;
use crate::identifier::{SOURCE_FINGERPRINT, quoted, quoted_list};
use crate::key_digest::{self, KeyDigest};

/// Deletes the children of this type that these pages gave before and no longer give.
pub(super) fn remove_gone(
    connection: &Connection,
    run: &RunKey,
    pages: &[&PageOutcome],
    item: &ItemType,
    conflict: Conflict,
) -> Result<(), Fault> {
    let scopes = Scopes::of(pages, item);
    let (Some(reference), Some(table), Some(digest)) =
        (item.children_of(), item.table(), digest_of_key(item))
    else {
        return Ok(());
    };
    if scopes.is_empty() {
        return Ok(());
    }
    let given: BTreeSet<KeyDigest> = pages
        .iter()
        .flat_map(|page| &page.items)
        .filter(|record| record.item_type.table() == Some(table))
        .filter_map(ItemRecord::key_text)
        .map(|key| key_digest::of_key(&key))
        .collect();
    let mut select = connection.prepare_cached(&format!(
        "SELECT {digest} AS \"#digest\", {key} FROM {table} WHERE {column} = ?1 AND {SOURCE_FINGERPRINT} = ?2
         AND (?3 OR coalesce(run_id, 0) <= ?4)",
        key = quoted_list(item.key()),
        table = quoted(table),
        column = quoted(&reference.column),
    ))?;
    for (page, parent) in scopes.pages.iter().zip(&scopes.parents) {
        let replaces_newer = conflict == Conflict::Replace;
        let mut rows = select.query(params![to_sql(parent), page.as_bytes(), replaces_newer, run.run_id])?;
        let mut gone: Vec<(KeyDigest, Vec<Sql>)> = Vec::new();
        while let Some(row) = rows.next()? {
            // A row without a digest has a key that no item has.
            let Some(digest) = row.get::<_, Option<KeyDigest>>(0)? else { continue };
            if !given.contains(&digest) {
                let key = (1..=item.key().len()).map(|at| row.get(at));
                gone.push((digest, key.collect::<rusqlite::Result<_>>()?));
            }
        }
        for (digest, key) in gone {
            if run.leaves_unchanged_rows() && pass_on(connection, run, item, &scopes, &digest, &key)? {
                continue;
            }
            end_version(connection, run, item, &digest, &key)?;
            if item.emits_changes() {
                let sql = format!("SELECT rowid FROM {} WHERE {}", quoted(table), key_is(item));
                let mut place = connection.prepare_cached(&sql)?;
                let place = place.query_row(params_from_iter(key.iter().cloned()), |row| row.get(0))?;
                changes::note_gone(connection, (run.run_id, &run.spider), item, place)?;
            }
            let sql = format!("DELETE FROM {} WHERE {}", quoted(table), key_is(item));
            connection.prepare_cached(&sql)?.execute(params_from_iter(key))?;
        }
    }
    Ok(())
}

/// Leaves the row to another page that is known to give it. Returns whether there is one.
fn pass_on(
    connection: &Connection,
    run: &RunKey,
    item: &ItemType,
    scopes: &Scopes<'_>,
    digest: &KeyDigest,
    key: &[Sql],
) -> Result<bool, Fault> {
    let mut select = connection.prepare_cached(
        "SELECT of_page.fingerprint, page.url FROM crawl_page_items of_page
         LEFT JOIN crawl_pages page USING (spider, fingerprint)
         WHERE of_page.spider = ?1 AND item_type = ?2 AND key_digest = ?3 ORDER BY of_page.fingerprint",
    )?;
    let mut rows = select.query(params![&*run.spider, item.name(), digest])?;
    while let Some(row) = rows.next()? {
        let (page, url): (Vec<u8>, Option<String>) = (row.get(0)?, row.get(1)?);
        if scopes.pages.iter().any(|of_batch| of_batch.as_bytes().as_slice() == page) {
            continue;
        }
        let count = item.key().len();
        let sql = format!(
            "UPDATE {} SET {SOURCE_FINGERPRINT} = ?{}, source_url = coalesce(?{}, source_url) WHERE {}",
            quoted(item.table().unwrap_or_default()),
            count + 1,
            count + 2,
            key_is(item)
        );
        let values = key.iter().cloned().chain([Sql::from(page), Sql::from(url)]);
        connection.prepare_cached(&sql)?.execute(params_from_iter(values))?;
        return Ok(true);
    }
    Ok(false)
}

/// Keeps the row with this key as its last version, if the type has a history. A version that this run has written already is that of
/// the row before the run. It only has to say that the row is removed now.
fn end_version(
    connection: &Connection,
    run: &RunKey,
    item: &ItemType,
    digest: &KeyDigest,
    key: &[Sql],
) -> Result<(), Fault> {
    let Some(history) = item.history() else { return Ok(()) };
    let (table, versions) =
        (quoted(item.table().unwrap_or_default()), quoted(history.table().unwrap_or_default()));
    let names: Vec<&str> = item.columns().iter().map(|column| column.name.as_str()).collect();
    let of_old: Vec<String> = names.iter().map(|name| format!("old.{}", quoted(name))).collect();
    let count = item.key().len();
    let (run_id, spider, key_digest) =
        (format!("?{}", count + 1), format!("?{}", count + 2), format!("?{}", count + 3));
    let given = || {
        let of_run = [Sql::from(run.run_id), Sql::from(run.spider.to_string()), Sql::from(digest.to_vec())];
        params_from_iter(key.iter().cloned().chain(of_run))
    };
    let is_version = format!("{} AND replaced_by_run = {run_id}", key_is(item));
    let sql = format!(
        "WITH \"#made\" AS (
             SELECT made_at, made_by FROM crawl_item_keys WHERE spider = {spider} AND item_type = '{item_type}'
             AND key_digest = {key_digest} AND made_by IS NOT NULL
         ), \"#began\" (\"#at\", \"#by\", is_known) AS (
             SELECT * FROM (
                 SELECT made_at, made_by, true FROM \"#made\" UNION ALL SELECT * FROM (
                     SELECT valid_to, replaced_by_run, changed IS NOT NULL FROM {versions} WHERE {is_key}
                     ORDER BY replaced_by_run DESC LIMIT 1
                 )
             ) ORDER BY 1 DESC LIMIT 1
         )
         INSERT INTO {versions} ({columns}, valid_from, valid_to, run_id, replaced_by_run, changed)
         SELECT {of_old}, iif(is_known, \"#at\", NULL), {NOW}, iif(is_known, \"#by\", NULL), {run_id}, NULL
         FROM {table} old LEFT JOIN \"#began\" ON true WHERE {is_old}
         AND NOT EXISTS (SELECT 1 FROM \"#made\" WHERE made_by = {run_id})
         AND NOT EXISTS (SELECT 1 FROM {versions} WHERE {is_version})",
        item_type = item.name().replace('\'', "''"),
        is_key = key_is(item),
        columns = quoted_list(&names),
        of_old = of_old.join(", "),
        is_old = key_is(item),
    );
    connection.prepare_cached(&sql)?.execute(given())?;
    let mut removed =
        connection.prepare_cached(&format!("UPDATE {versions} SET changed = NULL WHERE {is_version}"))?;
    removed.execute(params_from_iter(key.iter().cloned().chain([Sql::from(run.run_id)])))?;
    Ok(())
}

/// The condition for the row with a key, whose columns are the parameters from `?1` on.
fn key_is(item: &ItemType) -> String {
    let each = item.key().iter().zip(1..).map(|(name, number)| format!("{} = ?{number}", quoted(name)));
    each.collect::<Vec<_>>().join(" AND ")
}
