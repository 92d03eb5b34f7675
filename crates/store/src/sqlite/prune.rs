//! Ended runs lose their frontier, batch by batch. `SQLite` has one writer, so each batch is short, and there is a pause behind it in
//! which a crawl gets its turn. Kept answers and their bodies are in `prune_kept`.

use std::time::Duration;

use dragline_core::Fingerprint;
use dragline_core::prune::{
    PRUNE_DONE, PRUNED_AT, PRUNED_LETTERS, PrunableRun, PruneAsk, PruneBatch, PruneCounts, PrunePart,
    RequestPlace, UNCOUNTED_FOR,
};
use dragline_core::run_verdict::EndFigures;
use dragline_core::store::RunState;
use dragline_core::value::timestamp_text;
use rusqlite::{Connection, TransactionBehavior, params};
use serde_json::{Value as Json, json};

use super::fault::Fault;
use super::{prune_kept, runs};

/// The pause behind a batch. A writer that waits looks every 100 ms whether the file is free.
pub(super) const PAUSE: Duration = Duration::from_millis(150);

/// A page has no letters, so its request may go.
const WITHOUT_LETTERS: &str = "NOT EXISTS (
        SELECT 1 FROM crawl_dead_letters letter
        WHERE letter.run_id = page.run_id AND letter.fingerprint = page.fingerprint
    )";

/// Nothing is removed from a run that was opened again, by whatever program.
const MAY_GO: &str = "EXISTS (
        SELECT 1 FROM crawl_runs WHERE run_id = ?1 AND state IN ('finished', 'failed') AND stats ->> 'pruned_at' IS NOT NULL
    )";

/// The next ended runs of which something is left.
pub(super) fn find(connection: &Connection, ask: &PruneAsk) -> Result<Vec<PrunableRun>, Fault> {
    let now = runs::now(connection)?;
    let before = |time: Duration| {
        let moment = chrono::TimeDelta::from_std(time).ok().and_then(|time| now.checked_sub_signed(time));
        // A time before the first run finds nothing.
        moment.map_or_else(String::new, |moment| timestamp_text(&moment))
    };
    let mut select = connection.prepare(
        "SELECT run_id, name, spider, state, finished_at, figures FROM (
             SELECT *, row_number() OVER (PARTITION BY name ORDER BY run_id DESC) AS place
             FROM crawl_runs WHERE state IN ('finished', 'failed')
         ) ended
         WHERE run_id > ?1 AND (?2 IS NULL OR place > ?2) AND (?3 IS NULL OR finished_at < ?3)
         AND (?4 IS NULL OR name = ?4) AND (?5 IS NULL OR spider = ?5)
         AND (figures IS NOT NULL OR finished_at < ?6)
         AND CASE WHEN ?9 THEN EXISTS (SELECT 1 FROM crawl_kept_pages kept WHERE kept.run_id = ended.run_id)
             ELSE stats ->> ?7 IS NULL END
         ORDER BY run_id LIMIT ?8",
    )?;
    let whole = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let values = params![
        ask.after,
        ask.keep.map(whole),
        ask.older_than.map(before),
        ask.name,
        ask.spider,
        before(UNCOUNTED_FOR),
        PRUNE_DONE,
        whole(ask.limit),
        ask.with_kept_pages
    ];
    let rows = select.query_map(values, |row| {
        Ok(PrunableRun {
            run_id: row.get("run_id")?,
            name: row.get("name")?,
            spider: row.get("spider")?,
            // The statement selects only `finished` and `failed`.
            state: RunState::parse(&row.get::<_, String>("state")?).unwrap_or(RunState::Finished),
            finished_at: row.get("finished_at")?,
            figures: row.get::<_, Option<Json>>("figures")?.map(|json| EndFigures::from_json(&json)),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How many rows pruning the run would remove.
pub(super) fn count(
    connection: &mut Connection,
    run_id: i64,
    with_letters: bool,
) -> Result<PruneCounts, Fault> {
    let transaction = connection.transaction()?;
    let of = |table: &str, condition: &str| -> Result<u64, Fault> {
        let sql = format!("SELECT count(*) AS rows FROM {table} page WHERE run_id = ?1 AND {condition}");
        Ok(transaction.query_row(&sql, [run_id], |row| row.get("rows"))?)
    };
    let (kept_pages, kept_bytes) = prune_kept::count(&transaction, run_id)?;
    Ok(PruneCounts {
        requests: of("crawl_requests", if with_letters { "true" } else { WITHOUT_LETTERS })?,
        kept_pages,
        kept_bytes,
        kept_staying: of("crawl_kept_pages", "true")?.saturating_sub(kept_pages),
        dead_letters: of("crawl_dead_letters", "true")?,
        cookies: of("crawl_cookies", "true")?,
        hosts: of("crawl_hosts", "true")?,
    })
}

/// Marks the run as pruned.
pub(super) fn begin(
    connection: &Connection,
    run_id: i64,
    with_letters: bool,
    figures: Option<&EndFigures>,
) -> Result<bool, Fault> {
    let mut mark = json!({ PRUNED_AT: timestamp_text(&runs::now(connection)?) });
    if with_letters {
        mark[PRUNED_LETTERS] = true.into();
    }
    let marked = connection.execute(
        "UPDATE crawl_runs SET stats = json_patch(stats, ?2), figures = coalesce(figures, ?3)
         WHERE run_id = ?1 AND state IN ('finished', 'failed')",
        params![run_id, mark.to_string(), figures.map(|figures| figures.to_json().to_string())],
    )?;
    Ok(marked > 0)
}

/// Removes some rows of the run.
pub(super) fn batch(
    connection: &mut Connection,
    run_id: i64,
    part: &PrunePart,
    max_rows: u32,
) -> Result<PruneBatch, Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = match part {
        PrunePart::Requests { after } => requests(&transaction, run_id, after.as_ref(), max_rows)?,
        PrunePart::DeadLetters => {
            rows_of(&transaction, "crawl_dead_letters", "letter_id", run_id, part, max_rows)?
        }
        PrunePart::KeptPages { after } => prune_kept::batch(&transaction, run_id, after.as_ref(), max_rows)?,
        PrunePart::Cookies => {
            rows_of(&transaction, "crawl_cookies", "session, domain, path, name", run_id, part, max_rows)?
        }
        PrunePart::Hosts => rows_of(&transaction, "crawl_hosts", "host", run_id, part, max_rows)?,
    };
    transaction.commit()?;
    Ok(done)
}

/// Notes that nothing is left.
pub(super) fn end(connection: &Connection, run_id: i64) -> Result<(), Fault> {
    let left = ["crawl_requests", "crawl_kept_pages", "crawl_dead_letters", "crawl_cookies", "crawl_hosts"]
        .map(|table| format!("NOT EXISTS (SELECT 1 FROM {table} WHERE run_id = ?1)"));
    connection.execute(
        &format!(
            "UPDATE crawl_runs SET stats = json_patch(stats, ?2) WHERE run_id = ?1 AND {MAY_GO} AND {}",
            left.join(" AND ")
        ),
        params![run_id, json!({ PRUNE_DONE: true }).to_string()],
    )?;
    Ok(())
}

/// The next requests in the order of the primary key.
fn requests(
    connection: &Connection,
    run_id: i64,
    after: Option<&RequestPlace>,
    max_rows: u32,
) -> Result<PruneBatch, Fault> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT rowid AS place, fingerprint, {WITHOUT_LETTERS} AS may_go FROM crawl_requests page
         WHERE run_id = ?1 AND {MAY_GO} AND fingerprint > ?2 ORDER BY fingerprint LIMIT ?3"
    ))?;
    let mut delete = connection.prepare_cached("DELETE FROM crawl_requests WHERE rowid = ?1")?;
    let fingerprint = after.map_or(&[][..], |place| place.fingerprint.as_bytes());
    let found = select
        .query_map(params![run_id, fingerprint, max_rows], |row| {
            Ok((row.get("place")?, row.get("fingerprint")?, row.get("may_go")?))
        })?
        .collect::<rusqlite::Result<Vec<(i64, Vec<u8>, bool)>>>()?;
    let mut rows = 0;
    for (place, _, _) in found.iter().filter(|(_, _, may_go)| *may_go) {
        rows += delete.execute([place])? as u64;
    }
    let last = found.last().filter(|_| found.len() as u64 >= u64::from(max_rows));
    let last = last.and_then(|(_, fingerprint, _)| Fingerprint::from_bytes(fingerprint));
    Ok(PruneBatch {
        rows,
        bytes: 0,
        next: last
            .map(|fingerprint| PrunePart::Requests { after: Some(RequestPlace { shard: 0, fingerprint }) }),
    })
}

/// The next rows of a table of which all rows go. `key` identifies them within the run.
fn rows_of(
    connection: &Connection,
    table: &str,
    key: &str,
    run_id: i64,
    part: &PrunePart,
    max_rows: u32,
) -> Result<PruneBatch, Fault> {
    let rows = connection.execute(
        &format!(
            "DELETE FROM {table} WHERE run_id = ?1 AND ({key}) IN (
                 SELECT {key} FROM {table} WHERE run_id = ?1 AND {MAY_GO} LIMIT ?2
             )"
        ),
        params![run_id, max_rows],
    )? as u64;
    Ok(PruneBatch { rows, bytes: 0, next: (rows >= u64::from(max_rows)).then(|| part.clone()) })
}
