//! Dead letters. They are read back, and applied after the cause of the refusal is fixed.
//!
//! A retry is one transaction: (1) the run's epoch, if the run's own process retries; (2) the page, locked: if two retries take
//! its last two letters, one of them must see that none is left; (3) the letters, deleted; (4) their items, as in a flush; (5)
//! the page's state. A flush never waits for a retry, because the page is not `queued`.

use std::collections::{HashMap, HashSet};

use dragline_core::letters::{LetterAsk, LetterReceipt, LetterRetry, StoredLetter};
use dragline_core::shard::ShardRule;
use dragline_core::store::{RunKey, StoreResult};
use dragline_core::{DeadLetter, Fingerprint, ItemRecord, PageKey, PageOutcome, StoreError};
use tokio_postgres::Row;

use super::connections::Connections;
use super::flights::Flight;
use super::flush::{Conflict, EPOCH, Transaction, settle};
use super::runs::{not_ours, rule_of, shard_rule};
use super::session::Session;
use super::{ItemTables, PostgresStore, pages};
use crate::columns::shard_of_page;
use crate::page_items;

/// A null parameter means no condition.
const READ: &str = "SELECT letter_id, letter.run_id, coalesce(run.name, '') AS run_name,
        coalesce(run.spider, '') AS spider, run.shards, run.shard_rule, letter.fingerprint, letter.url, letter.item_type, letter.payload,
        letter.error, letter.sqlstate, letter.created_at
    FROM crawl_dead_letters letter LEFT JOIN crawl_runs run ON run.run_id = letter.run_id
    WHERE letter_id > $1 AND ($2::bigint IS NULL OR letter.run_id = $2)
    AND ($3::bigint[] IS NULL OR letter_id = ANY ($3)) AND ($4::text[] IS NULL OR letter.sqlstate = ANY ($4))
    AND ($5::bytea IS NULL OR letter.fingerprint = $5)
    ORDER BY letter_id LIMIT $6";

/// The pages of letters, each found by its whole key. With only a part of the key, the statement would read the
/// frontier.
const PAGES: &str = "SELECT page.run_id, page.fingerprint, page.tag, page.depth
    FROM unnest($1::bigint[], $2::smallint[], $3::bytea[]) AS wanted (run_id, shard, fingerprint)
    JOIN crawl_requests page USING (run_id, shard, fingerprint)";

const LOCK_PAGE: &str = "SELECT 1 FROM crawl_requests 
    WHERE run_id = $1 AND shard = $2 AND fingerprint = $3 FOR UPDATE";

const TAKE: &str = "DELETE FROM crawl_dead_letters
    WHERE run_id = $1 AND fingerprint = $2 AND letter_id = ANY ($3) RETURNING letter_id";

const PAGE_DONE: &str =
    "UPDATE crawl_requests SET state = 'done', reason = NULL, error = NULL, done_at = now()
    WHERE run_id = $1 AND shard = $2 AND fingerprint = $3 AND state = 'dead' AND NOT EXISTS (
        SELECT FROM crawl_dead_letters WHERE run_id = $1 AND fingerprint = $3
    )";

/// Reads the requested letters.
pub(super) async fn read(connections: &Connections, ask: &LetterAsk) -> StoreResult<Vec<StoredLetter>> {
    let session = connections.session("reading dead letters").await?;
    let limit = i64::try_from(ask.limit).unwrap_or(i64::MAX);
    let page = ask.fingerprint.as_ref().map(|fingerprint| fingerprint.as_bytes().as_slice());
    let rows = session
        .rows(READ, &[&ask.after, &ask.run_id, &ask.letter_ids, &ask.sqlstates, &page, &limit])
        .await?;
    let letters = rows.iter().map(letter).collect::<Result<Vec<_>, _>>();
    let mut letters =
        letters.map_err(|problem| connections.target().broken("reading dead letters", problem))?;
    add_pages(connections, &session, &rows, &mut letters).await?;
    session.release();
    Ok(letters)
}

/// Adds the tag and the depth of each letter's page. `rows` are the rows of the letters.
async fn add_pages(
    connections: &Connections,
    session: &Session,
    rows: &[Row],
    letters: &mut [StoredLetter],
) -> StoreResult<()> {
    let (mut run_ids, mut shards, mut fingerprints) = (Vec::new(), Vec::new(), Vec::new());
    for (row, letter) in rows.iter().zip(&*letters) {
        // A run whose row somebody deleted has no pages either.
        if row.get::<_, Option<&str>>("shard_rule").is_some() {
            run_ids.push(letter.run_id);
            shards.push(shard_of_page(rule_of(connections.target(), row)?, &letter.url));
            fingerprints.push(letter.fingerprint.as_bytes().as_slice());
        }
    }
    let pages = session.rows(PAGES, &[&run_ids, &shards, &fingerprints]).await?;
    let pages: HashMap<(i64, &[u8]), &Row> =
        pages.iter().map(|page| ((page.get("run_id"), page.get("fingerprint")), page)).collect();
    for letter in letters {
        if let Some(page) = pages.get(&(letter.run_id, letter.fingerprint.as_bytes().as_slice())) {
            letter.tag = page.get("tag");
            letter.depth = page.get::<_, i32>("depth").unsigned_abs();
        }
    }
    Ok(())
}

/// Applies letters of one page.
pub(super) async fn retry(store: &PostgresStore, retry: &LetterRetry) -> StoreResult<LetterReceipt> {
    if let Some(message) = retry.letters.iter().find_map(|(_, record)| ItemRecord::refusal(record)) {
        return Err(StoreError::Refused { message, sqlstate: None });
    }
    let mut run = RunKey {
        run_id: retry.run_id,
        epoch: retry.epoch.unwrap_or_default(),
        spider: retry.spider.clone(),
        worker: None,
        shards: ShardRule::One,
        incremental: false,
        keeps_pages: false,
        kind: dragline_core::RunKind::Crawl,
        reparse: None,
    };
    let flight = store.flights.begin();
    let ready = async {
        if retry.epoch.is_some() {
            store.lock.ensure(&store.connections, &run).await?;
        }
        store.connections.session("applying dead letters").await
    };
    let session = flight.unless_cancelled(ready).await?;
    flight.cancel_with(session.canceller());
    let tables = store.item_tables();
    // A run whose row somebody deleted has no pages either.
    run.shards =
        shard_rule(store.connections.target(), &session, run.run_id).await?.unwrap_or(ShardRule::One);
    let applied = apply(&session, &flight, &tables, &run, retry).await;
    settle(session, &flight, applied).await
}

async fn apply(
    session: &Session,
    flight: &Flight<'_>,
    tables: &ItemTables,
    run: &RunKey,
    retry: &LetterRetry,
) -> StoreResult<LetterReceipt> {
    let shard = shard_of_page(run.shards, &retry.url);
    let fingerprint = retry.fingerprint.as_bytes().as_slice();
    let letter_ids: Vec<i64> = retry.letters.iter().map(|(letter_id, _)| *letter_id).collect();
    session.run(tables.begin()).await?;
    if retry.epoch.is_some() && session.row(EPOCH, &[&run.run_id, &run.epoch]).await?.is_none() {
        return Err(not_ours(session, run).await);
    }
    session.row(LOCK_PAGE, &[&run.run_id, &shard, &fingerprint]).await?;
    let taken = session.rows(TAKE, &[&run.run_id, &fingerprint, &letter_ids]).await?;
    let taken: HashSet<i64> = taken.iter().map(|row| row.get("letter_id")).collect();
    flight.check()?;

    let mut page = PageOutcome::done(PageKey { fingerprint: retry.fingerprint, url: retry.url.clone() });
    let there = retry.letters.iter().filter(|(letter_id, _)| taken.contains(letter_id));
    let applied: Vec<i64>;
    (applied, page.items) = there.map(|(letter_id, record)| (*letter_id, record.clone())).unzip();
    let seen = pages::seen_later(session, run, &page).await?;
    let (applied_here, items) = applied
        .iter()
        .copied()
        .zip(std::mem::take(&mut page.items))
        .filter(|(_, record)| !seen.contains(&page_items::digest(record)))
        .unzip::<i64, ItemRecord, Vec<_>, Vec<_>>();
    page.items = items;
    let transaction = Transaction {
        session,
        flight,
        tables,
        run,
        conflict: Conflict::KeepNewer,
        is_retry: true,
        letters: &applied_here,
    };
    transaction.prepare_stages(&page).await?;
    transaction.insert_items(&[&page]).await?;
    let page_done = session.change(PAGE_DONE, &[&run.run_id, &shard, &fingerprint]).await? > 0;
    flight.check()?;
    transaction.publish().await?;
    session.run("COMMIT").await?;
    Ok(LetterReceipt { applied, page_done })
}

fn letter(row: &Row) -> Result<StoredLetter, String> {
    let letter_id: i64 = row.get("letter_id");
    let fingerprint = Fingerprint::from_bytes(row.get("fingerprint"));
    Ok(StoredLetter {
        letter_id,
        run_id: row.get("run_id"),
        run_name: row.get("run_name"),
        spider: row.get("spider"),
        fingerprint: fingerprint
            .ok_or_else(|| format!("the dead letter {letter_id} has an invalid fingerprint"))?,
        url: row.get("url"),
        tag: String::new(),
        depth: 0,
        letter: DeadLetter {
            item_type: row.get("item_type"),
            payload: row.get("payload"),
            error: row.get("error"),
            sqlstate: row.get("sqlstate"),
        },
        created_at: row.get("created_at"),
    })
}
