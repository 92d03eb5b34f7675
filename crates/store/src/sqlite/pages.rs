//! The records of pages, which incremental runs keep across runs.

use dragline_core::earlier::{BodyHash, EarlierPage, EarlierPages, PageRecord, ParserVersion, Validators};
use dragline_core::store::{KeptLinks, RunKey};
use dragline_core::{Fingerprint, PageOutcome};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::cancel::Ticket;
use super::fault::Fault;
use super::items::NOW;
use crate::kept_link::{links_text, read_links};
use crate::page_items::page_items;

/// What earlier runs know about these requests, if the run wants to know.
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
         WHERE page.spider = ?1 AND page.fingerprint = ?2",
    )?;
    for request in requests {
        let found = select.query_row(params![&*run.spider, request.as_bytes()], earlier_page).optional()?;
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
    let mut forget =
        connection.prepare_cached("DELETE FROM crawl_pages WHERE spider = ?1 AND fingerprint = ?2")?;
    for page in outcomes {
        ticket.check()?;
        if page.outdates_record() {
            forget.execute(params![&*run.spider, page.fingerprint.as_bytes()])?;
        }
        let Some(record) = page.record_to_keep() else { continue };
        visit(connection, run, page, record)?;
        match record {
            PageRecord::Parsed { .. } => write_parsed(connection, run, page, record)?,
            PageRecord::Unchanged(validators) => revalidate(connection, run, page, validators)?,
            PageRecord::Fresh => {}
        }
    }
    Ok(())
}

/// This comes before the page is written, because it compares the new hash with the old one.
fn visit(
    connection: &Connection,
    run: &RunKey,
    page: &PageOutcome,
    record: &PageRecord,
) -> Result<(), Fault> {
    let body_hash = match record {
        PageRecord::Parsed { body_hash, .. } => Some(body_hash),
        PageRecord::Unchanged(_) | PageRecord::Fresh => None,
    };
    let is_checked = !matches!(record, PageRecord::Fresh);
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

fn write_parsed(
    connection: &Connection,
    run: &RunKey,
    page: &PageOutcome,
    record: &PageRecord,
) -> Result<(), Fault> {
    let PageRecord::Parsed { tag, validators, body_hash, parser, links } = record else { return Ok(()) };
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
    let mut clear =
        connection.prepare_cached("DELETE FROM crawl_page_items WHERE spider = ?1 AND fingerprint = ?2")?;
    clear.execute(params![spider, fingerprint])?;
    let mut of_page = connection.prepare_cached(
        "INSERT INTO crawl_page_items (spider, item_type, key_digest, fingerprint) VALUES (?1, ?2, ?3, ?4)",
    )?;
    let mut key = connection.prepare_cached(&format!(
        "INSERT INTO crawl_item_keys (spider, item_type, key_digest, item_key, first_run, first_seen)
         VALUES (?1, ?2, ?3, ?4, ?5, {NOW}) ON CONFLICT DO NOTHING"
    ))?;
    for item in page_items(&[page]) {
        of_page.execute(params![spider, item.item_type, item.key_digest, fingerprint])?;
        key.execute(params![spider, item.item_type, item.key_digest, item.key, run.run_id])?;
    }
    Ok(())
}
