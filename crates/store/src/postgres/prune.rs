//! Ended runs lose their frontier, batch by batch. Each statement here is one small transaction, and its locks are those of the
//! rows that it removes, so it holds up no crawl. Kept answers and their bodies are in `prune_kept`.

use std::time::Duration;

use dragline_core::Fingerprint;
use dragline_core::prune::{
    PRUNE_DONE, PRUNED_AT, PRUNED_LETTERS, PrunableRun, PruneAsk, PruneBatch, PruneCounts, PrunePart,
    RequestPlace, UNCOUNTED_FOR,
};
use dragline_core::run_verdict::EndFigures;
use dragline_core::store::{RunState, StoreResult};
use serde_json::Value as Json;

use super::connections::Connections;
use super::prune_kept;
use super::runs::count as number;
use super::session::Session;
use crate::columns::cleaned;

/// No run is older. The server refuses an interval that it can't subtract from this moment.
pub(super) const LONGEST: Duration = Duration::from_secs(1_000 * 366 * 24 * 3600);

/// Runs that have ended, each with its place among those of its name.
const FIND: &str = "SELECT run_id, name, spider, state, finished_at, figures FROM (
        SELECT *, row_number() OVER (PARTITION BY name ORDER BY run_id DESC) AS place
        FROM crawl_runs WHERE state IN ('finished', 'failed')
    ) AS ended
    WHERE run_id > $1 AND ($2::bigint IS NULL OR place > $2)
    AND ($3::float8 IS NULL OR finished_at < clock_timestamp() - make_interval(secs => $3))
    AND ($4::text IS NULL OR name = $4) AND ($5::text IS NULL OR spider = $5)
    AND (figures IS NOT NULL OR finished_at < clock_timestamp() - make_interval(secs => $6))
    AND CASE WHEN $9 THEN EXISTS (SELECT FROM crawl_kept_pages kept WHERE kept.run_id = ended.run_id)
        ELSE stats -> $7::text IS NULL END
    ORDER BY run_id LIMIT $8";

/// A page has no letters, so its request may go.
const WITHOUT_LETTERS: &str = "NOT EXISTS (
        SELECT FROM crawl_dead_letters letter
        WHERE letter.run_id = page.run_id AND letter.fingerprint = page.fingerprint
    )";

const MARK: &str = "UPDATE crawl_runs
    SET stats = stats || $2::jsonb || jsonb_build_object($3::text, now()), figures = coalesce(figures, $4)
    WHERE run_id = $1 AND state IN ('finished', 'failed')";

/// Nothing is removed from a run that was opened again, by whatever program.
const MAY_GO: &str = "EXISTS (
        SELECT FROM crawl_runs WHERE run_id = $1 AND state IN ('finished', 'failed') AND stats -> 'pruned_at' IS NOT NULL
    )";

/// The next ended runs of which something is left.
pub(super) async fn find(connections: &Connections, ask: &PruneAsk) -> StoreResult<Vec<PrunableRun>> {
    let whole = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let seconds = |time: Duration| time.min(LONGEST).as_secs_f64();
    let (keep, older_than) = (ask.keep.map(whole), ask.older_than.map(seconds));
    let session = connections.session("looking for runs to prune").await?;
    let rows = session
        .rows(
            FIND,
            &[
                &ask.after,
                &keep,
                &older_than,
                &ask.name,
                &ask.spider,
                &seconds(UNCOUNTED_FOR),
                &PRUNE_DONE,
                &whole(ask.limit),
                &ask.with_kept_pages,
            ],
        )
        .await?;
    session.release();
    let runs = rows.iter().map(|row| PrunableRun {
        run_id: row.get("run_id"),
        name: row.get("name"),
        spider: row.get("spider"),
        // The statement selects only `finished` and `failed`.
        state: RunState::parse(row.get("state")).unwrap_or(RunState::Finished),
        finished_at: row.get("finished_at"),
        figures: row.get::<_, Option<Json>>("figures").map(|json| EndFigures::from_json(&json)),
    });
    Ok(runs.collect())
}

/// How many rows pruning the run would remove.
pub(super) async fn count(
    connections: &Connections,
    run_id: i64,
    with_letters: bool,
) -> StoreResult<PruneCounts> {
    let session = connections.session("counting").await?;
    session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let of = async |table: &str| -> StoreResult<u64> {
        let sql = format!("SELECT count(*) AS rows FROM {table} page WHERE run_id = $1");
        Ok(session.row(&sql, &[&run_id]).await?.map_or(0, |row| number(&row, "rows")))
    };
    let requests =
        format!("SELECT count(*) AS rows FROM crawl_requests page WHERE run_id = $1 AND {WITHOUT_LETTERS}");
    let kept = prune_kept::count(&session, run_id).await?;
    let counts = PruneCounts {
        requests: if with_letters {
            of("crawl_requests").await?
        } else {
            session.row(&requests, &[&run_id]).await?.map_or(0, |row| number(&row, "rows"))
        },
        kept_pages: kept.pages,
        kept_bytes: kept.bytes,
        kept_staying: of("crawl_kept_pages").await?.saturating_sub(kept.pages),
        dead_letters: of("crawl_dead_letters").await?,
        cookies: of("crawl_cookies").await?,
        hosts: of("crawl_hosts").await?,
    };
    session.run("COMMIT").await?;
    session.release();
    Ok(counts)
}

/// Marks the run as pruned.
pub(super) async fn begin(
    connections: &Connections,
    run_id: i64,
    with_letters: bool,
    figures: Option<&EndFigures>,
) -> StoreResult<bool> {
    let session = connections.session("marking the run as pruned").await?;
    let letters =
        if with_letters { serde_json::json!({ PRUNED_LETTERS: true }) } else { serde_json::json!({}) };
    let figures = figures.map(|figures| cleaned(figures.to_json()));
    let marked = session.change(MARK, &[&run_id, &letters, &PRUNED_AT, &figures]).await?;
    session.release();
    Ok(marked > 0)
}

/// Removes some rows of the run.
pub(super) async fn batch(
    connections: &Connections,
    run_id: i64,
    part: &PrunePart,
    max_rows: u32,
) -> StoreResult<PruneBatch> {
    let session = connections.session("pruning").await?;
    let done = match part {
        PrunePart::Requests { after } => requests(&session, run_id, after.as_ref(), max_rows).await?,
        PrunePart::DeadLetters => rows_of(&session, "crawl_dead_letters", run_id, part, max_rows).await?,
        PrunePart::KeptPages { after } => {
            prune_kept::batch(&session, run_id, after.as_ref(), max_rows).await?
        }
        PrunePart::Cookies => rows_of(&session, "crawl_cookies", run_id, part, max_rows).await?,
        PrunePart::Hosts => rows_of(&session, "crawl_hosts", run_id, part, max_rows).await?,
    };
    session.release();
    Ok(done)
}

/// Notes that nothing is left.
pub(super) async fn end(connections: &Connections, run_id: i64) -> StoreResult<()> {
    let left = ["crawl_requests", "crawl_kept_pages", "crawl_dead_letters", "crawl_cookies", "crawl_hosts"]
        .map(|table| format!("NOT EXISTS (SELECT FROM {table} WHERE run_id = $1)"));
    let sql = format!(
        "WITH workers AS (DELETE FROM crawl_workers WHERE run_id = $1 AND {MAY_GO})
         UPDATE crawl_runs SET stats = stats || jsonb_build_object($2::text, true)
         WHERE run_id = $1 AND {MAY_GO} AND {}",
        left.join(" AND ")
    );
    let session = connections.session("ending the pruning").await?;
    session.change(&sql, &[&run_id, &PRUNE_DONE]).await?;
    session.release();
    Ok(())
}

/// The next requests in the order of the primary key. Rows are found again by their place, which stays the same for as long as the
/// statement looks at them.
async fn requests(
    session: &Session,
    run_id: i64,
    after: Option<&RequestPlace>,
    max_rows: u32,
) -> StoreResult<PruneBatch> {
    let sql = format!(
        "WITH batch AS MATERIALIZED (
             SELECT page.ctid AS place, run_id, shard, fingerprint FROM crawl_requests page
             WHERE run_id = $1 AND {MAY_GO} AND (shard, fingerprint) > ($2, $3)
             ORDER BY shard, fingerprint LIMIT $4
         ), gone AS (
             DELETE FROM crawl_requests WHERE ctid = ANY (ARRAY(SELECT place FROM batch page WHERE {WITHOUT_LETTERS}))
             RETURNING 1
         )
         SELECT shard, fingerprint, (SELECT count(*) FROM gone) AS rows, (SELECT count(*) FROM batch) AS seen
         FROM batch ORDER BY shard DESC, fingerprint DESC LIMIT 1"
    );
    let (shard, fingerprint) =
        after.map_or((i16::MIN, &[][..]), |place| (place.shard, place.fingerprint.as_bytes()));
    let row = session.row(&sql, &[&run_id, &shard, &fingerprint, &i64::from(max_rows)]).await?;
    let Some(row) = row else { return Ok(PruneBatch::default()) };
    let last = Fingerprint::from_bytes(row.get("fingerprint"))
        .map(|fingerprint| RequestPlace { shard: row.get("shard"), fingerprint })
        .filter(|_| number(&row, "seen") >= u64::from(max_rows));
    Ok(PruneBatch {
        rows: number(&row, "rows"),
        bytes: 0,
        next: last.map(|place| PrunePart::Requests { after: Some(place) }),
    })
}

/// The next rows of a table of which all rows go.
async fn rows_of(
    session: &Session,
    table: &str,
    run_id: i64,
    part: &PrunePart,
    max_rows: u32,
) -> StoreResult<PruneBatch> {
    let sql = format!(
        "DELETE FROM {table} WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM {table} WHERE run_id = $1 AND {MAY_GO} LIMIT $2
         ))"
    );
    let rows = session.change(&sql, &[&run_id, &i64::from(max_rows)]).await?;
    Ok(PruneBatch { rows, bytes: 0, next: (rows >= u64::from(max_rows)).then(|| part.clone()) })
}
