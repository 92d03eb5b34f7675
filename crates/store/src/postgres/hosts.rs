//! The pauses of hosts. They are written apart from the flushes, read when the run is resumed, and deleted when it ends.

use std::time::Duration;

use dragline_core::HostNote;
use dragline_core::host_note::MAX_HOST_NOTES;
use dragline_core::outcome::clean;
use dragline_core::store::{RunKey, StoreResult};

use super::connections::Connections;
use super::fence::not_my_run;
use super::session::Session;

/// This is one statement and therefore one transaction, so only the owner of the run writes, and of the workers of a shared run only
/// one that is alive (`$9`). It waits for nobody for long, and so does a flush that waits for it.
const WRITE: &str = "WITH worker AS MATERIALIZED (
        SELECT 1 FROM crawl_workers WHERE worker_id = $9::bigint AND state = 'live' FOR SHARE
    ), run AS MATERIALIZED (
        SELECT 1 FROM crawl_runs WHERE run_id = $1 AND epoch = $2
        AND ($9::bigint IS NULL OR EXISTS (SELECT FROM worker)) FOR KEY SHARE
    ), forgotten AS (
        DELETE FROM crawl_hosts WHERE run_id = $1 AND host = ANY ($8::text[]) AND EXISTS (SELECT FROM run)
    ), kept AS (
        INSERT INTO crawl_hosts (run_id, host, paused_until, paused_ms, slowed_to_ms, reason)
        SELECT $1, new.host, now() + new.wait_ms * interval '1 millisecond', new.paused_ms, new.slowed_to_ms,
            new.reason
        FROM run, unnest($3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[])
             AS new (host, wait_ms, paused_ms, slowed_to_ms, reason)
        ON CONFLICT (run_id, host) DO UPDATE
        SET paused_until = EXCLUDED.paused_until, paused_ms = EXCLUDED.paused_ms,
            slowed_to_ms = EXCLUDED.slowed_to_ms, reason = EXCLUDED.reason, noted_at = EXCLUDED.noted_at
    )
    SELECT 1 FROM run";

/// A note whose wait is over is left out, unless the host kept failing or is slowed down.
const READ: &str = "SELECT host, (extract(epoch FROM paused_until - clock_timestamp()) * 1000)::bigint AS wait_ms, paused_ms,
        slowed_to_ms, reason
    FROM crawl_hosts
    WHERE run_id = $1 AND (paused_until > clock_timestamp() OR paused_ms IS NOT NULL OR slowed_to_ms IS NOT NULL)
    ORDER BY noted_at DESC, host LIMIT $2";

/// Writes notes, at most one for each host. An empty note removes the host.
pub(super) async fn write(connections: &Connections, run: &RunKey, notes: &[HostNote]) -> StoreResult<()> {
    let session = connections.session("storing the pauses of hosts").await?;
    let (kept, forgotten): (Vec<&HostNote>, Vec<&HostNote>) = notes.iter().partition(|note| !note.is_empty());
    let names = |notes: &[&HostNote]| notes.iter().map(|note| clean(&note.host)).collect::<Vec<_>>();
    let times = |part: fn(&HostNote) -> Option<Duration>| {
        kept.iter().map(|note| part(note).map(milliseconds)).collect::<Vec<_>>()
    };
    let reasons: Vec<Option<String>> = kept.iter().map(|note| note.reason.as_deref().map(clean)).collect();
    let (waits, pauses) = (times(HostNote::wait), times(HostNote::paused_for));
    let slowed = times(|note| note.slowed_to);
    let owned = session
        .row(
            WRITE,
            &[
                &run.run_id,
                &run.epoch,
                &names(&kept),
                &waits,
                &pauses,
                &slowed,
                &reasons,
                &names(&forgotten),
                &run.worker,
            ],
        )
        .await?;
    let owned = match owned {
        Some(_) => Ok(()),
        None => Err(not_my_run(&session, run).await),
    };
    session.release();
    owned
}

/// The notes of a run, the latest first.
pub(super) async fn read(session: &Session, run_id: i64) -> StoreResult<Vec<HostNote>> {
    let rows = session.rows(READ, &[&run_id, &i64::from(MAX_HOST_NOTES)]).await?;
    let time = |milliseconds: Option<i64>| {
        milliseconds.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or_default()))
    };
    let notes = rows.iter().map(|row| {
        HostNote::kept(
            row.get("host"),
            time(row.get("wait_ms")),
            time(row.get("paused_ms")),
            time(row.get("slowed_to_ms")),
            row.get("reason"),
        )
    });
    Ok(notes.collect())
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
