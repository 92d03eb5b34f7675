//! Kept answers: whole ones, whose bodies are stored once each, and the first bytes of failed pages.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use dragline_core::earlier::BodyHash;
use dragline_core::kept_page::{KeptCounts, KeptPage, KeptPart, KeptRequest};
use dragline_core::outcome::clean;
use dragline_core::probe::reach;
use dragline_core::prune::RequestPlace;
use dragline_core::shard::ShardRule;
use dragline_core::store::StoreResult;
use dragline_core::{
    Fingerprint, KeptAnswer, KeptAnswers, KeptAsk, KeptBody, KeptEntry, KeptListAsk, KeptListed, KeptPlace,
    PageOutcome,
};
use tokio_postgres::Row;
use tokio_postgres::types::Json;

use super::connections::Connections;
use super::requests;
use super::session::{Params, Session};
use crate::columns::{json_text, shard_of_page};

/// How many kept pages one answer has at most.
const MOST: i64 = 5;
/// How often a flush looks again for bodies that another transaction has stored or removed meanwhile. Each time, that one must
/// have committed in the short time between two statements.
const LOOKS: usize = 10;

/// Which of these bodies are there. They stay there until this transaction ends, so the rows that refer to them can be stored.
/// All flushes lock them in the same order.
const LOCK_BODIES: &str = "SELECT body.body_hash
    FROM unnest($1::bytea[]) AS batch (body_hash) CROSS JOIN LATERAL (
        SELECT body_hash FROM crawl_bodies WHERE body_hash = batch.body_hash FOR KEY SHARE
    ) body";

/// The bodies come in the order of their hashes, so that of two flushes with the same new bodies, one waits for the other. A sort
/// would copy them.
const INSERT_BODIES: &str = "INSERT INTO crawl_bodies (body_hash, body, body_bytes)
    SELECT body_hash, body, body_bytes
    FROM unnest($1::bytea[], $2::bytea[], $3::bigint[]) AS new (body_hash, body, body_bytes)
    ON CONFLICT DO NOTHING RETURNING body_hash";

const INSERT: &str =
    "INSERT INTO crawl_kept_pages
        (run_id, fingerprint, url, status, headers, body, body_hash, body_bytes, fetched_at, shard)
    SELECT $1, fingerprint, url, status, headers::json, body, body_hash, body_bytes, fetched_at, shard
    FROM unnest($2::bytea[], $3::text[], $4::integer[], $5::text[], $6::bytea[], $7::bytea[], $8::bigint[],
            $9::timestamptz[], $10::smallint[])
         AS kept (fingerprint, url, status, headers, body, body_hash, body_bytes, fetched_at, shard)
    ON CONFLICT (run_id, fingerprint) DO UPDATE SET url = EXCLUDED.url, status = EXCLUDED.status,
        headers = EXCLUDED.headers, body = EXCLUDED.body, body_hash = EXCLUDED.body_hash,
        body_bytes = EXCLUDED.body_bytes, fetched_at = EXCLUDED.fetched_at, shard = EXCLUDED.shard, kept_at = now()";

/// An older answer stands for a page that the run found unchanged or fresh.
const READ: &str =
    "SELECT r.*, kept.url AS kept_url, kept.status AS kept_status, kept.headers AS kept_headers,
        kept.body AS kept_body, kept.body_bytes, coalesce(kept.fetched_at, kept.kept_at) AS fetched_at,
        whole.body_hash, whole.body AS frame, whole.body_bytes AS whole_bytes
    FROM crawl_requests r JOIN crawl_runs own ON own.run_id = r.run_id CROSS JOIN LATERAL (
        SELECT mine.* FROM crawl_kept_pages mine WHERE mine.run_id = r.run_id AND mine.fingerprint = r.fingerprint
        UNION ALL (
            SELECT older.* FROM crawl_kept_pages older JOIN crawl_runs run ON run.run_id = older.run_id
            WHERE older.fingerprint = r.fingerprint AND older.body_hash IS NOT NULL AND older.run_id < r.run_id
            AND run.spider = own.spider AND (run.kind <> 'import' OR run.state = 'finished')
            AND r.reason IN ('unchanged', 'fresh')
            ORDER BY older.run_id DESC LIMIT 1
        )
    ) kept
    LEFT JOIN crawl_bodies whole ON whole.body_hash = kept.body_hash
    WHERE r.run_id = $1 AND r.url = $2 ORDER BY kept.kept_at DESC LIMIT $3";

/// The columns of a list.
const LISTED: &str = "kept.fingerprint, kept.run_id, kept.url, kept.status,
        coalesce(kept.fetched_at, kept.kept_at) AS fetched_at, kept.body_hash IS NOT NULL AS is_whole,
        kept.body_bytes, coalesce(octet_length(kept.body), octet_length(whole.body), 0)::bigint AS stored_bytes";

/// The newest whole answer of each page, with its body as long as there is room. As in a flush, the statement leaves the planner
/// no choice but to probe indexes.
const ANSWERS: &str = "SELECT fingerprint, run_id, url, status, headers, fetched_at, body_hash, body_bytes,
        CASE WHEN room <= $4 OR number = 1 THEN body END AS frame
    FROM (
        SELECT kept.*, whole.body, whole.body_bytes,
            sum(octet_length(whole.body)) OVER in_order AS room, row_number() OVER in_order AS number
        FROM unnest($2::bytea[]) WITH ORDINALITY AS batch (fingerprint, place)
        CROSS JOIN LATERAL (
            SELECT batch.place, kept.fingerprint, kept.run_id, kept.url, kept.status, kept.headers,
                coalesce(kept.fetched_at, kept.kept_at) AS fetched_at, kept.body_hash
            FROM crawl_kept_pages kept JOIN crawl_runs run USING (run_id)
            WHERE kept.fingerprint = batch.fingerprint AND kept.body_hash IS NOT NULL
            AND kept.run_id <= coalesce($3, 9223372036854775807)
            AND run.spider = $1 AND (run.kind <> 'import' OR run.state = 'finished')
            ORDER BY kept.run_id DESC LIMIT 1
        ) kept
        CROSS JOIN LATERAL (
            SELECT body, body_bytes FROM crawl_bodies WHERE body_hash = kept.body_hash OFFSET 0
        ) whole
        WINDOW in_order AS (ORDER BY kept.place)
    ) AS answers ORDER BY number";

/// Keeps what the outcomes keep, in their transaction.
pub(super) async fn insert(
    session: &Session,
    run_id: i64,
    outcomes: &[&PageOutcome],
) -> StoreResult<KeptCounts> {
    let kept: Vec<(&PageOutcome, &KeptPage)> =
        outcomes.iter().filter_map(|outcome| Some((*outcome, outcome.kept.as_deref()?))).collect();
    if kept.is_empty() {
        return Ok(KeptCounts::default());
    }
    let pages = || kept.iter().map(|(_, page)| *page);
    let (bodies, bytes) = insert_bodies(session, bodies_of(pages())).await?;
    reach("flush: after bodies");
    let fingerprints: Vec<&[u8]> =
        kept.iter().map(|(outcome, _)| outcome.fingerprint.as_bytes().as_slice()).collect();
    let urls: Vec<String> = pages().map(|page| clean(&page.url)).collect();
    let statuses: Vec<i32> = pages().map(|page| i32::from(page.status)).collect();
    let headers: Vec<String> = pages().map(|page| json_text(&page.headers)).collect();
    let (mut beginnings, mut hashes): (Vec<Option<&[u8]>>, Vec<_>) = (Vec::new(), Vec::new());
    for page in pages() {
        let (beginning, hash) = match &page.body {
            KeptPart::Beginning { bytes, .. } => (Some(bytes.as_slice()), None),
            KeptPart::Whole(body) => (None, Some(body.hash().as_slice())),
        };
        beginnings.push(beginning);
        hashes.push(hash);
    }
    let lengths: Vec<Option<i64>> = pages().map(|page| page.body.body_bytes().map(number)).collect();
    let times: Vec<DateTime<Utc>> = pages().map(|page| page.fetched_at).collect();
    let shards: Vec<i16> = pages().map(|page| shard_of_page(ShardRule::NEW, &page.url)).collect();
    let values: Params<'_> = &[
        &run_id,
        &fingerprints,
        &urls,
        &statuses,
        &headers,
        &beginnings,
        &hashes,
        &lengths,
        &times,
        &shards,
    ];
    session.change(INSERT, values).await?;
    Ok(KeptCounts { pages: hashes.iter().flatten().count() as u64, bodies, bytes })
}

fn bodies_of<'a>(pages: impl Iterator<Item = &'a KeptPage>) -> BTreeMap<&'a BodyHash, &'a KeptBody> {
    let whole = pages.filter_map(|page| match &page.body {
        KeptPart::Whole(body) => Some((body.hash(), body)),
        KeptPart::Beginning { .. } => None,
    });
    whole.collect()
}

/// Stores the bodies that are missing, and keeps the others from being removed. Returns how many it stored, and their bytes.
async fn insert_bodies(
    session: &Session,
    mut wanted: BTreeMap<&BodyHash, &KeptBody>,
) -> StoreResult<(u64, u64)> {
    let (mut stored, mut stored_bytes) = (0, 0);
    for _ in 0..LOOKS {
        if wanted.is_empty() {
            return Ok((stored, stored_bytes));
        }
        let hashes: Vec<&[u8]> = wanted.keys().map(|hash| hash.as_slice()).collect();
        let there = session.rows(LOCK_BODIES, &[&hashes]).await?;
        forget(&mut wanted, &there);
        if wanted.is_empty() {
            continue;
        }
        let hashes: Vec<&[u8]> = wanted.keys().map(|hash| hash.as_slice()).collect();
        let frames: Vec<&[u8]> = wanted.values().map(|body| body.frame()).collect();
        let lengths: Vec<i64> = wanted.values().map(|body| number(body.body_bytes())).collect();
        let inserted = session.rows(INSERT_BODIES, &[&hashes, &frames, &lengths]).await?;
        stored += inserted.len() as u64;
        stored_bytes += forget(&mut wanted, &inserted);
        // Another flush was faster with those that are left. They must be locked too.
    }
    Err(session.gave_up("other transactions store and remove the same bodies again and again"))
}

/// Takes these bodies off the list. Returns how many bytes they have.
fn forget(wanted: &mut BTreeMap<&BodyHash, &KeptBody>, rows: &[Row]) -> u64 {
    let hashes = rows.iter().filter_map(|row| BodyHash::try_from(row.get::<_, &[u8]>("body_hash")).ok());
    hashes.filter_map(|hash| wanted.remove(&hash)).map(|body| body.frame().len() as u64).sum()
}

fn number(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
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
    let body = match row.get::<_, Option<Vec<u8>>>("kept_body") {
        Some(bytes) => KeptPart::Beginning {
            bytes,
            body_bytes: row.get::<_, Option<i64>>("body_bytes").map(i64::unsigned_abs),
        },
        None => KeptPart::Whole(KeptBody::stored(
            body_hash(row)?,
            row.get::<_, i64>("whole_bytes").unsigned_abs(),
            row.get("frame"),
        )),
    };
    Ok(KeptRequest {
        request: requests::read(row)?,
        page: KeptPage {
            url: row.get("kept_url"),
            status: u16::try_from(row.get::<_, i32>("kept_status")).unwrap_or_default(),
            headers,
            fetched_at: row.get("fetched_at"),
            body,
        },
    })
}

fn body_hash(row: &Row) -> Result<BodyHash, String> {
    BodyHash::try_from(row.get::<_, &[u8]>("body_hash")).map_err(|_| "a body has no valid hash".to_owned())
}

/// The newest whole answers of pages; see the trait.
pub(super) async fn answers(connections: &Connections, ask: &KeptAsk) -> StoreResult<KeptAnswers> {
    if ask.pages.is_empty() {
        return Ok(KeptAnswers::default());
    }
    let pages: Vec<&[u8]> = ask.pages.iter().map(|page| page.as_bytes().as_slice()).collect();
    let room = number(ask.max_bytes as u64);
    let session = connections.session("reading kept pages").await?;
    let rows = session.rows(ANSWERS, &[&ask.spider, &pages, &ask.up_to_run, &room]).await?;
    session.release();
    let mut found = KeptAnswers::default();
    for row in &rows {
        let broken = |problem: String| connections.target().broken("reading kept pages", problem);
        let Some(fingerprint) = Fingerprint::from_bytes(row.get("fingerprint")) else { continue };
        let Some(frame) = row.get("frame") else {
            found.left.push(fingerprint);
            continue;
        };
        let Json(headers): Json<Vec<(String, String)>> = row.get("headers");
        let body_bytes = row.get::<_, i64>("body_bytes").unsigned_abs();
        found.answers.push(KeptAnswer {
            fingerprint,
            run_id: row.get("run_id"),
            url: row.get("url"),
            status: u16::try_from(row.get::<_, i32>("status")).unwrap_or_default(),
            headers,
            fetched_at: row.get("fetched_at"),
            body: KeptBody::stored(body_hash(row).map_err(broken)?, body_bytes, frame),
        });
    }
    Ok(found)
}

/// The kept pages of a run; see the trait.
pub(super) async fn list(connections: &Connections, ask: &KeptListAsk) -> StoreResult<KeptListed> {
    let session = connections.session("listing kept pages").await?;
    let listed = match &ask.after {
        KeptPlace::Own(after) => own(&session, ask, after.as_ref()).await?,
        KeptPlace::Older(after) => older(&session, ask, after.as_ref()).await?,
    };
    session.release();
    Ok(listed)
}

async fn own(session: &Session, ask: &KeptListAsk, after: Option<&Fingerprint>) -> StoreResult<KeptListed> {
    let sql = format!(
        "SELECT {LISTED} FROM crawl_kept_pages kept
         LEFT JOIN crawl_bodies whole ON whole.body_hash = kept.body_hash
         WHERE kept.run_id = $1 AND kept.fingerprint > $2 ORDER BY kept.fingerprint LIMIT $3"
    );
    let after = after.map_or(&[][..], |after| after.as_bytes());
    let rows = session.rows(&sql, &[&ask.run_id, &after, &i64::from(ask.limit)]).await?;
    let pages: Vec<KeptEntry> = rows.iter().filter_map(entry).collect();
    let is_full = rows.len() as u64 >= u64::from(ask.limit);
    let last = pages.last().map(|page| page.fingerprint).filter(|_| is_full);
    let next = last.map_or(KeptPlace::Older(None), |last| KeptPlace::Own(Some(last)));
    Ok(KeptListed { pages, next: Some(next) })
}

async fn older(
    session: &Session,
    ask: &KeptListAsk,
    after: Option<&RequestPlace>,
) -> StoreResult<KeptListed> {
    let sql = format!(
        "SELECT page.shard, page.fingerprint AS of_page, older.* FROM (
             SELECT shard, fingerprint, reason FROM crawl_requests
             WHERE run_id = $1 AND (shard, fingerprint) > ($2, $3) ORDER BY shard, fingerprint LIMIT $4
         ) page
         LEFT JOIN LATERAL (
             SELECT {LISTED} FROM crawl_kept_pages kept JOIN crawl_runs run ON run.run_id = kept.run_id
             LEFT JOIN crawl_bodies whole ON whole.body_hash = kept.body_hash
             WHERE kept.fingerprint = page.fingerprint AND kept.body_hash IS NOT NULL AND kept.run_id < $1
             AND run.spider = $5 AND (run.kind <> 'import' OR run.state = 'finished')
             AND page.reason IN ('unchanged', 'fresh')
             ORDER BY kept.run_id DESC LIMIT 1
         ) older ON true
         ORDER BY page.shard, page.fingerprint"
    );
    let (shard, fingerprint) =
        after.map_or((i16::MIN, &[][..]), |place| (place.shard, place.fingerprint.as_bytes()));
    let values: Params<'_> = &[&ask.run_id, &shard, &fingerprint, &i64::from(ask.limit), &ask.spider];
    let rows = session.rows(&sql, values).await?;
    let last = rows.last().filter(|_| rows.len() as u64 >= u64::from(ask.limit)).and_then(|row| {
        let fingerprint = Fingerprint::from_bytes(row.get("of_page"))?;
        Some(RequestPlace { shard: row.get("shard"), fingerprint })
    });
    Ok(KeptListed {
        pages: rows.iter().filter_map(entry).collect(),
        next: last.map(|last| KeptPlace::Older(Some(last))),
    })
}

/// `None` for a request without a kept answer.
fn entry(row: &Row) -> Option<KeptEntry> {
    Some(KeptEntry {
        fingerprint: Fingerprint::from_bytes(row.get::<_, Option<&[u8]>>("fingerprint")?)?,
        run_id: row.get("run_id"),
        url: row.get("url"),
        status: u16::try_from(row.get::<_, i32>("status")).unwrap_or_default(),
        fetched_at: row.get("fetched_at"),
        is_whole: row.get("is_whole"),
        body_bytes: row.get::<_, Option<i64>>("body_bytes").map(i64::unsigned_abs),
        stored_bytes: row.get::<_, i64>("stored_bytes").unsigned_abs(),
    })
}
