//! The first bytes of failed pages.

use dragline_core::PageOutcome;
use dragline_core::kept_page::{KeptPage, KeptRequest};
use dragline_core::outcome::clean;
use dragline_core::store::StoreResult;
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::connections::Connections;
use super::requests;
use super::session::Session;
use crate::columns::json_text;

/// How many kept pages one answer has at most.
const MOST: i64 = 5;

const INSERT: &str =
    "INSERT INTO crawl_kept_pages (run_id, fingerprint, url, status, headers, body, body_bytes)
    SELECT $1, fingerprint, url, status, headers::json, body, body_bytes
    FROM unnest($2::bytea[], $3::text[], $4::integer[], $5::text[], $6::bytea[], $7::bigint[])
         AS kept (fingerprint, url, status, headers, body, body_bytes)
    ON CONFLICT (run_id, fingerprint) DO UPDATE SET url = EXCLUDED.url, status = EXCLUDED.status,
        headers = EXCLUDED.headers, body = EXCLUDED.body, body_bytes = EXCLUDED.body_bytes, kept_at = now()";

const READ: &str =
    "SELECT r.*, kept.url AS kept_url, kept.status AS kept_status, kept.headers AS kept_headers,
        kept.body AS kept_body, kept.body_bytes
    FROM crawl_kept_pages kept JOIN crawl_requests r USING (run_id, fingerprint)
    WHERE kept.run_id = $1 AND r.url = $2 ORDER BY kept.kept_at DESC LIMIT $3";

/// Keeps what the outcomes keep, in their transaction.
pub(super) async fn insert(session: &Session, run_id: i64, outcomes: &[&PageOutcome]) -> StoreResult<()> {
    let kept: Vec<(&PageOutcome, &KeptPage)> =
        outcomes.iter().filter_map(|outcome| Some((*outcome, outcome.kept.as_deref()?))).collect();
    if kept.is_empty() {
        return Ok(());
    }
    let pages = || kept.iter().map(|(_, page)| *page);
    let fingerprints: Vec<&[u8]> =
        kept.iter().map(|(outcome, _)| outcome.fingerprint.as_bytes().as_slice()).collect();
    let urls: Vec<String> = pages().map(|page| clean(&page.url)).collect();
    let statuses: Vec<i32> = pages().map(|page| i32::from(page.status)).collect();
    let headers: Vec<String> = pages().map(|page| json_text(&page.headers)).collect();
    let bodies: Vec<&[u8]> = pages().map(|page| page.body.as_slice()).collect();
    let lengths: Vec<Option<i64>> =
        pages().map(|page| page.body_bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX))).collect();
    session.change(INSERT, &[&run_id, &fingerprints, &urls, &statuses, &headers, &bodies, &lengths]).await?;
    Ok(())
}

/// The kept pages of a URL.
pub(super) async fn read(connections: &Connections, run_id: i64, url: &str) -> StoreResult<Vec<KeptRequest>> {
    let session = connections.session("reading a kept page").await?;
    let rows = session.rows(READ, &[&run_id, &url, &MOST]).await?;
    session.release();
    let read = rows.iter().map(kept).collect::<Result<Vec<_>, _>>();
    read.map_err(|problem| connections.target().broken("reading a kept page", problem))
}

fn kept(row: &Row) -> Result<KeptRequest, String> {
    let Json(headers): Json<Vec<(String, String)>> = row.get("kept_headers");
    Ok(KeptRequest {
        request: requests::read(row)?,
        page: KeptPage {
            url: row.get("kept_url"),
            status: u16::try_from(row.get::<_, i32>("kept_status")).unwrap_or_default(),
            headers,
            body: row.get("kept_body"),
            body_bytes: row.get::<_, Option<i64>>("body_bytes").map(i64::unsigned_abs),
        },
    })
}
