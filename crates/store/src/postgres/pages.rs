//! The records of pages, which incremental runs keep across runs.

use std::collections::{BTreeMap, BTreeSet};

use dragline_core::earlier::{BodyHash, EarlierPage, EarlierPages, PageRecord, ParserVersion, Validators};
use dragline_core::store::{KeptLinks, RunKey, StoreResult};
use dragline_core::{Fingerprint, PageOutcome};
use tokio_postgres::Row;

use super::connections::Connections;
use super::session::Session;
use crate::kept_link::{links_text, read_links};
use crate::page_items::{PageItem, page_items};

// These tables grow faster than their statistics, like the frontier. So the statements leave the planner no choice, as in a flush:
// a LATERAL subquery with OFFSET 0 probes an index for each page.

const READ: &str = "SELECT page.*, visit.first_at, visit.checked_at, visit.changes
    FROM unnest($2::bytea[]) AS batch (fingerprint)
    CROSS JOIN LATERAL (
        SELECT fingerprint, etag, last_modified, body_hash, parser FROM crawl_pages
        WHERE spider = $1 AND fingerprint = batch.fingerprint OFFSET 0
    ) page
    CROSS JOIN LATERAL (
        SELECT first_at, checked_at, changes FROM crawl_page_visits
        WHERE spider = $1 AND fingerprint = batch.fingerprint OFFSET 0
    ) visit";

const LINKS: &str = "SELECT page.fingerprint, page.links::text AS links
    FROM unnest($2::bytea[]) AS batch (fingerprint) CROSS JOIN LATERAL (
        SELECT fingerprint, links FROM crawl_pages
        WHERE spider = $1 AND fingerprint = batch.fingerprint OFFSET 0
    ) page";

/// This comes before the pages are written, because it compares the new hashes with the old ones.
const VISIT: &str = "INSERT INTO crawl_page_visits AS visit
        (spider, fingerprint, run_id, first_at, checked_at, checks, changes)
    SELECT $1, new.fingerprint, $2, now(), now(), new.is_checked::integer,
        coalesce(new.body_hash <> old.body_hash, false)::integer
    FROM unnest($3::bytea[], $4::boolean[], $5::bytea[]) AS new (fingerprint, is_checked, body_hash)
    LEFT JOIN LATERAL (
        SELECT body_hash FROM crawl_pages WHERE spider = $1 AND fingerprint = new.fingerprint OFFSET 0
    ) old ON true
    ORDER BY new.fingerprint
    ON CONFLICT (spider, fingerprint) DO UPDATE SET run_id = EXCLUDED.run_id,
        checked_at = CASE EXCLUDED.checks WHEN 0 THEN visit.checked_at ELSE EXCLUDED.checked_at END,
        checks = visit.checks + EXCLUDED.checks, changes = visit.changes + EXCLUDED.changes";

const PARSED: &str = "INSERT INTO crawl_pages
        (spider, fingerprint, url, tag, etag, last_modified, body_hash, parser, links)
    SELECT $1, fingerprint, url, tag, etag, last_modified, body_hash, parser, links::json
    FROM unnest($2::bytea[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::bytea[], $9::text[])
        AS new (fingerprint, url, tag, etag, last_modified, body_hash, parser, links)
    ORDER BY fingerprint
    ON CONFLICT (spider, fingerprint) DO UPDATE SET url = EXCLUDED.url, tag = EXCLUDED.tag, etag = EXCLUDED.etag,
        last_modified = EXCLUDED.last_modified, body_hash = EXCLUDED.body_hash, parser = EXCLUDED.parser,
        links = EXCLUDED.links, parsed_at = now()";

/// A server may give an unchanged page another validator.
const REVALIDATED: &str = "UPDATE crawl_pages page SET etag = new.etag, last_modified = new.last_modified
    FROM unnest($2::bytea[], $3::text[], $4::text[]) AS new (fingerprint, etag, last_modified)
    CROSS JOIN LATERAL (
        SELECT ctid AS place FROM crawl_pages WHERE spider = $1 AND fingerprint = new.fingerprint
        AND (etag, last_modified) IS DISTINCT FROM (new.etag, new.last_modified) OFFSET 0
    ) old
    WHERE page.ctid = old.place";

/// `NOT IN` makes one table of the new items, however few old ones are expected.
const GONE_ITEMS: &str = "DELETE FROM crawl_page_items item
    USING unnest($2::bytea[]) AS batch (fingerprint) CROSS JOIN LATERAL (
        SELECT ctid AS place, fingerprint, item_type, key_digest FROM crawl_page_items
        WHERE spider = $1 AND fingerprint = batch.fingerprint OFFSET 0
    ) old
    WHERE item.ctid = old.place AND (old.fingerprint, old.item_type, old.key_digest) NOT IN (
        SELECT fingerprint, item_type, key_digest
        FROM unnest($3::bytea[], $4::text[], $5::bytea[]) AS new (fingerprint, item_type, key_digest)
    )";

const ITEMS: &str = "INSERT INTO crawl_page_items (spider, item_type, key_digest, fingerprint)
    SELECT $1, item_type, key_digest, fingerprint
    FROM unnest($2::bytea[], $3::text[], $4::bytea[]) AS new (fingerprint, item_type, key_digest)
    ORDER BY item_type COLLATE \"C\", key_digest, fingerprint
    ON CONFLICT DO NOTHING";

const KEYS: &str = "INSERT INTO crawl_item_keys (spider, item_type, key_digest, item_key, first_run)
    SELECT $1, item_type, key_digest, item_key, $2
    FROM unnest($3::text[], $4::bytea[], $5::text[]) AS new (item_type, key_digest, item_key)
    ORDER BY item_type COLLATE \"C\", key_digest
    ON CONFLICT DO NOTHING";

const FORGET: &str = "DELETE FROM crawl_pages page
    USING unnest($2::bytea[]) AS batch (fingerprint) CROSS JOIN LATERAL (
        SELECT ctid AS place FROM crawl_pages WHERE spider = $1 AND fingerprint = batch.fingerprint OFFSET 0
    ) old
    WHERE page.ctid = old.place";

/// What earlier runs know about these requests, if the run wants to know.
pub(super) async fn earlier(
    session: &Session,
    run: &RunKey,
    requests: impl IntoIterator<Item = &Fingerprint>,
) -> StoreResult<EarlierPages> {
    if !run.incremental {
        return Ok(EarlierPages::new());
    }
    let requests = bytes(requests);
    if requests.is_empty() {
        return Ok(EarlierPages::new());
    }
    let rows = session.rows(READ, &[&&*run.spider, &requests]).await?;
    Ok(rows.iter().filter_map(earlier_page).collect())
}

/// A row that this program cannot read is as good as none: its page is fetched and parsed.
fn earlier_page(row: &Row) -> Option<(Fingerprint, Box<EarlierPage>)> {
    let page = EarlierPage {
        validators: Validators { etag: row.get("etag"), last_modified: row.get("last_modified") },
        body_hash: BodyHash::try_from(row.get::<_, &[u8]>("body_hash")).ok()?,
        parser: ParserVersion::from_bytes(row.get("parser"))?,
        first_at: row.get("first_at"),
        checked_at: row.get("checked_at"),
        changes: row.get::<_, i32>("changes").unsigned_abs(),
    };
    Some((Fingerprint::from_bytes(row.get("fingerprint"))?, Box::new(page)))
}

/// The links that earlier runs found on these pages.
pub(super) async fn links(
    connections: &Connections,
    run: &RunKey,
    pages: &[Fingerprint],
) -> StoreResult<KeptLinks> {
    let session = connections.session("reading the links of pages").await?;
    let rows = session.rows(LINKS, &[&&*run.spider, &bytes(pages)]).await?;
    session.release();
    let mut links = KeptLinks::new();
    for row in rows {
        match read_links(row.get("links")) {
            Ok(of_page) => {
                links.extend(Fingerprint::from_bytes(row.get("fingerprint")).map(|page| (page, of_page)));
            }
            // The page is fetched and parsed then.
            Err(problem) => tracing::warn!(problem, "the record of a page is not used"),
        }
    }
    Ok(links)
}

/// Keeps the records of pages, and removes those that no longer say what is stored.
pub(super) async fn write(session: &Session, run: &RunKey, outcomes: &[&PageOutcome]) -> StoreResult<()> {
    let outdated: BTreeSet<&Fingerprint> =
        outcomes.iter().filter(|page| page.outdates_record()).map(|page| &page.fingerprint).collect();
    if !outdated.is_empty() {
        session.change(FORGET, &[&&*run.spider, &bytes(outdated)]).await?;
    }
    let recorded: Recorded<'_> = outcomes
        .iter()
        .filter_map(|page| Some((page.fingerprint, (*page, page.record_to_keep()?))))
        .collect();
    if recorded.is_empty() {
        return Ok(());
    }
    visit(session, run, &recorded).await?;
    revalidate(session, run, &recorded).await?;
    write_parsed(session, run, &recorded).await
}

type Recorded<'a> = BTreeMap<Fingerprint, (&'a PageOutcome, &'a PageRecord)>;

async fn visit(session: &Session, run: &RunKey, recorded: &Recorded<'_>) -> StoreResult<()> {
    let records = || recorded.values().map(|(_, record)| *record);
    let checked: Vec<bool> = records().map(|record| !matches!(record, PageRecord::Fresh)).collect();
    let hashes: Vec<Option<&[u8]>> = records()
        .map(|record| match record {
            PageRecord::Parsed { body_hash, .. } => Some(body_hash.as_slice()),
            PageRecord::Unchanged(_) | PageRecord::Fresh => None,
        })
        .collect();
    let pages = bytes(recorded.keys());
    session.change(VISIT, &[&&*run.spider, &run.run_id, &pages, &checked, &hashes]).await?;
    Ok(())
}

async fn revalidate(session: &Session, run: &RunKey, recorded: &Recorded<'_>) -> StoreResult<()> {
    let unchanged = || {
        recorded.iter().filter_map(|(page, (_, record))| match record {
            PageRecord::Unchanged(validators) => Some((page, validators)),
            PageRecord::Parsed { .. } | PageRecord::Fresh => None,
        })
    };
    let pages = bytes(unchanged().map(|(page, _)| page));
    if pages.is_empty() {
        return Ok(());
    }
    let etags: Vec<Option<&str>> = unchanged().map(|(_, it)| it.etag.as_deref()).collect();
    let modified: Vec<Option<&str>> = unchanged().map(|(_, it)| it.last_modified.as_deref()).collect();
    session.change(REVALIDATED, &[&&*run.spider, &pages, &etags, &modified]).await?;
    Ok(())
}

async fn write_parsed(session: &Session, run: &RunKey, recorded: &Recorded<'_>) -> StoreResult<()> {
    let (mut fingerprints, mut urls, mut tags) = (Vec::new(), Vec::new(), Vec::new());
    let (mut etags, mut modified) = (Vec::new(), Vec::new());
    let (mut hashes, mut parsers, mut all_links) = (Vec::new(), Vec::new(), Vec::new());
    let mut pages: Vec<&PageOutcome> = Vec::new();
    for (fingerprint, (page, record)) in recorded {
        let PageRecord::Parsed { tag, validators, body_hash, parser, links } = record else { continue };
        fingerprints.push(fingerprint.as_bytes().as_slice());
        urls.push(page.shown_url());
        tags.push(tag.as_str());
        etags.push(validators.etag.as_deref());
        modified.push(validators.last_modified.as_deref());
        hashes.push(body_hash.as_slice());
        parsers.push(parser.as_bytes().as_slice());
        all_links.push(links_text(links));
        pages.push(page);
    }
    if pages.is_empty() {
        return Ok(());
    }
    let urls: Vec<&str> = urls.iter().map(|url| &**url).collect();
    let spider = &*run.spider;
    session
        .change(
            PARSED,
            &[&spider, &fingerprints, &urls, &tags, &etags, &modified, &hashes, &parsers, &all_links],
        )
        .await?;
    let items: Vec<PageItem<'_>> = page_items(&pages);
    let of: Vec<&[u8]> = items.iter().map(|item| item.page.as_bytes().as_slice()).collect();
    let types: Vec<&str> = items.iter().map(|item| item.item_type).collect();
    let digests: Vec<&[u8]> = items.iter().map(|item| item.key_digest.as_slice()).collect();
    let keys: Vec<&str> = items.iter().map(|item| item.key.as_str()).collect();
    session.change(GONE_ITEMS, &[&spider, &fingerprints, &of, &types, &digests]).await?;
    session.change(ITEMS, &[&spider, &of, &types, &digests]).await?;
    session.change(KEYS, &[&spider, &run.run_id, &types, &digests, &keys]).await?;
    Ok(())
}

fn bytes<'a>(fingerprints: impl IntoIterator<Item = &'a Fingerprint>) -> Vec<&'a [u8]> {
    fingerprints.into_iter().map(|it| it.as_bytes().as_slice()).collect()
}
