//! The change feed: a transaction notes in `crawl_changes` what it changes in the rows of item types with `#[item(changes)]`.
//!
//! A reader goes through `crawl_changes` by position, so positions must be in the order of commits: after a reader has seen one of
//! them, no smaller one may appear. Numbers of a sequence are not in that order if several transactions are under way. So a transaction
//! collects its changes in a staging table, and moves them as its last step. This step takes a lock that lasts until the COMMIT is
//! done. Between lock and COMMIT it waits for nobody, so the lock is short, and no two transactions wait for each other in a circle.
//!
//! `NOTIFY` lets only one transaction of the server commit at a time anyway. So the lock costs little more.

use std::time::Duration;

use dragline_core::ItemType;
use dragline_core::store::StoreResult;

use super::connections::Connections;
use super::prune::LONGEST;
use super::runs::count as number;
use super::seen::text_of_key;
use super::session::Session;
use crate::identifier::quoted;

/// The staging table.
pub(super) const STAGE: &str = "stage_changes";

/// Creates the staging table.
pub(super) const MAKE_STAGE: &str = "CREATE TEMP TABLE stage_changes (
    place bigint GENERATED ALWAYS AS IDENTITY, run_id bigint, spider text, item_type text, table_name text,
    item_key text, kind text, data jsonb, changed_columns text[]
) ON COMMIT DELETE ROWS";

/// Whether the session lacks it.
const IS_MISSING: &str = "SELECT to_regclass('pg_temp.stage_changes') IS NULL AS is_missing";

/// The first number is Dragline's, the second one stands for the table. Without changes there is nothing to wait for.
const LOCK: &str = "SELECT pg_advisory_xact_lock(1685217635, 'crawl_changes'::regclass::oid::integer)
    FROM (SELECT FROM pg_temp.stage_changes LIMIT 1) AS staged";

/// The statement begins when the lock is there, so its numbers are higher than all that were committed.
const MOVE: &str = "WITH moved AS (
        INSERT INTO crawl_changes (run_id, spider, item_type, table_name, item_key, kind, data, changed_columns)
        SELECT run_id, spider, item_type, table_name, item_key, kind, data, changed_columns
        FROM pg_temp.stage_changes ORDER BY place
        RETURNING 1
    )
    SELECT pg_notify('dragline_changes', '') FROM (SELECT FROM moved LIMIT 1) AS one";

/// Makes the staging table if the session lacks it. The transaction is open.
pub(super) async fn prepare(session: &Session) -> StoreResult<()> {
    let row = session.row(IS_MISSING, &[]).await?;
    if row.is_some_and(|row| row.get("is_missing")) {
        session.run(MAKE_STAGE).await?;
    }
    Ok(())
}

/// Moves the changes of the transaction to the feed, and notifies its readers. Only COMMIT may follow.
pub(super) async fn publish(session: &Session) -> StoreResult<()> {
    let published = async {
        let lock = session.prepare_cached(LOCK).await?;
        let publish = session.prepare_cached(MOVE).await?;
        // Both are sent before the first answer.
        tokio::try_join!(biased; session.query(&lock, &[]), session.query(&publish, &[]))
    };
    session.answer(published).await.map(drop)
}

/// The statement that notes rows of the query `rows`, which has the columns of the item. Parameters: the run and its spider. `kind` and
/// `changed` are expressions. `None` for a type without a key.
pub(super) fn note(item: &ItemType, rows: &str, kind: &str, changed: &str) -> Option<String> {
    let columns: Vec<String> =
        item.columns().iter().map(|column| format!("\"#rows\".{}", quoted(&column.name))).collect();
    Some(format!(
        "INSERT INTO pg_temp.{STAGE} (run_id, spider, item_type, table_name, item_key, kind, data, changed_columns)
         SELECT $1::bigint, $2::text, '{}', '{}', {}, {kind},
             (SELECT to_jsonb(\"#row\") FROM (SELECT {}) AS \"#row\"), {changed}
         FROM {rows} AS \"#rows\"",
        item.name().replace('\'', "''"),
        item.table()?,
        text_of_key(item)?,
        columns.join(", "),
    ))
}

/// Counts the changes that are older than this.
pub(super) async fn count_old(connections: &Connections, older_than: Duration) -> StoreResult<u64> {
    let sql = "SELECT count(*) AS rows FROM crawl_changes
        WHERE changed_at < clock_timestamp() - make_interval(secs => $1)";
    let session = connections.session("counting changes").await?;
    let row = session.row(sql, &[&older_than.min(LONGEST).as_secs_f64()]).await?;
    session.release();
    Ok(row.map_or(0, |row| number(&row, "rows")))
}

/// Removes the first changes that are older than this, except for the last one of them: a reader whose position is lower than the
/// lowest one has missed some.
pub(super) async fn prune(connections: &Connections, older_than: Duration, max: u32) -> StoreResult<u64> {
    let sql = "WITH head AS MATERIALIZED (
            SELECT position, changed_at FROM crawl_changes ORDER BY position LIMIT $2
        ), old AS (
            SELECT position FROM head WHERE changed_at < clock_timestamp() - make_interval(secs => $1)
        )
        DELETE FROM crawl_changes WHERE position = ANY (ARRAY(
            SELECT position FROM old WHERE position < (SELECT max(position) FROM old)
        ))";
    let session = connections.session("removing changes").await?;
    let seconds = older_than.min(LONGEST).as_secs_f64();
    let rows = session.change(sql, &[&seconds, &i64::from(max)]).await?;
    session.release();
    Ok(rows)
}
