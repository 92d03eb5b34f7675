//! How a flush merges rows whose type has columns with a rule (`#[item(merge = "…")]`). See [`crate::merge`].

use std::collections::HashSet;

use dragline_core::item_extras::GONE_AT;
use dragline_core::store::RunKey;
use dragline_core::{ColumnType, Fingerprint, ItemRecord, ItemType, PageOutcome, Value};
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use serde_json::{Map, Value as Json};

use super::fault::Fault;
use super::items::{Conflict, to_sql};
use super::reading::field;
use crate::identifier::{quoted, quoted_list};
use crate::key_digest::{self, KeyDigest};
use crate::merge::{FoldedItem, Share, adding, onto_row, that_say_everything, with_other_share};

/// The shares that these pages take back: they gave an item of one of these types before, and do not give it now.
pub(super) fn taken_back<'t>(
    connection: &Connection,
    run: &RunKey,
    pages: &[&PageOutcome],
    adding: &'t [ItemType],
) -> Result<Vec<(&'t ItemType, Share)>, Fault> {
    let mut taken_back = Vec::new();
    if adding.is_empty() {
        return Ok(taken_back);
    }
    let mut select = connection.prepare_cached(
        "SELECT table_name, key_digest, item_key FROM crawl_item_shares WHERE spider = ?1 AND fingerprint = ?2",
    )?;
    for page in that_say_everything(run.kind, pages) {
        let given: HashSet<(Option<&str>, KeyDigest)> = page
            .items
            .iter()
            .filter_map(|record| Some((record.item_type.table(), key_digest::of_key(&record.key_text()?))))
            .collect();
        let mut rows = select.query(params![&*run.spider, page.fingerprint.as_bytes()])?;
        while let Some(row) = rows.next()? {
            let (table, key_digest): (String, KeyDigest) = (row.get("table_name")?, row.get("key_digest")?);
            let item = adding.iter().find(|item| item.table() == Some(&table));
            if let Some(item) = item.filter(|_| !given.contains(&(Some(&*table), key_digest))) {
                let key = row.get("item_key")?;
                taken_back
                    .push((item, Share { page: page.fingerprint, key, key_digest, shares: Map::new() }));
            }
        }
    }
    Ok(taken_back)
}

/// The share that a page has in the row of an item. `None` if no page has added anything.
pub(super) fn shares_of_page(
    connection: &Connection,
    spider: &str,
    page: &Fingerprint,
    record: &ItemRecord,
) -> Result<Option<Map<String, Json>>, Fault> {
    let (Some(table), Some(key), true) =
        (record.item_type.table(), record.key_text(), record.item_type.adds_up())
    else {
        return Ok(None);
    };
    let mut select = connection.prepare_cached(
        "SELECT (
             SELECT shares FROM crawl_item_shares
             WHERE table_name = ?1 AND key_digest = ?2 AND spider = ?3 AND fingerprint = ?4
         ) AS shares FROM crawl_item_shares WHERE table_name = ?1 AND key_digest = ?2 LIMIT 1",
    )?;
    let of_share = params![table, key_digest::of_key(&key), spider, page.as_bytes()];
    let shares = select.query_row(of_share, |row| row.get::<_, Option<String>>("shares")).optional()?;
    let Some(shares) = shares else { return Ok(None) };
    let shares = shares.map(|shares| serde_json::from_str(&shares).map_err(std::io::Error::from));
    Ok(Some(shares.transpose()?.unwrap_or_default()))
}

/// Removes the shares of a row that is removed.
pub(super) fn remove_shares(
    connection: &Connection,
    item: &ItemType,
    digest: &KeyDigest,
) -> Result<(), Fault> {
    if item.adds_up() {
        connection
            .prepare_cached("DELETE FROM crawl_item_shares WHERE table_name = ?1 AND key_digest = ?2")?
            .execute(params![item.table(), digest])?;
    }
    Ok(())
}

/// A row as it is to be written.
pub(super) struct MergedRow {
    pub(super) record: ItemRecord,
    /// If only its columns with a rule may change.
    pub(super) kept: Option<KeptRow>,
}

/// A row that the run has not seen, or that a later run has stored.
#[derive(Clone, Debug)]
pub(super) struct KeptRow {
    /// The run that a history says has changed it. A run ends at most one version of a row, and versions are in the order of runs.
    pub(super) changed_by: i64,
    /// Whether it is marked as gone.
    pub(super) is_marked: bool,
    before: ItemRecord,
}

impl KeptRow {
    /// Writes the columns that change. Returns the number of rows.
    pub(super) fn update(&self, connection: &Connection, record: &ItemRecord) -> Result<usize, Fault> {
        let item = &record.item_type;
        let changed: Vec<usize> = (0..record.values.len())
            .filter(|at| record.values[*at].to_json() != self.before.values[*at].to_json())
            .collect();
        if changed.is_empty() {
            return Ok(0);
        }
        let set = changed
            .iter()
            .zip(1..)
            .map(|(at, number)| format!("{} = ?{number}", quoted(&item.columns()[*at].name)));
        let sql = format!(
            "UPDATE {} SET {} WHERE {}",
            quoted(item.table().unwrap_or_default()),
            set.collect::<Vec<_>>().join(", "),
            key_is(item, changed.len() + 1)
        );
        let values = changed.iter().map(|at| to_sql(&record.values[*at]));
        let key = key_places(item).map(|at| to_sql(&record.values[at]));
        Ok(connection.prepare_cached(&sql)?.execute(params_from_iter(values.chain(key)))?)
    }
}

/// The share that a page has in a row, and the run that has found it.
struct StoredShare {
    shares: Map<String, Json>,
    run_id: i64,
}

/// A row of the table.
struct StoredRow {
    record: ItemRecord,
    run_id: i64,
    is_marked: bool,
}

/// Merges the rows of an item type.
pub(super) struct MergedRows<'a> {
    item: &'a ItemType,
    table: &'a str,
    run: &'a RunKey,
    conflict: Conflict,
}

impl<'a> MergedRows<'a> {
    pub(super) fn new(item: &'a ItemType, run: &'a RunKey, conflict: Conflict) -> Self {
        Self { item, table: item.table().unwrap_or_default(), run, conflict }
    }

    /// The row with this digest of its key, with what the pages say, and with the shares that they give or take back. It writes the shares. `None` if there
    /// is nothing to write.
    pub(super) fn merge(
        &self,
        connection: &Connection,
        digest: &KeyDigest,
        given: Option<&FoldedItem<'_>>,
        shares: &[Share],
    ) -> Result<Option<MergedRow>, Fault> {
        let key: Vec<Value> = match (given, shares.first()) {
            (Some(given), _) => key_places(self.item).map(|at| given.record.values[at].clone()).collect(),
            (None, Some(share)) => key_values(self.item, &share.key),
            (None, None) => return Ok(None),
        };
        let stored = self.read(connection, &key)?;
        let Some(stored) = stored else {
            // Shares of a row that somebody has deleted do not count for the new row.
            remove_shares(connection, self.item, digest)?;
            for share in shares {
                self.write_share(connection, share)?;
            }
            return Ok(given.map(|given| MergedRow { record: given.record.clone(), kept: None }));
        };
        let is_newer = self.conflict == Conflict::KeepNewer && stored.run_id > self.run.run_id;
        let mut record = match given {
            Some(given) => onto_row(&stored.record, &given.record, is_newer)?,
            None => stored.record.clone(),
        };
        self.add_up(connection, &mut record, &stored.record, digest, shares)?;
        let changed_by = match self.conflict {
            Conflict::KeepNewer => self.run.run_id.max(stored.run_id),
            Conflict::Replace => self.run.run_id,
        };
        let (is_marked, before) = (stored.is_marked, stored.record);
        let kept = (is_newer || given.is_none()).then_some(KeptRow { changed_by, is_marked, before });
        Ok(Some(MergedRow { record, kept }))
    }

    /// Computes the sums of a row, and writes the shares.
    fn add_up(
        &self,
        connection: &Connection,
        record: &mut ItemRecord,
        before: &ItemRecord,
        digest: &KeyDigest,
        shares: &[Share],
    ) -> Result<(), Fault> {
        let mut sums: Vec<(usize, &str, Value)> = Vec::new();
        for (at, column) in adding(self.item) {
            // A number that no page has given is older than the rule.
            let is_known = self.has_share(connection, digest, column)?;
            sums.push((at, column, if is_known { before.values[at].clone() } else { Value::Null }));
        }
        for share in shares {
            let old = self.read_share(connection, share)?;
            let is_newer = |run_id| self.conflict == Conflict::KeepNewer && run_id > self.run.run_id;
            if old.as_ref().is_some_and(|old| is_newer(old.run_id)) {
                continue;
            }
            for (at, column, sum) in &mut sums {
                let kind = self.item.columns()[*at].kind;
                let number = |shares: Option<&Map<String, Json>>| {
                    let number = shares.and_then(|shares| Value::from_json(kind, shares.get(*column)?));
                    number.unwrap_or(Value::Null)
                };
                let (old, new) = (number(old.as_ref().map(|old| &old.shares)), number(Some(&share.shares)));
                *sum = with_other_share(self.item, column, sum, (&old, &new))?;
            }
            self.write_share(connection, share)?;
        }
        for (at, column, sum) in sums {
            let (nullable, kind) = (self.item.columns()[at].nullable, self.item.columns()[at].kind);
            let is_empty = !self.has_share(connection, digest, column)?;
            record.values[at] = match (is_empty, kind) {
                (true, _) if nullable => Value::Null,
                (true, ColumnType::Numeric) => Value::Decimal(0.into()),
                (true, _) => Value::Int(0),
                (false, _) => sum,
            };
        }
        Ok(())
    }

    /// Whether a page adds to a column of the row.
    fn has_share(&self, connection: &Connection, digest: &KeyDigest, column: &str) -> Result<bool, Fault> {
        let mut select = connection.prepare_cached(&format!(
            "SELECT 1 FROM crawl_item_shares WHERE table_name = ?1 AND key_digest = ?2
             AND json_type(shares, '$.\"{column}\"') IS NOT NULL LIMIT 1"
        ))?;
        Ok(select.exists(params![self.table, digest])?)
    }

    /// The share that a page has now, and the run that has found it.
    fn read_share(&self, connection: &Connection, share: &Share) -> Result<Option<StoredShare>, Fault> {
        let mut select = connection.prepare_cached(
            "SELECT shares, run_id FROM crawl_item_shares
             WHERE table_name = ?1 AND key_digest = ?2 AND spider = ?3 AND fingerprint = ?4",
        )?;
        let of_share = params![self.table, share.key_digest, &*self.run.spider, share.page.as_bytes()];
        let found = select
            .query_row(of_share, |row| Ok((row.get::<_, String>("shares")?, row.get("run_id")?)))
            .optional()?;
        let Some((shares, run_id)) = found else { return Ok(None) };
        Ok(Some(StoredShare { shares: serde_json::from_str(&shares).map_err(std::io::Error::from)?, run_id }))
    }

    fn write_share(&self, connection: &Connection, share: &Share) -> Result<(), Fault> {
        let Share { page, key, key_digest, shares } = share;
        let (spider, page): (&str, &[u8]) = (&self.run.spider, Fingerprint::as_bytes(page));
        if shares.is_empty() {
            connection
                .prepare_cached(
                    "DELETE FROM crawl_item_shares
                     WHERE table_name = ?1 AND key_digest = ?2 AND spider = ?3 AND fingerprint = ?4",
                )?
                .execute(params![self.table, key_digest, spider, page])?;
        } else {
            connection
                .prepare_cached(
                    "INSERT INTO crawl_item_shares
                         (table_name, key_digest, spider, fingerprint, item_key, run_id, shares)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                     ON CONFLICT (table_name, key_digest, spider, fingerprint)
                         DO UPDATE SET run_id = excluded.run_id, shares = excluded.shares",
                )?
                .execute(params![
                    self.table,
                    key_digest,
                    spider,
                    page,
                    key,
                    self.run.run_id,
                    Json::Object(shares.clone()).to_string()
                ])?;
        }
        Ok(())
    }

    /// The row under a key.
    fn read(&self, connection: &Connection, key: &[Value]) -> Result<Option<StoredRow>, Fault> {
        let item = self.item;
        let columns = quoted_list(item.columns().iter().map(|column| column.name.as_str()));
        let mark = if item.marks_gone() { GONE_AT } else { "NULL" };
        let mut select = connection.prepare_cached(&format!(
            "SELECT {columns}, coalesce(run_id, 0), {mark} IS NOT NULL FROM {} WHERE {}",
            quoted(self.table),
            key_is(item, 1)
        ))?;
        let mut rows = select.query(params_from_iter(key.iter().map(to_sql)))?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let mut values = Vec::with_capacity(item.columns().len());
        for (at, column) in item.columns().iter().enumerate() {
            let json = field(row, at, column)?;
            let value = match &json {
                Json::Null => Some(Value::Null),
                // A table that somebody else has made may have a number here.
                Json::Number(number) if column.kind == ColumnType::Numeric => {
                    Value::from_json(column.kind, &Json::from(number.to_string()))
                }
                json => Value::from_json(column.kind, json),
            };
            values.push(value.ok_or_else(|| {
                let message = format!(
                    "{}.{} has the stored value {json}, which is not a {}: correct it in the table {}",
                    item.name(),
                    column.name,
                    column.kind,
                    self.table
                );
                Fault::Store(dragline_core::StoreError::Refused { message, sqlstate: None })
            })?);
        }
        let at = values.len();
        let record = ItemRecord { item_type: item.clone(), values };
        Ok(Some(StoredRow { record, run_id: row.get(at)?, is_marked: row.get(at + 1)? }))
    }
}

/// The places of the columns of a key.
fn key_places(item: &ItemType) -> impl Iterator<Item = usize> {
    item.key().iter().filter_map(|name| item.position(name))
}

/// The condition for the row with a key, whose columns are the parameters from this number on.
fn key_is(item: &ItemType, first: usize) -> String {
    let each = item.key().iter().zip(first..).map(|(name, number)| format!("{} = ?{number}", quoted(name)));
    each.collect::<Vec<_>>().join(" AND ")
}

/// The columns of the key of a share.
fn key_values(item: &ItemType, key: &str) -> Vec<Value> {
    let kinds: Vec<ColumnType> = key_places(item).map(|at| item.columns()[at].kind).collect();
    let parts = match kinds.as_slice() {
        [ColumnType::Text | ColumnType::Uuid] => vec![Json::from(key)],
        [_] => vec![serde_json::from_str(key).unwrap_or_default()],
        _ => serde_json::from_str(key).unwrap_or_default(),
    };
    let values = kinds.into_iter().zip(parts);
    values.map(|(kind, part)| Value::from_json(kind, &part).unwrap_or(Value::Null)).collect()
}
