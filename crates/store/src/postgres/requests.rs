//! Requests on their way into the frontier and out of it.

use std::collections::BTreeMap;

use dragline_core::fingerprint::Fingerprint;
use dragline_core::queued_request::QueuedRequest;
use dragline_core::store::StoreResult;
use tokio_postgres::Row;

use super::copy_text::CopyText;
use super::session::Session;
use crate::columns::RequestRow;

/// Makes the staging table of new requests.
pub(super) const STAGE: &str = "CREATE TEMP TABLE stage_requests (
    fingerprint bytea, url text, method text, headers json, body bytea, tag text, meta json,
    priority integer, depth integer, host text, redirects json, dont_filter boolean
) ON COMMIT DELETE ROWS";

const COPY: &str = "COPY pg_temp.stage_requests (fingerprint, url, method, headers, body, tag, meta,
    priority, depth, host, redirects, dont_filter) FROM STDIN";

/// Requests that are there already are left out before they are tried: a try would wait for the flush that
/// is just about to end them. All flushes insert in the order of fingerprints. (For `OFFSET 0` see the flush.)
const TAKE: &str = "INSERT INTO crawl_requests (run_id, fingerprint, url, method, headers, body, tag, meta,
        priority, depth, host, redirects, dont_filter)
    SELECT $1, fingerprint, url, method, headers, body, tag, meta, priority, depth, host, redirects, dont_filter
    FROM pg_temp.stage_requests new
    WHERE NOT EXISTS (
        SELECT FROM crawl_requests old WHERE old.run_id = $1 AND old.fingerprint = new.fingerprint OFFSET 0
    )
    ORDER BY fingerprint
    ON CONFLICT (run_id, fingerprint) DO NOTHING
    RETURNING fingerprint";

/// The columns that [`read`] wants, in its order, of the table `r`.
pub(super) const COLUMNS: &str = "r.fingerprint, r.url, r.method, r.headers::text, r.body, r.tag,
    r.meta::text, r.priority, r.depth, r.host, r.redirects::text, r.dont_filter";

/// Stores requests that the run does not know yet; gives back which those were. A fingerprint that occurs
/// twice counts once, as it was found first. The caller holds the run, in a transaction.
pub(super) async fn insert<'a>(
    session: &Session,
    run_id: i64,
    requests: impl IntoIterator<Item = &'a QueuedRequest>,
) -> StoreResult<Vec<Fingerprint>> {
    let mut distinct: BTreeMap<Fingerprint, &QueuedRequest> = BTreeMap::new();
    for queued in requests {
        distinct.entry(queued.fingerprint).or_insert(queued);
    }
    if distinct.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows = CopyText::default();
    for queued in distinct.into_values() {
        write(&RequestRow::of(queued), &mut rows);
    }
    let inserted = session.staged(COPY, rows, TAKE, &[&run_id]).await?;
    Ok(inserted.iter().filter_map(|row| Fingerprint::from_bytes(row.get(0))).collect())
}

/// The request of a row that begins with [`COLUMNS`] at column `at`; else what is wrong with it.
pub(super) fn read(row: &Row, at: usize) -> Result<QueuedRequest, String> {
    let columns = RequestRow {
        fingerprint: row.get(at),
        url: row.get(at + 1),
        method: row.get(at + 2),
        headers: row.get(at + 3),
        body: row.get(at + 4),
        tag: row.get(at + 5),
        meta: row.get(at + 6),
        priority: row.get(at + 7),
        depth: row.get::<_, i32>(at + 8).unsigned_abs(),
        host: row.get(at + 9),
        redirects: row.get(at + 10),
        dont_filter: row.get(at + 11),
    };
    columns.into_queued()
}

fn write(row: &RequestRow, rows: &mut CopyText) {
    rows.bytes(&row.fingerprint);
    rows.text(&row.url);
    rows.text(&row.method);
    rows.text(&row.headers);
    match &row.body {
        Some(body) => rows.bytes(body),
        None => rows.null(),
    }
    rows.text(&row.tag);
    rows.text(&row.meta);
    rows.plain(row.priority);
    rows.plain(row.depth);
    rows.text(&row.host);
    rows.text(&row.redirects);
    rows.plain(row.dont_filter);
    rows.end_row();
}
