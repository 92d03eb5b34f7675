//! The pauses of hosts. They are written apart from the flushes, read when the run is resumed, and deleted when it ends.

use std::time::Duration;

use dragline_core::HostNote;
use dragline_core::host_note::MAX_HOST_NOTES;
use dragline_core::store::RunKey;
use rusqlite::{Connection, TransactionBehavior, params};

use super::fault::Fault;
use super::items::NOW;
use super::runs::check_epoch;

/// Writes notes. An empty note removes the host.
pub(super) fn write(connection: &mut Connection, run: &RunKey, notes: &[HostNote]) -> Result<(), Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    check_epoch(&transaction, run)?;
    {
        let mut keep = transaction.prepare_cached(&format!(
            "INSERT INTO crawl_hosts (run_id, host, paused_until, paused_ms, slowed_to_ms, reason)
             VALUES (?1, ?2, strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', ?3), ?4, ?5, ?6)
             ON CONFLICT (run_id, host) DO UPDATE
             SET paused_until = excluded.paused_until, paused_ms = excluded.paused_ms,
                 slowed_to_ms = excluded.slowed_to_ms, reason = excluded.reason, noted_at = {NOW}"
        ))?;
        let mut forget =
            transaction.prepare_cached("DELETE FROM crawl_hosts WHERE run_id = ?1 AND host = ?2")?;
        for note in notes {
            if note.is_empty() {
                forget.execute(params![run.run_id, note.host])?;
                continue;
            }
            // Without a wait, the modifier is NULL, and so is the result.
            let wait = note.wait().map(|wait| format!("+{:.3} seconds", wait.as_secs_f64()));
            let (paused, slowed) = (note.paused_for().map(milliseconds), note.slowed_to.map(milliseconds));
            keep.execute(params![run.run_id, note.host, wait, paused, slowed, note.reason])?;
        }
    }
    Ok(transaction.commit()?)
}

/// The notes of a run, the latest first. A note whose wait is over is left out, unless the host kept failing or is slowed down.
pub(super) fn read(connection: &Connection, run_id: i64) -> Result<Vec<HostNote>, Fault> {
    let mut select = connection.prepare(
        "SELECT host, CAST((julianday(paused_until) - julianday('now')) * 86400000 AS INTEGER) AS wait_ms, paused_ms,
                slowed_to_ms, reason
         FROM crawl_hosts
         WHERE run_id = ?1 AND (wait_ms > 0 OR paused_ms IS NOT NULL OR slowed_to_ms IS NOT NULL)
         ORDER BY noted_at DESC, host LIMIT ?2",
    )?;
    let time = |milliseconds: Option<i64>| {
        milliseconds.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or_default()))
    };
    let notes = select.query_map(params![run_id, MAX_HOST_NOTES], |row| {
        let (wait, paused, slowed) =
            (time(row.get("wait_ms")?), time(row.get("paused_ms")?), time(row.get("slowed_to_ms")?));
        Ok(HostNote::kept(row.get("host")?, wait, paused, slowed, row.get("reason")?))
    })?;
    Ok(notes.collect::<rusqlite::Result<_>>()?)
}

/// A run that has ended asks no hosts.
pub(super) fn forget(connection: &Connection, run_id: i64) -> Result<(), Fault> {
    connection.execute("DELETE FROM crawl_hosts WHERE run_id = ?1", [run_id])?;
    Ok(())
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
