//! Dead letters: read back, and applied once what refused them is mended.
//!
//! A retry is one transaction: (1) the run's epoch, if the run's own process retries; (2) the page, locked, so
//! that of two retries which take its last two letters one sees that none is left; (3) the letters, deleted;
//! (4) their items, as in a flush; (5) the page's state. A flush never waits for it: the page is not `queued`.

use std::collections::HashSet;

use dragline_core::letters::{LetterAsk, LetterReceipt, LetterRetry, StoredLetter};
use dragline_core::store::{RunKey, StoreResult};
use dragline_core::{DeadLetter, Fingerprint, ItemRecord, PageKey, PageOutcome, StoreError};
use tokio_postgres::Row;

use super::PostgresStore;
use super::connections::Connections;
use super::flush::{Conflict, EPOCH, Transaction, settle};
use super::runs::not_ours;

/// A parameter that is null asks for all.
const READ: &str = "SELECT letter_id, letter.run_id, coalesce(run.name, ''), coalesce(run.spider, ''),
        letter.fingerprint, letter.url, letter.item_type, letter.payload::text, letter.error, letter.sqlstate,
        to_char(letter.created_at, 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')
    FROM crawl_dead_letters letter LEFT JOIN crawl_runs run ON run.run_id = letter.run_id
    WHERE letter_id > $1 AND ($2::bigint IS NULL OR letter.run_id = $2)
    AND ($3::bigint[] IS NULL OR letter_id = ANY ($3)) AND ($4::text[] IS NULL OR letter.sqlstate = ANY ($4))
    AND ($5::bytea IS NULL OR letter.fingerprint = $5)
    ORDER BY letter_id LIMIT $6";

const LOCK_PAGE: &str = "SELECT 1 FROM crawl_requests WHERE run_id = $1 AND fingerprint = $2 FOR UPDATE";

const TAKE: &str = "DELETE FROM crawl_dead_letters
    WHERE run_id = $1 AND fingerprint = $2 AND letter_id = ANY ($3) RETURNING letter_id";

const PAGE_DONE: &str = "UPDATE crawl_requests SET state = 'done', error = NULL, done_at = now()
    WHERE run_id = $1 AND fingerprint = $2 AND state = 'dead' AND NOT EXISTS (
        SELECT FROM crawl_dead_letters WHERE run_id = $1 AND fingerprint = $2
    )";

/// Reads what is asked for.
pub(super) async fn read(connections: &Connections, ask: &LetterAsk) -> StoreResult<Vec<StoredLetter>> {
    let session = connections.session("reading dead letters").await?;
    let limit = i64::try_from(ask.limit).unwrap_or(i64::MAX);
    let page = ask.fingerprint.as_ref().map(|fingerprint| fingerprint.as_bytes().as_slice());
    let rows = session
        .rows(READ, &[&ask.after, &ask.run_id, &ask.letter_ids, &ask.sqlstates, &page, &limit])
        .await?;
    session.release();
    rows.iter()
        .map(letter)
        .collect::<Result<_, _>>()
        .map_err(|problem| connections.target().broken("reading dead letters", problem))
}

/// Applies letters of one page.
pub(super) async fn retry(store: &PostgresStore, retry: &LetterRetry) -> StoreResult<LetterReceipt> {
    if let Some(message) = retry.letters.iter().find_map(|(_, record)| ItemRecord::refusal(record)) {
        return Err(StoreError::Refused { message, sqlstate: None });
    }
    let run =
        RunKey { run_id: retry.run_id, epoch: retry.epoch.unwrap_or_default(), spider: retry.spider.clone() };
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
    let transaction = Transaction {
        session: &session,
        flight: &flight,
        tables: &tables,
        run: &run,
        conflict: Conflict::KeepNewer,
    };
    let applied = apply(&transaction, retry).await;
    settle(session, &flight, applied).await
}

async fn apply(transaction: &Transaction<'_>, retry: &LetterRetry) -> StoreResult<LetterReceipt> {
    let Transaction { session, flight, run, .. } = transaction;
    let fingerprint = retry.fingerprint.as_bytes().as_slice();
    let letter_ids: Vec<i64> = retry.letters.iter().map(|(letter_id, _)| *letter_id).collect();
    session.run("BEGIN").await?;
    if retry.epoch.is_some() && session.row(EPOCH, &[&run.run_id, &run.epoch]).await?.is_none() {
        return Err(not_ours(session, run).await);
    }
    session.row(LOCK_PAGE, &[&run.run_id, &fingerprint]).await?;
    let taken = session.rows(TAKE, &[&run.run_id, &fingerprint, &letter_ids]).await?;
    let taken: HashSet<i64> = taken.iter().map(|row| row.get(0)).collect();
    flight.check()?;

    let mut page = PageOutcome::done(PageKey { fingerprint: retry.fingerprint, url: retry.url.clone() });
    let there = retry.letters.iter().filter(|(letter_id, _)| taken.contains(letter_id));
    page.items = there.map(|(_, record)| record.clone()).collect();
    transaction.prepare_stages(&page).await?;
    transaction.insert_items(&[&page]).await?;
    let page_done = session.change(PAGE_DONE, &[&run.run_id, &fingerprint]).await? > 0;
    flight.check()?;
    session.run("COMMIT").await?;
    let applied = letter_ids.into_iter().filter(|letter_id| taken.contains(letter_id)).collect();
    Ok(LetterReceipt { applied, page_done })
}

fn letter(row: &Row) -> Result<StoredLetter, String> {
    let letter_id: i64 = row.get(0);
    let wrong = |column: &str| format!("the dead letter {letter_id} has a {column} that cannot be read");
    Ok(StoredLetter {
        letter_id,
        run_id: row.get(1),
        run_name: row.get(2),
        spider: row.get(3),
        fingerprint: Fingerprint::from_bytes(row.get(4)).ok_or_else(|| wrong("fingerprint"))?,
        url: row.get(5),
        letter: DeadLetter {
            item_type: row.get(6),
            payload: serde_json::from_str(row.get(7)).map_err(|_| wrong("payload"))?,
            error: row.get(8),
            sqlstate: row.get(9),
        },
        created_at: row.get::<_, &str>(10).parse().map_err(|_| wrong("created_at"))?,
    })
}
