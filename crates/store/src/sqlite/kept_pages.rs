//! The first bytes of failed pages.

use dragline_core::PageOutcome;
use dragline_core::kept_page::{KeptPage, KeptRequest};
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::frontier::{json, request_of};
use super::items::NOW;
use crate::columns::json_text;

/// How many kept pages one answer has at most.
const MOST: usize = 5;

/// Keeps what the outcomes keep, in their transaction.
pub(super) fn insert(connection: &Connection, run_id: i64, outcomes: &[&PageOutcome]) -> Result<(), Fault> {
    for outcome in outcomes {
        let Some(kept) = outcome.kept.as_deref() else { continue };
        let mut insert = connection.prepare_cached(&format!(
            "INSERT OR REPLACE INTO crawl_kept_pages
                 (run_id, fingerprint, url, status, headers, body, body_bytes, kept_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, {NOW})"
        ))?;
        insert.execute(params![
            run_id,
            outcome.fingerprint.as_bytes(),
            kept.url,
            kept.status,
            json_text(&kept.headers),
            kept.body,
            kept.body_bytes
        ])?;
    }
    Ok(())
}

/// The kept pages of a URL.
pub(super) fn read(connection: &Connection, run_id: i64, url: &str) -> Result<Vec<KeptRequest>, Fault> {
    let mut select = connection.prepare(
        "SELECT page.*, kept.url AS kept_url, kept.status AS kept_status, kept.headers AS kept_headers,
                kept.body AS kept_body, kept.body_bytes
         FROM crawl_kept_pages kept JOIN crawl_requests page
         ON page.run_id = kept.run_id AND page.fingerprint = kept.fingerprint
         WHERE kept.run_id = ?1 AND page.url = ?2 ORDER BY kept.kept_at DESC LIMIT ?3",
    )?;
    let mut rows = select.query(params![run_id, url, MOST])?;
    let mut pages = Vec::new();
    while let Some(row) = rows.next()? {
        let page = KeptPage {
            url: row.get("kept_url")?,
            status: row.get("kept_status")?,
            headers: json(row, "kept_headers")?,
            body: row.get("kept_body")?,
            body_bytes: row.get("body_bytes")?,
        };
        pages.push(KeptRequest { request: request_of(row)?, page });
    }
    Ok(pages)
}
