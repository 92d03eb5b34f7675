//! What a flush of a reparse does in addition: the page was fetched by an earlier run, so its rows belong to that run, and those
//! without a key that it had before go.

use std::collections::{BTreeMap, BTreeSet};

use dragline_core::store::RunKey;
use dragline_core::{PageOutcome, PageRecord, PageState};
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::items::NOW;
use super::known_tables::KnownTables;
use super::pages;
use crate::identifier::{SOURCE_FINGERPRINT, quoted};
use crate::kept_link::links_text;
use crate::key_digest::{self, KeyDigest, Origin};

/// The pages of a flush by the run that has fetched them. A page that fails when it is parsed once more keeps its rows.
pub(super) fn by_run<'a>(run: &RunKey, pages: &[&'a PageOutcome]) -> BTreeMap<i64, Vec<&'a PageOutcome>> {
    let mut by_run: BTreeMap<i64, Vec<&PageOutcome>> = BTreeMap::new();
    for page in pages {
        let keeps_its_rows = page.read_from.is_some() && page.state == PageState::Failed;
        if !keeps_its_rows {
            by_run.entry(page.read_from.unwrap_or(run.run_id)).or_default().push(page);
        }
    }
    by_run
}

/// Removes the rows without a key that these pages of the run had, and have no more.
pub(super) fn remove_gone(
    connection: &Connection,
    run: &RunKey,
    pages: &[&PageOutcome],
    known: &KnownTables,
) -> Result<(), Fault> {
    let (facts, keyless) = (known.now(connection)?, known.without_key());
    let mut select = connection.prepare_cached(
        "SELECT item_id, item_type, key_digest FROM crawl_items
         WHERE run_id = ?1 AND fingerprint = ?2 AND item_key IS NULL AND spider = ?3",
    )?;
    let mut delete = connection.prepare_cached("DELETE FROM crawl_items WHERE item_id = ?1")?;
    for page in pages.iter().filter(|page| matches!(page.state, PageState::Done | PageState::Dead)) {
        let fingerprint = page.fingerprint.as_bytes();
        let new: BTreeSet<(&str, KeyDigest)> = page
            .items
            .iter()
            .enumerate()
            .filter(|(_, record)| record.item_type.table().is_none() && record.key_text().is_none())
            .map(|(number, record)| {
                let origin = Origin::of(page, number, &[]);
                (record.item_type.name(), key_digest::of_origin(run.run_id, &page.fingerprint, origin))
            })
            .collect();
        let mut gone: Vec<i64> = Vec::new();
        let mut rows = select.query(params![run.run_id, fingerprint, &*run.spider])?;
        while let Some(row) = rows.next()? {
            let (item_type, digest): (String, KeyDigest) = (row.get("item_type")?, row.get("key_digest")?);
            if !new.contains(&(item_type.as_str(), digest)) {
                gone.push(row.get("item_id")?);
            }
        }
        for item_id in gone {
            delete.execute([item_id])?;
        }
        for table in keyless.iter() {
            let name = quoted(table);
            if facts.has_fingerprint(table) {
                let gone = format!("DELETE FROM {name} WHERE run_id = ?1 AND {SOURCE_FINGERPRINT} = ?2");
                connection.prepare_cached(&gone)?.execute(params![run.run_id, fingerprint])?;
            } else {
                let gone = format!("DELETE FROM {name} WHERE run_id = ?1 AND source_url = ?2");
                connection.prepare_cached(&gone)?.execute(params![run.run_id, page.shown_url()])?;
            }
        }
    }
    Ok(())
}

/// Ends the dead pages of earlier runs whose items are stored now, and removes their letters, which hold items as an older spider
/// found them.
pub(super) fn settle_letters(connection: &Connection, pages: &[&PageOutcome]) -> Result<(), Fault> {
    let mut letters =
        connection.prepare_cached("DELETE FROM crawl_dead_letters WHERE run_id = ?1 AND fingerprint = ?2")?;
    let mut page_done = connection.prepare_cached(
        "UPDATE crawl_requests SET state = 'done', reason = NULL, error = NULL
         WHERE run_id = ?1 AND fingerprint = ?2 AND state = 'dead'",
    )?;
    for page in pages.iter().filter(|page| page.state == PageState::Done) {
        let Some(run_id) = page.read_from else { continue };
        letters.execute(params![run_id, page.fingerprint.as_bytes()])?;
        page_done.execute(params![run_id, page.fingerprint.as_bytes()])?;
    }
    Ok(())
}

/// Brings the records of these pages up to date, if the spider has some. A record says that the page with this body was parsed.
/// The server was not asked, so everything else in it stays. A record of another body goes.
pub(super) fn write_records(
    connection: &Connection,
    run: &RunKey,
    pages: &[&PageOutcome],
) -> Result<(), Fault> {
    let mut update = connection.prepare_cached(&format!(
        "UPDATE crawl_pages SET tag = ?4, parser = ?5, links = ?6, parsed_at = {NOW}
         WHERE spider = ?1 AND fingerprint = ?2 AND body_hash = ?3"
    ))?;
    for page in pages {
        let fingerprint = page.fingerprint.as_bytes();
        match (page.record_to_keep(), page.read_from) {
            (Some(PageRecord::Parsed { tag, body_hash, parser, links, .. }), Some(run_id)) => {
                let links = links_text(links);
                let values = params![&*run.spider, fingerprint, body_hash, tag, parser.as_bytes(), links];
                if update.execute(values)? == 1 {
                    pages::write_items(connection, &RunKey { run_id, ..run.clone() }, page)?;
                } else {
                    pages::forget(connection, run, page)?;
                }
            }
            _ if page.may_change_rows() => pages::forget(connection, run, page)?,
            _ => {}
        }
    }
    Ok(())
}
