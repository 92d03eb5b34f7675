//! Opens a reparse, and finds out what one would do.

use dragline_core::reparse::{PlanAsk, PlanPart, Reparse, ReparseCounts, ReparseOf, StoredRow};
use dragline_core::store::StoreResult;
use dragline_core::{Column, Fingerprint, ItemRecord, ItemType, PageState};
use serde_json::Value as Json;
use tokio_postgres::types::ToSql;

use super::connections::Connections;
use super::export::{text_of, typed_fields};
use super::item_table::sql_type;
use super::requests;
use super::runs::count;
use super::session::{Params, Session};
use crate::identifier::{check_names, quoted, quoted_path};
use crate::key_digest;
use crate::reparse::{COUNTS, Dialect, NO_RUN, SOURCES, SOURCES_NOW, begin, counted, nothing_to_parse, part};

const DIALECT: Dialect = Dialect { now: "now()", has_shards: true, fence: " OFFSET 0" };

/// Takes the requests of the runs whose pages the reparse `run_id` parses once more. The caller has opened a transaction.
pub(super) async fn fill(session: &Session, run_id: i64, reparse: Reparse, spider: &str) -> StoreResult<()> {
    match reparse.of {
        ReparseOf::Run(of) => {
            session.change(&DIALECT.fill_from_run(), &[&run_id, &of, &spider]).await?;
        }
        ReparseOf::Spider => {
            let rows = session.rows(SOURCES, &[&run_id, &spider]).await?;
            let sources: Vec<i64> = rows.iter().map(|row| row.get("run_id")).collect();
            // The newest answer of a page comes first. What is kept of any run counts more than what is not kept of another.
            for statement in [DIALECT.fill_from_kept(), DIALECT.fill_from_others()] {
                for source in &sources {
                    session.change(&statement, &[&run_id, source, &spider]).await?;
                }
            }
        }
    }
    let counts = counts(session, run_id).await?;
    if counts.pages == 0 {
        return Err(nothing_to_parse(reparse.of, spider, &counts));
    }
    Ok(())
}

/// The requests of a reparse, by what becomes of them.
pub(super) async fn counts(session: &Session, run_id: i64) -> StoreResult<ReparseCounts> {
    let rows = session.rows(COUNTS, &[&run_id]).await?;
    Ok(counted(rows.iter().map(|row| (row.get("fate"), count(row, "requests")))))
}

/// The runs whose kept pages a reparse of this spider reads; see the trait.
pub(super) async fn sources(connections: &Connections, spider: &str) -> StoreResult<Vec<i64>> {
    let session = connections.session("looking for kept pages").await?;
    let rows = session.rows(SOURCES_NOW, &[&spider]).await?;
    session.release();
    Ok(rows.iter().map(|row| row.get("run_id")).collect())
}

/// Which pages a reparse would parse; see the trait.
pub(super) async fn plan(connections: &Connections, ask: &PlanAsk) -> StoreResult<PlanPart> {
    let statement = match ask.of {
        ReparseOf::Run(_) => DIALECT.read_from_run(),
        ReparseOf::Spider => DIALECT.read_from_kept(),
    };
    let (shard, fingerprint) = begin(ask.after);
    let session = connections.session("planning a reparse").await?;
    let values: Params<'_> =
        &[&NO_RUN, &ask.run_id, &ask.spider, &shard, &fingerprint, &i64::from(ask.limit)];
    let rows = session.rows(&statement, values).await?;
    session.release();
    let read = rows.iter().map(|row| {
        let state = PageState::parse(row.get("state"));
        requests::read(row).map(|request| (request, row.get("shard"), state, row.get("fate")))
    });
    let read = read.collect::<Result<Vec<_>, _>>();
    let read = read.map_err(|problem| connections.target().broken("planning a reparse", problem))?;
    Ok(part(read, ask.limit))
}

/// The rows under the keys of items; see the trait.
pub(super) async fn rows_of_items(
    connections: &Connections,
    spider: &str,
    item: &ItemType,
    items: &[(Fingerprint, ItemRecord)],
) -> StoreResult<Vec<Option<StoredRow>>> {
    check_names(item)?;
    let session = connections.session("looking up rows").await?;
    let mut found = vec![None; items.len()];
    let rows = match item.table() {
        None => {
            let keys = items.iter().map(|(_, record)| record.key_text().unwrap_or_default());
            let digests: Vec<Vec<u8>> = keys.map(|key| key_digest::of_key(&key).to_vec()).collect();
            session.rows(SHARED_ROWS, &[&spider, &item.name(), &digests]).await?
        }
        Some(table) => {
            let keys: Vec<Vec<Option<String>>> = key_columns(item)
                .map(|(at, _)| items.iter().map(|(_, record)| key_part(record, at)).collect())
                .collect();
            let values: Vec<&(dyn ToSql + Sync)> =
                keys.iter().map(|key| key as &(dyn ToSql + Sync)).collect();
            session.rows(&typed_rows(item, table), &values).await?
        }
    };
    let shares = match item.table().filter(|_| item.adds_up()) {
        Some(table) => {
            let keys = items.iter().map(|(_, record)| record.key_text().unwrap_or_default());
            let digests: Vec<Vec<u8>> = keys.map(|key| key_digest::of_key(&key).to_vec()).collect();
            let pages: Vec<&[u8]> = items.iter().map(|(page, _)| page.as_bytes().as_slice()).collect();
            session.rows(SHARES, &[&spider, &table, &digests, &pages]).await?
        }
        None => Vec::new(),
    };
    session.release();
    for row in &rows {
        let place = usize::try_from(row.get::<_, i64>(0) - 1).unwrap_or(usize::MAX);
        let fields = match item.table() {
            Some(_) => typed_fields(item, row, 2),
            None => match row.get(2) {
                Json::Object(fields) => Ok(fields),
                _ => Err("a row of crawl_items has data that is not a JSON object".to_owned()),
            },
        };
        let fields = fields.map_err(|problem| connections.target().broken("looking up rows", problem))?;
        let run_id = row.get::<_, Option<i64>>(1).unwrap_or_default();
        if let Some(entry) = found.get_mut(place) {
            *entry = Some(StoredRow { run_id, fields, shares: None });
        }
    }
    for row in &shares {
        let place = usize::try_from(row.get::<_, i64>("place") - 1).unwrap_or(usize::MAX);
        if let Some(Some(entry)) = found.get_mut(place) {
            let of_page: Option<Json> = row.get("shares");
            entry.shares = Some(of_page.and_then(|shares| shares.as_object().cloned()).unwrap_or_default());
        }
    }
    Ok(found)
}

/// What pages have added to rows. Rows to which no page has added anything are left out.
const SHARES: &str = "SELECT batch.place, share.shares
    FROM unnest($3::bytea[], $4::bytea[]) WITH ORDINALITY AS batch (key_digest, fingerprint, place)
    LEFT JOIN crawl_item_shares share ON share.table_name = $2 AND share.key_digest = batch.key_digest
        AND share.spider = $1 AND share.fingerprint = batch.fingerprint
    WHERE EXISTS (
        SELECT FROM crawl_item_shares WHERE table_name = $2 AND key_digest = batch.key_digest OFFSET 0
    )";

const SHARED_ROWS: &str = "SELECT batch.place, item.run_id, item.data
    FROM unnest($3::bytea[]) WITH ORDINALITY AS batch (key_digest, place) CROSS JOIN LATERAL (
        SELECT run_id, data FROM crawl_items
        WHERE spider = $1 AND item_type = $2 AND key_digest = batch.key_digest OFFSET 0
    ) item";

/// The rows of a table of its own. Each parameter has the values of one column of the key, as text.
fn typed_rows(item: &ItemType, table: &str) -> String {
    let keys: Vec<&Column> = key_columns(item).map(|(_, column)| column).collect();
    let arrays: Vec<String> = (1..=keys.len()).map(|number| format!("${number}::text[]")).collect();
    let names: Vec<String> = (1..=keys.len()).map(|number| format!("key_{number}")).collect();
    let same: Vec<String> = keys
        .iter()
        .zip(&names)
        .map(|(column, key)| format!("own.{} = batch.{key}::{}", quoted(&column.name), sql_type(column.kind)))
        .collect();
    let columns: Vec<String> = item
        .columns()
        .iter()
        .map(|column| text_of(&format!("found.{}", quoted(&column.name)), column.kind))
        .collect();
    format!(
        "SELECT batch.place, found.run_id::bigint, {}
         FROM unnest({}) WITH ORDINALITY AS batch ({}, place) CROSS JOIN LATERAL (
             SELECT * FROM {} own WHERE {} LIMIT 1
         ) found",
        columns.join(", "),
        arrays.join(", "),
        names.join(", "),
        quoted_path(table),
        same.join(" AND ")
    )
}

/// The columns of a key, each with its place among the columns.
fn key_columns(item: &ItemType) -> impl Iterator<Item = (usize, &Column)> {
    item.key().iter().filter_map(|name| {
        let at = item.position(name)?;
        Some((at, &item.columns()[at]))
    })
}

/// A part of an item's key as text that Postgres reads as the type of its column.
fn key_part(record: &ItemRecord, at: usize) -> Option<String> {
    match record.values.get(at)?.to_json() {
        Json::Null => None,
        Json::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}
