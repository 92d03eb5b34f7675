//! The records of pages, which incremental runs keep across runs.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use dragline_core::earlier::{BodyHash, EarlierPage, EarlierPages, PageRecord, ParserVersion, Validators};
use dragline_core::outcome::clean;
use dragline_core::store::{KeptLinks, RunKey, StoreResult};
use dragline_core::{Fingerprint, PageOutcome};
use tokio_postgres::Row;

use super::connections::Connections;
use super::session::{Params, Session};
use crate::kept_link::{links_text, read_links};
use crate::key_digest::KeyDigest;
use crate::page_items::{PageItem, page_items};

// These tables grow faster than their statistics, like the frontier. So the statements leave the planner no choice, as in a flush:
// a LATERAL subquery with OFFSET 0 probes an index for each page.

/// A page is left out if another page that was seen as lately has the same key with other values. If only one of them were parsed,
/// its values would stay, whichever page a full crawl would fetch last. A run that keeps answers also leaves out a page of which no
/// answer is kept.
const READ: &str = "SELECT page.*, visit.first_at, visit.checked_at, visit.changes
    FROM unnest($2::bytea[]) AS batch (fingerprint)
    CROSS JOIN LATERAL (
        SELECT fingerprint, etag, last_modified, body_hash, parser FROM crawl_pages
        WHERE spider = $1 AND fingerprint = batch.fingerprint OFFSET 0
    ) page
    CROSS JOIN LATERAL (
        SELECT run_id, first_at, checked_at, changes FROM crawl_page_visits
        WHERE spider = $1 AND fingerprint = batch.fingerprint OFFSET 0
    ) visit
    WHERE NOT EXISTS (
        SELECT FROM crawl_page_items mine
        JOIN crawl_page_items other ON other.spider = $1 AND other.item_type = mine.item_type
            AND other.key_digest = mine.key_digest AND other.item_hash <> mine.item_hash
        JOIN crawl_page_visits seen ON seen.spider = $1 AND seen.fingerprint = other.fingerprint
        WHERE mine.spider = $1 AND mine.fingerprint = batch.fingerprint AND seen.run_id >= visit.run_id OFFSET 0
    ) AND (NOT $3 OR EXISTS (
        SELECT FROM crawl_kept_pages kept JOIN crawl_runs run USING (run_id)
        WHERE kept.fingerprint = batch.fingerprint AND kept.body_hash IS NOT NULL AND run.spider = $1 OFFSET 0
    ))";

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

/// `NOT IN` makes one table of the new items, however few old ones are expected. The last part only changes rows that are there: an
/// UPDATE could not do this in the order of keys.
const GONE_ITEMS: &str = "WITH gone AS (
        DELETE FROM crawl_page_items item
        USING unnest($2::bytea[]) AS batch (fingerprint) CROSS JOIN LATERAL (
            SELECT ctid AS place, fingerprint, item_type, key_digest FROM crawl_page_items
            WHERE spider = $1 AND fingerprint = batch.fingerprint OFFSET 0
        ) old
        WHERE item.ctid = old.place AND (old.fingerprint, old.item_type, old.key_digest) NOT IN (
            SELECT fingerprint, item_type, key_digest
            FROM unnest($3::bytea[], $4::text[], $5::bytea[]) AS new (fingerprint, item_type, key_digest)
        )
        RETURNING item.item_type, item.key_digest
    )
    INSERT INTO crawl_item_keys (spider, item_type, key_digest, item_key, first_run, left_by)
    SELECT known.* FROM (SELECT DISTINCT item_type, key_digest FROM gone) gone
    CROSS JOIN LATERAL (
        SELECT spider, item_type, key_digest, item_key, first_run, $6::bigint AS left_by FROM crawl_item_keys
        WHERE spider = $1 AND item_type = gone.item_type AND key_digest = gone.key_digest OFFSET 0
    ) known
    ORDER BY known.item_type COLLATE \"C\", known.key_digest
    ON CONFLICT (spider, item_type, key_digest) DO UPDATE SET left_by = EXCLUDED.left_by";

const ITEMS: &str =
    "INSERT INTO crawl_page_items AS old (spider, item_type, key_digest, fingerprint, item_hash)
    SELECT $1, item_type, key_digest, fingerprint, item_hash
    FROM unnest($2::bytea[], $3::text[], $4::bytea[], $5::bytea[])
        AS new (fingerprint, item_type, key_digest, item_hash)
    ORDER BY item_type COLLATE \"C\", key_digest, fingerprint
    ON CONFLICT (spider, item_type, key_digest, fingerprint) DO UPDATE SET item_hash = EXCLUDED.item_hash
    WHERE old.item_hash <> EXCLUDED.item_hash";

const KEYS: &str = "INSERT INTO crawl_item_keys (spider, item_type, key_digest, item_key, first_run)
    SELECT $1, item_type, key_digest, item_key, $2
    FROM unnest($3::text[], $4::bytea[], $5::text[]) AS new (item_type, key_digest, item_key)
    ORDER BY item_type COLLATE \"C\", key_digest
    ON CONFLICT DO NOTHING";

const SEEN_LATER: &str = "SELECT new.item_type, new.key_digest
    FROM unnest($3::text[], $4::bytea[]) AS new (item_type, key_digest)
    WHERE EXISTS (
        SELECT FROM crawl_page_items item JOIN crawl_page_visits visit USING (spider, fingerprint)
        WHERE item.spider = $1 AND item.item_type = new.item_type AND item.key_digest = new.key_digest
        AND visit.run_id > $2 OFFSET 0
    )";

/// Most spiders have no records. `EXISTS` is looked at once, and not for each page.
const FORGET: &str = "DELETE FROM crawl_pages page
    USING unnest($2::bytea[]) AS batch (fingerprint) CROSS JOIN LATERAL (
        SELECT ctid AS place FROM crawl_pages WHERE spider = $1 AND fingerprint = batch.fingerprint OFFSET 0
    ) old
    WHERE page.ctid = old.place AND EXISTS (SELECT FROM crawl_pages WHERE spider = $1)";

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
    let rows = session.rows(READ, &[&&*run.spider, &requests, &run.keeps_pages]).await?;
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
    forget(session, run, outdated).await?;
    if !run.incremental {
        return Ok(());
    }
    let visited: Visited<'_> =
        outcomes.iter().filter(|page| page.is_visit()).map(|page| (page.fingerprint, *page)).collect();
    if visited.is_empty() {
        return Ok(());
    }
    visit(session, run, &visited).await?;
    revalidate(session, run, &visited).await?;
    write_parsed(session, run, &visited).await?;
    let parsed: Vec<&PageOutcome> = visited.values().copied().filter(|page| page.was_parsed()).collect();
    write_items(session, run, &parsed).await
}

/// Removes the records of these pages.
pub(super) async fn forget(
    session: &Session,
    run: &RunKey,
    pages: impl IntoIterator<Item = &Fingerprint>,
) -> StoreResult<()> {
    let pages = bytes(pages);
    if !pages.is_empty() {
        session.change(FORGET, &[&&*run.spider, &pages]).await?;
    }
    Ok(())
}

type Visited<'a> = BTreeMap<Fingerprint, &'a PageOutcome>;

async fn visit(session: &Session, run: &RunKey, visited: &Visited<'_>) -> StoreResult<()> {
    let records = || visited.values().map(|page| page.record_to_keep());
    let checked: Vec<bool> = records().map(|record| !matches!(record, Some(PageRecord::Fresh))).collect();
    let hashes: Vec<Option<&[u8]>> = records()
        .map(|record| match record {
            Some(PageRecord::Parsed { body_hash, .. }) => Some(body_hash.as_slice()),
            Some(PageRecord::Unchanged(_) | PageRecord::Fresh) | None => None,
        })
        .collect();
    let pages = bytes(visited.keys());
    session.change(VISIT, &[&&*run.spider, &run.run_id, &pages, &checked, &hashes]).await?;
    Ok(())
}

async fn revalidate(session: &Session, run: &RunKey, visited: &Visited<'_>) -> StoreResult<()> {
    let unchanged = || {
        visited.iter().filter_map(|(page, outcome)| match outcome.record_to_keep()? {
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

async fn write_parsed(session: &Session, run: &RunKey, visited: &Visited<'_>) -> StoreResult<()> {
    let (mut fingerprints, mut urls, mut tags) = (Vec::new(), Vec::new(), Vec::new());
    let (mut etags, mut modified) = (Vec::new(), Vec::new());
    let (mut hashes, mut parsers, mut all_links) = (Vec::new(), Vec::new(), Vec::new());
    for (fingerprint, page) in visited {
        let Some(PageRecord::Parsed { tag, validators, body_hash, parser, links }) = page.record_to_keep()
        else {
            continue;
        };
        fingerprints.push(fingerprint.as_bytes().as_slice());
        urls.push(page.shown_url());
        tags.push(clean(tag));
        etags.push(validators.etag.as_deref());
        modified.push(validators.last_modified.as_deref());
        hashes.push(body_hash.as_slice());
        parsers.push(parser.as_bytes().as_slice());
        all_links.push(links_text(links));
    }
    if fingerprints.is_empty() {
        return Ok(());
    }
    let urls: Vec<&str> = urls.iter().map(|url| &**url).collect();
    let spider = &*run.spider;
    let values: Params<'_> =
        &[&spider, &fingerprints, &urls, &tags, &etags, &modified, &hashes, &parsers, &all_links];
    session.change(PARSED, values).await?;
    Ok(())
}

/// The items of the pages that were parsed. Those of a page without a record count as seen too.
pub(super) async fn write_items(session: &Session, run: &RunKey, pages: &[&PageOutcome]) -> StoreResult<()> {
    if pages.is_empty() {
        return Ok(());
    }
    let spider = &*run.spider;
    let fingerprints = bytes(pages.iter().map(|page| &page.fingerprint));
    let items: Vec<PageItem<'_>> = page_items(pages);
    let of: Vec<&[u8]> = items.iter().map(|item| item.page.as_bytes().as_slice()).collect();
    let types: Vec<&str> = items.iter().map(|item| item.item_type).collect();
    let digests: Vec<&[u8]> = items.iter().map(|item| item.key_digest.as_slice()).collect();
    let hashes: Vec<&[u8]> = items.iter().map(|item| item.item_hash.as_slice()).collect();
    let keys: Vec<&str> = items.iter().map(|item| item.key.as_str()).collect();
    session.change(GONE_ITEMS, &[&spider, &fingerprints, &of, &types, &digests, &run.run_id]).await?;
    session.change(ITEMS, &[&spider, &of, &types, &digests, &hashes]).await?;
    session.change(KEYS, &[&spider, &run.run_id, &types, &digests, &keys]).await?;
    Ok(())
}

/// The items of a page that later runs have seen. An incremental run does not write a row that is as it was, so the row itself does
/// not say that it is newer.
pub(super) async fn seen_later(
    session: &Session,
    run: &RunKey,
    page: &PageOutcome,
) -> StoreResult<HashSet<Option<(String, KeyDigest)>>> {
    let items = page_items(&[page]);
    let types: Vec<&str> = items.iter().map(|item| item.item_type).collect();
    let digests: Vec<&[u8]> = items.iter().map(|item| item.key_digest.as_slice()).collect();
    let rows = session.rows(SEEN_LATER, &[&&*run.spider, &run.run_id, &types, &digests]).await?;
    let seen = rows.iter().filter_map(|row| {
        Some(Some((row.get("item_type"), KeyDigest::try_from(row.get::<_, &[u8]>("key_digest")).ok()?)))
    });
    Ok(seen.collect())
}

fn bytes<'a>(fingerprints: impl IntoIterator<Item = &'a Fingerprint>) -> Vec<&'a [u8]> {
    fingerprints.into_iter().map(|it| it.as_bytes().as_slice()).collect()
}
