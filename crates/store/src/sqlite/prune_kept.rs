//! Kept answers are removed, and then the bodies that nothing refers to any more. `SQLite` has one writer, so nothing changes in
//! between.

use dragline_core::Fingerprint;
use dragline_core::earlier::BodyHash;
use dragline_core::prune::{BodyBatch, KEPT_PRUNED_AT, PruneBatch, PrunePart};
use dragline_core::value::timestamp_text;
use rusqlite::{Connection, TransactionBehavior, params};
use serde_json::json;

use super::fault::Fault;
use super::runs;

/// Nothing is removed from a run that was opened again, by whatever program.
const MAY_GO: &str = "EXISTS (
        SELECT 1 FROM crawl_runs WHERE run_id = ?1 AND state IN ('finished', 'failed')
        AND (stats ->> 'pruned_at' IS NOT NULL OR stats ->> 'kept_pruned_at' IS NOT NULL)
    )";

/// Whether another run needs the answer `kept`. A later run of the spider needs it if it found the page unchanged or fresh, and no
/// run between them has kept a newer answer. A replay or a reparse that has not ended may need any of them.
const IS_NEEDED: &str = "(kept.body_hash IS NOT NULL AND EXISTS (
        SELECT 1 FROM crawl_runs own JOIN crawl_runs later ON later.spider = own.spider
        WHERE own.run_id = kept.run_id AND (
            later.kind IN ('replay', 'reparse') AND later.state IN ('running', 'stopped')
            OR later.run_id > kept.run_id AND later.run_id < coalesce((
                SELECT min(newer.run_id) FROM crawl_kept_pages newer JOIN crawl_runs run ON run.run_id = newer.run_id
                WHERE newer.fingerprint = kept.fingerprint AND newer.body_hash IS NOT NULL
                AND newer.run_id > kept.run_id AND run.spider = own.spider
            ), 9223372036854775807)
            AND later.stats ->> 'pruned_at' IS NULL AND later.stats ->> 'kept_pruned_at' IS NULL
            AND EXISTS (
                SELECT 1 FROM crawl_requests page
                WHERE page.run_id = later.run_id AND page.fingerprint = kept.fingerprint
                AND page.reason IN ('unchanged', 'fresh')
            )
        )
    ))";

/// Counts the kept answers of a run that can go, and their bytes. A body counts for the last run that has it.
pub(super) fn count(connection: &Connection, run_id: i64) -> Result<(u64, u64), Fault> {
    let sql = format!(
        "WITH gone AS MATERIALIZED (
             SELECT body_hash, length(body) AS bytes FROM crawl_kept_pages kept WHERE run_id = ?1 AND NOT {IS_NEEDED}
         )
         SELECT (SELECT count(*) FROM gone) AS pages, (SELECT coalesce(sum(bytes), 0) FROM gone) + (
             SELECT coalesce(sum(length(whole.body)), 0)
             FROM (SELECT DISTINCT body_hash FROM gone) AS hashes
             JOIN crawl_bodies whole ON whole.body_hash = hashes.body_hash
             WHERE NOT EXISTS (
                 SELECT 1 FROM crawl_kept_pages other
                 WHERE other.body_hash = whole.body_hash AND other.run_id > ?1
             )
         ) AS bytes"
    );
    Ok(connection.query_row(&sql, [run_id], |row| Ok((row.get("pages")?, row.get("bytes")?)))?)
}

/// Marks the run as one that loses its kept answers.
pub(super) fn begin(connection: &Connection, run_id: i64) -> Result<bool, Fault> {
    let mark = json!({ KEPT_PRUNED_AT: timestamp_text(&runs::now(connection)?) });
    let marked = connection.execute(
        "UPDATE crawl_runs SET stats = json_patch(stats, ?2) WHERE run_id = ?1 AND state IN ('finished', 'failed')",
        params![run_id, mark.to_string()],
    )?;
    Ok(marked > 0)
}

/// A kept answer in a batch.
struct Candidate {
    place: i64,
    fingerprint: Vec<u8>,
    hash: Option<BodyHash>,
    bytes: u64,
    is_needed: bool,
}

/// Removes the next kept answers of a run, except those that another run needs.
pub(super) fn batch(
    connection: &Connection,
    run_id: i64,
    after: Option<&Fingerprint>,
    max_rows: u32,
) -> Result<PruneBatch, Fault> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT rowid AS place, fingerprint, body_hash, coalesce(length(body), 0) AS bytes, {IS_NEEDED} AS is_needed
         FROM crawl_kept_pages kept
         WHERE run_id = ?1 AND {MAY_GO} AND fingerprint > ?2 ORDER BY fingerprint LIMIT ?3"
    ))?;
    let fingerprint = after.map_or(&[][..], |after| after.as_bytes());
    let found = select
        .query_map(params![run_id, fingerprint, max_rows], |row| {
            Ok(Candidate {
                place: row.get("place")?,
                fingerprint: row.get("fingerprint")?,
                hash: row.get("body_hash")?,
                bytes: row.get("bytes")?,
                is_needed: row.get("is_needed")?,
            })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut delete = connection.prepare_cached("DELETE FROM crawl_kept_pages WHERE rowid = ?1")?;
    let mut batch = PruneBatch::default();
    for gone in found.iter().filter(|candidate| !candidate.is_needed) {
        batch.rows += delete.execute([gone.place])? as u64;
        batch.bytes += gone.bytes;
        if let Some(hash) = &gone.hash {
            batch.bytes += remove_body(connection, hash)?.unwrap_or_default();
        }
    }
    let last = found.last().filter(|_| found.len() as u64 >= u64::from(max_rows));
    batch.next = last
        .and_then(|last| Fingerprint::from_bytes(&last.fingerprint))
        .map(|after| PrunePart::KeptPages { after: Some(after) });
    Ok(batch)
}

/// Removes a body if nothing refers to it. Returns its bytes then.
fn remove_body(connection: &Connection, hash: &BodyHash) -> Result<Option<u64>, Fault> {
    let mut refers = connection.prepare_cached("SELECT 1 FROM crawl_kept_pages WHERE body_hash = ?1")?;
    if refers.exists([hash])? {
        return Ok(None);
    }
    let mut bytes =
        connection.prepare_cached("SELECT length(body) AS bytes FROM crawl_bodies WHERE body_hash = ?1")?;
    let mut delete = connection.prepare_cached("DELETE FROM crawl_bodies WHERE body_hash = ?1")?;
    let mut rows = bytes.query([hash])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let bytes = row.get("bytes")?;
    delete.execute([hash])?;
    Ok(Some(bytes))
}

/// Removes bodies that nothing refers to, among the next ones.
pub(super) fn bodies(
    connection: &mut Connection,
    after: Option<BodyHash>,
    max: u32,
) -> Result<BodyBatch, Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let hashes: Vec<BodyHash> = {
        let mut select = transaction.prepare_cached(
            "SELECT body_hash FROM crawl_bodies WHERE body_hash > ?1 ORDER BY body_hash LIMIT ?2",
        )?;
        let after = after.as_ref().map_or(&[][..], |after| after.as_slice());
        select.query_map(params![after, max], |row| row.get("body_hash"))?.collect::<rusqlite::Result<_>>()?
    };
    let mut batch = BodyBatch::default();
    for hash in &hashes {
        if let Some(bytes) = remove_body(&transaction, hash)? {
            batch.bodies += 1;
            batch.bytes += bytes;
        }
    }
    transaction.commit()?;
    batch.next = hashes.last().copied().filter(|_| hashes.len() as u64 >= u64::from(max));
    Ok(batch)
}

/// Bytes of everything that is kept.
pub(super) fn bytes(connection: &Connection) -> Result<u64, Fault> {
    let sql = "SELECT (SELECT coalesce(sum(length(body)), 0) FROM crawl_bodies)
        + (SELECT coalesce(sum(length(body)), 0) FROM crawl_kept_pages) AS bytes";
    Ok(connection.query_row(sql, [], |row| row.get("bytes"))?)
}
