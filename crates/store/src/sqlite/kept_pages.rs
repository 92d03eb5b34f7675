//! Kept answers: whole ones, whose bodies are stored once each, and the first bytes of failed pages.

use dragline_core::earlier::BodyHash;
use dragline_core::kept_page::{KeptCounts, KeptPage, KeptPart, KeptRequest};
use dragline_core::probe::reach;
use dragline_core::prune::RequestPlace;
use dragline_core::value::timestamp_text;
use dragline_core::{
    Fingerprint, KeptAnswer, KeptAnswers, KeptAsk, KeptBody, KeptEntry, KeptListAsk, KeptListed, KeptPlace,
    PageOutcome,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::fault::Fault;
use super::frontier::{json, request_of};
use super::items::NOW;
use crate::columns::json_text;

/// How many kept pages one answer has at most.
const MOST: usize = 5;

/// The newest whole answer of a page.
const ANSWER: &str =
    "SELECT kept.run_id, kept.url, kept.status, kept.headers, coalesce(kept.fetched_at, kept.kept_at) AS fetched_at,
            kept.body_hash, whole.body_bytes, length(whole.body) AS frame_bytes
     FROM crawl_kept_pages kept JOIN crawl_runs run ON run.run_id = kept.run_id
     JOIN crawl_bodies whole ON whole.body_hash = kept.body_hash
     WHERE kept.fingerprint = ?1 AND kept.body_hash IS NOT NULL AND kept.run_id <= coalesce(?2, 9223372036854775807)
     AND run.spider = ?3 AND (run.kind <> 'import' OR run.state = 'finished')
     ORDER BY kept.run_id DESC LIMIT 1";

/// Keeps what the outcomes keep, in their transaction.
pub(super) fn insert(
    connection: &Connection,
    run_id: i64,
    outcomes: &[&PageOutcome],
) -> Result<KeptCounts, Fault> {
    let mut counts = KeptCounts::default();
    for outcome in outcomes {
        let Some(kept) = outcome.kept.as_deref() else { continue };
        let (beginning, hash) = match &kept.body {
            KeptPart::Beginning { bytes, .. } => (Some(bytes), None),
            KeptPart::Whole(body) => {
                counts.pages += 1;
                if insert_body(connection, body)? {
                    counts.bodies += 1;
                    counts.bytes += body.frame().len() as u64;
                }
                (None, Some(body.hash()))
            }
        };
        reach("flush: after bodies");
        let mut insert = connection.prepare_cached(&format!(
            "INSERT OR REPLACE INTO crawl_kept_pages
                 (run_id, fingerprint, url, status, headers, body, body_hash, body_bytes, fetched_at, kept_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, {NOW})"
        ))?;
        insert.execute(params![
            run_id,
            outcome.fingerprint.as_bytes(),
            kept.url,
            kept.status,
            json_text(&kept.headers),
            beginning,
            hash,
            kept.body.body_bytes(),
            timestamp_text(&kept.fetched_at)
        ])?;
    }
    Ok(counts)
}

/// Stores a body, unless it is there. Returns whether it was not. A blob is only copied into the statement if it is stored.
fn insert_body(connection: &Connection, body: &KeptBody) -> Result<bool, Fault> {
    let mut there = connection.prepare_cached("SELECT 1 FROM crawl_bodies WHERE body_hash = ?1")?;
    if there.exists([body.hash()])? {
        return Ok(false);
    }
    let mut insert = connection
        .prepare_cached("INSERT INTO crawl_bodies (body_hash, body, body_bytes) VALUES (?1, ?2, ?3)")?;
    insert.execute(params![body.hash(), body.frame(), body.body_bytes()])?;
    Ok(true)
}

/// The kept pages of a URL.
pub(super) fn read(connection: &Connection, run_id: i64, url: &str) -> Result<Vec<KeptRequest>, Fault> {
    // An older answer stands for a page that the run found unchanged or fresh.
    let mut select = connection.prepare(
        "SELECT page.*, kept.url AS kept_url, kept.status AS kept_status, kept.headers AS kept_headers,
                kept.body AS kept_body, kept.body_bytes, coalesce(kept.fetched_at, kept.kept_at) AS fetched_at,
                whole.body_hash, whole.body AS frame, whole.body_bytes AS whole_bytes
         FROM crawl_requests page JOIN crawl_runs own ON own.run_id = page.run_id
         JOIN crawl_kept_pages kept ON kept.fingerprint = page.fingerprint AND kept.run_id = coalesce((
             SELECT mine.run_id FROM crawl_kept_pages mine
             WHERE mine.run_id = page.run_id AND mine.fingerprint = page.fingerprint
         ), (
             SELECT max(older.run_id) FROM crawl_kept_pages older JOIN crawl_runs run ON run.run_id = older.run_id
             WHERE older.fingerprint = page.fingerprint AND older.body_hash IS NOT NULL AND older.run_id < page.run_id
             AND run.spider = own.spider AND (run.kind <> 'import' OR run.state = 'finished')
             AND page.reason IN ('unchanged', 'fresh')
         ))
         LEFT JOIN crawl_bodies whole ON whole.body_hash = kept.body_hash
         WHERE page.run_id = ?1 AND page.url = ?2 ORDER BY kept.kept_at DESC LIMIT ?3",
    )?;
    let mut rows = select.query(params![run_id, url, MOST])?;
    let mut pages = Vec::new();
    while let Some(row) = rows.next()? {
        let body = match row.get::<_, Option<Vec<u8>>>("kept_body")? {
            Some(bytes) => KeptPart::Beginning { bytes, body_bytes: row.get("body_bytes")? },
            None => KeptPart::Whole(KeptBody::stored(
                row.get::<_, BodyHash>("body_hash")?,
                row.get("whole_bytes")?,
                row.get("frame")?,
            )),
        };
        let page = KeptPage {
            url: row.get("kept_url")?,
            status: row.get("kept_status")?,
            headers: json(row, "kept_headers")?,
            fetched_at: row.get("fetched_at")?,
            body,
        };
        pages.push(KeptRequest { request: request_of(row)?, page });
    }
    Ok(pages)
}

/// The newest whole answers of pages; see the trait.
pub(super) fn answers(connection: &Connection, ask: &KeptAsk) -> Result<KeptAnswers, Fault> {
    let mut select = connection.prepare_cached(ANSWER)?;
    let mut frame = connection.prepare_cached("SELECT body FROM crawl_bodies WHERE body_hash = ?1")?;
    let (mut found, mut room) = (KeptAnswers::default(), Some(ask.max_bytes));
    for fingerprint in &ask.pages {
        let values = params![fingerprint.as_bytes(), ask.up_to_run, ask.spider];
        let mut rows = select.query(values)?;
        let Some(row) = rows.next()? else { continue };
        room = room.and_then(|room| room.checked_sub(row.get("frame_bytes").ok()?));
        if room.is_none() && !found.answers.is_empty() {
            found.left.push(*fingerprint);
            continue;
        }
        let hash: BodyHash = row.get("body_hash")?;
        let Some(frame) = frame.query_row([hash], |row| row.get("body")).optional()? else { continue };
        found.answers.push(KeptAnswer {
            fingerprint: *fingerprint,
            run_id: row.get("run_id")?,
            url: row.get("url")?,
            status: row.get("status")?,
            headers: json(row, "headers")?,
            fetched_at: row.get("fetched_at")?,
            body: KeptBody::stored(hash, row.get("body_bytes")?, frame),
        });
    }
    Ok(found)
}

/// The columns of a list.
const LISTED: &str = "kept.fingerprint, kept.run_id, kept.url, kept.status,
        coalesce(kept.fetched_at, kept.kept_at) AS fetched_at, kept.body_hash IS NOT NULL AS is_whole,
        kept.body_bytes, coalesce(length(kept.body), length(whole.body), 0) AS stored_bytes";

/// The kept pages of a run; see the trait.
pub(super) fn list(connection: &Connection, ask: &KeptListAsk) -> Result<KeptListed, Fault> {
    match &ask.after {
        KeptPlace::Own(after) => own(connection, ask, after.as_ref()),
        KeptPlace::Older(after) => older(connection, ask, after.as_ref()),
    }
}

fn own(connection: &Connection, ask: &KeptListAsk, after: Option<&Fingerprint>) -> Result<KeptListed, Fault> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT {LISTED} FROM crawl_kept_pages kept LEFT JOIN crawl_bodies whole ON whole.body_hash = kept.body_hash
         WHERE kept.run_id = ?1 AND kept.fingerprint > ?2 ORDER BY kept.fingerprint LIMIT ?3"
    ))?;
    let after = after.map_or(&[][..], |after| after.as_bytes());
    let mut rows = select.query(params![ask.run_id, after, ask.limit])?;
    let (mut pages, mut looked_at) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        looked_at += 1;
        pages.extend(entry(row)?);
    }
    let last = pages.last().map(|page: &KeptEntry| page.fingerprint).filter(|_| looked_at >= ask.limit);
    let next = last.map_or(KeptPlace::Older(None), |last| KeptPlace::Own(Some(last)));
    Ok(KeptListed { pages, next: Some(next) })
}

fn older(
    connection: &Connection,
    ask: &KeptListAsk,
    after: Option<&RequestPlace>,
) -> Result<KeptListed, Fault> {
    let mut select = connection.prepare_cached(
        "SELECT fingerprint, reason IN ('unchanged', 'fresh') AS is_as_before FROM crawl_requests
         WHERE run_id = ?1 AND fingerprint > ?2 ORDER BY fingerprint LIMIT ?3",
    )?;
    let mut kept = connection.prepare_cached(&format!(
        "SELECT {LISTED} FROM crawl_kept_pages kept JOIN crawl_runs run ON run.run_id = kept.run_id
         LEFT JOIN crawl_bodies whole ON whole.body_hash = kept.body_hash
         WHERE kept.fingerprint = ?1 AND kept.body_hash IS NOT NULL AND kept.run_id < ?2
         AND run.spider = ?3 AND (run.kind <> 'import' OR run.state = 'finished')
         ORDER BY kept.run_id DESC LIMIT 1"
    ))?;
    let after = after.map_or(&[][..], |place| place.fingerprint.as_bytes());
    let mut rows = select.query(params![ask.run_id, after, ask.limit])?;
    let (mut pages, mut looked_at, mut last) = (Vec::new(), 0, None);
    while let Some(row) = rows.next()? {
        looked_at += 1;
        let fingerprint: Vec<u8> = row.get("fingerprint")?;
        last = Fingerprint::from_bytes(&fingerprint);
        if row.get::<_, Option<bool>>("is_as_before")? == Some(true) {
            let found = kept.query_row(params![fingerprint, ask.run_id, ask.spider], entry);
            pages.extend(found.optional()?.flatten());
        }
    }
    let last = last.filter(|_| looked_at >= ask.limit);
    let next = last.map(|fingerprint| KeptPlace::Older(Some(RequestPlace { shard: 0, fingerprint })));
    Ok(KeptListed { pages, next })
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Option<KeptEntry>> {
    let Some(fingerprint) = Fingerprint::from_bytes(&row.get::<_, Vec<u8>>("fingerprint")?) else {
        return Ok(None);
    };
    Ok(Some(KeptEntry {
        fingerprint,
        run_id: row.get("run_id")?,
        url: row.get("url")?,
        status: row.get("status")?,
        fetched_at: row.get("fetched_at")?,
        is_whole: row.get("is_whole")?,
        body_bytes: row.get("body_bytes")?,
        stored_bytes: row.get("stored_bytes")?,
    }))
}
