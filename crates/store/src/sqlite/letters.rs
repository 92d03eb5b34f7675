//! Dead letters: read back, and applied once what refused them is mended.
//!
//! A retry is one transaction in the order of every store: the run's epoch, if the run's own process retries;
//! the letters, deleted; their items, as in a flush; the page's state.

use dragline_core::letters::{LetterAsk, LetterReceipt, LetterRetry, StoredLetter};
use dragline_core::store::RunKey;
use dragline_core::{DeadLetter, Fingerprint, ItemRecord, PageKey, PageOutcome, StoreError};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, Row, TransactionBehavior, params, params_from_iter};

use super::cancel::Ticket;
use super::fault::Fault;
use super::items::{self, Conflict, NOW};
use super::runs;

/// Reads what is asked for.
pub(super) fn read(connection: &mut Connection, ask: &LetterAsk) -> Result<Vec<StoredLetter>, Fault> {
    let mut sql = "SELECT letter_id, letter.run_id, coalesce(run.name, ''), coalesce(run.spider, ''),
             letter.fingerprint, letter.url, letter.item_type, letter.payload, letter.error, letter.sqlstate,
             letter.created_at
         FROM crawl_dead_letters letter LEFT JOIN crawl_runs run ON run.run_id = letter.run_id
         WHERE letter_id > ?"
        .to_owned();
    let mut values = vec![Sql::from(ask.after)];
    if let Some(run_id) = ask.run_id {
        sql.push_str(" AND letter.run_id = ?");
        values.push(run_id.into());
    }
    if let Some(fingerprint) = &ask.fingerprint {
        sql.push_str(" AND letter.fingerprint = ?");
        values.push(fingerprint.as_bytes().to_vec().into());
    }
    // SQLite has no lists: as JSON a list is one parameter, however long it is.
    if let Some(letter_ids) = &ask.letter_ids {
        sql.push_str(" AND letter_id IN (SELECT value FROM json_each(?))");
        values.push(serde_json::json!(letter_ids).to_string().into());
    }
    if let Some(sqlstates) = &ask.sqlstates {
        sql.push_str(" AND letter.sqlstate IN (SELECT value FROM json_each(?))");
        values.push(serde_json::json!(sqlstates).to_string().into());
    }
    sql.push_str(" ORDER BY letter_id LIMIT ?");
    values.push(i64::try_from(ask.limit).unwrap_or(i64::MAX).into());
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query(params_from_iter(values))?;
    let mut letters = Vec::new();
    while let Some(row) = rows.next()? {
        letters.push(letter(row)?);
    }
    Ok(letters)
}

/// Applies letters of one page.
pub(super) fn retry(
    connection: &mut Connection,
    retry: &LetterRetry,
    ticket: &Ticket<'_>,
) -> Result<LetterReceipt, Fault> {
    ticket.check()?;
    if let Some(message) = retry.letters.iter().find_map(|(_, record)| ItemRecord::refusal(record)) {
        return Err(StoreError::Refused { message, sqlstate: None }.into());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let run =
        RunKey { run_id: retry.run_id, epoch: retry.epoch.unwrap_or_default(), spider: retry.spider.clone() };
    if retry.epoch.is_some() {
        runs::check_epoch(&transaction, &run)?;
    }
    let of_page = params![retry.run_id, retry.fingerprint.as_bytes()];
    let mut page = PageOutcome::done(PageKey { fingerprint: retry.fingerprint, url: retry.url.clone() });
    let mut applied = Vec::new();
    for (letter_id, record) in &retry.letters {
        ticket.check()?;
        let mut delete = transaction.prepare_cached(
            "DELETE FROM crawl_dead_letters WHERE run_id = ?1 AND fingerprint = ?2 AND letter_id = ?3",
        )?;
        if delete.execute(params![retry.run_id, retry.fingerprint.as_bytes(), letter_id])? > 0 {
            applied.push(*letter_id);
            page.items.push(record.clone());
        }
    }
    items::write(&transaction, &run, &[&page], Conflict::KeepNewer, ticket)?;
    let page_done = transaction.execute(
        &format!(
            "UPDATE crawl_requests SET state = 'done', error = NULL, done_at = {NOW}
             WHERE run_id = ?1 AND fingerprint = ?2 AND state = 'dead' AND NOT EXISTS (
                 SELECT 1 FROM crawl_dead_letters WHERE run_id = ?1 AND fingerprint = ?2
             )"
        ),
        of_page,
    )? > 0;
    ticket.check()?;
    transaction.commit()?;
    Ok(LetterReceipt { applied, page_done })
}

fn letter(row: &Row<'_>) -> Result<StoredLetter, Fault> {
    let letter_id: i64 = row.get(0)?;
    let wrong = |column: &str| {
        Fault::Other(format!("the dead letter {letter_id} has a {column} that cannot be read").into())
    };
    let (fingerprint, payload): (Vec<u8>, String) = (row.get(4)?, row.get(7)?);
    Ok(StoredLetter {
        letter_id,
        run_id: row.get(1)?,
        run_name: row.get(2)?,
        spider: row.get(3)?,
        fingerprint: Fingerprint::from_bytes(&fingerprint).ok_or_else(|| wrong("fingerprint"))?,
        url: row.get(5)?,
        letter: DeadLetter {
            item_type: row.get(6)?,
            payload: serde_json::from_str(&payload).map_err(|_| wrong("payload"))?,
            error: row.get(8)?,
            sqlstate: row.get(9)?,
        },
        created_at: row.get::<_, String>(10)?.parse().map_err(|_| wrong("created_at"))?,
    })
}
