//! The take-over of a run whose process hangs: it holds the lock but gives no sign of life.
//!
//! A process that was suspended, or whose machine sleeps, keeps its session as long as its kernel answers for it. The next
//! start of the same run ends that session, and with it the lock. If the process wakes up, it finds another epoch and
//! writes nothing more.

use std::time::Duration;

use dragline_core::store::StoreResult;

use super::connections::Connections;
use super::run_lock::is_held;

/// Ends the session that holds the lock of a run's name, if the holder's last sign of life is older than `limit`. Returns
/// whether it did.
///
/// The session must be older than that sign of life. Otherwise the session belongs to a process that is just resuming the run,
/// and the sign of life is from the process before it.
pub(super) async fn take_over(connections: &Connections, name: &str, limit: Duration) -> StoreResult<bool> {
    let sql = format!(
        "SELECT run.pid, run.hostname, extract(epoch FROM clock_timestamp() - run.heartbeat_at)::float8 AS silent,
                pg_terminate_backend(holder.pid) AS is_ended
         FROM crawl_runs run
         JOIN pg_locks held ON {}
         JOIN pg_stat_activity holder ON holder.pid = held.pid AND holder.datid = held.database
         WHERE run.name = $1 AND run.state = 'running'
         AND holder.backend_start < run.heartbeat_at
         AND run.heartbeat_at < clock_timestamp() - make_interval(secs => $2)",
        is_held("$1")
    );
    let session = connections.session("taking a run over").await?;
    let row = session.row(&sql, &[&name, &limit.as_secs_f64()]).await?;
    session.release();
    let Some(row) = row else { return Ok(false) };
    tracing::warn!(
        run = name,
        pid = row.get::<_, Option<i32>>("pid"),
        hostname = row.get::<_, Option<String>>("hostname"),
        silent_s = row.get::<_, f64>("silent").round(),
        "the process that holds the run gives no sign of life: taking the run over"
    );
    Ok(row.get("is_ended"))
}
