//! Counts and finds rows that are gone, and removes or marks them. It finds a row again by its `rowid`, which only an owner of the
//! table may give to another row. So it looks at each row once more before the row goes.

use std::time::{Duration, Instant};

use dragline_core::gone::{GoneAction, GoneAsk, GoneCounts, RowPlace};
use dragline_core::item_extras::GONE_AT;
use dragline_core::probe::reach;
use dragline_core::{ItemType, StoreError};
use rusqlite::{Connection, ErrorCode, OptionalExtension, TransactionBehavior, params};

use super::fault::Fault;
use super::items::NOW;
use super::seen::digest_of_key;
use super::{changes, foreign_keys, history, merge};
use crate::identifier::{check_names, quoted};
use crate::key_digest::KeyDigest;
use crate::table_order::TableOrder;

/// The table of item types that have none of their own.
const SHARED: &str = "crawl_items";

/// The steps of its machine after which `SQLite` asks whether to go on.
const STEPS_BETWEEN_LOOKS: i32 = 10_000;

/// The types with a key, those that refer to others first.
pub(super) fn children_first(connection: &Connection, items: &[ItemType]) -> Result<Vec<ItemType>, Fault> {
    let order = TableOrder::of(&foreign_keys::read(connection)?);
    let rank = |item: &ItemType| order.rank(item.table().unwrap_or(SHARED)).0;
    let mut keyed: Vec<ItemType> = items.iter().filter(|item| item.is_keyed()).cloned().collect();
    keyed.sort_by_key(|item| std::cmp::Reverse(rank(item)));
    Ok(keyed)
}

/// Counts rows.
pub(super) fn count(
    connection: &mut Connection,
    ask: &GoneAsk,
    item: &ItemType,
    limit: Duration,
) -> Result<GoneCounts, Fault> {
    let Some(rows) = Rows::there(connection, item, ask.action)? else { return Ok(GoneCounts::default()) };
    let sql = format!(
        "SELECT (
             SELECT count(*) FROM {all} JOIN crawl_runs run ON run.run_id = old.\"#by\"
             WHERE run.spider = ?1 AND run.name = ?2
         ) AS rows, (SELECT count(*) FROM {all} WHERE {gone}) AS gone",
        all = rows.all(""),
        gone = rows.are_gone,
    );
    within(connection, limit, |connection| {
        Ok(connection.query_row(&sql, params![ask.spider, ask.name, ask.since], |row| {
            Ok(GoneCounts { rows: row.get("rows")?, gone: row.get("gone")? })
        })?)
    })
}

/// Finds rows.
pub(super) fn find(
    connection: &mut Connection,
    ask: &GoneAsk,
    item: &ItemType,
    max: usize,
    limit: Duration,
) -> Result<Vec<RowPlace>, Fault> {
    let Some(rows) = Rows::there(connection, item, ask.action)? else { return Ok(Vec::new()) };
    let sql = format!("SELECT old.\"#place\" FROM {} WHERE {} LIMIT ?4", rows.all(""), rows.are_gone);
    within(connection, limit, |connection| {
        let mut select = connection.prepare(&sql)?;
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let found = select.query_map(params![ask.spider, ask.name, ask.since, max], |row| {
            Ok(RowPlace { part: 0, place: row.get::<_, i64>(0)?.cast_unsigned() })
        })?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    })
}

/// The keys of rows, for people.
pub(super) fn keys(
    connection: &Connection,
    item: &ItemType,
    places: &[RowPlace],
) -> Result<Vec<String>, Fault> {
    let Some(rows) = Rows::there(connection, item, GoneAction::Remove)? else { return Ok(Vec::new()) };
    let key = match item.table() {
        Some(_) => {
            let parts: Vec<String> =
                item.key().iter().map(|name| format!("'{name}=' || json_quote({})", quoted(name))).collect();
            parts.join(" || ' ' || ")
        }
        None => "item_key".to_owned(),
    };
    let mut select =
        connection.prepare(&format!("SELECT {key} FROM {} WHERE rowid = ?1", quoted(rows.table)))?;
    let mut keys = Vec::new();
    for at in places {
        keys.extend(select.query_row([at.place.cast_signed()], |row| row.get::<_, String>(0)).optional()?);
    }
    keys.sort();
    Ok(keys)
}

/// Removes or marks rows.
pub(super) fn end(
    connection: &mut Connection,
    ask: &GoneAsk,
    item: &ItemType,
    places: &[RowPlace],
) -> Result<u64, Fault> {
    check_names(item)?;
    let Some(rows) = Rows::of(item, ask.action) else { return Ok(0) };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Rows of one table may refer to each other.
    transaction.pragma_update(None, "defer_foreign_keys", true)?;
    let mut ended = 0;
    {
        let mut still = transaction.prepare(&format!(
            "SELECT old.\"#digest\" FROM {} WHERE {}",
            rows.all(" AND rowid = ?4"),
            rows.are_gone
        ))?;
        let table = quoted(rows.table);
        let keep = history::keep_removed(item).filter(|_| ask.action == GoneAction::Remove);
        let mut keep = keep.map(|sql| transaction.prepare(&sql)).transpose()?;
        let mut end = transaction.prepare(&match ask.action {
            GoneAction::Remove => format!("DELETE FROM {table} WHERE rowid = ?1"),
            GoneAction::Mark => format!("UPDATE {table} SET {GONE_AT} = {NOW} WHERE rowid = ?1"),
        })?;
        let mut pages = transaction.prepare(PAGES)?;
        let mut of_page = transaction.prepare(
            "DELETE FROM crawl_page_items WHERE spider = ?1 AND item_type = ?2 AND key_digest = ?3",
        )?;
        for at in places {
            let at = at.place.cast_signed();
            let digest = still.query_row(params![ask.spider, ask.name, ask.since, at], |row| row.get(0));
            let Some(digest): Option<KeyDigest> = digest.optional()? else { continue };
            if let Some(keep) = &mut keep {
                keep.execute(params![at, ask.run_id, ask.spider, digest])?;
            }
            changes::note_gone(&transaction, (ask.run_id, &ask.spider), item, at)?;
            ended += end.execute([at])? as u64;
            pages.execute(params![ask.spider, item.name(), digest])?;
            if ask.action == GoneAction::Remove {
                of_page.execute(params![ask.spider, item.name(), digest])?;
                merge::remove_shares(&transaction, item, &digest)?;
            }
        }
    }
    reach("gone: before COMMIT");
    if let Err(error) = transaction.commit() {
        let is_refused = error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation);
        return Err(if is_refused { refused(connection, rows.table, &error)? } else { error.into() });
    }
    Ok(ended)
}

/// The pages that had these items. An incremental run would otherwise find them unchanged, and not bring the rows back.
const PAGES: &str = "DELETE FROM crawl_pages WHERE spider = ?1 AND fingerprint IN (
        SELECT fingerprint FROM crawl_page_items WHERE spider = ?1 AND item_type = ?2 AND key_digest = ?3
    )";

/// A foreign key has no name in `SQLite`, so this names the tables that have one.
fn refused(connection: &Connection, table: &str, error: &rusqlite::Error) -> Result<Fault, Fault> {
    let keys = foreign_keys::read(connection)?;
    let children: Vec<String> =
        keys.into_iter().filter(|key| key.parent == table).map(|key| key.child).collect();
    let message = format!("{error} (rows of {} refer to {table})", children.join(", "));
    Ok(StoreError::Refused { message, sqlstate: None }.into())
}

/// The rows of an item type. The parameters of a statement are the spider, the name of the runs, and the run since which rows
/// are gone.
struct Rows<'a> {
    table: &'a str,
    digest: String,
    only: String,
    /// The condition for `old`.
    are_gone: String,
}

impl<'a> Rows<'a> {
    /// `None` for a type without a key.
    fn of(item: &'a ItemType, action: GoneAction) -> Option<Self> {
        let name = item.name().replace('\'', "''");
        // If a page lost an item in an incremental run, nobody has noted when it was seen last. It was before that run.
        let are_gone = format!(
            "old.\"#by\" < ?3 AND old.\"#digest\" IS NOT NULL AND NOT EXISTS (
                 SELECT 1 FROM crawl_item_keys known
                 WHERE known.spider = ?1 AND known.item_type = '{name}' AND known.key_digest = old.\"#digest\"
                 AND known.left_by > ?3
             ) AND EXISTS (
                 SELECT 1 FROM crawl_runs run
                 WHERE run.spider = ?1 AND run.name = ?2 AND run.run_id < ?3 AND run.run_id = max(old.\"#by\", coalesce((
                     SELECT max(visit.run_id) FROM crawl_page_items of_page
                     JOIN crawl_page_visits visit USING (spider, fingerprint)
                     WHERE of_page.spider = ?1 AND of_page.item_type = '{name}' AND of_page.key_digest = old.\"#digest\"
                 ), old.\"#by\"))
             )"
        );
        let (table, digest, only) = match item.table() {
            Some(table) => {
                let only = match action {
                    GoneAction::Remove => "true".to_owned(),
                    GoneAction::Mark => format!("{GONE_AT} IS NULL"),
                };
                (table, digest_of_key(item)?, only)
            }
            None if item.is_keyed() => (
                SHARED,
                "key_digest".to_owned(),
                format!("spider = ?1 AND item_type = '{name}' AND item_key IS NOT NULL"),
            ),
            None => return None,
        };
        Some(Self { table, digest, only, are_gone })
    }

    /// The same. `None` also if the table is missing.
    fn there(connection: &Connection, item: &'a ItemType, action: GoneAction) -> Result<Option<Self>, Fault> {
        check_names(item)?;
        match Self::of(item, action) {
            Some(rows) if connection.table_exists(None, rows.table)? => Ok(Some(rows)),
            _ => Ok(None),
        }
    }

    /// All of them that meet a condition, as `old`.
    fn all(&self, condition: &str) -> String {
        let Self { table, digest, only, .. } = self;
        format!(
            "(SELECT rowid AS \"#place\", run_id AS \"#by\", {digest} AS \"#digest\" FROM {} WHERE {only}{condition}) old",
            quoted(table)
        )
    }
}

/// Reads within `limit`.
pub(super) fn within<T>(
    connection: &mut Connection,
    limit: Duration,
    read: impl FnOnce(&Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let until = Instant::now() + limit;
    connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(move || Instant::now() >= until))?;
    let read = read(connection);
    connection.progress_handler(0, None::<fn() -> bool>)?;
    match read {
        Err(Fault::Sqlite(error)) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            let told = format!("it took longer than {:.0} s", limit.as_secs_f64());
            Err(Fault::Other(told.into()))
        }
        read => read,
    }
}
