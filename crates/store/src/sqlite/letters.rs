//! Dead letters. They are read back, and applied after the cause of the refusal is fixed.
//!
//! A retry is one transaction in the order of every store: the run's epoch, if the run's own process retries;
//! the letters, deleted; their items, as in a flush; the page's state.

use dragline_core::letters::{LetterAsk, LetterReceipt, LetterRetry, StoredLetter};
use dragline_core::shard::ShardRule;
use dragline_core::store::RunKey;
use dragline_core::{DeadLetter, Fingerprint, ItemRecord, PageKey, PageOutcome, StoreError};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, Row, TransactionBehavior, params, params_from_iter};

use super::cancel::Ticket;
use super::fault::Fault;
use super::items::{self, Conflict, NOW};
use super::known_tables::KnownTables;
use super::{missing_parent, pages, runs};

/// Reads the requested letters.
pub(super) fn read(connection: &mut Connection, ask: &LetterAsk) -> Result<Vec<StoredLetter>, Fault> {
    let mut sql = "SELECT letter_id, letter.run_id, coalesce(run.name, '') AS run_name,
             coalesce(run.spider, '') AS spider, letter.fingerprint, letter.url, coalesce(page.tag, '') AS tag,
             coalesce(page.depth, 0) AS depth, letter.item_type, letter.payload, letter.error, letter.sqlstate,
             letter.created_at
         FROM crawl_dead_letters letter LEFT JOIN crawl_runs run ON run.run_id = letter.run_id
         LEFT JOIN crawl_requests page ON page.run_id = letter.run_id AND page.fingerprint = letter.fingerprint
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
    // SQLite has no list parameters. A JSON list is one parameter, however long it is.
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
    known: &KnownTables,
    ticket: &Ticket<'_>,
) -> Result<LetterReceipt, Fault> {
    ticket.check()?;
    if let Some(message) = retry.letters.iter().find_map(|(_, record)| ItemRecord::refusal(record)) {
        return Err(StoreError::Refused { message, sqlstate: None }.into());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let run = RunKey {
        run_id: retry.run_id,
        epoch: retry.epoch.unwrap_or_default(),
        spider: retry.spider.clone(),
        // The shard rule has no effect here, because no request is inserted.
        worker: None,
        shards: ShardRule::One,
        incremental: false,
        keeps_pages: false,
        kind: dragline_core::RunKind::Crawl,
        reparse: None,
    };
    if retry.epoch.is_some() {
        runs::check_epoch(&transaction, &run)?;
    }
    let of_page = params![retry.run_id, retry.fingerprint.as_bytes()];
    let mut page = PageOutcome::done(PageKey { fingerprint: retry.fingerprint, url: retry.url.clone() });
    let (mut applied, mut written) = (Vec::new(), Vec::new());
    for (letter_id, record) in &retry.letters {
        ticket.check()?;
        let mut delete = transaction.prepare_cached(
            "DELETE FROM crawl_dead_letters WHERE run_id = ?1 AND fingerprint = ?2 AND letter_id = ?3",
        )?;
        if delete.execute(params![retry.run_id, retry.fingerprint.as_bytes(), letter_id])? > 0 {
            applied.push(*letter_id);
            if !pages::is_seen_later(&transaction, &run, record)? {
                written.push(*letter_id);
                page.items.push(record.clone());
            }
        }
    }
    items::write(&transaction, &run, &[&page], Conflict::KeepNewer, Some(&written), known, ticket)?;
    let page_done = transaction.execute(
        &format!(
            "UPDATE crawl_requests SET state = 'done', reason = NULL, error = NULL, done_at = {NOW}
             WHERE run_id = ?1 AND fingerprint = ?2 AND state = 'dead' AND NOT EXISTS (
                 SELECT 1 FROM crawl_dead_letters WHERE run_id = ?1 AND fingerprint = ?2
             )"
        ),
        of_page,
    )? > 0;
    ticket.check()?;
    missing_parent::commit(&transaction, &page.items)?;
    Ok(LetterReceipt { applied, page_done })
}

fn letter(row: &Row<'_>) -> Result<StoredLetter, Fault> {
    let letter_id: i64 = row.get("letter_id")?;
    let fingerprint = Fingerprint::from_bytes(&row.get::<_, Vec<u8>>("fingerprint")?);
    Ok(StoredLetter {
        letter_id,
        run_id: row.get("run_id")?,
        run_name: row.get("run_name")?,
        spider: row.get("spider")?,
        fingerprint: fingerprint.ok_or_else(|| {
            Fault::Other(format!("the dead letter {letter_id} has an invalid fingerprint").into())
        })?,
        url: row.get("url")?,
        tag: row.get("tag")?,
        depth: row.get("depth")?,
        letter: DeadLetter {
            item_type: row.get("item_type")?,
            payload: row.get("payload")?,
            error: row.get("error")?,
            sqlstate: row.get("sqlstate")?,
        },
        created_at: row.get("created_at")?,
    })
}
