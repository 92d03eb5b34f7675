//! The records of pages, which incremental runs keep across runs.

use std::collections::HashSet;

use dragline_core::earlier::{BodyHash, EarlierPage, EarlierPages, PageRecord, ParserVersion, Validators};
use dragline_core::store::{KeptLinks, RunKey};
use dragline_core::{Fingerprint, ItemRecord, PageOutcome};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::cancel::Ticket;
use super::fault::Fault;
use super::items::NOW;
use crate::kept_link::{links_text, read_links};
use crate::key_digest::KeyDigest;
use crate::page_items::{self, page_items};

/// What earlier runs know about these requests, if the run wants to know. A page is left out if another page that was seen as lately
/// has the same key with other values. If only one of them were parsed, its values would stay, whichever page a full crawl would
/// fetch last.
pub(super) fn earlier<'a>(
    connection: &Connection,
    run: &RunKey,
    requests: impl IntoIterator<Item = &'a Fingerprint>,
) -> Result<EarlierPages, Fault> {
    let mut pages = EarlierPages::new();
    if !run.incremental {
        return Ok(pages);
    }
    let mut select = connection.prepare_cached(
        "SELECT page.etag, page.last_modified, page.body_hash, page.parser, visit.first_at, visit.checked_at,
                visit.changes
         FROM crawl_pages page JOIN crawl_page_visits visit USING (spider, fingerprint)
         WHERE page.spider = ?1 AND page.fingerprint = ?2 AND NOT EXISTS (
             SELECT 1 FROM crawl_page_items mine
             JOIN crawl_page_items other ON other.spider = ?1 AND other.item_type = mine.item_type
                 AND other.key_digest = mine.key_digest AND other.item_hash <> mine.item_hash
             JOIN crawl_page_visits seen ON seen.spider = ?1 AND seen.fingerprint = other.fingerprint
             WHERE mine.spider = ?1 AND mine.fingerprint = ?2 AND seen.run_id >= visit.run_id
         ) AND (NOT ?3 OR EXISTS (
             SELECT 1 FROM crawl_kept_pages kept JOIN crawl_runs run ON run.run_id = kept.run_id
             WHERE kept.fingerprint = ?2 AND kept.body_hash IS NOT NULL AND run.spider = ?1
         ))",
    )?;
    for request in requests {
        let asked = params![&*run.spider, request.as_bytes(), run.keeps_pages];
        let found = select.query_row(asked, earlier_page).optional()?;
        pages.extend(found.flatten().map(|page| (*request, Box::new(page))));
    }
    Ok(pages)
}

/// A row that this program cannot read is as good as none: its page is fetched and parsed.
fn earlier_page(row: &Row<'_>) -> rusqlite::Result<Option<EarlierPage>> {
    let (hash, parser): (Vec<u8>, Vec<u8>) = (row.get("body_hash")?, row.get("parser")?);
    let (Ok(body_hash), Some(parser)) = (BodyHash::try_from(hash), ParserVersion::from_bytes(&parser)) else {
        return Ok(None);
    };
    Ok(Some(EarlierPage {
        validators: Validators { etag: row.get("etag")?, last_modified: row.get("last_modified")? },
        body_hash,
        parser,
        first_at: row.get("first_at")?,
        checked_at: row.get("checked_at")?,
        changes: row.get("changes")?,
    }))
}

/// The links that earlier runs found on these pages.
pub(super) fn links(
    connection: &Connection,
    run: &RunKey,
    pages: &[Fingerprint],
) -> Result<KeptLinks, Fault> {
    let mut links = KeptLinks::new();
    let mut select =
        connection.prepare_cached("SELECT links FROM crawl_pages WHERE spider = ?1 AND fingerprint = ?2")?;
    for page in pages {
        let text: Option<String> =
            select.query_row(params![&*run.spider, page.as_bytes()], |row| row.get("links")).optional()?;
        match text.as_deref().map(read_links) {
            Some(Ok(of_page)) => drop(links.insert(*page, of_page)),
            // The page is fetched and parsed then.
            Some(Err(problem)) => tracing::warn!(problem, "the record of a page is not used"),
            None => {}
        }
    }
    Ok(links)
}

/// Keeps the records of pages, and removes those that no longer say what is stored.
pub(super) fn write(
    connection: &Connection,
    run: &RunKey,
    outcomes: &[&PageOutcome],
    ticket: &Ticket<'_>,
) -> Result<(), Fault> {
    for page in outcomes {
        ticket.check()?;
        if page.outdates_record() {
            forget(connection, run, page)?;
        }
        if !run.incremental || !page.is_visit() {
            continue;
        }
        visit(connection, run, page)?;
        match page.record_to_keep() {
            Some(PageRecord::Parsed { .. }) => write_parsed(connection, run, page)?,
            Some(PageRecord::Unchanged(validators)) => revalidate(connection, run, page, validators)?,
            Some(PageRecord::Fresh) | None => {}
        }
        if page.was_parsed() {
            write_items(connection, run, page)?;
        }
    }
    Ok(())
}

/// Removes the record of a page.
pub(super) fn forget(connection: &Connection, run: &RunKey, page: &PageOutcome) -> Result<(), Fault> {
    let mut delete =
        connection.prepare_cached("DELETE FROM crawl_pages WHERE spider = ?1 AND fingerprint = ?2")?;
    delete.execute(params![&*run.spider, page.fingerprint.as_bytes()])?;
    Ok(())
}

/// This comes before the page is written, because it compares the new hash with the old one.
fn visit(connection: &Connection, run: &RunKey, page: &PageOutcome) -> Result<(), Fault> {
    let record = page.record_to_keep();
    let body_hash = match record {
        Some(PageRecord::Parsed { body_hash, .. }) => Some(body_hash),
        Some(PageRecord::Unchanged(_) | PageRecord::Fresh) | None => None,
    };
    let is_checked = !matches!(record, Some(PageRecord::Fresh));
    let mut insert = connection.prepare_cached(&format!(
        "INSERT INTO crawl_page_visits (spider, fingerprint, run_id, first_at, checked_at, checks, changes)
         VALUES (?1, ?2, ?3, {NOW}, {NOW}, ?4, coalesce(?5 <> (
             SELECT body_hash FROM crawl_pages WHERE spider = ?1 AND fingerprint = ?2), 0))
         ON CONFLICT (spider, fingerprint) DO UPDATE SET run_id = excluded.run_id,
             checked_at = iif(excluded.checks = 0, checked_at, excluded.checked_at),
             checks = checks + excluded.checks, changes = changes + excluded.changes"
    ))?;
    insert.execute(params![&*run.spider, page.fingerprint.as_bytes(), run.run_id, is_checked, body_hash])?;
    Ok(())
}

/// A server may give an unchanged page another validator.
fn revalidate(
    connection: &Connection,
    run: &RunKey,
    page: &PageOutcome,
    validators: &Validators,
) -> Result<(), Fault> {
    let mut update = connection.prepare_cached(
        "UPDATE crawl_pages SET etag = ?3, last_modified = ?4 WHERE spider = ?1 AND fingerprint = ?2
         AND (etag IS NOT ?3 OR last_modified IS NOT ?4)",
    )?;
    let Validators { etag, last_modified } = validators;
    update.execute(params![&*run.spider, page.fingerprint.as_bytes(), etag, last_modified])?;
    Ok(())
}

fn write_parsed(connection: &Connection, run: &RunKey, page: &PageOutcome) -> Result<(), Fault> {
    let Some(PageRecord::Parsed { tag, validators, body_hash, parser, links }) = page.record_to_keep() else {
        return Ok(());
    };
    let (spider, fingerprint) = (&*run.spider, page.fingerprint.as_bytes());
    let mut insert = connection.prepare_cached(&format!(
        "INSERT INTO crawl_pages
             (spider, fingerprint, url, tag, etag, last_modified, body_hash, parser, links, parsed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, {NOW})
         ON CONFLICT (spider, fingerprint) DO UPDATE SET url = excluded.url, tag = excluded.tag,
             etag = excluded.etag, last_modified = excluded.last_modified, body_hash = excluded.body_hash,
             parser = excluded.parser, links = excluded.links, parsed_at = excluded.parsed_at"
    ))?;
    insert.execute(params![
        spider,
        fingerprint,
        page.shown_url(),
        tag,
        validators.etag,
        validators.last_modified,
        body_hash,
        parser.as_bytes(),
        links_text(links)
    ])?;
    Ok(())
}

/// The items of a page that was parsed. Those of a page without a record count as seen too.
pub(super) fn write_items(connection: &Connection, run: &RunKey, page: &PageOutcome) -> Result<(), Fault> {
    let (spider, fingerprint) = (&*run.spider, page.fingerprint.as_bytes());
    let items = page_items(&[page]);
    let of_now: HashSet<(&str, KeyDigest)> =
        items.iter().map(|item| (item.item_type, item.key_digest)).collect();
    let mut clear = connection.prepare_cached(
        "DELETE FROM crawl_page_items WHERE spider = ?1 AND fingerprint = ?2 RETURNING item_type, key_digest",
    )?;
    let before = clear.query_map(params![spider, fingerprint], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let before: Vec<(String, KeyDigest)> = before.collect::<rusqlite::Result<_>>()?;
    let mut leave = connection.prepare_cached(
        "UPDATE crawl_item_keys SET left_by = ?4 WHERE spider = ?1 AND item_type = ?2 AND key_digest = ?3",
    )?;
    for (item_type, digest) in &before {
        if !of_now.contains(&(item_type.as_str(), *digest)) {
            leave.execute(params![spider, item_type, digest, run.run_id])?;
        }
    }
    let mut of_page = connection.prepare_cached(
        "INSERT INTO crawl_page_items (spider, item_type, key_digest, fingerprint, item_hash)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let mut key = connection.prepare_cached(&format!(
        "INSERT INTO crawl_item_keys (spider, item_type, key_digest, item_key, first_run, first_seen)
         VALUES (?1, ?2, ?3, ?4, ?5, {NOW}) ON CONFLICT DO NOTHING"
    ))?;
    for item in &items {
        of_page.execute(params![spider, item.item_type, item.key_digest, fingerprint, item.item_hash])?;
        key.execute(params![spider, item.item_type, item.key_digest, item.key, run.run_id])?;
    }
    Ok(())
}

/// Whether a later run has seen the item. An incremental run does not write a row that is as it was, so the row itself does not say that
/// it is newer.
pub(super) fn is_seen_later(
    connection: &Connection,
    run: &RunKey,
    record: &ItemRecord,
) -> Result<bool, Fault> {
    let Some((item_type, digest)) = page_items::digest(record) else { return Ok(false) };
    let mut select = connection.prepare_cached(
        "SELECT 1 FROM crawl_page_items item JOIN crawl_page_visits visit USING (spider, fingerprint)
         WHERE item.spider = ?1 AND item.item_type = ?2 AND item.key_digest = ?3 AND visit.run_id > ?4",
    )?;
    Ok(select.exists(params![&*run.spider, item_type, digest, run.run_id])?)
}
