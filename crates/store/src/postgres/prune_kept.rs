//! Kept answers are removed, and then the bodies that nothing refers to any more.
//!
//! A crawl may refer to a body at the moment when it loses its last kept answer. So a body is locked first, which waits for nobody:
//! one that a flush has locked stays. The next statement sees what was committed before the lock, and removes the body only if
//! nothing refers to it then. A flush that comes later waits for the end of this transaction, and stores the body again.

use dragline_core::Fingerprint;
use dragline_core::earlier::BodyHash;
use dragline_core::prune::{BodyBatch, KEPT_PRUNED_AT, PruneBatch, PrunePart};
use dragline_core::store::StoreResult;

use super::connections::Connections;
use super::runs::count as number;
use super::session::Session;

/// Nothing is removed from a run that was opened again, by whatever program.
const MAY_GO: &str = "EXISTS (
        SELECT FROM crawl_runs WHERE run_id = $1 AND state IN ('finished', 'failed')
        AND (stats -> 'pruned_at' IS NOT NULL OR stats -> 'kept_pruned_at' IS NOT NULL)
    )";

/// Whether another run needs the answer `kept`. A later run of the spider needs it if it found the page unchanged or fresh, and no
/// run between them has kept a newer answer. A replay or a reparse that has not ended may need any of them.
const IS_NEEDED: &str = "(kept.body_hash IS NOT NULL AND EXISTS (
        SELECT FROM crawl_runs own JOIN crawl_runs later ON later.spider = own.spider
        CROSS JOIN LATERAL (
            SELECT min(newer.run_id) AS run_id FROM crawl_kept_pages newer JOIN crawl_runs run USING (run_id)
            WHERE newer.fingerprint = kept.fingerprint AND newer.body_hash IS NOT NULL AND newer.run_id > kept.run_id
            AND run.spider = own.spider
        ) next
        WHERE own.run_id = kept.run_id AND (
            later.kind IN ('replay', 'reparse') AND later.state IN ('running', 'stopped')
            OR later.run_id > kept.run_id AND later.run_id < coalesce(next.run_id, 9223372036854775807)
            AND later.stats -> 'pruned_at' IS NULL AND later.stats -> 'kept_pruned_at' IS NULL
            AND EXISTS (
                SELECT FROM crawl_requests page
                WHERE page.run_id = later.run_id AND page.fingerprint = kept.fingerprint
                AND page.shard = CASE later.shard_rule WHEN 'one' THEN 0 ELSE kept.shard END
                AND page.reason IN ('unchanged', 'fresh')
            )
        )
    ))";

/// The kept answers of a run that can go.
pub(super) struct Removable {
    pub(super) pages: u64,
    pub(super) bytes: u64,
}

/// Counts what can go. A body counts for the last run that has it.
pub(super) async fn count(session: &Session, run_id: i64) -> StoreResult<Removable> {
    let sql = format!(
        "WITH gone AS MATERIALIZED (
             SELECT body_hash, octet_length(body) AS bytes FROM crawl_kept_pages kept WHERE run_id = $1 AND NOT {IS_NEEDED}
         )
         SELECT (SELECT count(*) FROM gone) AS pages, (
             (SELECT coalesce(sum(bytes), 0) FROM gone) + (
                 SELECT coalesce(sum(octet_length(whole.body)), 0)
                 FROM (SELECT DISTINCT body_hash FROM gone) AS hashes JOIN crawl_bodies whole USING (body_hash)
                 WHERE NOT EXISTS (
                     SELECT FROM crawl_kept_pages other
                     WHERE other.body_hash = whole.body_hash AND other.run_id > $1
                 )
             ))::bigint AS bytes"
    );
    let row = session.row(&sql, &[&run_id]).await?;
    Ok(row.map_or(Removable { pages: 0, bytes: 0 }, |row| Removable {
        pages: number(&row, "pages"),
        bytes: number(&row, "bytes"),
    }))
}

/// Marks the run as one that loses its kept answers.
pub(super) async fn begin(connections: &Connections, run_id: i64) -> StoreResult<bool> {
    let sql = "UPDATE crawl_runs SET stats = stats || jsonb_build_object($2::text, now())
        WHERE run_id = $1 AND state IN ('finished', 'failed')";
    let session = connections.session("marking the run as one that loses its kept pages").await?;
    let marked = session.change(sql, &[&run_id, &KEPT_PRUNED_AT]).await?;
    session.release();
    Ok(marked > 0)
}

/// Removes the next kept answers of a run, except those that another run needs.
pub(super) async fn batch(
    session: &Session,
    run_id: i64,
    after: Option<&Fingerprint>,
    max_rows: u32,
) -> StoreResult<PruneBatch> {
    let sql = format!(
        "WITH batch AS MATERIALIZED (
             SELECT ctid AS place, run_id, fingerprint, shard, body_hash FROM crawl_kept_pages
             WHERE run_id = $1 AND {MAY_GO} AND fingerprint > $2 ORDER BY fingerprint LIMIT $3
         ), gone AS (
             DELETE FROM crawl_kept_pages WHERE ctid = ANY (ARRAY(SELECT place FROM batch kept WHERE NOT {IS_NEEDED}))
             RETURNING fingerprint, body_hash, octet_length(body)::bigint AS bytes
         )
         SELECT batch.fingerprint, gone.fingerprint IS NOT NULL AS is_gone, gone.body_hash, gone.bytes
         FROM batch LEFT JOIN gone USING (fingerprint) ORDER BY batch.fingerprint"
    );
    let fingerprint = after.map_or(&[][..], |after| after.as_bytes());
    session.run("BEGIN").await?;
    let rows = session.rows(&sql, &[&run_id, &fingerprint, &i64::from(max_rows)]).await?;
    let hashes: Vec<&[u8]> = rows.iter().filter_map(|row| row.get("body_hash")).collect();
    let removed = remove_bodies(session, &hashes).await?;
    session.run("COMMIT").await?;
    let beginnings = rows.iter().filter_map(|row| row.get::<_, Option<i64>>("bytes"));
    let last = rows.last().filter(|_| rows.len() as u64 >= u64::from(max_rows));
    Ok(PruneBatch {
        rows: rows.iter().filter(|row| row.get("is_gone")).count() as u64,
        bytes: removed.bytes + beginnings.map(i64::unsigned_abs).sum::<u64>(),
        next: last
            .and_then(|row| Fingerprint::from_bytes(row.get("fingerprint")))
            .map(|after| PrunePart::KeptPages { after: Some(after) }),
    })
}

/// Removes those of these bodies that nothing refers to. The caller has opened a transaction.
async fn remove_bodies(session: &Session, hashes: &[&[u8]]) -> StoreResult<BodyBatch> {
    if hashes.is_empty() {
        return Ok(BodyBatch::default());
    }
    let lock = "SELECT body_hash FROM crawl_bodies WHERE body_hash = ANY ($1) FOR UPDATE SKIP LOCKED";
    let locked = session.rows(lock, &[&hashes]).await?;
    let locked: Vec<&[u8]> = locked.iter().map(|row| row.get("body_hash")).collect();
    let remove = "WITH gone AS (
             DELETE FROM crawl_bodies whole WHERE body_hash = ANY ($1)
             AND NOT EXISTS (SELECT FROM crawl_kept_pages kept WHERE kept.body_hash = whole.body_hash)
             RETURNING octet_length(body)::bigint AS bytes
         )
         SELECT count(*) AS bodies, coalesce(sum(bytes), 0)::bigint AS bytes FROM gone";
    let row = session.row(remove, &[&locked]).await?;
    Ok(row.map_or_else(BodyBatch::default, |row| BodyBatch {
        bodies: number(&row, "bodies"),
        bytes: number(&row, "bytes"),
        next: None,
    }))
}

/// Removes bodies that nothing refers to, among the next ones.
pub(super) async fn bodies(
    connections: &Connections,
    after: Option<BodyHash>,
    max: u32,
) -> StoreResult<BodyBatch> {
    let next = "SELECT body_hash,
            NOT EXISTS (SELECT FROM crawl_kept_pages kept WHERE kept.body_hash = whole.body_hash) AS is_left
        FROM crawl_bodies whole WHERE body_hash > $1 ORDER BY body_hash LIMIT $2";
    let session = connections.session("looking for bodies without pages").await?;
    session.run("BEGIN").await?;
    let after = after.as_ref().map_or(&[][..], |after| after.as_slice());
    let rows = session.rows(next, &[&after, &i64::from(max)]).await?;
    let left = rows.iter().filter(|row| row.get("is_left"));
    let left: Vec<&[u8]> = left.map(|row| row.get("body_hash")).collect();
    let removed = remove_bodies(&session, &left).await?;
    session.run("COMMIT").await?;
    session.release();
    let last = rows.last().filter(|_| rows.len() as u64 >= u64::from(max));
    let next = last.and_then(|row| BodyHash::try_from(row.get::<_, &[u8]>("body_hash")).ok());
    Ok(BodyBatch { next, ..removed })
}

/// Bytes of everything that is kept.
pub(super) async fn bytes(connections: &Connections) -> StoreResult<u64> {
    let sql = "SELECT (
            (SELECT coalesce(sum(octet_length(body)), 0) FROM crawl_bodies)
            + (SELECT coalesce(sum(octet_length(body)), 0) FROM crawl_kept_pages)
        )::bigint AS bytes";
    let session = connections.session("adding up the kept pages").await?;
    let row = session.row(sql, &[]).await?;
    session.release();
    Ok(row.map_or(0, |row| number(&row, "bytes")))
}
