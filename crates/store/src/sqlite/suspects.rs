//! The pages that a process has in hand after an unclean end, and those that may have ended one; see
//! `dragline_core::suspects`.

use dragline_core::store::RunKey;
use dragline_core::suspects::{CarefulStart, MAX_SUSPECTS, PageMarks, Suspect};
use rusqlite::{Connection, TransactionBehavior, params};

use super::fault::Fault;
use super::frontier::{COLUMNS, request_of};
use super::items::NOW;
use super::runs::check_epoch;
use crate::fruitless::LastProcess;

/// Writes marks. The process lives, so this is a heartbeat too.
pub(super) fn mark(connection: &mut Connection, run: &RunKey, marks: &PageMarks) -> Result<(), Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    check_epoch(&transaction, run)?;
    let beat = format!("UPDATE crawl_runs SET heartbeat_at = {NOW} WHERE run_id = ?1");
    transaction.prepare_cached(&beat)?.execute([run.run_id])?;
    {
        // Without a place, all of them are meant.
        let of = "run_id = ?1 AND (?2 IS NULL OR fingerprint = ?2)";
        let mut forget =
            transaction.prepare_cached(&format!("DELETE FROM crawl_suspects WHERE {of} AND deaths = 0"))?;
        let mut put_down =
            transaction.prepare_cached(&format!("UPDATE crawl_suspects SET marked_by = NULL WHERE {of}"))?;
        let all = marks.is_last.then_some(None);
        let pages = marks.put_down.iter().map(|page| Some(page.as_bytes().as_slice()));
        for page in pages.chain(all) {
            forget.execute(params![run.run_id, page])?;
            put_down.execute(params![run.run_id, page])?;
        }
        let mut take_up = transaction.prepare_cached(
            "INSERT INTO crawl_suspects (run_id, shard, fingerprint, url, marked_by) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (run_id, fingerprint) DO UPDATE SET marked_by = excluded.marked_by",
        )?;
        for page in &marks.taken_up {
            let shard = run.shards.shard_of(&page.host);
            take_up.execute(params![run.run_id, shard, page.fingerprint.as_bytes(), page.url, run.epoch])?;
        }
    }
    Ok(transaction.commit()?)
}

/// The pages that the next start has to be careful with. This also decides whether the end of the last process counts as a death of a page.
pub(super) fn take_up(
    connection: &Connection,
    run_id: i64,
    last: &LastProcess,
) -> Result<(Option<CarefulStart>, bool), Fault> {
    // A page that has left the queue has ended nothing.
    connection.execute(
        "DELETE FROM crawl_suspects WHERE run_id = ?1 AND NOT EXISTS (
             SELECT 1 FROM crawl_requests page WHERE page.run_id = ?1
             AND page.fingerprint = crawl_suspects.fingerprint AND page.state = 'queued')",
        [run_id],
    )?;
    let mut is_death = false;
    if last.was_killed {
        let marked = "SELECT count(*) AS pages FROM crawl_suspects WHERE run_id = ?1 AND marked_by = ?2";
        let marked: i64 = connection.query_row(marked, [run_id, last.epoch], |row| row.get("pages"))?;
        is_death = marked == 1;
        if is_death {
            connection.execute(
                "UPDATE crawl_suspects SET deaths = deaths + 1 WHERE run_id = ?1 AND marked_by = ?2",
                [run_id, last.epoch],
            )?;
        }
    } else {
        connection.execute("DELETE FROM crawl_suspects WHERE run_id = ?1 AND deaths = 0", [run_id])?;
    }
    let suspects = suspects(connection, run_id)?;
    let is_careful = last.was_killed || !suspects.is_empty();
    let start = CarefulStart { was_killed: last.was_killed, lived: last.lived, suspects };
    Ok((is_careful.then_some(start), is_death))
}

fn suspects(connection: &Connection, run_id: i64) -> Result<Vec<Suspect>, Fault> {
    let columns: Vec<String> = COLUMNS.split(',').map(|column| format!("page.{}", column.trim())).collect();
    let mut select = connection.prepare(&format!(
        "SELECT suspect.deaths, {} FROM crawl_suspects suspect
         JOIN crawl_requests page ON page.run_id = suspect.run_id AND page.fingerprint = suspect.fingerprint
         WHERE suspect.run_id = ?1
         ORDER BY suspect.deaths DESC, page.priority DESC, page.depth, page.fingerprint LIMIT ?2",
        columns.join(", ")
    ))?;
    let mut rows = select.query(params![run_id, MAX_SUSPECTS])?;
    let mut suspects = Vec::new();
    while let Some(row) = rows.next()? {
        suspects.push(Suspect { queued: request_of(row)?, deaths: row.get("deaths")? });
    }
    Ok(suspects)
}

/// A run that has ended needs them no more. Neither does one whose failed requests are put back, because a person has mended
/// something then.
pub(super) fn forget(connection: &Connection, run_id: i64) -> Result<(), Fault> {
    connection.execute("DELETE FROM crawl_suspects WHERE run_id = ?1", [run_id])?;
    Ok(())
}
