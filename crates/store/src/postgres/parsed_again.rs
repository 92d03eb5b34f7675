//! What a flush of a reparse does in addition: the page was fetched by an earlier run, so its rows belong to that run, and those
//! without a key that it had before go.

use std::collections::BTreeMap;

use dragline_core::outcome::clean;
use dragline_core::store::{RunKey, StoreResult};
use dragline_core::{Fingerprint, PageOutcome, PageRecord, PageState};

use super::flush::Transaction;
use super::pages;
use super::session::{Params, Session};
use crate::columns::shard_of_page;
use crate::identifier::quoted_path;
use crate::kept_link::links_text;
use crate::key_digest::{self, Origin};

/// Rows without a key are found by the run and the page that they come from.
const GONE: &str = "DELETE FROM crawl_items item
    USING unnest($3::bytea[]) AS batch (fingerprint) CROSS JOIN LATERAL (
        SELECT ctid AS place, item_type, key_digest FROM crawl_items
        WHERE run_id = $2 AND fingerprint = batch.fingerprint AND item_key IS NULL AND spider = $1 OFFSET 0
    ) old
    WHERE item.ctid = old.place AND (old.item_type, old.key_digest) NOT IN (
        SELECT item_type, key_digest FROM unnest($4::text[], $5::bytea[]) AS new (item_type, key_digest)
    )";

/// The letters of a page that is done now hold items as an older spider found them.
const SETTLED: &str = "WITH batch AS (
        SELECT * FROM unnest($2::smallint[], $3::bytea[]) AS batch (shard, fingerprint)
    ), letters AS (
        DELETE FROM crawl_dead_letters letter USING batch
        WHERE letter.run_id = $1 AND letter.fingerprint = batch.fingerprint
    )
    UPDATE crawl_requests page SET state = 'done', reason = NULL, error = NULL FROM batch
    WHERE page.run_id = $1 AND page.shard = batch.shard AND page.fingerprint = batch.fingerprint
    AND page.state = 'dead'";

/// A record says that the page with this body was parsed. The server was not asked, so everything else stays.
const RECORDED: &str = "UPDATE crawl_pages page
    SET tag = new.tag, parser = new.parser, links = new.links::json, parsed_at = now()
    FROM unnest($2::bytea[], $3::text[], $4::bytea[], $5::bytea[], $6::text[])
        AS new (fingerprint, tag, body_hash, parser, links)
    CROSS JOIN LATERAL (
        SELECT ctid AS place FROM crawl_pages
        WHERE spider = $1 AND fingerprint = new.fingerprint AND body_hash = new.body_hash OFFSET 0
    ) old
    WHERE page.ctid = old.place RETURNING page.fingerprint";

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

impl Transaction<'_> {
    /// Removes the rows without a key that these pages of the run had, and have no more.
    pub(super) async fn remove_gone(&self, pages: &[&PageOutcome]) -> StoreResult<()> {
        let parsed: Vec<&PageOutcome> = pages
            .iter()
            .copied()
            .filter(|page| matches!(page.state, PageState::Done | PageState::Dead))
            .collect();
        if parsed.is_empty() {
            return Ok(());
        }
        let fingerprints: Vec<&[u8]> =
            parsed.iter().map(|page| page.fingerprint.as_bytes().as_slice()).collect();
        let (mut types, mut digests) = (Vec::new(), Vec::new());
        for page in &parsed {
            let keyless = page.items.iter().enumerate().filter(|(_, record)| record.key_text().is_none());
            for (number, record) in keyless.filter(|(_, record)| record.item_type.table().is_none()) {
                let origin = Origin::of(page, number, &[]);
                types.push(record.item_type.name());
                digests.push(key_digest::of_origin(self.run.run_id, &page.fingerprint, origin).to_vec());
            }
        }
        let run_id = &self.run.run_id;
        self.session.change(GONE, &[&&*self.run.spider, run_id, &fingerprints, &types, &digests]).await?;
        for table in self.tables.by_name.values().filter(|table| !table.item.is_keyed()) {
            let name = quoted_path(&table.name);
            if table.has_fingerprint {
                let gone = format!(
                    "DELETE FROM {name} WHERE run_id = $1 AND source_fingerprint = ANY ($2::bytea[])"
                );
                self.session.change(&gone, &[run_id, &fingerprints]).await?;
            } else {
                let urls: Vec<_> = parsed.iter().map(|page| page.shown_url().into_owned()).collect();
                let gone = format!("DELETE FROM {name} WHERE run_id = $1 AND source_url = ANY ($2::text[])");
                self.session.change(&gone, &[run_id, &urls]).await?;
            }
        }
        Ok(())
    }
}

/// Ends the dead pages of earlier runs whose items are stored now, and removes their letters.
pub(super) async fn settle_letters(
    session: &Session,
    run: &RunKey,
    pages: &[&PageOutcome],
) -> StoreResult<()> {
    let done: Vec<&PageOutcome> = pages
        .iter()
        .copied()
        .filter(|page| page.read_from.is_some() && page.state == PageState::Done)
        .collect();
    for (run_id, pages) in by_run(run, &done) {
        let shards: Vec<i16> = pages.iter().map(|page| shard_of_page(run.shards, &page.url)).collect();
        let fingerprints: Vec<&[u8]> =
            pages.iter().map(|page| page.fingerprint.as_bytes().as_slice()).collect();
        session.change(SETTLED, &[&run_id, &shards, &fingerprints]).await?;
    }
    Ok(())
}

/// Brings the records of these pages up to date, if the spider has some. A record of another body goes, because it no longer says
/// what is stored.
pub(super) async fn write_records(
    session: &Session,
    run: &RunKey,
    pages: &[&PageOutcome],
) -> StoreResult<()> {
    let mut outdated: Vec<Fingerprint> = Vec::new();
    let mut parsed: BTreeMap<Fingerprint, &PageOutcome> = BTreeMap::new();
    for page in pages {
        match page.record_to_keep() {
            Some(PageRecord::Parsed { .. }) if page.read_from.is_some() => {
                parsed.insert(page.fingerprint, page);
            }
            _ if page.may_change_rows() => outdated.push(page.fingerprint),
            _ => {}
        }
    }
    let (mut fingerprints, mut tags, mut hashes) = (Vec::new(), Vec::new(), Vec::new());
    let (mut parsers, mut all_links) = (Vec::new(), Vec::new());
    for page in parsed.values() {
        let Some(PageRecord::Parsed { tag, body_hash, parser, links, .. }) = page.record_to_keep() else {
            continue;
        };
        fingerprints.push(page.fingerprint.as_bytes().as_slice());
        tags.push(clean(tag));
        hashes.push(body_hash.as_slice());
        parsers.push(parser.as_bytes().as_slice());
        all_links.push(links_text(links));
    }
    if !fingerprints.is_empty() {
        let values: Params<'_> = &[&&*run.spider, &fingerprints, &tags, &hashes, &parsers, &all_links];
        let rows = session.rows(RECORDED, values).await?;
        let recorded: Vec<&PageOutcome> = rows
            .iter()
            .filter_map(|row| parsed.remove(&Fingerprint::from_bytes(row.get("fingerprint"))?))
            .collect();
        for (run_id, pages) in by_run(run, &recorded) {
            pages::write_items(session, &RunKey { run_id, ..run.clone() }, &pages).await?;
        }
        outdated.extend(parsed.into_keys());
    }
    pages::forget(session, run, &outdated).await
}
